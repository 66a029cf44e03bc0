import { Fault } from '../fault.ts';
import type { FileBytes, Item } from '../item.ts';
import { Lookahead } from '../lookahead.ts';
import { prime, StreamedItem } from '../streamed-item.ts';
import { requireTrack, type TrackChoice } from '../tracks.ts';
import { FfmpegChild, type FfmpegInput, requireFfmpeg } from './child.ts';
import { FfmpegFeed } from './feed.ts';

export interface FfmpegOptions {
  /** Where the file lies on this machine, if it does: only then a position can be reached without reading up to it. */
  readonly path: string | undefined;
  readonly startMs: number;
  readonly signal: AbortSignal;
  readonly tracks?: TrackChoice | undefined;
}

/** Pictures that our reader of transport streams knows. */
const PICTURES: readonly string[] = ['h264', 'hevc'];

/** Opens a file of whatever ffmpeg can read and a transport stream can carry. */
export async function openWithFfmpeg(bytes: FileBytes, options: FfmpegOptions): Promise<Item> {
  await requireFfmpeg();
  const { path, startMs, signal, tracks = {} } = options;
  const input: FfmpegInput = path === undefined ? { from: 'stdin' } : { from: 'file', path, startMs };
  const child = new FfmpegChild(input, tracks);
  const feed = new FfmpegFeed(child, { bytes: path === undefined ? bytes : undefined, tracks });
  // A child that starts in the middle keeps the file's times.
  const lookahead = new Lookahead(path !== undefined && startMs > 0 ? { shiftMs: 0 } : { firstMs: 0 });
  try {
    await primeOrSay(child, prime({ feed, lookahead }, startMs, signal), { tracks, signal });
    if (path !== undefined) bytes.close();
    return StreamedItem.begin({ feed, lookahead, durationMs: undefined });
  } catch (error) {
    feed.close();
    throw error;
  }
}

/** What the file's list of tracks says is told before what follows from it. */
async function primeOrSay(
  child: FfmpegChild,
  priming: Promise<void>,
  { tracks, signal }: { readonly tracks: TrackChoice; readonly signal: AbortSignal },
): Promise<void> {
  const failure = await priming.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (!signal.aborted) {
    await child.described;
    checkTracks(child, tracks);
  }
  if (failure !== undefined) throw failure.error;
}

function checkTracks({ tracks }: FfmpegChild, wanted: TrackChoice): void {
  if (tracks.length === 0) return;
  const [videos, audios] = [
    tracks.filter(({ kind }) => kind === 'video'),
    tracks.filter(({ kind }) => kind === 'audio'),
  ];
  requireTrack('video', wanted.video, videos.length);
  requireTrack('audio', wanted.audio, audios.length);
  const picture = videos[wanted.video ?? 0];
  if (picture === undefined || PICTURES.includes(picture.codec)) return;
  throw new Fault('pull', 'unsupported', `the codec "${picture.codec}" cannot be relayed`);
}
