import { uint16At } from '../bytes.ts';
import { Fault } from '../fault.ts';

/** A request or an answer: RFC 2326, sections 4 to 7. */
export interface RtspMessage {
  /** Of an answer; undefined of a request. */
  readonly status: number | undefined;
  /** Of an answer: its words for the status. Of a request: its method. */
  readonly words: string;
  /** What a request is about; empty in an answer. */
  readonly uri: string;
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
}

export interface RtspListener {
  message(message: RtspMessage): void;
  /** A frame of a channel, as a view that is good for the length of the call. */
  frame(channel: number, bytes: Buffer, start: number, end: number): void;
}

const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
const FRAME_HEAD_BYTES = 4;
const MOST_LINES = 64;
const LONGEST_LINE = 8 * 1024;
const LONGEST_BODY = 64 * 1024;
/** So many bytes that are neither frame nor message are no slip of the server's. */
const MOST_STRAY_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** The first value of a header, or undefined. */
export const headerOf = (message: RtspMessage, name: string): string | undefined => message.headers.get(name)?.[0];

export interface RtspRequest {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function requestBytes({ method, uri, headers }: RtspRequest): Buffer {
  return headBytes(`${method} ${uri} RTSP/1.0`, headers);
}

export function answerBytes(status: string, headers: Readonly<Record<string, string>>): Buffer {
  return headBytes(`RTSP/1.0 ${status}`, headers);
}

function headBytes(first: string, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${first}\r\n${lines.join('')}\r\n`, 'utf8');
}

/** Parts the bytes of a connection into messages and interleaved frames (section 10.12), however they are cut. */
export class RtspReader {
  listener: RtspListener;
  bytesIn = 0;
  /** The channels that were agreed on: frames of others are passed over, and do not count as a way back into step. */
  channels: ReadonlySet<number> = new Set();
  readonly #where: string;
  /** The beginning of what the next bytes go on with. */
  #rest: Buffer = NOTHING;
  #stray = 0;

  constructor(where: string, listener: RtspListener) {
    this.#where = where;
    this.listener = listener;
  }

  feed(bytes: Buffer, start: number, end: number): void {
    this.bytesIn += end - start;
    let at = start;
    while (this.#rest.length > 0 && at < end) at = this.#goOn(bytes, at, end);
    if (at < end) this.#keep(bytes, this.#consume(bytes, at, end), end);
  }

  #keep(bytes: Buffer, at: number, end: number): void {
    this.#rest = at < end ? Buffer.from(bytes.subarray(at, end)) : NOTHING;
  }

  /** Adds to the rest what it lacks: of a frame just that, for the read behind it is then parted without a copy. */
  #goOn(bytes: Buffer, at: number, end: number): number {
    const rest = this.#rest;
    const isFrame = rest[0] === DOLLAR && this.#stray === 0;
    const known = rest.length >= FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES + uint16At(rest, 2) : FRAME_HEAD_BYTES;
    const upTo = isFrame ? Math.min(end, at + known - rest.length) : end;
    const joined = Buffer.concat([rest, bytes.subarray(at, upTo)]);
    this.#rest = joined;
    if (!isFrame || joined.length >= FRAME_HEAD_BYTES)
      this.#keep(joined, this.#consume(joined, 0, joined.length), joined.length);
    return upTo;
  }

  /** Answers where what is not whole yet begins. */
  #consume(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const next = this.#one(bytes, at, end);
      if (next === undefined) return at;
      at = next;
    }
    return at;
  }

  /** The offset behind one thing; undefined where it is not whole. */
  #one(bytes: Buffer, at: number, end: number): number | undefined {
    const first = bytes[at] as number;
    if (first === DOLLAR) return this.#frame(bytes, at, end);
    if (first === CR || first === LF) return at + 1;
    return isUpper(first) ? this.#message(bytes, at, end) : this.#seek(bytes, at, end);
  }

  #frame(bytes: Buffer, at: number, end: number): number | undefined {
    if (this.#stray > 0 && end - at > FRAME_HEAD_BYTES && !this.#isLikely(bytes, at)) return this.#seek(bytes, at, end);
    if (at + FRAME_HEAD_BYTES > end) return undefined;
    const start = at + FRAME_HEAD_BYTES;
    const next = start + uint16At(bytes, at + 2);
    if (next > end) return undefined;
    this.#stray = 0;
    this.listener.frame(bytes[at + 1] as number, bytes, start, next);
    return next;
  }

  /** Out of step a dollar sign is only believed with a known channel and version 2 of RTP behind it. */
  #isLikely(bytes: Buffer, at: number): boolean {
    return this.channels.has(bytes[at + 1] as number) && ((bytes[at + FRAME_HEAD_BYTES] as number) & 0xc0) === 0x80;
  }

  #seek(bytes: Buffer, at: number, end: number): number {
    const found = bytes.subarray(at + 1, end).findIndex(byte => byte === DOLLAR || byte === LF);
    const next = found < 0 ? end : at + 1 + found;
    this.#stray += next - at;
    if (this.#stray > MOST_STRAY_BYTES) throw this.#garbage('sends bytes that are not RTSP');
    return next;
  }

  #message(bytes: Buffer, at: number, end: number): number | undefined {
    if (!BEGINNING.test(bytes.toString('latin1', at, Math.min(end, at + 40)))) return this.#seek(bytes, at, end);
    const head = this.#head(bytes, at, end);
    if (head === undefined) return undefined;
    const first = firstLineOf(head.lines[0] ?? '');
    if (first === undefined) return this.#seek(bytes, at, end);
    const headers = headersOf(head.lines.slice(1));
    const next = head.end + this.#lengthOf(headers.get('content-length')?.[0]);
    if (next > end) return undefined;
    this.#stray = 0;
    this.listener.message({ ...first, headers, body: Buffer.from(bytes.subarray(head.end, next)) });
    return next;
  }

  /** The lines of a head, and the offset behind the empty one; undefined where that has not come. */
  #head(
    bytes: Buffer,
    at: number,
    end: number,
  ): { readonly lines: readonly string[]; readonly end: number } | undefined {
    const lines: string[] = [];
    for (let from = at; ; ) {
      const found = bytes.subarray(from, Math.min(end, from + LONGEST_LINE)).indexOf(LF);
      if (found < 0 && end - from >= LONGEST_LINE) throw this.#garbage('sends a header line that does not end');
      if (found < 0) return undefined;
      const line = bytes.toString('utf8', from, from + found).replace(/\r$/, '');
      from += found + 1;
      // What does not even begin as a message is not waited for.
      if (line === '' || (lines.length === 0 && firstLineOf(line) === undefined)) {
        return { lines: lines.length === 0 ? [line] : lines, end: from };
      }
      if (lines.push(line) > MOST_LINES) throw this.#garbage('sends too many header lines');
    }
  }

  #lengthOf(text: string | undefined): number {
    if (text === undefined) return 0;
    const length = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(length <= LONGEST_BODY)) throw this.#garbage('sends a body of impossible length');
    return length;
  }

  #garbage(what: string): Fault {
    return new Fault('pull', 'garbage', `${this.#where} ${what}`);
  }
}

/** How a message may begin, however little of it has come. */
const BEGINNING = /^[A-Z_]{1,32}(?:$|[ /])/;
const isUpper = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;

function firstLineOf(line: string): Pick<RtspMessage, 'status' | 'words' | 'uri'> | undefined {
  const [, status, reason = ''] = /^RTSP\/\d\.\d +(\d{1,3})(?: +(.*))?$/.exec(line) ?? [];
  if (status !== undefined) return { status: Number(status), words: reason, uri: '' };
  const [, method, uri = ''] = /^([A-Z_]{1,32}) +(\S+) +RTSP\/\d\.\d *$/.exec(line) ?? [];
  return method === undefined ? undefined : { status: undefined, words: method, uri };
}

/** Folded lines go on in the next one: section 4.2 of RFC 2068, which RTSP took over. */
function headersOf(lines: readonly string[]): Map<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  let last: string[] | undefined;
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (/^[ \t]/.test(line)) {
      if (last !== undefined) last.push(`${last.pop() ?? ''} ${line.trim()}`);
    } else if (colon > 0) {
      const name = line.slice(0, colon).trim().toLowerCase();
      last = headers.get(name) ?? [];
      last.push(line.slice(colon + 1).trim());
      headers.set(name, last);
    }
  }
  return headers;
}
