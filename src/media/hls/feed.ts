import type { Announced, Demuxer } from '../demuxer.ts';
import type { Feed, FeedState } from '../feed.ts';
import type { Movie } from '../mp4/movie.ts';
import type { Batch } from '../packet.ts';
import type { TrackChoice } from '../tracks.ts';
import { FragmentDemuxer } from './fragments.ts';
import type { SegmentLoader } from './loader.ts';
import { isSamePlace, movieIn } from './map.ts';
import type { Place, Segment } from './playlist.ts';
import type { SegmentBytes } from './segment-bytes.ts';
import { demuxerFor } from './segment-demuxer.ts';

/** A segment on its way. */
interface Opening {
  readonly segment: Segment;
  readonly done: Promise<void>;
  opened?: { readonly bytes: SegmentBytes; readonly map: Movie | undefined };
  fault?: unknown;
}

/** Reads the segments of a playlist one behind the other, the next one opened ahead. */
export class HlsFeed implements Feed {
  readonly #segments: readonly Segment[];
  readonly #loader: SegmentLoader;
  readonly #tracks: TrackChoice | undefined;
  readonly #closing = new AbortController();
  #next: number;
  #opening: Opening | undefined;
  #present: SegmentBytes | undefined;
  #demuxer: Demuxer | undefined;
  /** The map that the demuxer was made with. */
  #map: Movie | undefined;
  #fetchedMap: { readonly place: Place; readonly movie: Promise<Movie> } | undefined;
  #ended = false;

  constructor(parts: {
    readonly segments: readonly Segment[];
    readonly from: number;
    readonly loader: SegmentLoader;
    readonly tracks?: TrackChoice | undefined;
  }) {
    this.#segments = parts.segments;
    this.#next = parts.from;
    this.#loader = parts.loader;
    this.#tracks = parts.tracks;
    this.#openNext();
  }

  get announced(): Announced | undefined {
    return this.#demuxer?.announced;
  }

  get notes(): readonly string[] {
    return this.#demuxer?.notes ?? [];
  }

  more(into: Batch): FeedState {
    if (this.#ended) return 'end';
    if (this.#present === undefined) return this.#turnTo();
    const bytes = this.#present.take();
    if (bytes === undefined) return 'starved';
    if (bytes.length === 0) {
      this.#present.close();
      this.#present = undefined;
      this.#demuxer?.end(into);
      return 'more';
    }
    this.#demuxer ??= demuxerFor(bytes, this.#tracks);
    this.#demuxer.push(bytes, into);
    return 'more';
  }

  async wait(signal: AbortSignal): Promise<void> {
    if (this.#present !== undefined) return this.#present.wait(signal);
    const aborted = Promise.withResolvers<void>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#opening?.done, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  close(): void {
    this.#ended = true;
    this.#closing.abort();
    this.#present?.close();
    this.#present = undefined;
    const opening = this.#opening;
    this.#opening = undefined;
    opening?.done.then(() => opening.opened?.bytes.close());
  }

  /** Goes on to the next segment, if it is open. */
  #turnTo(): FeedState {
    const opening = this.#opening;
    if (opening === undefined) {
      this.#ended = true;
      return 'end';
    }
    if (opening.fault !== undefined) throw opening.fault;
    if (opening.opened === undefined) return 'starved';
    const { bytes, map } = opening.opened;
    this.#present = bytes;
    this.#openNext();
    const joint = opening.segment.discontinuity || (map !== this.#map && this.#map !== undefined);
    if (map !== this.#map || joint) {
      this.#demuxer = map === undefined ? undefined : new FragmentDemuxer(map);
      this.#map = map;
    }
    return joint ? 'joint' : 'more';
  }

  #openNext(): void {
    const segment = this.#segments[this.#next++];
    this.#opening = segment === undefined ? undefined : this.#open(segment);
  }

  #open(segment: Segment): Opening {
    const done = Promise.withResolvers<void>();
    const opening: Opening = { segment, done: done.promise };
    const { signal } = this.#closing;
    this.#openWithMap(segment, signal).then(
      opened => {
        opening.opened = opened;
        done.resolve();
      },
      (error: unknown) => {
        opening.fault = error;
        done.resolve();
      },
    );
    return opening;
  }

  async #openWithMap(segment: Segment, signal: AbortSignal): Promise<{ map: Movie | undefined; bytes: SegmentBytes }> {
    const map = await this.#mapOf(segment, signal);
    return { map, bytes: await this.#loader.open(segment, signal) };
  }

  /** What the segment's map says; the very same for segments of the same one. */
  #mapOf({ map }: Segment, signal: AbortSignal): Promise<Movie> | undefined {
    if (map === undefined) return undefined;
    if (!isSamePlace(this.#fetchedMap?.place, map)) {
      const movie = this.#loader.read(map, signal).then(bytes => movieIn(bytes, signal, this.#tracks));
      this.#fetchedMap = { place: map, movie };
    }
    return this.#fetchedMap?.movie;
  }
}
