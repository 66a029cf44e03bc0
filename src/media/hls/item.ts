import { Fault } from '../fault.ts';
import type { Feed } from '../feed.ts';
import type { FileBytes, Item } from '../item.ts';
import { Lookahead } from '../lookahead.ts';
import { prime, StreamedItem } from '../streamed-item.ts';
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
}

/** How many segments are gone back for a key frame: one may begin without. */
const STEPS_BACK = 3;

/** Opens a playlist whose segments are all there. */
export async function openHls(bytes: FileBytes, options: HlsOptions): Promise<Item> {
  const { video, audio } = await readLists(bytes, options);
  bytes.close();
  const durationMs = Math.round(video.reduce((sum, segment) => sum + segment.durationMs, 0));
  const last = indexAt(video, options.startMs);
  for (let index = last; ; index--) {
    const firstMs = startOf(video, index);
    const feed = feedFrom({ video, audio, index, firstMs }, options);
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
}

async function readLists(bytes: FileBytes, { url, openFile, signal }: HlsOptions): Promise<Lists> {
  const list = parsePlaylist(await readText(bytes, signal), bytes.url ?? url);
  if (list.kind === 'media') return { video: complete(list), audio: undefined };
  const variant = best(list.variants);
  const [video, audio] = await Promise.all([
    readMedia(variant.url, openFile, signal),
    variant.audioUrl === undefined ? undefined : readMedia(variant.audioUrl, openFile, signal),
  ]);
  return { video, audio };
}

function best(variants: readonly Variant[]): Variant {
  const [first, ...rest] = variants;
  if (first === undefined) throw new Fault('pull', 'garbage', 'the master playlist lists no variant');
  return rest.reduce((top, variant) => (variant.bandwidth > top.bandwidth ? variant : top), first);
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
  { video, audio, index, firstMs }: Lists & { index: number; firstMs: number },
  options: HlsOptions,
): Feed {
  const { openFile } = options;
  const from = (segments: readonly Segment[], at: number): Feed =>
    new HlsFeed({ segments, from: at, loader: new SegmentLoader(openFile) });
  const picture = from(video, index);
  return audio === undefined ? picture : new PairFeed(picture, from(audio, indexAt(audio, firstMs)));
}
