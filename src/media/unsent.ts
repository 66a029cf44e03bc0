import type { Wire } from './wire.ts';

/** What a peer may leave unread of what it is told. Beyond, the rest is not sent: it is worth less than memory. */
const MOST_BYTES = 64 * 1024;

/** Short words to the peer of a source, which go out as the tick finds room for them. */
export class Unsent {
  #bytes: Buffer = Buffer.alloc(0);

  add(bytes: Buffer): void {
    if (this.#bytes.length + bytes.length > MOST_BYTES) return;
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
  }

  flush(wire: Wire): void {
    if (this.#bytes.length === 0) return;
    const taken = wire.write(this.#bytes, 0, this.#bytes.length);
    this.#bytes = this.#bytes.subarray(taken);
  }
}
