import { createDecipheriv, type Decipheriv } from 'node:crypto';
import { Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import type { ByteRange } from './playlist.ts';

const STEP_BYTES = 188 * 340;

export interface SegmentParts {
  readonly file: FileBytes;
  readonly range: ByteRange | undefined;
  readonly key: { readonly secret: Buffer; readonly iv: Buffer } | undefined;
  /** The file is not needed any more. */
  readonly release: () => void;
}

/** The plain bytes of one segment, in order. */
export class SegmentBytes {
  readonly #parts: SegmentParts;
  readonly #decipher: Decipheriv | undefined;
  #offset: number;
  readonly #end: number;
  #fetched: Buffer | undefined;
  #ended = false;
  #closed = false;

  constructor(parts: SegmentParts) {
    this.#parts = parts;
    const { range, key } = parts;
    this.#offset = range?.offset ?? 0;
    this.#end = range === undefined ? Number.POSITIVE_INFINITY : range.offset + range.length;
    this.#decipher = key === undefined ? undefined : createDecipheriv('aes-128-cbc', key.secret, key.iv);
  }

  /** Undefined while bytes are on their way; empty at the end. */
  take(): Buffer | undefined {
    // Deciphering may keep back a whole step's bytes: nothing yet is not the end.
    for (;;) {
      const bytes = this.#takeRaw();
      if (bytes === undefined) return undefined;
      if (this.#decipher === undefined) return bytes;
      const plain = bytes.length === 0 ? this.#finish(this.#decipher) : this.#decipher.update(bytes);
      if (plain.length > 0 || bytes.length === 0) return plain;
    }
  }

  async wait(signal: AbortSignal): Promise<void> {
    this.#fetched ??= await this.#parts.file.read(this.#offset, this.#stepBytes(), signal);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.release();
  }

  #takeRaw(): Buffer | undefined {
    const length = this.#stepBytes();
    const { size } = this.#parts.file;
    if (length === 0 || (size !== undefined && this.#offset >= size)) return NOTHING;
    const bytes = this.#fetched ?? this.#parts.file.take(this.#offset, length);
    this.#fetched = undefined;
    this.#offset += bytes?.length ?? 0;
    return bytes;
  }

  #stepBytes(): number {
    return Math.min(STEP_BYTES, this.#end - this.#offset);
  }

  #finish(decipher: Decipheriv): Buffer {
    if (this.#ended) return NOTHING;
    this.#ended = true;
    try {
      return decipher.final();
    } catch (cause) {
      throw new Fault('pull', 'garbage', 'a segment cannot be decrypted: wrong key, or cut short', { cause });
    }
  }
}

const NOTHING = Buffer.alloc(0);
