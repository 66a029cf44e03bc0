import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { answerBytes, headerOf, type RtspMessage, RtspReader } from './message.ts';

/** A request as a client sent it. */
export interface AskedRtsp {
  readonly method: string;
  readonly uri: string;
  readonly number: string;
  readonly message: RtspMessage;
}

/** Says whether it has dealt with the request; the server then leaves it at that. */
export type RtspScript = (visit: RtspVisit, asked: AskedRtsp) => boolean;

export interface ScriptedRtspOptions {
  readonly sdp?: string | ((visit: RtspVisit) => string);
  readonly script?: RtspScript;
  readonly port?: number;
  readonly onPlay?: (visit: RtspVisit) => void;
  /** Frames that a client sends. */
  readonly onFrame?: (visit: RtspVisit, channel: number, bytes: Buffer) => void;
}

const STREAM = 'A1B2C3D4';
const CLIENT = '127.0.0.1';
const PUBLIC = 'OPTIONS, DESCRIBE, SETUP, PLAY, ANNOUNCE, RECORD, GET_PARAMETER, TEARDOWN';

/** A script for one method, which it deals with whole. */
export function at(method: string, act: (visit: RtspVisit, asked: AskedRtsp) => void): RtspScript {
  return (visit, asked) => {
    if (asked.method !== method) return false;
    act(visit, asked);
    return true;
  };
}

/** Does not send over the connection. */
export const datagramsOnly: RtspScript = (visit, asked) => {
  if (asked.method !== 'SETUP' || clientPortsOf(asked.message) !== undefined) return false;
  visit.answer(asked, '461 Unsupported Transport');
  return true;
};

/** A test's RTSP server that answers like a plain one, but for what the script does otherwise. */
export class ScriptedRtsp {
  readonly visits: RtspVisit[] = [];
  readonly #server: net.Server;

  private constructor(options: ScriptedRtspOptions) {
    this.#server = net.createServer(socket => {
      this.visits.push(new RtspVisit(socket, options));
    });
  }

  static async listen(options: ScriptedRtspOptions = {}): Promise<ScriptedRtsp> {
    const server = new ScriptedRtsp(options);
    server.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** The newest connection. */
  get visit(): RtspVisit {
    const visit = this.visits.at(-1);
    if (visit === undefined) throw new Error('nobody has come');
    return visit;
  }

  url(path: string, userinfo = ''): string {
    return `rtsp://${userinfo === '' ? '' : `${userinfo}@`}127.0.0.1:${this.port}/${path}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const { socket } of this.visits) socket.destroy();
    await closed;
  }
}

/** One connection of a client. */
export class RtspVisit {
  readonly socket: net.Socket;
  readonly asked: AskedRtsp[] = [];
  /** By their place, as they were set up. */
  readonly setUps: string[] = [];
  /** What the client has sent in datagrams: to which channel, as if it had come over the connection. */
  readonly heard: { readonly channel: number; readonly bytes: Buffer }[] = [];
  /** By channel, of what goes in datagrams. */
  readonly #outlets = new Map<number, { readonly socket: dgram.Socket; readonly port: number }>();
  readonly #options: ScriptedRtspOptions;

  constructor(socket: net.Socket, options: ScriptedRtspOptions) {
    this.socket = socket;
    this.#options = options;
    const reader = new RtspReader('the client', {
      message: message => this.#hear(message),
      frame: (channel, bytes, start, end) => options.onFrame?.(this, channel, Buffer.from(bytes.subarray(start, end))),
    });
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const outlet of this.#outlets.values()) outlet.socket.close();
      this.#outlets.clear();
    });
    socket.on('data', bytes => {
      try {
        reader.feed(bytes as Buffer, 0, (bytes as Buffer).length);
      } catch {
        socket.destroy();
      }
    });
  }

  methods(): string[] {
    return this.asked.map(({ method }) => method);
  }

  answer(asked: AskedRtsp, status = '200 OK', headers: Readonly<Record<string, string>> = {}, body = ''): void {
    const length = body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    this.socket.write(
      Buffer.concat([answerBytes(status, { CSeq: asked.number, ...headers, ...length }), Buffer.from(body)]),
    );
  }

  /** In a datagram, where the track was set up so. */
  frame(channel: number, bytes: Buffer): void {
    const outlet = this.#outlets.get(channel);
    if (outlet === undefined) this.socket.write(framed(channel, bytes));
    else outlet.socket.send(bytes, outlet.port, CLIENT, () => undefined);
  }

  #hear(message: RtspMessage): void {
    if (message.status !== undefined) return;
    const asked = { method: message.words, uri: message.uri, number: headerOf(message, 'cseq') ?? '', message };
    this.asked.push(asked);
    if (this.#options.script?.(this, asked) !== true) this.#behave(asked);
  }

  #behave(asked: AskedRtsp): void {
    const { method, uri, message } = asked;
    const { sdp = '', onPlay } = this.#options;
    if (method === 'OPTIONS') this.answer(asked, '200 OK', { Public: PUBLIC });
    else if (method === 'DESCRIBE') {
      const body = typeof sdp === 'string' ? sdp : sdp(this);
      this.answer(asked, '200 OK', { 'Content-Type': 'application/sdp', 'Content-Base': `${uri}/` }, body);
    } else if (method === 'SETUP' && clientPortsOf(message) !== undefined) void this.#setUpDatagrams(asked);
    else if (method === 'SETUP') {
      this.setUps.push(uri);
      this.answer(asked, '200 OK', {
        Transport: headerOf(message, 'transport') ?? '',
        Session: `${STREAM};timeout=60`,
      });
    } else if (method === 'PLAY') {
      this.answer(asked, '200 OK', { Session: STREAM });
      onPlay?.(this);
    } else {
      this.answer(asked);
      if (method === 'TEARDOWN') this.socket.end();
    }
  }

  async #setUpDatagrams(asked: AskedRtsp): Promise<void> {
    const first = 2 * this.setUps.length;
    this.setUps.push(asked.uri);
    const own: number[] = [];
    for (const [i, port] of (clientPortsOf(asked.message) ?? []).entries()) {
      const socket = dgram.createSocket('udp4').bind(0, CLIENT);
      await once(socket, 'listening');
      socket.on('message', bytes => this.heard.push({ channel: first + i, bytes }));
      this.#outlets.set(first + i, { socket, port });
      own.push(socket.address().port);
    }
    const transport = headerOf(asked.message, 'transport') ?? '';
    this.answer(asked, '200 OK', {
      Transport: `${transport};server_port=${own.join('-')}`,
      Session: `${STREAM};timeout=60`,
    });
  }
}

/** The ports that a client wants datagrams at. */
export function clientPortsOf(message: RtspMessage): [number, number] | undefined {
  const [, rtp, rtcp] = /client_port=(\d+)-(\d+)/.exec(headerOf(message, 'transport') ?? '') ?? [];
  return rtp === undefined ? undefined : [Number(rtp), Number(rtcp)];
}

export function framed(channel: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x24, channel, bytes.length >> 8, bytes.length & 0xff), bytes]);
}

export interface RtpWish {
  readonly payloadType?: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker?: boolean;
  readonly ssrc?: number;
}

/** One RTP packet: RFC 3550, section 5.1. */
export function rtp(wish: RtpWish, payload: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head[0] = 0x80;
  head[1] = (wish.marker === true ? 0x80 : 0) | (wish.payloadType ?? 96);
  head.writeUInt16BE(wish.sequence & 0xffff, 2);
  head.writeUInt32BE(wish.timestamp >>> 0, 4);
  head.writeUInt32BE(wish.ssrc ?? 1, 8);
  return Buffer.concat([head, payload]);
}

/** A sender report: section 6.4.1. */
export function senderReport(wallMs: number, timestamp: number, ssrc = 1): Buffer {
  const report = Buffer.alloc(28);
  report[0] = 0x80;
  report[1] = 200;
  report.writeUInt16BE(6, 2);
  report.writeUInt32BE(ssrc, 4);
  report.writeUInt32BE(Math.floor(wallMs / 1000), 8);
  report.writeUInt32BE(Math.floor(((wallMs % 1000) / 1000) * 2 ** 32), 12);
  report.writeUInt32BE(timestamp >>> 0, 16);
  return report;
}
