import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Counted, CountedStream, type Shape } from './counted-stream.ts';
import { flvOf } from './packets.ts';
import type { Place } from './place.ts';

/** How it behaves to all who pull it; each part may change while it is on air. */
export interface FlvManner {
  readonly silent: boolean;
  /** Added to all times. */
  readonly shiftMs: number;
}

interface Puller {
  untilMs: number;
  readonly send: (bytes: Buffer) => void;
}

const TICK_MS = 20;
const HEAD_BYTES = 13;

/** A camera behind a web server that sends what it films as FLV, in chunks or over a WebSocket. */
export class CountedFlv {
  readonly stream: CountedStream;
  #manner: FlvManner = { silent: false, shiftMs: 0 };
  #server: Server | undefined;
  readonly #sockets = new Set<Duplex>();
  readonly #pullers = new Set<Puller>();
  #port = 0;
  readonly #beganMs = performance.now() - 2_000;
  readonly #timer: NodeJS.Timeout;

  private constructor(shape: Partial<Shape>) {
    this.stream = new CountedStream(shape);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  static async start(place: Place, shape: Partial<Shape> = {}): Promise<CountedFlv> {
    const flv = place.own(new CountedFlv(shape), it => it.close());
    await flv.appear();
    return flv;
  }

  get port(): number {
    return this.#port;
  }

  get headMs(): number {
    return performance.now() - this.#beganMs;
  }

  behave(manner: Partial<FlvManner>): void {
    this.#manner = { ...this.#manner, ...manner };
  }

  async appear(): Promise<void> {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'video/x-flv' });
      this.#welcome(response, bytes => response.write(bytes));
    });
    server.on('upgrade', (request, socket) => this.#upgrade(request, socket));
    server.on('connection', (socket: Socket) => this.#own(socket));
    await new Promise<void>(resolve => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** The server goes; the camera goes on. */
  async vanish(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    this.#pullers.clear();
    if (server !== undefined) await new Promise(resolve => server.close(resolve));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.vanish();
  }

  #own(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
    this.#welcome(socket, bytes => socket.write(frameOf(bytes)));
  }

  #welcome(peer: { once(event: 'close', heard: () => void): unknown }, send: (bytes: Buffer) => void): void {
    const { stream } = this;
    send(this.#bytesOf([], true));
    const headers: Counted[] = [
      { kind: 'videoHeader', dtsMs: 0, body: stream.videoHeader },
      { kind: 'audioHeader', dtsMs: 0, body: stream.audioHeader },
    ];
    send(this.#bytesOf(headers));
    const puller = { send, untilMs: stream.keyBefore(this.headMs) };
    this.#pullers.add(puller);
    peer.once('close', () => this.#pullers.delete(puller));
  }

  #tick(): void {
    const headMs = this.headMs;
    for (const puller of this.#pullers) {
      const frames = this.stream.between(puller.untilMs, headMs);
      puller.untilMs = headMs;
      if (!this.#manner.silent && frames.length > 0) puller.send(this.#bytesOf(frames));
    }
  }

  #bytesOf(frames: readonly Counted[], withHead = false): Buffer {
    const { shiftMs } = this.#manner;
    const bytes = flvOf(frames.map(({ kind, dtsMs, body }) => ({ kind, dtsMs: dtsMs + shiftMs, body })));
    return withHead ? bytes : bytes.subarray(HEAD_BYTES);
  }
}

/** A whole binary message as a server sends it. */
function frameOf(bytes: Buffer): Buffer {
  const head = Buffer.alloc(10);
  head[0] = 0x82;
  head[1] = 127;
  head.writeUInt32BE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}
