import { within } from '../deadline.ts';
import type { Movie } from '../mp4/movie.ts';
import { lateTrackIn } from './late-track.ts';
import type { LiveLines } from './live-lines.ts';
import type { LiveSegment } from './live-segment.ts';
import type { ByteRange, Place } from './playlist.ts';

/** Within these bytes the tables of a fragment end. */
const MOST_LOOKED_AT = 64 * 1024;
const FETCH_MS = 1_500;
/** Servers that could not give a part so often are not asked for one any more. */
const MOST_FAILED = 2;

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
}

/** How often servers of one list have failed to give a part. */
export class AsideLuck {
  failed = 0;

  get isOut(): boolean {
    return this.failed >= MOST_FAILED;
  }
}

/**
 * Fragments of MP4 may have all the sound of a segment behind all its pictures. Rather than hold the pictures until the
 * sound has come, the sound is fetched by a range of its own, before the segment is begun.
 */
export class Aside {
  piece: Piece | undefined;
  readonly #parts: AsideParts;
  readonly #luck: AsideLuck;
  #state: 'looking' | 'fetching' | 'settled' = 'looking';

  constructor(parts: AsideParts, luck: AsideLuck) {
    this.#parts = parts;
    this.#luck = luck;
    const { video, audio } = parts.movie;
    if (video === undefined || audio === undefined || luck.isOut) this.#state = 'settled';
  }

  /** Looks at what has come of the segment, on a tick; answers whether the segment may be begun. */
  look(): boolean {
    if (this.#state === 'looking') this.#lookOn();
    return this.#state === 'settled';
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

  #fetch({ offset, length }: ByteRange): void {
    this.#state = 'fetching';
    this.#read({ offset, length })
      .then(
        bytes => {
          this.piece = { from: offset, bytes };
        },
        () => {
          this.#luck.failed++;
        },
      )
      .finally(() => {
        this.#state = 'settled';
      });
  }

  async #read({ offset, length }: ByteRange): Promise<Buffer> {
    const { lines, place, signal } = this.#parts;
    const range = { offset: (place.range?.offset ?? 0) + offset, length };
    const deadline = { side: 'pull', late: 'a part of a segment was not received', waitMs: FETCH_MS, signal } as const;
    const { bytes } = await within(deadline, own => lines.document(place.url, { most: length, range, signal: own }));
    if (bytes.length !== length) throw new Error(`${bytes.length} bytes of ${length}`);
    return bytes;
  }
}
