import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { dice } from './films.ts';
import type { Place } from './place.ts';

/** What it may do to a request that it has read whole. */
export type Manners =
  | 'takes'
  | 'takes and drops'
  | 'drops'
  | 'resets'
  | 'refuses'
  | 'wants a while'
  | 'redirects'
  | 'hangs'
  | 'takes late'
  | 'answers twice'
  | 'talks on'
  | 'speaks no HTTP'
  | 'dribbles'
  | 'restarts';

/** One request as it came. */
export interface Got {
  readonly atMs: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly manners: Manners;
}

export interface HostileOptions {
  readonly seed: number;
  /** What a second of the sender is in ms here: where its clock runs faster, so does its receiver's. */
  readonly secondMs?: number;
  /** Drawn from, evenly: what stands twice comes twice as often. */
  readonly manners?: readonly Manners[];
}

const HOSTILE: readonly Manners[] = [
  ...(['takes', 'takes', 'takes', 'takes', 'takes', 'takes', 'takes', 'takes'] as const),
  ...(['takes and drops', 'drops', 'resets', 'refuses', 'wants a while', 'redirects', 'hangs'] as const),
  ...(['takes late', 'answers twice', 'talks on', 'speaks no HTTP', 'dribbles', 'restarts'] as const),
];
const GIGABYTE = 1024 ** 3;
const BLOCK = Buffer.alloc(64 * 1024, 'x');
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const LATE_S = 25;

/** A receiver of callbacks that does what a seed says to whoever calls, and keeps what it got. */
export class HostileReceiver {
  readonly got: Got[] = [];
  /** Bytes of endless answers that somebody has taken, per request. */
  readonly talked: number[] = [];
  readonly #chance: (below: number) => number;
  readonly #secondMs: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #manners: readonly Manners[];
  #server: Server | undefined;
  #port = 0;
  #closed = false;

  private constructor({ seed, secondMs = 1_000, manners = HOSTILE }: HostileOptions) {
    this.#chance = dice(seed);
    this.#secondMs = secondMs;
    this.#manners = manners;
  }

  static async start(place: Place, options: HostileOptions): Promise<HostileReceiver> {
    const receiver = place.own(new HostileReceiver(options), it => it.close());
    await receiver.appear();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  /** From now on it does only this. */
  behave(...manners: readonly Manners[]): void {
    this.#manners = manners;
  }

  /** Nobody listens on its port any more. */
  async vanish(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** On the port that it had before. */
  async appear(): Promise<void> {
    if (this.#closed || this.#server !== undefined) return;
    const server = createServer((request, response) => {
      this.#take(request, response).catch(() => request.socket.destroy());
    });
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.vanish();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const atMs = performance.now();
    request.socket.on('error', () => undefined);
    const body = (await buffer(request)).toString('utf8');
    const manners = this.#manners[this.#chance(this.#manners.length)] ?? 'takes';
    this.got.push({ atMs, path: request.url ?? '', headers: request.headers, body, manners });
    this.#answer(manners, response, request.socket);
  }

  #answer(manners: Manners, response: ServerResponse, socket: Socket): void {
    if (manners === 'takes') response.writeHead(200).end('thank you');
    else if (manners === 'takes and drops') socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
    else if (manners === 'drops') socket.destroy();
    else if (manners === 'resets') socket.resetAndDestroy();
    else if (manners === 'refuses') response.writeHead(500).end('no');
    else if (manners === 'wants a while') response.writeHead(503, { 'retry-after': '7' }).end();
    else if (manners === 'redirects') response.writeHead(302, { location: this.url }).end();
    else if (manners === 'takes late') this.#later(LATE_S, () => response.writeHead(200).end());
    // The second answer is to nothing that was asked: on a connection that is used again it is the next one's.
    else if (manners === 'answers twice') socket.write(OK + OK);
    else if (manners === 'talks on') this.#talk(response);
    else if (manners === 'speaks no HTTP') socket.end('220 smtp.example ESMTP\r\n');
    else if (manners === 'dribbles') this.#dribble(socket, OK);
    else if (manners === 'restarts') this.#restart();
  }

  #talk(response: ServerResponse): void {
    const at = this.talked.push(0) - 1;
    response.writeHead(200, { 'content-length': GIGABYTE });
    const more = (): void => {
      while (!response.destroyed && response.writable) {
        const goesOn = response.write(BLOCK);
        this.talked[at] = (this.talked[at] ?? 0) + BLOCK.length;
        if ((this.talked[at] ?? 0) >= GIGABYTE) response.destroy();
        if (!goesOn) return;
      }
    };
    response.on('drain', more);
    more();
  }

  /** A byte a second: the whole would take longer than anybody waits. */
  #dribble(socket: Socket, text: string): void {
    if (text === '' || socket.destroyed) return;
    socket.write(text.slice(0, 1));
    this.#later(1, () => this.#dribble(socket, text.slice(1)));
  }

  #restart(): void {
    this.vanish().then(
      () => this.#later(1 + this.#chance(20), () => void this.appear()),
      () => undefined,
    );
  }

  #later(seconds: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, seconds * this.#secondMs);
    this.#timers.add(timer);
  }
}
