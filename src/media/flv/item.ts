import { FileFeed } from '../feed.ts';
import type { FileBytes, Item } from '../item.ts';
import { Lookahead } from '../lookahead.ts';
import { prime, StreamedItem } from '../streamed-item.ts';
import { requireTrack, type TrackChoice } from '../tracks.ts';
import { FlvDemuxer } from './demux.ts';
import { type FlvFacts, type FlvPlaces, findKey, readFacts } from './seek.ts';

/** What lies nearer to the start is reached by reading. */
const NEAR_START_MS = 3_000;

export interface FlvOptions {
  readonly startMs: number;
  readonly signal: AbortSignal;
  readonly tracks?: TrackChoice | undefined;
}

/** Opens an FLV file. It has one track of each kind at the most. */
export async function openFlv(bytes: FileBytes, { startMs, signal, tracks }: FlvOptions): Promise<Item> {
  requireTrack('video', tracks?.video, 1);
  requireTrack('audio', tracks?.audio, 1);
  const head = { feed: new FileFeed(bytes, new FlvDemuxer()), lookahead: new Lookahead() };
  const near = startMs < NEAR_START_MS;
  await prime(head, near ? startMs : 0, signal);
  const places = { bytes, baseMs: -head.lookahead.shiftMs, signal };
  const facts = await readFacts(places);
  const { durationMs } = facts;
  if (near) return StreamedItem.begin({ ...head, durationMs });
  const found = bytes.seekable ? await seek(places, facts, { startMs, head: head.lookahead }) : undefined;
  if (found !== undefined) return StreamedItem.begin({ ...found, durationMs });
  await prime(head, startMs, signal);
  return StreamedItem.begin({ ...head, durationMs });
}

interface Found {
  readonly feed: FileFeed;
  readonly lookahead: Lookahead;
}

/** Undefined where the file has no key frame to start at. */
async function seek(
  places: FlvPlaces,
  facts: FlvFacts,
  { startMs, head }: { startMs: number; head: Lookahead },
): Promise<Found | undefined> {
  const offset = await findKey(places, facts, startMs);
  if (offset === undefined) return undefined;
  const feed = new FileFeed(places.bytes, new FlvDemuxer(offset), offset);
  const lookahead = new Lookahead({ shiftMs: -places.baseMs });
  // Codec headers stand at the head of the file only.
  lookahead.keepHeadersOf(head);
  await prime({ feed, lookahead }, startMs, places.signal);
  return { feed, lookahead };
}
