import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';

/** Says whether it has dealt with the request; the server then leaves it at that. */
export type FileScript = (request: http.IncomingMessage, response: http.ServerResponse) => boolean;

export interface FileServerOptions {
  readonly size: number;
  /** The file's bytes [from, to); by default what `patternBytes` says. */
  readonly bytes?: (from: number, to: number) => Buffer;
  /** False: answers every request with the whole file. */
  readonly ranges?: boolean;
  readonly etag?: string;
  readonly script?: FileScript;
}

/** Bytes that tell where they stand, so that a mix-up shows. */
export function patternBytes(from: number, to: number): Buffer {
  const out = Buffer.allocUnsafe(to - from);
  for (let i = 0; i < out.length; i++) out[i] = patternAt(from + i);
  return out;
}

const patternAt = (at: number): number => (at ^ (at >>> 8) ^ ((at >>> 16) * 31)) & 0xff;

const SLICE_BYTES = 64 * 1024;

/** A test's HTTP server of one file, whatever the path, that serves ranges like a plain one, but for what the script does. */
export class FileServer {
  readonly sockets = new Set<net.Socket>();
  connections = 0;
  /** The Range header of each request, empty without one. */
  readonly asked: string[] = [];
  etag: string;
  bytesSent = 0;
  readonly #options: FileServerOptions;
  readonly #server: http.Server;

  private constructor(options: FileServerOptions) {
    this.#options = options;
    this.etag = options.etag ?? '"one"';
    this.#server = http.createServer((request, response) => this.#answer(request, response));
    this.#server.on('connection', socket => {
      this.connections++;
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  static async listen(options: FileServerOptions): Promise<FileServer> {
    const server = new FileServer(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/films/s3cret.mp4?sign=s3cret`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    this.asked.push(request.headers.range ?? '');
    response.on('error', () => undefined);
    if (this.#options.script?.(request, response) === true) return;
    const { size, ranges = true } = this.#options;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    response.setHeader('etag', this.etag);
    const condition = request.headers['if-range'];
    if (first === undefined || !ranges || (condition !== undefined && condition !== this.etag)) {
      response.writeHead(200, { 'content-length': size });
      void this.send(response, 0, size);
      return;
    }
    const from = Number(first);
    const to = Math.min(size, last === '' ? size : Number(last) + 1);
    if (from >= size) {
      response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
      return;
    }
    response.writeHead(206, { 'content-length': to - from, 'content-range': `bytes ${from}-${to - 1}/${size}` });
    void this.send(response, from, to);
  }

  /** Sends bytes [from, to) of the file no faster than they are taken, and ends the answer. */
  async send(response: http.ServerResponse, from: number, to: number): Promise<void> {
    const bytes = this.#options.bytes ?? patternBytes;
    for (let at = from; at < to && !response.destroyed; at += SLICE_BYTES) {
      const end = Math.min(to, at + SLICE_BYTES);
      this.bytesSent += end - at;
      if (!response.write(bytes(at, end))) await drained(response);
    }
    response.end();
  }
}

function drained(response: http.ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
