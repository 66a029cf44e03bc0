/** Writes what H.264 reads bit by bit. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #byte = 0;
  #count = 0;

  /** Its lowest bits, the highest of them first. */
  bits(value: number, count: number): this {
    for (let left = count; left > 0; ) {
      const taken = Math.min(left, 8 - this.#count);
      left -= taken;
      this.#byte = (this.#byte << taken) | ((value >>> left) & ((1 << taken) - 1));
      this.#count += taken;
      if (this.#count === 8) this.#flush();
    }
    return this;
  }

  /** As a text of 0 and 1, the way the tables of the standard are printed. */
  code(text: string): this {
    return this.bits(Number.parseInt(text, 2), text.length);
  }

  /** ue(v), section 9.1. */
  ue(value: number): this {
    const length = 31 - Math.clz32(value + 1);
    return this.bits(0, length).bits(value + 1, length + 1);
  }

  /** se(v), section 9.1.1. */
  se(value: number): this {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** A NAL unit of what was written: a stop bit behind it, and no start code within. */
  unit(head: number): Buffer {
    this.bits(1, 1);
    if (this.#count > 0) this.bits(0, 8 - this.#count);
    const out = [head];
    let zeros = 0;
    for (const byte of this.#bytes) {
      if (zeros >= 2 && byte <= 3) {
        out.push(3);
        zeros = 0;
      }
      out.push(byte);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    return Buffer.from(out);
  }

  #flush(): void {
    this.#bytes.push(this.#byte);
    this.#byte = 0;
    this.#count = 0;
  }
}
