import type { FileBytes } from '../item.ts';
import { type Box, boxesIn, broken, Fields } from './boxes.ts';
import { headAt } from './movie.ts';
import type { Track } from './track.ts';

/** 65,535 references take 786 kB, and a "tfra" of a day in fragments of two seconds 1 MB. */
const MOST_INDEX_BYTES = 4 * 1024 * 1024;
/** Boxes looked at behind the head for an index. */
const MOST_LOOKED_AT = 8;
const MFRO_BYTES = 16;
/** What may stand where a fragment begins. */
const BEGINNINGS = new Set(['moof', 'styp', 'sidx', 'emsg', 'prft']);

export interface Wanted {
  readonly track: Track;
  /** Composition time of the track, in ms. */
  readonly mediaMs: number;
  /** Where the fragments begin. */
  readonly from: number;
}

/**
 * Where a fragment begins that lies before the time, by the file's own index. It is a hint: undefined where there is
 * none or where it makes no sense, for the fragments themselves tell as well.
 */
export async function placeBefore(bytes: FileBytes, wanted: Wanted, signal: AbortSignal): Promise<number | undefined> {
  const place = (await bySegments(bytes, wanted, signal)) ?? (await byRandomAccess(bytes, wanted, signal));
  if (place === undefined || place < wanted.from || (bytes.size !== undefined && place >= bytes.size)) return undefined;
  const head = await headAt(bytes, place, signal).catch(() => undefined);
  signal.throwIfAborted();
  return head !== undefined && BEGINNINGS.has(head.type) ? place : undefined;
}

/** Remembers the last entry before the time, and answers the one before that: entries are rounded, and frames reordered. */
class Before {
  readonly #mediaMs: number;
  #last: number | undefined;
  #place: number | undefined;

  constructor(mediaMs: number) {
    this.#mediaMs = mediaMs;
  }

  add(timeMs: number, place: number): void {
    if (timeMs > this.#mediaMs) return;
    this.#place = this.#last ?? place;
    this.#last = place;
  }

  get place(): number | undefined {
    return this.#place;
  }
}

/** Segment indices (section 8.16.3) in front of the fragments: the track's own, or else the first. */
async function bySegments(bytes: FileBytes, wanted: Wanted, signal: AbortSignal): Promise<number | undefined> {
  let at = wanted.from;
  let found: number | undefined;
  for (let i = 0; i < MOST_LOOKED_AT; i++) {
    const head = await headAt(bytes, at, signal);
    if (head?.size === undefined || head.type === 'moof') return found;
    if (head.type === 'sidx' && head.size <= MOST_INDEX_BYTES) {
      const box = await bodyOf(
        bytes,
        { type: 'sidx', at: at + head.headBytes, size: head.size - head.headBytes },
        signal,
      );
      const own = new Fields(box).u32(4) === wanted.track.id;
      const place = placeInSegments(box, { mediaMs: wanted.mediaMs, anchor: at + head.size });
      if (own) return place;
      found ??= place;
    }
    at += head.size;
  }
  return found;
}

function placeInSegments(box: Box, { mediaMs, anchor }: { mediaMs: number; anchor: number }): number | undefined {
  const fields = new Fields(box);
  const wide = fields.version === 1;
  const timescale = fields.u32(8);
  const references = fields.u16(wide ? 30 : 22);
  // An index of the one fragment behind it tells nothing of the others.
  if (timescale === 0 || references < 2) return undefined;
  let units = wide ? fields.u64(12) : fields.u32(12);
  let place = anchor + (wide ? fields.u64(20) : fields.u32(16));
  const before = new Before(mediaMs);
  for (let row = 0, at = wide ? 32 : 24; row < references; row++, at += 12) {
    before.add((units * 1000) / timescale, place);
    place += fields.u32(at) & 0x7fff_ffff;
    units += fields.u32(at + 4);
  }
  return before.place;
}

/** The random access index (section 8.8.9 to 8.8.11), whose size stands in the last bytes of the file. */
async function byRandomAccess(
  bytes: FileBytes,
  { track, mediaMs }: Wanted,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { size, seekable } = bytes;
  if (size === undefined || !seekable || size < MFRO_BYTES) return undefined;
  const last = await bytes.read(size - MFRO_BYTES, MFRO_BYTES, signal);
  if (last.toString('latin1', 4, 8) !== 'mfro') return undefined;
  const length = last.readUInt32BE(12);
  if (length > Math.min(size, MOST_INDEX_BYTES) || length < MFRO_BYTES) return undefined;
  const head = await headAt(bytes, size - length, signal);
  if (head?.type !== 'mfra') return undefined;
  const at = size - length + head.headBytes;
  const mfra = await bodyOf(bytes, { type: 'mfra', at, size: length - head.headBytes }, signal);
  const tables = boxesIn(mfra.bytes, mfra.start, mfra.end).filter(it => it.type === 'tfra');
  const own = tables.find(it => new Fields(it).u32(4) === track.id);
  return own === undefined ? undefined : placeInTable(own, mediaMs, track.timescale);
}

function placeInTable(tfra: Box, mediaMs: number, timescale: number): number | undefined {
  const fields = new Fields(tfra);
  const wide = fields.version === 1;
  const widths = fields.u32(8);
  const numbers = ((widths >> 4) & 3) + ((widths >> 2) & 3) + (widths & 3) + 3;
  const width = (wide ? 16 : 8) + numbers;
  const count = fields.u32(12);
  if (count * width > fields.length - 16) throw broken('tfra', `claims ${count} entries and has no room for them`);
  const before = new Before(mediaMs);
  for (let row = 0, at = 16; row < count; row++, at += width) {
    const units = wide ? fields.u64(at) : fields.u32(at);
    before.add((units * 1000) / timescale, wide ? fields.u64(at + 8) : fields.u32(at + 4));
  }
  return before.place;
}

async function bodyOf(
  bytes: FileBytes,
  { type, at, size }: { type: string; at: number; size: number },
  signal: AbortSignal,
): Promise<Box> {
  const body = await bytes.read(at, size, signal);
  return { type, bytes: body, start: 0, end: body.length };
}
