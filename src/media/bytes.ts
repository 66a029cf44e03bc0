/*
 * Big-endian numbers by index. The caller has checked that they lie inside: the hot path checks once, for a whole
 * header, where Buffer's own readers check each.
 */
export function uint16At(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

export function uint24At(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
}

export function uint32At(bytes: Buffer, at: number): number {
  return (((bytes[at] as number) << 24) | uint24At(bytes, at + 1)) >>> 0;
}

/** Writes the low 24 bits; answers the offset behind them. */
export function putUint24(out: Buffer, at: number, value: number): number {
  out[at] = value >>> 16;
  out[at + 1] = value >>> 8;
  out[at + 2] = value;
  return at + 3;
}

/** Writes the value modulo 2^32; answers the offset behind it. */
export function putUint32(out: Buffer, at: number, value: number): number {
  out[at] = value >>> 24;
  return putUint24(out, at + 1, value);
}

const SMALLEST = 4096;
const LARGEST_KEPT = 256 * 1024;
const KEPT_BYTES = 8 * 1024 * 1024;

/**
 * Buffers for what must outlive a read buffer for a moment, in powers of two. They are shared by all streams of a
 * process, because at any moment only few streams hold half a message: a buffer for each would be most of their memory.
 */
export class SpareBuffers {
  readonly #free = new Map<number, Buffer[]>();
  #keptBytes = 0;

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least `bytes`, with whatever stood in it. It is the caller's until given back. */
  take(bytes: number): Buffer {
    let size = SMALLEST;
    while (size < bytes) size *= 2;
    const spare = this.#free.get(size)?.pop();
    if (spare === undefined) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    return spare;
  }

  /** Takes back what `take` gave and nobody looks at any more. */
  giveBack(buffer: Buffer): void {
    const size = buffer.length;
    if (size > LARGEST_KEPT || this.#keptBytes + size > KEPT_BYTES) return;
    const same = this.#free.get(size);
    if (same === undefined) this.#free.set(size, [buffer]);
    else same.push(buffer);
    this.#keptBytes += size;
  }
}

/** The process's own: see SpareBuffers. */
export const spareBuffers = new SpareBuffers();

/** Bits, most significant first. Past the end it reads zeros and says so in `overrun`, so that nothing can throw. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  overrun = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** In bits. */
  get position(): number {
    return this.#at;
  }

  bit(): number {
    const byte = this.#bytes[this.#at >> 3];
    if (byte === undefined) {
      this.overrun = true;
      return 0;
    }
    const bit = (byte >> (7 - (this.#at & 7))) & 1;
    this.#at++;
    return bit;
  }

  /** Up to 32 bits. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + this.bit();
    return value;
  }

  /** ue(v): unsigned Exp-Golomb, H.264 section 9.1. */
  unsigned(): number {
    let zeros = 0;
    while (zeros < 32 && !this.overrun && this.bit() === 0) zeros++;
    if (zeros === 32) this.overrun = true;
    return this.overrun ? 0 : 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v): signed Exp-Golomb, H.264 section 9.1.1. */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}
