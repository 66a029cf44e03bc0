import { Fault } from '../fault.ts';
import type { Feed } from '../feed.ts';
import type { FileBytes, Item } from '../item.ts';
import { Lookahead } from '../lookahead.ts';
import { prime, StreamedItem } from '../streamed-item.ts';
import { requireTrack, type TrackChoice } from '../tracks.ts';
import { HlsFeed } from './feed.ts';
import { type OpenFile, SegmentLoader } from './loader.ts';
import { PairFeed } from './pair-feed.ts';
import { LARGEST_PLAYLIST, type MediaPlaylist, parsePlaylist, type Segment, type Variant } from './playlist.ts';

export interface HlsOptions {
  /** Where the playlist lies. */
  readonly url: string;
  readonly openFile: OpenFile;
  readonly startMs: number;
  readonly signal: AbortSignal;
  readonly tracks?: TrackChoice | undefined;
}

/** How many segments are gone back for a key frame: one may begin without. */
const STEPS_BACK = 3;

/** Opens a playlist whose segments are all there. */
export async function openHls(bytes: FileBytes, options: HlsOptions): Promise<Item> {
  const { video, audio, tracks } = await readLists(bytes, options);
  bytes.close();
  const durationMs = Math.round(video.reduce((sum, segment) => sum + segment.durationMs, 0));
  const last = indexAt(video, options.startMs);
  for (let index = last; ; index--) {
    const firstMs = startOf(video, index);
    const feed = feedFrom({ video, audio, tracks, index, firstMs }, options);
    const lookahead = new Lookahead(index === 0 ? { firstMs } : { firstVideoMs: firstMs });
    try {
      await prime({ feed, lookahead }, options.startMs, options.signal);
      const found = lookahead.firstMs !== undefined && lookahead.firstMs <= options.startMs;
      if (found || index === 0 || last - index === STEPS_BACK) {
        return StreamedItem.begin({ feed, lookahead, durationMs });
      }
    } catch (error) {
      feed.close();
      throw error;
    }
    feed.close();
  }
}

interface Lists {
  readonly video: readonly Segment[];
  /** Of the rendition that carries the sound, where that is one of its own. */
  readonly audio: readonly Segment[] | undefined;
  /** What is still to be chosen within the segments. */
  readonly tracks: TrackChoice | undefined;
}

async function readLists(bytes: FileBytes, { url, openFile, signal, tracks }: HlsOptions): Promise<Lists> {
  const list = parsePlaylist(await readText(bytes, signal), bytes.url ?? url);
  if (list.kind === 'media') return { video: complete(list), audio: undefined, tracks };
  const variant = best(list.variants);
  const audioUrl = soundOf(variant, tracks?.audio);
  const [video, audio] = await Promise.all([
    readMedia(variant.url, openFile, signal),
    audioUrl === undefined ? undefined : readMedia(audioUrl, openFile, signal),
  ]);
  return { video, audio, tracks: variant.renditions.length === 0 ? tracks : { video: tracks?.video } };
}

function best(variants: readonly Variant[]): Variant {
  const [first, ...rest] = variants;
  if (first === undefined) throw new Fault('pull', 'garbage', 'the master playlist lists no variant');
  return rest.reduce((top, variant) => (variant.bandwidth > top.bandwidth ? variant : top), first);
}

/** Where its sound is listed by itself, it is chosen among what is listed. */
function soundOf({ audioUrl, renditions }: Variant, wanted: number | undefined): string | undefined {
  if (wanted === undefined || renditions.length === 0) return audioUrl;
  requireTrack('audio', wanted, renditions.length);
  return renditions[wanted];
}

async function readMedia(url: string, openFile: OpenFile, signal: AbortSignal): Promise<readonly Segment[]> {
  const bytes = await openFile(url, signal);
  try {
    const list = parsePlaylist(await readText(bytes, signal), bytes.url ?? url);
    if (list.kind === 'master') throw new Fault('pull', 'garbage', 'a master playlist leads to another');
    return complete(list);
  } finally {
    bytes.close();
  }
}

async function readText(bytes: FileBytes, signal: AbortSignal): Promise<string> {
  const text = await bytes.read(0, LARGEST_PLAYLIST + 1, signal);
  if (text.length <= LARGEST_PLAYLIST) return text.toString('utf8');
  throw new Fault('pull', 'garbage', `the playlist is larger than ${LARGEST_PLAYLIST >> 20} MB`);
}

function complete({ segments, complete: whole }: MediaPlaylist): readonly Segment[] {
  if (segments.length === 0) throw new Fault('pull', 'garbage', 'the playlist lists no segment');
  if (whole) return segments;
  throw new Fault('pull', 'unsupported', 'the playlist is that of a live stream: segments are still added to it');
}

/** The segment that holds the position; the last one where the position lies behind the end. */
function indexAt(segments: readonly Segment[], startMs: number): number {
  let endMs = 0;
  for (const [i, { durationMs }] of segments.entries()) {
    endMs += durationMs;
    if (startMs < endMs) return i;
  }
  return segments.length - 1;
}

const startOf = (segments: readonly Segment[], index: number): number =>
  Math.round(segments.slice(0, index).reduce((sum, { durationMs }) => sum + durationMs, 0));

function feedFrom(
  { video, audio, tracks, index, firstMs }: Lists & { index: number; firstMs: number },
  { openFile }: HlsOptions,
): Feed {
  const from = (segments: readonly Segment[], at: number, own: TrackChoice | undefined): Feed =>
    new HlsFeed({ segments, from: at, loader: new SegmentLoader(openFile), tracks: own });
  if (audio === undefined) return from(video, index, tracks);
  return new PairFeed(from(video, index, tracks), from(audio, indexAt(audio, firstMs), undefined));
}
