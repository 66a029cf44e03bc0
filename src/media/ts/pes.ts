import { uint16At } from '../bytes.ts';
import { Fault } from '../fault.ts';
import type { Batch } from '../packet.ts';
import type { Unwrap33 } from './unwrap33.ts';

/** Makes packets of the payload of one elementary stream. */
export interface Payload {
  /**
   * Bytes [0, length) of `bytes`, in use until the call ends. Times are unwrapped, in 1/90000 s, and those of the first
   * access unit that begins in it; undefined where none is told.
   */
  take(bytes: Buffer, length: number, times: PesTimes, into: Batch): void;
  /** The bytes to come do not follow on the ones before. */
  reset(): void;
}

export interface PesTimes {
  readonly pts: number | undefined;
  readonly dts: number | undefined;
}

const HEAD_BYTES = 9;
const LARGEST = 16 * 1024 * 1024;
const SMALLEST = 16 * 1024;
const NO_TIMES: PesTimes = { pts: undefined, dts: undefined };

/**
 * Puts the PES packets of one PID together: ISO/IEC 13818-1, section 2.4.3.6. A packet whose pieces did not all come is
 * left out. A packet without a time goes on with what the one before began.
 */
export class PesReader {
  /** Packets left out because a piece of them was lost. */
  damaged = 0;
  readonly #payload: Payload;
  readonly #unwrap: Unwrap33;
  /** Whether a unit may go on in the next packet: then the length of a packet does not end it. */
  readonly #spans: boolean;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Bytes still due, of a packet that tells its length. */
  #due = 0;
  #times = NO_TIMES;
  #open = false;

  constructor(payload: Payload, unwrap: Unwrap33, spans: boolean) {
    this.#payload = payload;
    this.#unwrap = unwrap;
    this.#spans = spans;
  }

  /** The payload bytes[at, end) of a transport packet in which a PES packet begins. */
  start(bytes: Buffer, at: number, end: number, into: Batch): void {
    const from = this.#start(bytes, at, end, into);
    if (from >= 0) this.#take(bytes, from, end, into);
  }

  /** The payload bytes[at, end) of one that goes on with what was begun. */
  goOn(bytes: Buffer, at: number, end: number, into: Batch): void {
    if (this.#open) this.#take(bytes, at, end, into);
  }

  #take(bytes: Buffer, from: number, end: number, into: Batch): void {
    this.#append(bytes, from, end);
    if (this.#due === 0) return;
    this.#due -= Math.min(this.#due, end - from);
    if (this.#due === 0 && !this.#spans) this.finish(into);
  }

  /** Hands on what has come so far. */
  finish(into: Batch): void {
    if (!this.#open || this.#length === 0) return;
    const length = this.#length;
    this.#open = false;
    this.#length = 0;
    this.#payload.take(this.#bytes, length, this.#times, into);
  }

  /** A piece is missing: what was begun cannot be finished. */
  lose(): void {
    if (this.#open && this.#length > 0) this.damaged++;
    this.#open = false;
    this.#length = 0;
    this.#payload.reset();
  }

  /** Where the payload begins behind the PES header; -1 where none stands. */
  #start(bytes: Buffer, at: number, end: number, into: Batch): number {
    if (at + HEAD_BYTES > end || uint16At(bytes, at) !== 0 || bytes[at + 2] !== 1) {
      this.lose();
      return -1;
    }
    const from = at + HEAD_BYTES + (bytes[at + 8] as number);
    const times = from > end ? NO_TIMES : this.#timesAt(bytes, at);
    if (!this.#goesOn(times)) {
      this.finish(into);
      this.#open = true;
      this.#length = 0;
      this.#times = times;
    }
    const told = uint16At(bytes, at + 4);
    this.#due = told === 0 ? 0 : Math.max(0, told - (from - at - 6));
    return Math.min(from, end);
  }

  #goesOn(times: PesTimes): boolean {
    return this.#spans && this.#open && times.pts === undefined;
  }

  #timesAt(bytes: Buffer, at: number): PesTimes {
    const flags = (bytes[at + 7] as number) >> 6;
    const headBytes = bytes[at + 8] as number;
    if (flags < 2 || headBytes < 5) return NO_TIMES;
    const pts = timeAt(bytes, at + 9);
    const dts = flags === 3 && headBytes >= 10 ? timeAt(bytes, at + 14) : pts;
    const dtsOut = this.#unwrap.unwrap(dts);
    return { dts: dtsOut, pts: dtsOut + (((pts - dts + TURN) % TURN) as number) };
  }

  #append(bytes: Buffer, from: number, end: number): void {
    const length = this.#length + end - from;
    if (length > this.#bytes.length) this.#grow(length);
    bytes.copy(this.#bytes, this.#length, from, end);
    this.#length = length;
  }

  #grow(length: number): void {
    if (length > LARGEST) {
      throw new Fault('pull', 'garbage', `a frame of the transport stream is larger than ${LARGEST >> 20} MB`);
    }
    let size = Math.max(SMALLEST, this.#bytes.length);
    while (size < length) size *= 2;
    const larger = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const TURN = 2 ** 33;

/** A 33-bit time stamp in its five bytes. */
export function timeAt(bytes: Buffer, at: number): number {
  const high = ((bytes[at] as number) >> 1) & 7;
  const middle = uint16At(bytes, at + 1) >> 1;
  const low = uint16At(bytes, at + 3) >> 1;
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}
