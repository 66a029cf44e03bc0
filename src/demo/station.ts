import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Card } from './card.ts';
import { Film, FRAME_MS, filmHead, GROUP } from './film.ts';

const HOST = '127.0.0.1';
/** A viewer who takes nothing is let go before he fills the memory. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
const LIVE_PATH = '/live.flv';

/** Sends a test card over HTTP as cameras and encoders do, to whoever asks, in real time; off the air it refuses. */
export class Station {
  readonly #film: Film;
  readonly #now: () => number;
  readonly #viewers = new Set<ServerResponse>();
  readonly #port: number;
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #startedMs = 0;
  #next = 0;
  /** From the last key frame on: what a viewer who comes now is shown first. */
  #group: Buffer[] = [];

  private constructor(card: Card, port: number, now: () => number) {
    this.#film = new Film(card);
    this.#port = port;
    this.#now = now;
  }

  /** Has a port of its own from now on, and says nothing there yet. The clock is monotonic. */
  static async prepare(card: Card, now: () => number): Promise<Station> {
    const server = await listening(createServer(), 0);
    const { port } = server.address() as AddressInfo;
    await new Promise(resolve => server.close(resolve));
    return new Station(card, port, now);
  }

  get url(): string {
    return `http://${HOST}:${this.#port}${LIVE_PATH}`;
  }

  /** Goes on air, unless it is. */
  async switchOn(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = createServer((request, response) => {
      if (request.url === LIVE_PATH) this.#admit(response);
      else response.writeHead(404).end();
    });
    await listening(this.#server, this.#port);
    this.#startedMs = this.#now() - this.#next * FRAME_MS;
    this.#timer = setInterval(() => this.#send(), FRAME_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }

  #admit(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'video/x-flv', 'cache-control': 'no-store' });
    response.write(Buffer.concat([filmHead(this.#next * FRAME_MS), ...this.#group]));
    this.#viewers.add(response);
    response.on('close', () => this.#viewers.delete(response));
  }

  /** All that is due: a timer may come late. */
  #send(): void {
    for (const dueMs = this.#now() - this.#startedMs; this.#next * FRAME_MS <= dueMs; this.#next++) {
      const frame = this.#film.frame(this.#next);
      if (this.#next % GROUP === 0) this.#group = [];
      this.#group.push(frame);
      for (const viewer of this.#viewers) {
        viewer.write(frame);
        if (viewer.writableLength > MOST_WAITING_BYTES) viewer.destroy();
      }
    }
  }
}

function listening(server: Server, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: HOST, port }, () => resolve(server));
  });
}
