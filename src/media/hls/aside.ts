import { type Monotonic, monotonic } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Movie } from '../mp4/movie.ts';
import { lateTrackIn } from './late-track.ts';
import type { LiveLines } from './live-lines.ts';
import type { LiveSegment } from './live-segment.ts';
import type { ByteRange, Place } from './playlist.ts';

/** Within these bytes the tables of a fragment end. */
const MOST_LOOKED_AT = 64 * 1024;
/** A segment that is due is not kept waiting for longer: its media is then held until its sound has come. */
const MOST_WAIT_MS = 1_000;
/** Servers that have said so often that they give no parts are not asked for one any more. */
const MOST_REFUSED = 2;

/** What is played together with bytes in front of it: `bytes` lie `from` bytes behind the start of their segment. */
export interface Piece {
  readonly from: number;
  readonly bytes: Buffer;
}

export interface AsideParts {
  readonly lines: LiveLines;
  readonly place: Place;
  readonly movie: Movie;
  readonly segment: LiveSegment;
  readonly signal: AbortSignal;
  readonly now?: Monotonic;
}

/** Whether the servers of one list give parts. */
export class Ranges {
  #refused = 0;

  get areGiven(): boolean {
    return this.#refused < MOST_REFUSED;
  }

  given(): void {
    this.#refused = 0;
  }

  /** One that was too slow, or that could not be reached, may do better the next time. */
  failed(error: unknown): void {
    if (error instanceof Fault && (error.kind === 'refused' || error.kind === 'garbage')) this.#refused++;
  }
}

/**
 * Fragments of MP4 may have all the sound of a segment behind all its pictures. Rather than hold the pictures until the
 * sound has come, the sound is fetched by a range of its own, before the segment is begun.
 */
export class Aside {
  piece: Piece | undefined;
  readonly #parts: AsideParts;
  readonly #ranges: Ranges;
  readonly #now: Monotonic;
  #wantedAtMs: number | undefined;
  #state: 'looking' | 'fetching' | 'settled' = 'looking';

  constructor(parts: AsideParts, ranges: Ranges) {
    this.#parts = parts;
    this.#ranges = ranges;
    this.#now = parts.now ?? monotonic;
    const { video, audio } = parts.movie;
    if (video === undefined || audio === undefined || !ranges.areGiven) this.#state = 'settled';
  }

  /** Looks at what has come of the segment, on a tick; answers whether the segment may be begun, which is due if `isWanted`. */
  look(isWanted: boolean): boolean {
    if (this.#state === 'looking') this.#lookOn();
    if (this.#state === 'fetching' && isWanted) this.#wait();
    return this.#state === 'settled';
  }

  #wait(): void {
    this.#wantedAtMs ??= this.#now();
    if (this.#now() - this.#wantedAtMs > MOST_WAIT_MS) this.#state = 'settled';
  }

  #lookOn(): void {
    const head = this.#parts.segment.look(MOST_LOOKED_AT);
    const found = this.#found(head.bytes);
    if (found === 'unknown' && !head.isAll) return;
    if (typeof found === 'string') this.#state = 'settled';
    else this.#fetch(found);
  }

  #found(head: Buffer): ByteRange | 'none' | 'unknown' {
    try {
      return lateTrackIn(head, this.#parts.movie);
    } catch {
      // Who reads it tells what is wrong with it.
      return 'none';
    }
  }

  #fetch(late: ByteRange): void {
    this.#state = 'fetching';
    this.#read(late).then(
      bytes => {
        this.#ranges.given();
        if (this.#state === 'fetching') this.piece = { from: late.offset, bytes };
        this.#state = 'settled';
      },
      (error: unknown) => {
        this.#ranges.failed(error);
        this.#state = 'settled';
      },
    );
  }

  async #read({ offset, length }: ByteRange): Promise<Buffer> {
    const { lines, place, signal } = this.#parts;
    const range = { offset: (place.range?.offset ?? 0) + offset, length };
    const { bytes } = await lines.document(place.url, { most: length, range, signal });
    if (bytes.length === length) return bytes;
    throw new Fault('pull', 'garbage', `a part of a segment has ${bytes.length} bytes, not ${length}`);
  }
}
