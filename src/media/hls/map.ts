import type { FileBytes } from '../item.ts';
import { type Movie, readMovie } from '../mp4/movie.ts';

/** What the head of a fragmented MP4 file says of its tracks. */
export const movieIn = (map: Buffer, signal: AbortSignal): Promise<Movie> => readMovie(new BytesAtHand(map), signal);

/** A file that is in memory already. */
class BytesAtHand implements FileBytes {
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
