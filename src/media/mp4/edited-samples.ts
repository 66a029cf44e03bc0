import { dtsIn, type PlacedEdit, ptsIn } from './placed-edits.ts';
import { ROUNDED_MS, type Samples, TableSamples } from './samples.ts';
import type { Track } from './track.ts';

/** The samples of a track as its edit list presents them: one edit after the other, on a clock that rises. */
export class EditedSamples implements Samples {
  readonly track: Track;
  state: 'sample' | 'end' = 'end';
  offset = 0;
  size = 0;
  dtsMs = 0;
  ptsMs = 0;
  key = false;
  readonly #edits: readonly PlacedEdit[];
  #row = 0;
  #media: TableSamples;

  constructor(track: Track, edits: readonly PlacedEdit[]) {
    this.track = track;
    this.#edits = edits;
    this.#media = new TableSamples(track);
    this.#enter(0);
  }

  next(): void {
    const edit = this.#edits[this.#row];
    if (edit === undefined || this.#media.index >= edit.lastIndex) {
      this.#enter(this.#row + 1);
      return;
    }
    this.#media.next();
    this.#show(edit);
  }

  /** Goes to the last key sample decoded at or before the time; to the first sample where there is none. */
  seekKey(timeMs: number): void {
    const row = this.#rowAt(timeMs + ROUNDED_MS);
    const edit = this.#edits[row];
    if (edit === undefined) return;
    let found = edit.first;
    for (const at = edit.first.copy(); at.state === 'sample' && at.index <= edit.lastIndex; at.next()) {
      if (dtsIn(edit, at) > timeMs + ROUNDED_MS) break;
      if (at.key) found = at.copy();
    }
    this.#enter(row, found);
  }

  /** Goes to the first sample decoded at or after the time. */
  seekTime(dtsMs: number): void {
    this.#enter(this.#rowAt(dtsMs));
    while (this.state === 'sample' && this.dtsMs < dtsMs) this.next();
  }

  /** The last edit that begins at or before the time, or the first. */
  #rowAt(timeMs: number): number {
    return Math.max(
      0,
      this.#edits.findLastIndex(({ beginMs }) => beginMs <= timeMs),
    );
  }

  #enter(row: number, at?: TableSamples): void {
    this.#row = row;
    const edit = this.#edits[row];
    if (edit === undefined) {
      this.state = 'end';
      return;
    }
    this.#media = (at ?? edit.first).copy();
    this.#show(edit);
  }

  #show(edit: PlacedEdit): void {
    const media = this.#media;
    this.state = media.state;
    this.offset = media.offset;
    this.size = media.size;
    this.key = media.key;
    this.dtsMs = dtsIn(edit, media);
    this.ptsMs = ptsIn(edit, media);
  }
}
