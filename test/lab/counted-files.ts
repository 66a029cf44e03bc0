import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CountedStream, type Shape } from './counted-stream.ts';
import { flvOf } from './packets.ts';
import type { Place } from './place.ts';

/** A counted stream of so many seconds as an FLV file. */
export function countedFile(seconds: number, shape: Partial<Shape> = {}): Buffer {
  const stream = new CountedStream(shape);
  return flvOf([
    { kind: 'videoHeader', dtsMs: 0, body: stream.videoHeader },
    { kind: 'audioHeader', dtsMs: 0, body: stream.audioHeader },
    ...stream.between(0, seconds * 1000),
  ]);
}

type Page = Buffer | ((request: IncomingMessage, response: ServerResponse) => void);

/** A web server of a test's own pages, which notes who asks for what. What it does not have is not found. */
export class Web {
  readonly #server: Server;
  readonly #pages = new Map<string, Page>();
  readonly asked: { readonly path: string; readonly atMs: number }[] = [];

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(place: Place): Promise<Web> {
    const web = new Web();
    web.#server.listen(0, '127.0.0.1');
    await once(web.#server, 'listening');
    return place.own(web, it => it.close());
  }

  get base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Answers the page's address. */
  put(path: string, page: Page): string {
    this.#pages.set(path, page);
    return `${this.base}${path}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').split('?')[0] ?? '';
    this.asked.push({ path, atMs: performance.now() });
    const page = this.#pages.get(path);
    if (page === undefined) response.writeHead(404).end();
    else if (Buffer.isBuffer(page)) response.writeHead(200, { 'content-length': page.length }).end(page);
    else page(request, response);
  }
}

export const answerWith =
  (status: number, headers: Record<string, string | number> = {}, body: string | Buffer = ''): Page =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);
