import { lastRowAtMost, TableSamples } from './samples.ts';
import type { Track } from './track.ts';

/** A walk of so many samples takes some microseconds. */
const STRIDE = 256;
/** Key frames looked at that are decoded before the time and shown behind it. */
const MOST_BACK = 16;

/** Places on the way through a track's tables, so that none of its samples is far to walk to. */
export class Marks {
  /** Where decoding of the last sample begins. */
  readonly lastMs: number;
  readonly #lastIndex: number;
  readonly #places: readonly TableSamples[];
  readonly #keys: Track['tables']['keys'];

  constructor(track: Track) {
    const places: TableSamples[] = [];
    let lastMs = 0;
    for (const at = new TableSamples(track); at.state === 'sample'; at.next()) {
      if (at.index % STRIDE === 0) places.push(at.copy());
      lastMs = at.dtsMs;
    }
    this.#places = places;
    this.#keys = track.tables.keys;
    this.lastMs = lastMs;
    this.#lastIndex = track.tables.count - 1;
  }

  /** The sample of this number, or the nearest there is. */
  at(index: number): TableSamples | undefined {
    const place = this.#places[Math.min(Math.floor(Math.max(0, index) / STRIDE), this.#places.length - 1)];
    const at = place?.copy();
    while (at?.state === 'sample' && at.index < Math.min(index, this.#lastIndex)) at.next();
    return at;
  }

  /** The last sample decoded at or before the time, or the first. */
  decodedBy(timeMs: number): TableSamples | undefined {
    const timeOf = (row: number): number => (this.#places[row] as TableSamples).dtsMs;
    const place = this.#places[Math.max(0, lastRowAtMost(this.#places.length, timeOf, timeMs))];
    if (place === undefined) return undefined;
    const at = place.copy();
    const next = place.copy();
    for (next.next(); next.state === 'sample' && next.dtsMs <= timeMs; next.next()) at.next();
    return at;
  }

  /** The last key sample shown at or before the time, or the first one there is. */
  keyShownBy(timeMs: number): TableSamples | undefined {
    const decoded = this.decodedBy(timeMs);
    if (decoded === undefined) return undefined;
    // Between decoding and showing lie a few frames, and no key frame as a rule.
    const last = this.#keyRowAtMost(decoded.index);
    const first = Math.max(0, last - MOST_BACK);
    for (let row = last; row > first; row--) {
      const key = this.at(this.#keyIndex(row));
      if (key !== undefined && key.ptsMs <= timeMs) return key;
    }
    return this.at(this.#keyIndex(first));
  }

  #keyIndex(row: number): number {
    const keys = this.#keys;
    if (keys === undefined) return row;
    return keys.length === 0 ? 0 : keys.u32(row) - 1;
  }

  #keyRowAtMost(index: number): number {
    const keys = this.#keys;
    return keys === undefined ? index : lastRowAtMost(keys.length, row => keys.u32(row) - 1, index);
  }
}
