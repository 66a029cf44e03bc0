import type { FileBytes } from '../item.ts';
import { type Box, boxesIn, broken, childrenOf, Fields, MOST_HEAD_BYTES, readHead } from './boxes.ts';
import type { FragmentDefaults, Movie } from './movie.ts';
import { endUnitsOf, ROUNDED_MS, type Samples, TrackClock } from './samples.ts';
import type { Track } from './track.ts';

const MOST_MOOF_BYTES = 8 * 1024 * 1024;
/** Of a fragment. Those that are all alike take no bytes: their count alone says how many there are. */
export const MOST_SAMPLES = 200_000;
/** Boxes between two fragments; more of them are there to keep a reader busy. */
const MOST_PASSED = 1_000;
/** How far one track may lie ahead before the other counts as gone for now. */
const AHEAD_MS = 10_000;
/** Sample flags (section 8.8.3.1): sample_is_non_sync_sample. */
const NOT_SYNC = 0x10000;

export interface Sample {
  readonly offset: number;
  readonly size: number;
  readonly units: number;
  readonly offsetUnits: number;
  readonly key: boolean;
}

/** Samples of one track as fragments bring them. */
export class FragmentSamples implements Samples {
  readonly track: Track;
  state: 'sample' | 'later' | 'end' = 'later';
  offset = 0;
  size = 0;
  dtsMs = 0;
  ptsMs = 0;
  key = false;
  /** Decode time behind the last sample, for a fragment that does not say its own. */
  nextUnits: number;
  readonly #clock: TrackClock;
  #samples: Sample[] = [];
  #at = 0;

  constructor(track: Track) {
    this.track = track;
    this.#clock = new TrackClock(track);
    this.nextUnits = endUnitsOf(track.tables);
  }

  /** Media at hand from the present sample on. */
  get aheadMs(): number {
    const last = this.#samples.at(-1);
    return last === undefined || this.state !== 'sample' ? 0 : this.#clock.dtsMs(last.units) - this.dtsMs;
  }

  add(samples: readonly Sample[]): void {
    // What has been read is let go of when it is half of all: a fragment may come in ten thousand pieces.
    if (2 * this.#at >= this.#samples.length) {
      this.#samples = this.#samples.slice(this.#at);
      this.#at = 0;
    }
    for (const sample of samples) this.#samples.push(sample);
    if (this.#samples.length - this.#at > MOST_SAMPLES)
      throw broken('moof', 'holds too many samples ahead of the other track');
    this.#show();
  }

  /** No more fragments follow. */
  finish(): void {
    if (this.state === 'later') this.state = 'end';
  }

  next(): void {
    this.#at++;
    this.#show();
  }

  /** Goes on to the last key sample at hand that is decoded at or before the time; to the first key sample without one. */
  seekKey(timeMs: number): void {
    const found = this.#lastKeyBy(timeMs);
    this.#at =
      found >= 0
        ? found
        : Math.max(
            this.#at,
            this.#samples.findIndex((it, i) => i >= this.#at && it.key),
          );
    this.#show();
  }

  /** Whether a key sample at hand is decoded at or before the time. */
  hasKeyBy(timeMs: number): boolean {
    return this.#lastKeyBy(timeMs) >= 0;
  }

  /** Drops what is at hand. */
  forget(): void {
    this.#at = this.#samples.length;
    if (this.state === 'sample') this.#show();
  }

  #lastKeyBy(timeMs: number): number {
    for (let i = this.#samples.length - 1; i >= this.#at; i--) {
      const { key, units } = this.#samples[i] as Sample;
      if (key && this.#clock.dtsMs(units) <= timeMs + ROUNDED_MS) return i;
    }
    return -1;
  }

  seekTime(dtsMs: number): void {
    while (this.state === 'sample' && this.dtsMs < dtsMs) this.next();
  }

  #show(): void {
    const sample = this.#samples[this.#at];
    if (sample === undefined) {
      this.state = 'later';
      return;
    }
    this.state = 'sample';
    this.offset = sample.offset;
    this.size = sample.size;
    this.key = sample.key;
    this.dtsMs = this.#clock.dtsMs(sample.units);
    this.ptsMs = this.#clock.ptsMs(sample.units, sample.offsetUnits);
  }
}

/** Enough for the head of a usual fragment and of the "mdat" behind it. */
const LOOK_BYTES = 8192;

/** Some bytes of a file that was walked by waiting. */
class Look {
  readonly #bytes: Buffer;
  readonly #from: number;
  readonly #last: boolean;

  constructor(bytes: Buffer, from: number, last: boolean) {
    this.#bytes = bytes;
    this.#from = from;
    this.#last = last;
  }

  static async at(file: FileBytes, wanted: { at: number; length: number }, signal: AbortSignal): Promise<Look> {
    const asked = Math.max(wanted.length, LOOK_BYTES);
    const bytes = await file.read(wanted.at, asked, signal);
    return new Look(bytes, wanted.at, bytes.length < asked);
  }

  /** Undefined where they lie elsewhere; shorter at the end of the file. */
  view(at: number, length: number): Buffer | undefined {
    const start = at - this.#from;
    if (start < 0 || start > this.#bytes.length) return undefined;
    if (start + length > this.#bytes.length && !this.#last) return undefined;
    return this.#bytes.subarray(start, start + length);
  }
}

/** Where the walk through a file's fragments begins: an offset, and the times there for fragments that do not say. */
export interface Place {
  readonly at: number;
  readonly units?: readonly number[];
}

/** Walks the fragments of a file (section 8.8) as their heads come within reach. */
export class Fragments {
  readonly tracks: readonly FragmentSamples[];
  readonly #bytes: FileBytes;
  readonly #defaults: ReadonlyMap<number, FragmentDefaults>;
  #at: number;
  /** A fragment did not say its time: it can be told only by those before it. */
  untimed = false;
  #ended = false;
  #passed = 0;

  constructor(
    bytes: FileBytes,
    movie: Movie & { fragments: NonNullable<Movie['fragments']> },
    place: Place = { at: movie.fragments.from },
  ) {
    this.#bytes = bytes;
    this.#defaults = movie.fragments.defaults;
    this.#at = place.at;
    this.tracks = [movie.video, movie.audio].flatMap(track =>
      track === undefined ? [] : [new FragmentSamples(track)],
    );
    for (const [i, units] of (place.units ?? []).entries()) {
      const track = this.tracks[i];
      if (track !== undefined) track.nextUnits = units;
    }
  }

  get video(): FragmentSamples | undefined {
    return this.tracks.find(it => it.track.kind === 'video');
  }

  get audio(): FragmentSamples | undefined {
    return this.tracks.find(it => it.track.kind === 'audio');
  }

  /** Where the walk stands. */
  get place(): Place {
    return { at: this.#at, units: this.tracks.map(it => it.nextUnits) };
  }

  /**
   * Reads fragments until every track has a sample, the file ends, or one track has lain ahead for so long that the
   * other is not waited for. `starved`: bytes are on their way.
   */
  fill(): 'ok' | 'starved' {
    while (this.wants) {
      const step = this.#step((at, length) => this.#bytes.take(at, length));
      if (step === 'starved') return 'starved';
    }
    return 'ok';
  }

  /** Whether a track has no sample that is worth waiting for. */
  get wants(): boolean {
    const { tracks } = this;
    return !this.#ended && tracks.some(it => it.state === 'later') && tracks.every(it => it.aheadMs < AHEAD_MS);
  }

  /** As `fill` of one fragment, waiting; false at the end of the file. */
  async fillOne(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const step = this.#step((at, length) => this.#look.view(at, length));
      if (this.#ended) return false;
      if (step === 'fragment') return true;
      if (step === 'starved') this.#look = await Look.at(this.#bytes, this.#wanted, signal);
    }
  }

  /** Passes over what is at hand. */
  forget(): void {
    for (const track of this.tracks) track.forget();
  }

  /** What the next step asks for. */
  #wanted: { at: number; length: number } = { at: 0, length: 0 };
  #look = new Look(Buffer.alloc(0), 0, false);
  #moofBytes: number | undefined;

  #step(take: (at: number, length: number) => Buffer | undefined): 'fragment' | 'passed' | 'starved' {
    const { size } = this.#bytes;
    if (size !== undefined && this.#at >= size) return this.#end();
    if (this.#moofBytes !== undefined) return this.#takeMoof(this.#moofBytes, take);
    this.#wanted = { at: this.#at, length: MOST_HEAD_BYTES };
    const bytes = take(this.#at, MOST_HEAD_BYTES);
    if (bytes === undefined) return 'starved';
    const head = readHead(bytes, 0, bytes.length);
    if (head === undefined || head.size === undefined) return this.#end();
    if (head.type !== 'moof') {
      if (++this.#passed > MOST_PASSED) throw broken(head.type, `is one of more than ${MOST_PASSED} between fragments`);
      this.#at += head.size;
      return 'passed';
    }
    if (head.size > MOST_MOOF_BYTES) throw broken('moof', `has ${head.size} bytes`);
    this.#moofBytes = head.size;
    this.#wanted = { at: this.#at, length: head.size };
    return 'passed';
  }

  #takeMoof(length: number, take: (at: number, length: number) => Buffer | undefined): 'fragment' | 'starved' {
    this.#wanted = { at: this.#at, length };
    const bytes = take(this.#at, length);
    if (bytes === undefined) return 'starved';
    if (bytes.length < length) throw broken('moof', 'ends behind the file');
    this.#moofBytes = undefined;
    this.#passed = 0;
    const [moof] = boxesIn(bytes, 0, bytes.length);
    if (moof !== undefined) this.#readMoof(moof);
    this.#at += length;
    return 'fragment';
  }

  #end(): 'fragment' {
    this.#ended = true;
    for (const track of this.tracks) track.finish();
    return 'fragment';
  }

  #readMoof(moof: Box): void {
    for (const traf of childrenOf(moof)) {
      if (traf.type === 'traf') this.#readTraf(traf);
    }
  }

  #readTraf(traf: Box): void {
    const boxes = childrenOf(traf);
    const tfhd = boxes.find(it => it.type === 'tfhd');
    if (tfhd === undefined) throw broken('traf', 'has no "tfhd"');
    const head = readTfhd(tfhd, this.#defaults, this.#at);
    const samples = this.tracks.find(it => it.track.id === head.trackId);
    if (samples === undefined) return;
    const tfdt = boxes.find(it => it.type === 'tfdt');
    if (tfdt !== undefined) samples.nextUnits = readTfdt(tfdt);
    else this.untimed = true;
    let offset = head.baseOffset;
    for (const trun of boxes.filter(it => it.type === 'trun')) {
      const read = readTrun(trun, { head, offset, units: samples.nextUnits, most: MOST_SAMPLES });
      samples.nextUnits = read.units;
      offset = read.offset;
      samples.add(read.samples);
    }
  }
}

interface TrafHead extends FragmentDefaults {
  readonly trackId: number;
  readonly baseOffset: number;
}

/** Section 8.8.7. */
export function readTfhd(box: Box, defaults: ReadonlyMap<number, FragmentDefaults>, moofAt: number): TrafHead {
  const fields = new Fields(box);
  const { flags } = fields;
  const trackId = fields.u32(4);
  const fallback = defaults.get(trackId) ?? { duration: 0, size: 0, flags: 0 };
  let at = 8;
  const optional = (bit: number, width: 4 | 8): number | undefined => {
    if ((flags & bit) === 0) return undefined;
    const value = width === 8 ? fields.u64(at) : fields.u32(at);
    at += width;
    return value;
  };
  const baseOffset = optional(0x1, 8) ?? moofAt;
  optional(0x2, 4);
  const duration = optional(0x8, 4) ?? fallback.duration;
  const size = optional(0x10, 4) ?? fallback.size;
  return { trackId, baseOffset, duration, size, flags: optional(0x20, 4) ?? fallback.flags };
}

export function readTfdt(box: Box): number {
  const fields = new Fields(box);
  return fields.version === 1 ? fields.u64(4) : fields.u32(4);
}

interface TrunStart {
  readonly head: TrafHead;
  /** Where data lies that does not say so itself. */
  readonly offset: number;
  readonly units: number;
  /** Samples that it may have. */
  readonly most: number;
}

/** Section 8.8.8. */
export function readTrun(box: Box, start: TrunStart): { samples: Sample[]; units: number; offset: number } {
  const fields = new Fields(box);
  const { flags } = fields;
  const count = fields.u32(4);
  const width = 4 * [0x100, 0x200, 0x400, 0x800].filter(bit => (flags & bit) !== 0).length;
  let at = 8;
  let offset = start.offset;
  if ((flags & 0x1) !== 0) {
    offset = start.head.baseOffset + fields.i32(at);
    at += 4;
  }
  const firstFlags = (flags & 0x4) === 0 ? undefined : fields.u32(at);
  if (firstFlags !== undefined) at += 4;
  if (count > start.most || count * width > fields.length - at) throw broken('trun', `claims ${count} samples`);
  let { units } = start;
  const samples: Sample[] = [];
  const next = (bit: number, fallback: number): number => {
    if ((flags & bit) === 0) return fallback;
    const value = fields.u32(at);
    at += 4;
    return value;
  };
  for (let i = 0; i < count; i++) {
    const duration = next(0x100, start.head.duration);
    const size = next(0x200, start.head.size);
    const own = next(0x400, i === 0 && firstFlags !== undefined ? firstFlags : start.head.flags);
    const offsetUnits = next(0x800, 0) | 0;
    samples.push({ offset, size, units, offsetUnits, key: (own & NOT_SYNC) === 0 });
    units += duration;
    offset += size;
  }
  return { samples, units, offset };
}
