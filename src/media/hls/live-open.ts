import { type Address, urlOf } from '../address.ts';
import { type Monotonic, monotonic } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Dialler } from '../net.ts';
import type { Source } from '../packet.ts';
import { LiveFeed } from './live-feed.ts';
import { type LineLimits, LiveLines } from './live-lines.ts';
import { type FoundList, Reloaded, readLive, readLiveMedia } from './live-reload.ts';
import { type LiveEdge, LiveHlsSource } from './live-source.ts';
import { PairFeed } from './pair-feed.ts';
import type { MediaPlaylist, Variant } from './playlist.ts';

export interface LiveHlsOptions {
  readonly dialler: Dialler;
  /** Calls off the opening; the open source ends by `close`. */
  readonly signal: AbortSignal;
  readonly now?: Monotonic;
  readonly limits?: Partial<LineLimits>;
}

/** Where the sources of a list have been when they were closed, so that those that follow play nothing twice. */
const places = new Map<string, string>();
const MOST_PLACES = 1_000;

/**
 * Opens a live HLS stream. Of a master playlist the best variant is played, or, with `#bandwidth=` and a number of bits a
 * second behind the URL, the best that needs no more.
 */
export async function openLiveHls(address: Address, options: LiveHlsOptions): Promise<Source> {
  const lines = new LiveLines(options.dialler, options.limits);
  try {
    const found = await findLists(urlOf(address), mostBandwidth(address), { lines, signal: options.signal });
    return begin(found, { lines, now: options.now ?? monotonic });
  } catch (error) {
    lines.close();
    throw error;
  }
}

function mostBandwidth({ path, query }: Address): number {
  const [, fragment = ''] = `${path}${query}`.split('#', 2);
  const [, number] = /(?:^|&)bandwidth=(\d{1,12})(?:&|$)/.exec(fragment) ?? [];
  return number === undefined ? Number.POSITIVE_INFINITY : Number(number);
}

interface Lists {
  readonly video: FoundList<MediaPlaylist>;
  /** Of the rendition that carries the sound, where that is one of its own. */
  readonly audio: FoundList<MediaPlaylist> | undefined;
}

async function findLists(
  url: string,
  most: number,
  options: { lines: LiveLines; signal: AbortSignal },
): Promise<Lists> {
  const found = await readLive(url, options);
  const { playlist } = found;
  if (playlist.kind === 'media') return live({ video: { url: found.url, playlist }, audio: undefined });
  let fault: unknown = new Fault('pull', 'garbage', 'the master playlist lists no variant');
  for (const { url: at, audioUrl } of ranked(playlist.variants, most)) {
    try {
      const [video, audio] = await Promise.all([
        readLiveMedia(at, options),
        audioUrl === undefined ? undefined : readLiveMedia(audioUrl, options),
      ]);
      return live({ video, audio });
    } catch (error) {
      options.signal.throwIfAborted();
      fault = error;
    }
  }
  throw fault;
}

/** Those that need no more than `most` first, the best of them in front; then the others, the least in front. */
function ranked(variants: readonly Variant[], most: number): readonly Variant[] {
  const fitting = variants.filter(({ bandwidth }) => bandwidth <= most).sort((a, b) => b.bandwidth - a.bandwidth);
  const others = variants.filter(({ bandwidth }) => bandwidth > most).sort((a, b) => a.bandwidth - b.bandwidth);
  return [...fitting, ...others].slice(0, MOST_TRIED);
}

const MOST_TRIED = 3;

function live(lists: Lists): Lists {
  if (!lists.video.playlist.complete) return lists;
  throw new Fault('pull', 'closed', 'the playlist is complete: the stream has ended, or never was a live one');
}

/** One list and what is read by it. */
interface Track {
  readonly place: string;
  readonly reloaded: Reloaded;
  readonly feed: LiveFeed;
}

function begin({ video, audio }: Lists, options: { lines: LiveLines; now: Monotonic }): Source {
  const isPair = audio !== undefined;
  const main = trackOf(video, isPair, options);
  const sound = isPair ? trackOf(audio, isPair, options) : undefined;
  const feed = sound === undefined ? main.feed : new PairFeed(main.feed, sound.feed);
  const tracks = sound === undefined ? [main] : [main, sound];
  return new LiveHlsSource({ feed, edge: new Edge(tracks, options.lines), now: options.now });
}

function trackOf(
  found: FoundList<MediaPlaylist>,
  isPair: boolean,
  options: { lines: LiveLines; now: Monotonic },
): Track {
  const place = placeOf(found.url);
  const reloaded = new Reloaded(found, { ...options, played: places.get(place) });
  return { place, reloaded, feed: new LiveFeed(reloaded.list, { lines: options.lines, tellsMisses: !isPair }) };
}

/** Beyond what a source begins with behind the end of a list. */
const FAR_TARGETS = 3;

class Edge implements LiveEdge {
  readonly #tracks: readonly Track[];
  readonly #lines: LiveLines;

  constructor(tracks: readonly Track[], lines: LiveLines) {
    this.#tracks = tracks;
    this.#lines = lines;
  }

  get isFar(): boolean {
    return this.#tracks.every(({ reloaded: { list } }) => list.aheadMs > FAR_TARGETS * list.targetMs);
  }

  get bytesIn(): number {
    return this.#lines.bytesIn;
  }

  verdict(): Fault | undefined {
    for (const { feed, reloaded } of this.#tracks) {
      const fault = feed.waitsForList ? reloaded.verdict() : undefined;
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  close(): void {
    for (const { place, reloaded, feed } of this.#tracks) {
      reloaded.close();
      if (feed.played !== undefined) remember(place, feed.played);
    }
    this.#lines.close();
  }
}

/** Queries are left out: they may be signed anew each time. */
const placeOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? '';

function remember(place: string, played: string): void {
  places.delete(place);
  places.set(place, played);
  const [oldest] = places.keys();
  if (places.size > MOST_PLACES && oldest !== undefined) places.delete(oldest);
}
