import { createCipheriv } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Encoded } from '../../src/media/outlet.ts';
import { Batch } from '../../src/media/packet.ts';
import { TsWriter } from '../../src/media/ts/mux.ts';
import { type Counted, CountedStream, type Shape } from './counted-stream.ts';
import type { Place } from './place.ts';

/** What a script does to a list and its segments; each part may change while it is on air. */
export interface Script {
  /** Newest segment that is listed, whatever has been filmed since. */
  readonly upTo: number;
  /** Added to the numbers that the list shows. */
  readonly shift: number;
  /** Lines in front of a segment. */
  readonly before: (n: number) => string;
  readonly name: (n: number) => string;
  /** Added to the times in a segment, in milliseconds. */
  readonly clock: (n: number) => number;
  readonly count: number;
  /** The list as it goes out. */
  readonly list: (text: string) => string;
  /** Says whether it has dealt with the request for a segment, a key or a list (-1). */
  readonly answer: (n: number, request: IncomingMessage, response: ServerResponse) => boolean;
  /** With which key a segment is encrypted, if it is. */
  readonly key: (n: number) => Buffer | undefined;
}

const PLAIN_SCRIPT: Script = {
  upTo: Number.POSITIVE_INFINITY,
  shift: 0,
  before: () => '',
  name: n => `${n}.ts`,
  clock: () => 0,
  count: 5,
  list: text => text,
  answer: () => false,
  key: () => undefined,
};

export interface HlsOptions {
  readonly segmentMs?: number;
  readonly shape?: Partial<Shape>;
  readonly script?: Partial<Script>;
}

/** Segments in front of the first that can be asked for: a player finds a list that is full. */
const HEAD_START = 6;

/** A camera behind a web server that writes what it films into segments of MPEG-TS, and lists them. */
export class CountedHls {
  readonly stream: CountedStream;
  readonly segmentMs: number;
  /** Paths that were asked for, and when. */
  readonly asked: { readonly path: string; readonly atMs: number }[] = [];
  #script: Script;
  #server: Server | undefined;
  #port = 0;
  readonly #beganMs: number;

  private constructor({ segmentMs = 1_000, shape, script }: HlsOptions) {
    this.stream = new CountedStream(shape);
    this.segmentMs = segmentMs;
    this.#script = { ...PLAIN_SCRIPT, ...script };
    this.#beganMs = performance.now() - HEAD_START * segmentMs;
  }

  static async start(place: Place, options: HlsOptions = {}): Promise<CountedHls> {
    const hls = place.own(new CountedHls(options), it => it.vanish());
    await hls.appear();
    return hls;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/live/list.m3u8?sign=s3cret`;
  }

  get port(): number {
    return this.#port;
  }

  /** The newest segment that is whole. */
  get newest(): number {
    return Math.floor((performance.now() - this.#beganMs) / this.segmentMs) - 1;
  }

  behave(script: Partial<Script>): void {
    this.#script = { ...this.#script, ...script };
  }

  /** How often it was asked for. */
  asks(name: string): number {
    return this.asked.filter(({ path }) => path.split('?')[0]?.endsWith(`/${name}`) === true).length;
  }

  async vanish(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }

  async appear(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    await new Promise<void>(resolve => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** The bytes of a segment. */
  segment(n: number): Buffer {
    const { clock, key } = this.#script;
    const frames = this.stream.between(n * this.segmentMs, (n + 1) * this.segmentMs);
    const bytes = tsOf(this.stream, frames, clock(n));
    const secret = key(n);
    if (secret === undefined) return bytes;
    const iv = Buffer.alloc(16);
    iv.writeUInt32BE(n + this.#script.shift, 12);
    const cipher = createCipheriv('aes-128-cbc', secret, iv);
    return Buffer.concat([cipher.update(bytes), cipher.final()]);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.asked.push({ path, atMs: performance.now() });
    response.on('error', () => undefined);
    const [, key] = /\/key(\d+)/.exec(path) ?? [];
    const n = path.includes('.m3u8') ? -1 : Number(/(\d+)\.ts/.exec(path)?.[1] ?? key ?? -2);
    if (this.#script.answer(n, request, response)) return;
    if (n === -1) response.end(this.list());
    else if (key !== undefined) response.end(this.#script.key(n));
    else if (n < 0 || n > this.newest) response.writeHead(404).end();
    else response.end(this.segment(n));
  }

  /** The list as it is now. */
  list(): string {
    const { upTo, shift, before, name, count, list } = this.#script;
    const last = Math.min(upTo, this.newest);
    const first = Math.max(0, last - count + 1);
    const lines = ['#EXTM3U', '#EXT-X-VERSION:3', `#EXT-X-TARGETDURATION:${Math.ceil(this.segmentMs / 1000)}`];
    lines.push(`#EXT-X-MEDIA-SEQUENCE:${first + shift}`);
    for (let n = first; n <= last; n++) lines.push(before(n), `#EXTINF:${this.segmentMs / 1000},`, name(n));
    return list(lines.filter(line => line !== '').join('\n'));
  }
}

/** Whole access units as a transport stream of its own. */
export function tsOf(stream: CountedStream, frames: readonly Counted[], shiftMs = 0): Buffer {
  const batch = new Batch();
  const dtsMs = frames[0]?.dtsMs ?? 0;
  const headers: Counted[] = [
    { kind: 'videoHeader', dtsMs, body: stream.videoHeader },
    { kind: 'audioHeader', dtsMs, body: stream.audioHeader },
  ];
  for (const { kind, dtsMs: at, body } of [...headers, ...frames]) {
    const packet = batch.next();
    packet.reset(kind, at + shiftMs);
    packet.addSpan(body, 0, body.length);
  }
  const out = new Encoded(64 * 1024);
  new TsWriter().encode(batch, out);
  return Buffer.from(out.bytes.subarray(0, out.length));
}
