import { Fault } from './fault.ts';
import type { Head } from './http-head.ts';

/** How a connection carries a stream of bytes besides others of its own. */
export interface Framing {
  /**
   * Moves the payload in bytes[from..to) together, to `from`; answers where it ends. Throws a Fault where the bytes make
   * no sense.
   */
  unframe(bytes: Buffer, from: number, to: number): number;
  /** The payload has come to the end that was announced. */
  readonly ended: boolean;
  /** The payload ends where the connection does. */
  readonly endless: boolean;
}

/** The framing that an answer's head announces: RFC 9112, section 6.3. */
export function framingOf({ headers }: Pick<Head, 'headers'>): Framing {
  const coding = headers['transfer-encoding']?.trim().toLowerCase();
  if (coding === 'chunked') return new Chunked();
  if (coding !== undefined && coding !== 'identity')
    throw new Fault('pull', 'unsupported', 'the answer comes in a transfer coding other than chunked');
  const length = headers['content-length'];
  if (length === undefined) return new Plain();
  // Two equal ones are a proxy's carelessness; two that differ are an attack.
  const values = new Set(length.split(',').map(value => value.trim()));
  const [value = ''] = values;
  if (values.size === 1 && /^\d{1,15}$/.test(value)) return new Plain(Number(value));
  throw new Fault('pull', 'garbage', 'the answer announces a length that is none');
}

/** The payload as it is, up to its announced length or without end. */
class Plain implements Framing {
  #left: number;

  constructor(length = Number.POSITIVE_INFINITY) {
    this.#left = length;
  }

  get ended(): boolean {
    return this.#left === 0;
  }

  get endless(): boolean {
    return this.#left === Number.POSITIVE_INFINITY;
  }

  unframe(_: Buffer, from: number, to: number): number {
    const taken = Math.min(this.#left, to - from);
    this.#left -= taken;
    return from + taken;
  }
}

const LONGEST_LINE = 1024;
const LONGEST_TRAILER = 8 * 1024;
/** A chunk of more is none of a stream's. */
const MOST_DIGITS = 8;

/** Chunks: RFC 9112, section 7.1. */
class Chunked implements Framing {
  readonly endless = false;
  #state: 'size' | 'extension' | 'data' | 'behind' | 'trailer' | 'ended' = 'size';
  #left = 0;
  #digits = 0;
  /** Bytes of the line at hand that is no payload. */
  #line = 0;
  #trailer = 0;

  get ended(): boolean {
    return this.#state === 'ended';
  }

  unframe(bytes: Buffer, from: number, to: number): number {
    let end = from;
    let at = from;
    while (at < to && this.#state !== 'ended') {
      if (this.#state === 'data') {
        const taken = Math.min(this.#left, to - at);
        if (at !== end) bytes.copyWithin(end, at, at + taken);
        end += taken;
        at += taken;
        this.#left -= taken;
        if (this.#left === 0) this.#state = 'behind';
      } else this.#between(bytes[at++] as number);
    }
    return end;
  }

  /** A byte that belongs to no chunk's data. */
  #between(byte: number): void {
    if (this.#state === 'size') this.#size(byte);
    else if (this.#state === 'extension') this.#extension(byte);
    else if (this.#state === 'behind') this.#behind(byte);
    else this.#trailing(byte);
  }

  #size(byte: number): void {
    const digit = digitOf(byte);
    if (digit >= 0 && ++this.#digits <= MOST_DIGITS) this.#left = this.#left * 16 + digit;
    else if (digit >= 0 || this.#digits === 0) throw broken('has no size');
    else {
      this.#state = 'extension';
      this.#extension(byte);
    }
  }

  #extension(byte: number): void {
    if (++this.#line > LONGEST_LINE) throw broken('has a size that does not end');
    if (byte !== LF) return;
    this.#state = this.#left === 0 ? 'trailer' : 'data';
    this.#line = 0;
    this.#digits = 0;
  }

  #behind(byte: number): void {
    if (byte === CR && this.#line++ === 0) return;
    if (byte !== LF) throw broken('is longer than its size');
    this.#line = 0;
    this.#state = 'size';
  }

  #trailing(byte: number): void {
    if (++this.#trailer > LONGEST_TRAILER) throw broken('that is the last one is followed by too much');
    if (byte === LF && this.#line === 0) this.#state = 'ended';
    else if (byte === LF) this.#line = 0;
    else if (byte !== CR) this.#line++;
  }
}

const CR = 13;
const LF = 10;

function digitOf(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

const broken = (what: string): Fault => new Fault('pull', 'garbage', `a chunk of the answer ${what}`);
