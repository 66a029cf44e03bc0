import { redactUrl } from './address.ts';
import { excerptOf, type Points, startWithin } from './excerpt.ts';
import { asFault, Fault } from './fault.ts';
import { openWithFfmpeg } from './ffmpeg/item.ts';
import { mediaPath } from './file/media-path.ts';
import { openFile } from './file/open-file.ts';
import { openFlv } from './flv/item.ts';
import { openHls } from './hls/item.ts';
import type { FileBytes, Item } from './item.ts';
import { openMp4 } from './mp4/item.ts';
import type { Dialler } from './net.ts';
import type { TrackChoice } from './tracks.ts';
import { openTs } from './ts/item.ts';
import { SYNC_BYTE } from './ts/packets.ts';

export interface ItemOptions {
  readonly dialler: Dialler;
  /** Where `media://` files lie. */
  readonly mediaDir?: string | undefined;
  /** Where in the file to start: at the last key frame before. */
  readonly startMs: number;
  /** What of the file is to be played; all of it where absent. `startMs` is not in front of its in point. */
  readonly points?: Points;
  /** Of a file that has several of a kind. */
  readonly tracks?: TrackChoice;
  /** Calls off the opening; the open item ends by `close`. */
  readonly signal: AbortSignal;
}

export type Container = 'mp4' | 'flv' | 'ts' | 'hls' | 'other';
type Opener = (bytes: FileBytes, url: string, options: ItemOptions) => Promise<Item>;

export const LOOK_BYTES = 4096;

const OPENERS: Readonly<Record<Container, Opener>> = {
  mp4: (bytes, url, { startMs, signal, tracks }) => openMp4(bytes, { url, startMs, signal, tracks }),
  flv: (bytes, _, options) => openFlv(bytes, options),
  ts: (bytes, _, options) => openTs(bytes, options),
  hls: openPlaylist,
  other: openOther,
};

/**
 * Opens a file to be played, by what it is and not by its name. Its first frames are at hand then. Everything that fails
 * is a Fault of side `pull`.
 */
export async function openItem(url: string, options: ItemOptions): Promise<Item> {
  let bytes: FileBytes | undefined;
  try {
    bytes = await openFile(url, options);
    const head = await bytes.read(0, LOOK_BYTES, options.signal);
    if (head.length === 0) throw new Fault('pull', 'garbage', `${redactUrl(url)} is empty`);
    const { startMs, points = {} } = options;
    const item = await OPENERS[containerOf(head)](bytes, url, { ...options, startMs: startWithin(startMs, points) });
    return excerptOf(item, points);
  } catch (error) {
    bytes?.close();
    if (options.signal.aborted) throw new Fault('pull', 'closed', 'the attempt was given up', { cause: error });
    throw asFault('pull', error);
  }
}

function openPlaylist(
  bytes: FileBytes,
  url: string,
  { startMs, signal, tracks, ...where }: ItemOptions,
): Promise<Item> {
  const open = (at: string, own: AbortSignal): Promise<FileBytes> => openFile(at, { ...where, signal: own });
  return openHls(bytes, { url, startMs, signal, tracks, openFile: open });
}

/** A file of our own machine may be sought in; any other goes through our hands, and our address policy. */
async function openOther(bytes: FileBytes, url: string, { mediaDir, ...options }: ItemOptions): Promise<Item> {
  const path = url.startsWith('media://') ? await mediaPath(url, mediaDir) : undefined;
  return openWithFfmpeg(bytes, { path, ...options });
}

const M2TS_SYNC_AT = 4;
/** The boxes that files of the MP4 family begin with. */
const FIRST_BOXES = ['ftyp', 'styp', 'moov', 'moof', 'sidx', 'mdat', 'free', 'skip', 'wide', 'pnot', 'uuid'];

export function containerOf(head: Buffer): Container {
  if (FIRST_BOXES.includes(head.toString('latin1', 4, 8))) return 'mp4';
  if (head.toString('latin1', 0, 3) === 'FLV') return 'flv';
  if (/^(\xef\xbb\xbf)?#EXTM3U/.test(head.toString('latin1', 0, 16))) return 'hls';
  return isTs(head, 0) || isTs(head, M2TS_SYNC_AT) ? 'ts' : 'other';
}

/** Three packets in a row begin as they should, in one of the three spacings there are. */
const isTs = (head: Buffer, at: number): boolean =>
  [188, 192, 204].some(stride =>
    [0, 1, 2].every(i => at + i * stride >= head.length || head[at + i * stride] === SYNC_BYTE),
  ) && head[at] === SYNC_BYTE;
