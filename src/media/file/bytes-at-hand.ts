import type { FileBytes } from '../item.ts';

/** A file that is in memory already. */
export class BytesAtHand implements FileBytes {
  readonly seekable = true;
  readonly validator = '';
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  read(offset: number, length: number): Promise<Buffer> {
    return Promise.resolve(this.take(offset, length));
  }

  take(offset: number, length: number): Buffer {
    return this.#bytes.subarray(offset, offset + length);
  }

  close(): void {
    // It holds nothing but memory.
  }
}
