import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Place } from './place.ts';

/** What an RTMP client does on its way to media, as far as a hostile server cares. */
export type Step = 'handshake' | 'connect' | 'createStream' | 'play' | 'publish' | 'media';

/** What the server does at a step; an absent step is answered as it should be. */
export type Script = Partial<Record<Step, (visit: Visit) => void>>;

type Value = string | number | null | Values;
interface Values {
  readonly [key: string]: Value;
}

const CHUNK = 128;

/** AMF0, written down apart from the project's own. */
export function amf(...values: readonly Value[]): Buffer {
  return Buffer.concat(values.map(one));
}

function one(value: Value): Buffer {
  if (value === null) return Buffer.of(5);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === 'string')
    return value.length > 0xffff ? longText(value) : Buffer.concat([Buffer.of(2), text(value)]);
  const pairs = Object.entries(value).map(([key, entry]) => Buffer.concat([text(key), one(entry)]));
  return Buffer.concat([Buffer.of(3), ...pairs, Buffer.of(0, 0, 9)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
}

function longText(value: string): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = 12;
  bytes.writeUInt32BE(value.length, 1);
  return Buffer.concat([bytes, Buffer.from(value)]);
}

/** One message in chunks of 128 bytes. */
export function message(
  type: number,
  payload: Buffer,
  way: { csid?: number; time?: number; stream?: number } = {},
): Buffer {
  const { csid = 3, time = 0, stream = 0 } = way;
  const head = Buffer.alloc(12);
  head[0] = csid;
  head.writeUIntBE(time, 1, 3);
  head.writeUIntBE(payload.length, 4, 3);
  head[7] = type;
  head.writeUInt32LE(stream, 8);
  const parts: Buffer[] = [head];
  for (let at = 0; at < payload.length || at === 0; at += CHUNK) {
    if (at > 0) parts.push(Buffer.of(0xc0 | csid));
    parts.push(payload.subarray(at, at + CHUNK));
  }
  return Buffer.concat(parts);
}

export const command = (...values: readonly Value[]): Buffer => message(20, amf(...values));
export const status = (code: string, level = 'status', description = ''): Buffer =>
  message(20, amf('onStatus', 0, null, { level, code, description }), { csid: 5, stream: 1 });

/** One client at the server. */
export class Visit {
  readonly socket: Socket;
  readonly #server: HostileServer;
  #heard = '';
  #step = 0;

  constructor(socket: Socket, server: HostileServer) {
    this.socket = socket;
    this.#server = server;
    socket.on('error', () => {});
    socket.on('data', bytes => this.#hear(bytes));
  }

  say(...bytes: readonly Buffer[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(bytes));
  }

  /** Says it over and over, as fast as the client takes it. */
  flood(bytes: Buffer): void {
    const pour = (): void => {
      while (this.socket.writable && this.socket.write(bytes));
    };
    this.socket.on('drain', pour);
    pour();
  }

  /** The proper answer of a step. */
  accept(step: Step): void {
    if (step === 'handshake') this.say(Buffer.of(3), Buffer.alloc(1536 * 2));
    if (step === 'connect')
      this.say(command('_result', 1, null, { level: 'status', code: 'NetConnection.Connect.Success' }));
    if (step === 'createStream') this.say(command('_result', 0, null, 1));
    if (step === 'play') this.say(status('NetStream.Play.Start'));
    if (step === 'publish') this.say(status('NetStream.Publish.Start'));
    if (step === 'play' || step === 'publish') this.#act('media');
  }

  #hear(bytes: Buffer): void {
    if (this.#step === 4) return;
    this.#heard += bytes.toString('latin1');
    if (this.#step === 0 && this.#heard.length >= 1537) this.#next('handshake');
    if (this.#step === 1 && this.#heard.includes('\x02\0\x07connect')) this.#next('connect');
    if (this.#step === 2 && this.#heard.includes('\x02\0\x0ccreateStream')) this.#next('createStream');
    if (this.#step !== 3) return;
    if (this.#heard.includes('\x02\0\x04play')) this.#next('play');
    else if (this.#heard.includes('\x02\0\x07publish')) this.#next('publish');
  }

  #next(step: Step): void {
    this.#step++;
    if (step === 'play' || step === 'publish') this.#heard = '';
    this.#act(step);
  }

  #act(step: Step): void {
    const act = this.#server.script[step];
    if (act !== undefined) act(this);
    else this.accept(step);
  }
}

/** An RTMP server that does as a script says, for sources and destinations alike. */
export class HostileServer {
  readonly script: Script;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer(socket => {
    this.visits++;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    new Visit(socket, this);
  });
  visits = 0;

  private constructor(script: Script) {
    this.script = script;
  }

  static async start(place: Place, script: Script): Promise<HostileServer> {
    const hostile = new HostileServer(script);
    await new Promise<void>(resolve => hostile.#server.listen(0, '127.0.0.1', resolve));
    place.own(hostile, it => it.close());
    return hostile;
  }

  url(tail = 'live/hostile'): string {
    return `rtmp://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${tail}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
