import type { FileBytes, Item } from '../item.ts';
import { Lookahead } from '../lookahead.ts';
import { prime, StreamedItem } from '../streamed-item.ts';
import { FfmpegChild, type FfmpegInput, requireFfmpeg } from './child.ts';
import { FfmpegFeed } from './feed.ts';

export interface FfmpegOptions {
  /** Where the file lies on this machine, if it does: only then a position can be reached without reading up to it. */
  readonly path: string | undefined;
  readonly startMs: number;
  readonly signal: AbortSignal;
}

/** Opens a file of whatever ffmpeg can read and a transport stream can carry. */
export async function openWithFfmpeg(bytes: FileBytes, options: FfmpegOptions): Promise<Item> {
  await requireFfmpeg();
  const { path, startMs, signal } = options;
  const input: FfmpegInput = path === undefined ? { from: 'stdin' } : { from: 'file', path, startMs };
  const feed = new FfmpegFeed(new FfmpegChild(input), path === undefined ? bytes : undefined);
  // A child that starts in the middle keeps the file's times.
  const lookahead = new Lookahead(path !== undefined && startMs > 0 ? { shiftMs: 0 } : { firstMs: 0 });
  try {
    await prime({ feed, lookahead }, startMs, signal);
    if (path !== undefined) bytes.close();
    return StreamedItem.begin({ feed, lookahead, durationMs: undefined });
  } catch (error) {
    feed.close();
    throw error;
  }
}
