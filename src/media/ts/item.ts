import { FileFeed } from '../feed.ts';
import type { FileBytes, Item } from '../item.ts';
import { Lookahead } from '../lookahead.ts';
import { prime, StreamedItem } from '../streamed-item.ts';
import type { TrackChoice } from '../tracks.ts';
import { TsDemuxer } from './demux.ts';
import { measureTs, offsetBefore, type TsPlaces } from './seek.ts';

/** How far in front of the asked position to look for its key frame; at last, from the start of the file. */
const STEPS_BACK_MS = [3_000, 12_000, 60_000] as const;
/** What lies nearer to the start is reached by reading. */
const NEAR_START_MS = 3_000;

export interface TsItemOptions {
  readonly startMs: number;
  readonly signal: AbortSignal;
  readonly tracks?: TrackChoice | undefined;
}

/** Opens a file of a transport stream. */
export async function openTs(bytes: FileBytes, { startMs, signal, tracks }: TsItemOptions): Promise<Item> {
  const demuxer = new TsDemuxer({ tracks });
  const head = { feed: new FileFeed(bytes, demuxer), lookahead: new Lookahead() };
  await prime(head, startMs < NEAR_START_MS ? startMs : 0, signal);
  const places = placesOf(bytes, demuxer, { baseMs: -head.lookahead.shiftMs, signal });
  const durationMs = places === undefined ? undefined : await measureTs(places);
  if (startMs < NEAR_START_MS) return StreamedItem.begin({ ...head, durationMs });
  const found = places === undefined || durationMs === undefined ? undefined : await seek(places, startMs, tracks);
  if (found !== undefined) return StreamedItem.begin({ ...found, durationMs });
  // Nothing can be looked up: what lies before the position is read and dropped.
  await prime(head, startMs, signal);
  return StreamedItem.begin({ ...head, durationMs });
}

function placesOf(
  bytes: FileBytes,
  { clockPid }: TsDemuxer,
  { baseMs, signal }: { baseMs: number; signal: AbortSignal },
): TsPlaces | undefined {
  if (!bytes.seekable || bytes.size === undefined || clockPid === undefined) return undefined;
  return { bytes, size: bytes.size, pid: clockPid, baseMs, signal };
}

interface Found {
  readonly feed: FileFeed;
  readonly lookahead: Lookahead;
}

/** Undefined where no key frame is found in the minute before the position, as in a file of several clocks. */
async function seek(places: TsPlaces, startMs: number, tracks: TrackChoice | undefined): Promise<Found | undefined> {
  for (const backMs of STEPS_BACK_MS) {
    const offset = await offsetBefore(places, startMs - backMs);
    const demuxer = new TsDemuxer({ nearMs: places.baseMs + startMs, tracks });
    const feed = new FileFeed(places.bytes, demuxer, offset);
    const lookahead = new Lookahead({ shiftMs: -places.baseMs });
    await prime({ feed, lookahead }, startMs, places.signal);
    const { firstMs } = lookahead;
    if (firstMs !== undefined && firstMs <= startMs && firstMs > startMs - 2 * backMs) return { feed, lookahead };
    if (offset === 0) return undefined;
  }
  return undefined;
}
