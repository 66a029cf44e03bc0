import { spareBuffers } from './bytes.ts';

const SHEET_BYTES = 64 * 1024;
/** A larger piece has a buffer of its own. */
const LARGEST_SHEET = 256 * 1024;

/**
 * Memory for payloads that demuxers put together, cut from larger buffers one behind the other. A piece stays valid for
 * as long as a packet shows it; the buffer goes when the last of its packets has gone, unless somebody knows when that is
 * and gives it back (`Sheets`).
 */
export class Cuttings {
  buffer: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Where in `buffer` the next piece begins, with room for so many bytes. Nothing is taken until `cut`. */
  reserve(bytes: number): number {
    if (this.#at + bytes > this.buffer.length) {
      this.buffer =
        bytes > LARGEST_SHEET ? Buffer.allocUnsafeSlow(bytes) : spareBuffers.take(Math.max(SHEET_BYTES, bytes));
      this.#at = 0;
    }
    return this.#at;
  }

  /** The piece ends here. */
  cut(end: number): void {
    this.#at = end;
  }
}
