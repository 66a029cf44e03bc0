import type { SampleTables } from './tables.ts';
import type { Track } from './track.ts';

/** A track's samples one after the other, in decode order. The fields tell of the present one. */
export interface Samples {
  readonly track: Track;
  /** `later`: the next one is not within reach yet. */
  readonly state: 'sample' | 'later' | 'end';
  readonly offset: number;
  readonly size: number;
  /** When it is decoded and when it is shown, on the movie's clock. */
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly key: boolean;
  next(): void;
}

/** From a track's units to the movie's clock. */
export class TrackClock {
  readonly #track: Track;

  constructor(track: Track) {
    this.#track = track;
  }

  dtsMs(units: number): number {
    const { leadUnits, timescale, editMs } = this.#track;
    return ((units - leadUnits) * 1000) / timescale + editMs;
  }

  /** Time in units of a decode time of the movie. */
  units(dtsMs: number): number {
    const { leadUnits, timescale, editMs } = this.#track;
    return ((dtsMs - editMs) * timescale) / 1000 + leadUnits;
  }

  ptsMs(units: number, offsetUnits: number): number {
    const { timescale, editMs } = this.#track;
    return ((units + offsetUnits) * 1000) / timescale + editMs;
  }
}

/** Times in units behind the last sample of the tables. */
export function endUnitsOf({ durations, count }: SampleTables): number {
  let units = 0;
  let left = count;
  for (let row = 0; row < durations.length && left > 0; row++) {
    const run = Math.min(left, durations.u32(row));
    units += run * durations.u32(row, 1);
    left -= run;
  }
  return units;
}

/** A place in a table of runs. */
class RunCursor {
  row = 0;
  left = 0;

  take({ row, left }: RunCursor): void {
    this.row = row;
    this.left = left;
  }
}

/** Walks sample tables, which are runs of runs, without unfolding them. */
export class TableSamples implements Samples {
  readonly track: Track;
  state: 'sample' | 'end' = 'sample';
  offset = 0;
  size = 0;
  dtsMs = 0;
  ptsMs = 0;
  key = false;
  readonly #tables: SampleTables;
  readonly #clock: TrackClock;
  readonly #durations = new RunCursor();
  readonly #offsets = new RunCursor();
  #index = 0;
  #units = 0;
  #chunk = 0;
  #chunkRun = 0;
  #leftInChunk = 0;
  #nextKeyRow = 0;

  constructor(track: Track) {
    this.track = track;
    this.#tables = track.tables;
    this.#clock = new TrackClock(track);
    if (this.#tables.count === 0) {
      this.state = 'end';
      return;
    }
    this.#durations.left = this.#tables.durations.u32(0);
    this.#offsets.left = this.#tables.offsets?.length ? this.#tables.offsets.u32(0) : 0;
    this.#leftInChunk = this.#tables.chunkRuns.u32(0, 1);
    this.offset = this.#tables.chunkAt(0);
    this.#skipEmptyRuns();
    this.#show();
  }

  /** The track's samples from the given one on. */
  static from(track: Track, sample: number): TableSamples {
    const samples = new TableSamples(track);
    while (samples.#index < sample && samples.state === 'sample') samples.next();
    return samples;
  }

  /** Its number in the track, from 0 on. */
  get index(): number {
    return this.#index;
  }

  /** Another that stands where this one does. */
  copy(): TableSamples {
    const copy = new TableSamples(this.track);
    copy.state = this.state;
    copy.offset = this.offset;
    copy.size = this.size;
    copy.dtsMs = this.dtsMs;
    copy.ptsMs = this.ptsMs;
    copy.key = this.key;
    copy.#durations.take(this.#durations);
    copy.#offsets.take(this.#offsets);
    copy.#index = this.#index;
    copy.#units = this.#units;
    copy.#chunk = this.#chunk;
    copy.#chunkRun = this.#chunkRun;
    copy.#leftInChunk = this.#leftInChunk;
    copy.#nextKeyRow = this.#nextKeyRow;
    return copy;
  }

  next(): void {
    if (this.state === 'end') return;
    this.#index++;
    if (this.#index >= this.#tables.count) {
      this.state = 'end';
      return;
    }
    this.#units += this.#tables.durations.u32(this.#durations.row, 1);
    this.#durations.left--;
    this.#offsets.left--;
    this.#leftInChunk--;
    this.offset += this.size;
    this.#skipEmptyRuns();
    this.#show();
  }

  /** Goes on to the first sample decoded at or after the time. */
  seekTime(dtsMs: number): void {
    while (this.state === 'sample' && this.dtsMs < dtsMs) this.next();
  }

  #skipEmptyRuns(): void {
    const { durations, offsets } = this.#tables;
    while (this.#durations.left <= 0 && this.#durations.row + 1 < durations.length) {
      this.#durations.left = durations.u32(++this.#durations.row);
    }
    while (offsets !== undefined && this.#offsets.left <= 0 && this.#offsets.row + 1 < offsets.length) {
      this.#offsets.left = offsets.u32(++this.#offsets.row);
    }
    while (this.#leftInChunk <= 0 && this.#chunk + 1 < this.#tables.chunkCount) this.#nextChunk();
  }

  #nextChunk(): void {
    const { chunkRuns, chunkAt } = this.#tables;
    this.#chunk++;
    const next = this.#chunkRun + 1;
    if (next < chunkRuns.length && this.#chunk + 1 >= chunkRuns.u32(next)) this.#chunkRun = next;
    this.#leftInChunk = chunkRuns.u32(this.#chunkRun, 1);
    this.offset = chunkAt(this.#chunk);
  }

  #show(): void {
    const { offsets, keys, sizeOf } = this.#tables;
    this.size = sizeOf(this.#index);
    this.dtsMs = this.#clock.dtsMs(this.#units);
    const offset = offsets === undefined || offsets.length === 0 ? 0 : offsets.u32(this.#offsets.row, 1) | 0;
    this.ptsMs = this.#clock.ptsMs(this.#units, offset);
    this.key = keys === undefined || this.#isKey(keys);
  }

  #isKey(keys: NonNullable<SampleTables['keys']>): boolean {
    const number = this.#index + 1;
    while (this.#nextKeyRow < keys.length && keys.u32(this.#nextKeyRow) < number) this.#nextKeyRow++;
    return this.#nextKeyRow < keys.length && keys.u32(this.#nextKeyRow) === number;
  }
}

/** A packet's time is rounded; whoever asks for it is to find that very packet. */
export const ROUNDED_MS = 0.5;

/**
 * The track's samples from its last key sample on that is decoded at or before the time; from the first where none is.
 * Decode times are what packets carry: asked for the time of a key frame it has given, an item begins with that one.
 */
export function samplesFromKey(track: Track, timeMs: number): TableSamples {
  const { keys } = track.tables;
  const limit = lastDecodedBy(track, timeMs + ROUNDED_MS);
  const numberAt = (row: number): number => (keys?.u32(row) ?? 0) - 1;
  const row = keys === undefined ? -1 : lastRowAtMost(keys.length, numberAt, limit);
  return TableSamples.from(track, keys === undefined ? limit : row < 0 ? 0 : numberAt(row));
}

/** The last sample whose decode time is at or before the time; -1 for none. */
function lastDecodedBy(track: Track, timeMs: number): number {
  const units = new TrackClock(track).units(timeMs);
  const { durations, count } = track.tables;
  let at = 0;
  let sample = 0;
  for (let row = 0; row < durations.length; row++) {
    const length = durations.u32(row);
    const each = durations.u32(row, 1);
    if (units < at + length * each) return Math.min(count - 1, sample + Math.floor((units - at) / each));
    at += length * each;
    sample += length;
  }
  return count - 1;
}

/** The last row whose value, of rising ones, is at most the limit; -1 for none. */
export function lastRowAtMost(length: number, valueAt: (row: number) => number, limit: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueAt(middle) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
