import { Fault } from '../fault.ts';
import type { Movie } from '../mp4/movie.ts';
import type { LiveLines } from './live-lines.ts';
import { LiveSegment, type SegmentKey } from './live-segment.ts';
import { ivOf, KEY_BYTES, LARGEST_MAP } from './loader.ts';
import { isSamePlace, movieIn } from './map.ts';
import type { Place, Segment } from './playlist.ts';

const MOST_KEYS = 16;

/** Opens segments with what they need: their keys and maps, each fetched once. */
export class LiveParts {
  readonly #lines: LiveLines;
  readonly #keys = new Map<string, Buffer>();
  #map: { readonly place: Place; readonly movie: Movie } | undefined;

  constructor(lines: LiveLines) {
    this.#lines = lines;
  }

  /** `signal` calls off the opening, `life` also what has been opened. */
  async open(
    segment: Segment,
    { signal, life }: { signal: AbortSignal; life: AbortSignal },
  ): Promise<{ segment: LiveSegment; map: Movie | undefined }> {
    const map = segment.map === undefined ? undefined : await this.#movie(segment.map, signal);
    const key = await this.#key(segment, signal);
    const opened = await LiveSegment.open({ place: segment, key, lines: this.#lines, signal, life });
    return { segment: opened, map };
  }

  /** What the map says; the very same for segments of the same one. */
  async #movie(place: Place, signal: AbortSignal): Promise<Movie> {
    if (this.#map !== undefined && isSamePlace(this.#map.place, place)) return this.#map.movie;
    const { bytes } = await this.#lines.document(place.url, { most: LARGEST_MAP, range: place.range, signal });
    const movie = await movieIn(bytes, signal);
    this.#map = { place, movie };
    return movie;
  }

  async #key({ key, sequence }: Segment, signal: AbortSignal): Promise<SegmentKey | undefined> {
    if (key === undefined) return undefined;
    const secret = this.#keys.get(key.url) ?? (await this.#fetchKey(key.url, signal));
    return { secret, iv: key.iv ?? ivOf(sequence) };
  }

  async #fetchKey(url: string, signal: AbortSignal): Promise<Buffer> {
    const { bytes } = await this.#lines.document(url, { most: KEY_BYTES, signal });
    if (bytes.length !== KEY_BYTES) {
      throw new Fault('pull', 'garbage', `the key of the segments is not ${KEY_BYTES} bytes long`);
    }
    this.#keys.set(url, bytes);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > MOST_KEYS && oldest !== undefined) this.#keys.delete(oldest);
    return bytes;
  }
}
