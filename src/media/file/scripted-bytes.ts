import type { FileBytes } from '../item.ts';

/** A file for tests that are about what happens when bytes are late or cannot be sought. */
export class ScriptedBytes implements FileBytes {
  readonly validator = 'one';
  readonly size: number | undefined;
  readonly seekable: boolean;
  readonly url?: string;
  closed = false;
  /** How far into the file anything was read. */
  readTo = 0;
  readonly #bytes: Buffer;
  #takes = 0;

  constructor(bytes: Buffer, options: { seekable?: boolean; url?: string } = {}) {
    this.#bytes = bytes;
    this.seekable = options.seekable ?? true;
    this.size = this.seekable ? bytes.length : undefined;
    if (options.url !== undefined) this.url = options.url;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    if (this.closed) throw new Error('the file is closed');
    this.readTo = Math.max(this.readTo, Math.min(offset + length, this.#bytes.length));
    return Buffer.from(this.#bytes.subarray(offset, offset + length));
  }

  /** Every other time the bytes are still on their way. */
  take(offset: number, length: number): Buffer | undefined {
    if (this.closed) throw new Error('the file is closed');
    if (this.#takes++ % 2 === 0) return undefined;
    this.readTo = Math.max(this.readTo, Math.min(offset + length, this.#bytes.length));
    return this.#bytes.subarray(offset, offset + length);
  }

  close(): void {
    this.closed = true;
  }
}
