import { spareBuffers } from '../bytes.ts';
import type { Packet } from '../packet.ts';

/** So many views of one message at most: tiny chunks are copied together before they fill memory with bookkeeping. */
export const MAX_SPANS = 1024;
const SHORT_SPAN = 16;

/** One chunk stream of a connection: the header fields that later chunks leave out, and its unfinished message. */
export class ChunkStream {
  readonly csid: number;
  /** False until a header with a message length has come. */
  opened = false;
  /** 32-bit milliseconds of the message. */
  timestamp = 0;
  /** What a type 3 chunk that begins a message adds. */
  delta = 0;
  /** The last header had an extended timestamp, and this was its value. */
  extended = false;
  extension = 0;
  length = 0;
  type = 0;
  streamId = 0;
  /** Bytes of the unfinished message that have come: first `carried` ones in `carry`, then the spans. */
  received = 0;
  carry: Buffer | undefined = undefined;
  carried = 0;
  spanCount = 0;
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  constructor(csid: number) {
    this.csid = csid;
  }

  addSpan(start: number, end: number): void {
    this.starts[this.spanCount] = start;
    this.ends[this.spanCount] = end;
    this.spanCount++;
    this.received += end - start;
  }

  /**
   * Copies the spans, views into `bytes`, behind what is carried already. Room is made for what has come, never for
   * what is announced.
   */
  keep(bytes: Buffer): void {
    const carry = this.#room(this.received);
    for (let i = 0; i < this.spanCount; i++) {
      const start = this.starts[i] as number;
      const end = this.ends[i] as number;
      // The call costs more than the copy of a few bytes, and a peer may choose chunks of one byte.
      if (end - start < SHORT_SPAN)
        for (let at = start; at < end; at++) carry[this.carried + at - start] = bytes[at] as number;
      else bytes.copy(carry, this.carried, start, end);
      this.carried += end - start;
    }
    this.spanCount = 0;
  }

  #room(needed: number): Buffer {
    const old = this.carry;
    if (old !== undefined && old.length >= needed) return old;
    const larger = spareBuffers.take(needed);
    if (old !== undefined) {
      old.copy(larger, 0, 0, this.carried);
      spareBuffers.giveBack(old);
    }
    this.carry = larger;
    return larger;
  }

  /** The message as views: into the carry buffer and into `bytes`. */
  addTo(packet: Packet, bytes: Buffer): void {
    if (this.carry !== undefined) packet.addSpan(this.carry, 0, this.carried);
    for (let i = 0; i < this.spanCount; i++) {
      packet.addSpan(bytes, this.starts[i] as number, this.ends[i] as number);
    }
  }

  /** The message as a buffer of its own. */
  join(bytes: Buffer): Buffer {
    const whole = Buffer.allocUnsafeSlow(this.received);
    let at = this.carry === undefined ? 0 : this.carry.copy(whole, 0, 0, this.carried);
    for (let i = 0; i < this.spanCount; i++) {
      at += bytes.copy(whole, at, this.starts[i] as number, this.ends[i] as number);
    }
    return whole;
  }

  /** Forgets the message. Answers its carry buffer, which is now the caller's. */
  release(): Buffer | undefined {
    const carry = this.carry;
    this.carry = undefined;
    this.carried = 0;
    this.spanCount = 0;
    this.received = 0;
    return carry;
  }
}
