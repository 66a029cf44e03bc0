import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { dice } from './films.ts';
import type { Place } from './place.ts';

/** `up`: from the one who dialled to the one who is dialled. */
export type Direction = 'up' | 'down';

/** What happens to bytes on their way; each part may change while connections are open. */
export interface Weather {
  readonly delayMs: number;
  readonly bytesPerSecond: number;
  /** Reads nothing and writes nothing, and keeps the connection. */
  readonly stalled: boolean;
  /** No write is longer. */
  readonly writeBytes: number;
  /** What came within so much time goes out at once. */
  readonly coalesceMs: number;
  /** One byte in so many is another one. */
  readonly corruptOneIn: number;
}

const FAIR: Weather = {
  delayMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  stalled: false,
  writeBytes: Number.POSITIVE_INFINITY,
  coalesceMs: 0,
  corruptOneIn: Number.POSITIVE_INFINITY,
};
const TICK_MS = 10;
/** Beyond, nothing more is read: what a slow receiver does not take is to be felt by the sender. */
const MOST_HELD_BYTES = 64 * 1024;
/** Writes of a tick while they are short. */
const MOST_WRITES = 2_000;
/** What a capped way may make up for after a tick that came late. */
const MOST_SAVED_MS = 50;

type Chance = (below: number) => number;

/** One direction of one connection. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #chance: Chance;
  #weather: Weather = FAIR;
  #held: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  #heldBytes = 0;
  #allowance = 0;
  #servedMs = performance.now();
  #ended = false;
  #shut = false;
  passedBytes = 0;

  constructor(from: Socket, to: Socket, chance: Chance) {
    this.#from = from;
    this.#to = to;
    this.#chance = chance;
    from.on('data', bytes => this.#take(bytes));
    to.on('drain', () => this.serve());
    from.on('end', () => {
      this.#ended = true;
      this.serve();
    });
  }

  set weather(weather: Weather) {
    if (weather.bytesPerSecond !== this.#weather.bytesPerSecond) this.#allowance = 0;
    this.#weather = weather;
    this.#throttle();
    this.serve();
  }

  /** Ends the direction behind what is on its way; what comes later is lost. */
  shut(): void {
    this.#shut = true;
    this.#ended = true;
    this.serve();
  }

  serve(): void {
    const nowMs = performance.now();
    const { bytesPerSecond, stalled } = this.#weather;
    const passedMs = Math.min(MOST_SAVED_MS, nowMs - this.#servedMs);
    this.#servedMs = nowMs;
    this.#allowance = Number.isFinite(bytesPerSecond)
      ? Math.min(
          this.#allowance + (passedMs * bytesPerSecond) / 1000,
          Math.max(1, (bytesPerSecond * MOST_SAVED_MS) / 1000),
        )
      : Number.POSITIVE_INFINITY;
    if (stalled) return;
    for (let writes = 0; writes < MOST_WRITES && this.#mayWrite(nowMs); writes++) this.#write();
    if (this.#ended && this.#held.length === 0 && this.#to.writable) this.#to.end();
    this.#throttle();
  }

  #mayWrite(nowMs: number): boolean {
    const first = this.#held[0];
    return (
      first !== undefined &&
      first.dueMs <= nowMs &&
      this.#allowance >= 1 &&
      this.#to.writable &&
      this.#to.writableLength < MOST_HELD_BYTES
    );
  }

  #write(): void {
    const first = this.#held.shift();
    if (first === undefined) return;
    const length = Math.min(first.bytes.length, this.#weather.writeBytes, Math.floor(this.#allowance));
    if (length < first.bytes.length) this.#held.unshift({ ...first, bytes: first.bytes.subarray(length) });
    this.#heldBytes -= length;
    this.#allowance -= length;
    this.passedBytes += length;
    this.#to.write(first.bytes.subarray(0, length));
  }

  #take(bytes: Buffer): void {
    if (this.#shut) return;
    const { delayMs, coalesceMs } = this.#weather;
    const atMs = performance.now() + delayMs;
    const dueMs = coalesceMs === 0 ? atMs : Math.ceil(atMs / coalesceMs) * coalesceMs;
    this.#held.push({ bytes: this.#spoilt(bytes), dueMs });
    this.#heldBytes += bytes.length;
    this.serve();
  }

  #spoilt(bytes: Buffer): Buffer {
    const { corruptOneIn } = this.#weather;
    if (!Number.isFinite(corruptOneIn)) return bytes;
    const spoilt = Buffer.from(bytes);
    for (let i = 0; i < spoilt.length; i++) {
      if (this.#chance(corruptOneIn) === 0) spoilt[i] = (spoilt[i] ?? 0) ^ (1 + this.#chance(255));
    }
    return spoilt;
  }

  #throttle(): void {
    // A delayed way holds what is on its way: that is no sign of a slow receiver.
    const isFull = this.#heldBytes > MOST_HELD_BYTES && this.#weather.delayMs === 0;
    if (this.#weather.stalled || isFull) this.#from.pause();
    else this.#from.resume();
  }
}

/** One connection through the proxy. */
class Passage {
  readonly client: Socket;
  readonly target: Socket;
  readonly up: Way;
  readonly down: Way;
  /** What became of either end while nothing got through; undefined while everything does. */
  #unheard: (() => void)[] | undefined;

  constructor(client: Socket, target: Socket, chance: Chance) {
    this.client = client;
    this.target = target;
    this.up = new Way(client, target, chance);
    this.down = new Way(target, client, chance);
    client.setNoDelay(true);
    target.setNoDelay(true);
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      one.on('error', () => this.#tell(() => other.resetAndDestroy()));
      one.on('close', () => this.#tell(() => other.destroy()));
    }
  }

  /** Whether the end of one side is told to the other at once, or once this is over. */
  set severed(severed: boolean) {
    const unheard = this.#unheard ?? [];
    this.#unheard = severed ? unheard : undefined;
    if (!severed) for (const tell of unheard) tell();
  }

  #tell(tell: () => void): void {
    if (this.#unheard === undefined) tell();
    else this.#unheard.push(tell);
  }
}

/** Stands between any two TCP parties and does to their bytes what it is told to. The same seed does the same. */
export class FaultProxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #chance: Chance;
  readonly #passages = new Set<Passage>();
  readonly #weather: Record<Direction, Weather> = { up: FAIR, down: FAIR };
  readonly #gone = { up: 0, down: 0 };
  readonly #timer: NodeJS.Timeout;
  /** What is done to those who dial: `hold` accepts them, and that is all they hear. */
  welcome: 'pass' | 'reset' | 'hold' = 'pass';
  /** Monotonic times at which somebody dialled. */
  readonly connectsAtMs: number[] = [];
  readonly #heldClients = new Set<Socket>();
  #severed = false;

  private constructor(targetPort: number, seed: number) {
    this.#targetPort = targetPort;
    this.#chance = dice(seed);
    this.#server = createServer({ allowHalfOpen: true }, client => this.#receive(client));
    this.#timer = setInterval(() => this.#serve(), TICK_MS);
  }

  static async start(place: Place, options: { to: number; seed?: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy(options.to, options.seed ?? 1);
    proxy.#server.listen({ port: 0, host: '127.0.0.1', backlog: 1_024 });
    await once(proxy.#server, 'listening');
    return place.own(proxy, it => it.close());
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#passages.size;
  }

  url(tail: string): string {
    return `rtmp://127.0.0.1:${this.port}/${tail}`;
  }

  /** Bytes handed on so far, over all connections. */
  passedBytes(direction: Direction): number {
    return [...this.#passages].reduce((sum, passage) => sum + passage[direction].passedBytes, this.#gone[direction]);
  }

  /** Changes the weather of a direction, for all connections and those to come. */
  set(direction: Direction, weather: Partial<Weather>): void {
    this.#weather[direction] = { ...this.#weather[direction], ...weather };
    for (const passage of this.#passages) passage[direction].weather = this.#weather[direction];
  }

  /** Ends all connections in both directions with a FIN, behind what is on its way. */
  cut(): void {
    for (const { up, down } of this.#passages) {
      up.shut();
      down.shut();
    }
  }

  /** Ends all connections with a RST. */
  reset(): void {
    for (const { client, target } of this.#passages) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
  }

  /** The link is cut without a word, as where a cable is pulled: nobody learns anything, not even of the other's end. */
  sever(): void {
    this.#severed = true;
    this.welcome = 'hold';
    for (const passage of this.#passages) passage.severed = true;
    for (const direction of ['up', 'down'] as const) this.set(direction, { stalled: true });
  }

  /** The link is whole again: what was on its way arrives, and those who dialled meanwhile get through. */
  heal(): void {
    this.#severed = false;
    this.welcome = 'pass';
    for (const direction of ['up', 'down'] as const) this.set(direction, { stalled: false });
    for (const passage of this.#passages) passage.severed = false;
    for (const client of this.#heldClients) this.#pass(client);
    this.#heldClients.clear();
  }

  get severed(): boolean {
    return this.#severed;
  }

  /** Ends one direction of all connections; the other goes on. */
  halfClose(direction: Direction): void {
    for (const passage of this.#passages) passage[direction].shut();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.reset();
    for (const client of this.#heldClients) client.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #receive(client: Socket): void {
    this.connectsAtMs.push(performance.now());
    if (this.welcome === 'pass') this.#pass(client);
    else if (this.welcome === 'reset') client.resetAndDestroy();
    else this.#hold(client);
  }

  #hold(client: Socket): void {
    this.#heldClients.add(client);
    client.on('error', () => {});
    client.once('close', () => this.#heldClients.delete(client));
  }

  #pass(client: Socket): void {
    const target = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const passage = new Passage(client, target, this.#chance);
    this.#passages.add(passage);
    for (const end of [client, target]) end.once('close', () => this.#forget(passage));
    passage.up.weather = this.#weather.up;
    passage.down.weather = this.#weather.down;
  }

  #forget(passage: Passage): void {
    // One end of a link that is severed does not know of the other's.
    if (!passage.client.destroyed || !passage.target.destroyed) return;
    if (!this.#passages.delete(passage)) return;
    this.#gone.up += passage.up.passedBytes;
    this.#gone.down += passage.down.passedBytes;
  }

  #serve(): void {
    for (const { up, down } of this.#passages) {
      up.serve();
      down.serve();
    }
  }
}
