import type { Batch, PacedSource, TrackStarts } from './packet.ts';

/** A paced source for one stretch on air: whoever leaves it closes nothing, and counts from the stretch on. */
export class Loan implements PacedSource {
  readonly #source: PacedSource;
  readonly #bytesBefore: number;

  constructor(source: PacedSource) {
    this.#source = source;
    this.#bytesBefore = source.bytesIn;
  }

  get segment(): number {
    return this.#source.segment;
  }

  get starts(): TrackStarts {
    return this.#source.starts;
  }

  get state(): PacedSource['state'] {
    return this.#source.state;
  }

  get bytesIn(): number {
    return this.#source.bytesIn - this.#bytesBefore;
  }

  read(into: Batch, untilMs: number): void {
    this.#source.read(into, untilMs);
  }

  skip(lateMs: number): void {
    this.#source.skip(lateMs);
  }

  close(): void {}
}
