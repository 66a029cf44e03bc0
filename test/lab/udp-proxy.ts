import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { dice } from './films.ts';
import type { Place } from './place.ts';

/** `up`: from the one who sends first to the one who is sent to. */
export type Heading = 'up' | 'down';

/** What happens to datagrams on their way; each part may change while they come. One in infinitely many: none. */
export interface Road {
  readonly loseOneIn: number;
  readonly doubleOneIn: number;
  /** Comes late: behind so many of those that follow it, or a moment later where none do. */
  readonly delayOneIn: number;
  readonly delayBehind: number;
  /** None arrives. */
  readonly cut: boolean;
}

const FAIR: Road = {
  loseOneIn: Number.POSITIVE_INFINITY,
  doubleOneIn: Number.POSITIVE_INFINITY,
  delayOneIn: Number.POSITIVE_INFINITY,
  delayBehind: 1,
  cut: false,
};
/** One that is late is not kept for longer. */
const LATEST_MS = 500;

interface Late {
  readonly bytes: Buffer;
  behind: number;
  readonly timer: NodeJS.Timeout;
}

/** One direction of one conversation. What happens to a datagram depends on the seed and its number alone. */
class Lane {
  readonly #send: (bytes: Buffer) => void;
  readonly #chance: (below: number) => number;
  readonly #late = new Set<Late>();
  road: Road = FAIR;
  readonly counts = { taken: 0, passed: 0, lost: 0, doubled: 0, delayed: 0 };

  constructor(send: (bytes: Buffer) => void, seed: number) {
    this.#send = send;
    this.#chance = dice(seed);
  }

  take(bytes: Buffer): void {
    const { loseOneIn, doubleOneIn, delayOneIn, delayBehind, cut } = this.road;
    this.counts.taken++;
    // Cast for each of them, so that one part of the road does not change what another does.
    const [isLost, isDoubled, isDelayed] = [loseOneIn, doubleOneIn, delayOneIn].map(oneIn => this.#hits(oneIn));
    if (cut || isLost) this.counts.lost++;
    else if (isDelayed) this.#delay(bytes, delayBehind);
    else this.#pass(bytes, isDoubled === true);
  }

  close(): void {
    for (const { timer } of this.#late) clearTimeout(timer);
    this.#late.clear();
  }

  #hits(oneIn: number): boolean {
    const cast = this.#chance(2 ** 20) / 2 ** 20;
    return cast < 1 / oneIn;
  }

  #pass(bytes: Buffer, isDoubled: boolean): void {
    this.#hand(bytes);
    if (isDoubled) {
      this.counts.doubled++;
      this.#send(bytes);
    }
    for (const late of this.#late) if (--late.behind <= 0) this.#release(late);
  }

  #delay(bytes: Buffer, behind: number): void {
    this.counts.delayed++;
    const late: Late = { bytes, behind, timer: setTimeout(() => this.#release(late), LATEST_MS) };
    this.#late.add(late);
  }

  #release(late: Late): void {
    clearTimeout(late.timer);
    if (this.#late.delete(late)) this.#hand(late.bytes);
  }

  #hand(bytes: Buffer): void {
    this.counts.passed++;
    this.#send(bytes);
  }
}

/** One sender's conversation through the proxy, from a port of its own. */
interface Conversation {
  readonly socket: Socket;
  readonly up: Lane;
  readonly down: Lane;
}

/** Stands between UDP parties and does to their datagrams what it is told to. The same seed does the same. */
export class UdpProxy {
  readonly #door = createSocket('udp4');
  readonly #targetPort: number;
  readonly #seed: number;
  readonly #conversations = new Map<string, Conversation>();
  readonly #roads: Record<Heading, Road> = { up: FAIR, down: FAIR };

  private constructor(targetPort: number, seed: number) {
    this.#targetPort = targetPort;
    this.#seed = seed;
    this.#door.on('message', (bytes, from) => this.#conversationOf(from).up.take(bytes));
  }

  static async start(place: Place, options: { to: number; seed?: number }): Promise<UdpProxy> {
    const proxy = new UdpProxy(options.to, options.seed ?? 1);
    proxy.#door.bind(0, '127.0.0.1');
    await once(proxy.#door, 'listening');
    return place.own(proxy, it => it.close());
  }

  get port(): number {
    return this.#door.address().port;
  }

  /** What became of the datagrams of a direction, over all conversations. */
  counts(heading: Heading): Readonly<Lane['counts']> {
    const sum = { taken: 0, passed: 0, lost: 0, doubled: 0, delayed: 0 };
    for (const { [heading]: lane } of this.#conversations.values()) {
      for (const name of ['taken', 'passed', 'lost', 'doubled', 'delayed'] as const) sum[name] += lane.counts[name];
    }
    return sum;
  }

  /** Changes the road of a direction, for all conversations and those to come. */
  set(heading: Heading, road: Partial<Road>): void {
    this.#roads[heading] = { ...this.#roads[heading], ...road };
    for (const conversation of this.#conversations.values()) conversation[heading].road = this.#roads[heading];
  }

  async close(): Promise<void> {
    const sockets = [this.#door, ...[...this.#conversations.values()].map(({ socket }) => socket)];
    for (const { up, down } of this.#conversations.values()) for (const lane of [up, down]) lane.close();
    this.#conversations.clear();
    await Promise.all(sockets.map(socket => new Promise<void>(resolve => socket.close(() => resolve()))));
  }

  #conversationOf(from: RemoteInfo): Conversation {
    const name = `${from.address}:${from.port}`;
    const conversation = this.#conversations.get(name) ?? this.#begin(from);
    this.#conversations.set(name, conversation);
    return conversation;
  }

  #begin({ address, port }: RemoteInfo): Conversation {
    const socket = createSocket('udp4');
    // A port that nobody listens on is told of as an error, which is the affair of those who talk.
    socket.on('error', () => {});
    const up = new Lane(bytes => socket.send(bytes, this.#targetPort, '127.0.0.1'), this.#seed);
    const down = new Lane(bytes => this.#door.send(bytes, port, address), this.#seed + 1);
    [up.road, down.road] = [this.#roads.up, this.#roads.down];
    socket.on('message', bytes => down.take(bytes));
    return { socket, up, down };
  }
}
