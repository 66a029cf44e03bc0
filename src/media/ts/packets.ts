import { Fault } from '../fault.ts';

export const TS_PACKET_BYTES = 188;
export const SYNC_BYTE = 0x47;
/** Plain packets, with a time stamp in front (M2TS), with Reed-Solomon bytes behind (DVB). */
const STRIDES = [188, 192, 204] as const;
/** So many packets in a row must begin with the sync byte before they are believed. */
const SYNCS = 3;
const LOST_BYTES = 1024 * 1024;

/** Finds the packets of a transport stream in bytes that were cut anywhere, and finds back after damage. */
export class TsPackets {
  bytes: Buffer = Buffer.alloc(0);
  /** How often the packets were lost and found again. */
  losses = 0;
  #at = 0;
  /** 0 while the packets have yet to be found. */
  #stride = 0;
  #foundBefore = false;
  #lostBytes = 0;

  /** Adds bytes behind those that are left. Offsets that `next` gave before are void. */
  feed(bytes: Buffer): void {
    const left = this.bytes.length - this.#at;
    if (left <= 0) {
      this.bytes = bytes;
      // The last packet's stride may reach into the new bytes.
      this.#at = -left;
      return;
    }
    this.bytes = Buffer.concat([this.bytes.subarray(this.#at), bytes]);
    this.#at = 0;
  }

  /** Where in `bytes` the next whole packet begins; -1 when more bytes are needed. */
  next(ended = false): number {
    for (;;) {
      const at = this.#at;
      if (this.#stride === 0) {
        if (!this.#find(ended)) return this.#keepRest();
      } else if (at + TS_PACKET_BYTES > this.bytes.length) {
        return this.#keepRest();
      } else if (this.bytes[at] === SYNC_BYTE) {
        this.#at = at + this.#stride;
        return at;
      } else {
        this.losses++;
        this.#stride = 0;
        this.#lostBytes = 0;
      }
    }
  }

  /** What is left is kept as a copy: the bytes given are the caller's again. */
  #keepRest(): -1 {
    if (this.#at < this.bytes.length) {
      this.bytes = Buffer.from(this.bytes.subarray(this.#at));
      this.#at = 0;
    }
    return -1;
  }

  #find(ended: boolean): boolean {
    const from = this.#at;
    for (let at = from; ; at++) {
      at = this.bytes.indexOf(SYNC_BYTE, at);
      if (at < 0) at = this.bytes.length;
      this.#at = at;
      const verdict = this.#strideAt(at, ended);
      if (verdict !== 'none') {
        this.#lose(at - from);
        if (verdict === 'unsure') return false;
        this.#stride = verdict;
        this.#foundBefore = true;
        return true;
      }
    }
  }

  #strideAt(at: number, ended: boolean): number | 'none' | 'unsure' {
    let unsure = at >= this.bytes.length;
    for (const stride of STRIDES) {
      let seen = 0;
      while (seen < SYNCS && this.bytes[at + seen * stride] === SYNC_BYTE) seen++;
      if (seen === SYNCS) return stride;
      if (at + seen * stride < this.bytes.length) continue;
      if (ended && at + TS_PACKET_BYTES <= this.bytes.length) return stride;
      unsure = true;
    }
    return unsure ? 'unsure' : 'none';
  }

  #lose(bytes: number): void {
    this.#lostBytes += bytes;
    if (this.#lostBytes <= LOST_BYTES) return;
    const what = this.#foundBefore ? 'the transport stream breaks off' : 'this is no transport stream';
    throw new Fault('pull', 'garbage', `${what}: no packets in ${LOST_BYTES / 1024} KB`);
  }
}
