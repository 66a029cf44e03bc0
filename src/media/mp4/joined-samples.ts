import type { Samples } from './samples.ts';
import type { Track } from './track.ts';

/** The samples of a file that begins with tables and goes on in fragments, as writers leave it that save as they go. */
export class JoinedSamples implements Samples {
  readonly track: Track;
  readonly #tables: Samples;
  readonly #fragments: Samples;

  constructor(tables: Samples, fragments: Samples) {
    this.track = tables.track;
    this.#tables = tables;
    this.#fragments = fragments;
  }

  get state(): 'sample' | 'later' | 'end' {
    return this.#present.state;
  }

  get offset(): number {
    return this.#present.offset;
  }

  get size(): number {
    return this.#present.size;
  }

  get dtsMs(): number {
    return this.#present.dtsMs;
  }

  get ptsMs(): number {
    return this.#present.ptsMs;
  }

  get key(): boolean {
    return this.#present.key;
  }

  next(): void {
    this.#present.next();
  }

  get #present(): Samples {
    return this.#tables.state === 'sample' ? this.#tables : this.#fragments;
  }
}
