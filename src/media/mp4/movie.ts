import { Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import { type Box, boxesIn, broken, childOf, childrenOf, descend, Fields, MOST_HEAD_BYTES, readHead } from './boxes.ts';
import { kindOf, readTrack, type Track, timescaleOf } from './track.ts';

/** What a fragment takes from "trex" where it says nothing itself (section 8.8.3). */
export interface FragmentDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** What is known of a file before its first sample is read; shared by all who play it. */
export interface Movie {
  readonly video: Track | undefined;
  readonly audio: Track | undefined;
  readonly durationMs: number | undefined;
  /** Where the first fragment may begin, and what fragments take from the head; undefined for a file without any. */
  readonly fragments: { readonly from: number; readonly defaults: ReadonlyMap<number, FragmentDefaults> } | undefined;
  /** What of the file is not played, and why; sentences for an operator. */
  readonly notes: readonly string[];
  /** What keeping this costs. */
  readonly bytes: number;
}

/** A film of a whole day has about 50 MB of tables. */
const MOST_MOOV_BYTES = 64 * 1024 * 1024;
const MOST_TOP_BOXES = 10_000;
/** What is read over rather than asked for again, where a server cannot give ranges. */
const MOST_SKIPPED_BYTES = 256 * 1024;

export async function readMovie(bytes: FileBytes, signal: AbortSignal): Promise<Movie> {
  const { moov, end } = await findMoov(bytes, signal);
  const mvhd = childOf(moov, 'mvhd');
  const movieTimescale = mvhd === undefined ? 1000 : timescaleOf(mvhd);
  const tracks = childrenOf(moov).filter(it => it.type === 'trak');
  const video = firstTrack(tracks, 'video', movieTimescale, []);
  const notes: string[] = [];
  const audio = firstTrack(tracks, 'audio', movieTimescale, notes);
  if (video === undefined && audio === undefined) throw broken('moov', 'has no track that can be played');
  const mvex = childOf(moov, 'mvex');
  const fragments = mvex === undefined ? undefined : { from: end, defaults: readDefaults(mvex) };
  // Where fragments follow on tables, the head may know of the tables only.
  const partial = fragments !== undefined && ((video ?? audio)?.tables.count ?? 0) > 0;
  const durationMs = durationOf(moov, partial, movieTimescale);
  return { video, audio, durationMs, fragments, notes, bytes: moov.end - moov.start };
}

/** Sound that cannot be relayed leaves the picture; a picture that cannot be relayed is a reason to say so. */
function firstTrack(
  traks: readonly Box[],
  kind: 'video' | 'audio',
  movieTimescale: number,
  notes: string[],
): Track | undefined {
  const trak = traks.find(it => kindOf(it) === kind);
  if (trak === undefined) return undefined;
  try {
    return readTrack(trak, movieTimescale);
  } catch (error) {
    const hasPicture = kind === 'audio' && traks.some(it => kindOf(it) === 'video');
    if (!hasPicture || !(error instanceof Fault) || error.kind !== 'unsupported') throw error;
    notes.push(`The sound is left out: ${error.message}.`);
    return undefined;
  }
}

/** Walks the top-level boxes by their heads; a moov behind the media costs one small read a box. */
async function findMoov(bytes: FileBytes, signal: AbortSignal): Promise<{ moov: Box; end: number }> {
  let at = 0;
  for (let i = 0; i < MOST_TOP_BOXES; i++) {
    const head = await headAt(bytes, at, signal);
    if (head === undefined) throw new Fault('pull', 'garbage', 'the MP4 file has no box "moov"');
    const size = head.size ?? (bytes.size ?? Number.POSITIVE_INFINITY) - at;
    if (head.type === 'moov') {
      const { headBytes } = head;
      return { moov: await readMoov(bytes, { at, size, headBytes }, signal), end: at + size };
    }
    if (!bytes.seekable && size > MOST_SKIPPED_BYTES) {
      throw new Fault('pull', 'unsupported', 'the box "moov" is behind the media, and the server gives no ranges');
    }
    if (!Number.isFinite(size)) throw new Fault('pull', 'garbage', 'the MP4 file has no box "moov"');
    at += size;
  }
  throw broken('moov', 'is not among the first 10,000 boxes');
}

export async function headAt(bytes: FileBytes, at: number, signal: AbortSignal): Promise<ReturnType<typeof readHead>> {
  if (bytes.size !== undefined && at >= bytes.size) return undefined;
  const head = await bytes.read(at, MOST_HEAD_BYTES, signal);
  return readHead(head, 0, head.length);
}

async function readMoov(
  bytes: FileBytes,
  box: { at: number; headBytes: number; size: number },
  signal: AbortSignal,
): Promise<Box> {
  const length = Math.min(box.size, (bytes.size ?? box.at + box.size) - box.at) - box.headBytes;
  if (length > MOST_MOOV_BYTES) throw broken('moov', `has ${length} bytes, more than ${MOST_MOOV_BYTES}`);
  if (Number.isFinite(box.size) && length < box.size - box.headBytes) throw broken('moov', 'ends behind the file');
  const came = await bytes.read(box.at + box.headBytes, length, signal);
  // Part of something larger would keep that in memory.
  const body = came.length === came.buffer.byteLength ? came : Buffer.from(came);
  if (body.length < length) throw broken('moov', 'ends behind the file');
  return { type: 'moov', bytes: body, start: 0, end: body.length };
}

function readDefaults(mvex: Box): Map<number, FragmentDefaults> {
  const defaults = new Map<number, FragmentDefaults>();
  for (const box of boxesIn(mvex.bytes, mvex.start, mvex.end)) {
    if (box.type !== 'trex') continue;
    const fields = new Fields(box);
    defaults.set(fields.u32(4), { duration: fields.u32(12), size: fields.u32(16), flags: fields.u32(20) });
  }
  return defaults;
}

function durationOf(moov: Box, partial: boolean, movieTimescale: number): number | undefined {
  const mehd = descend(moov, 'mvex', 'mehd');
  const mvhd = partial ? undefined : childOf(moov, 'mvhd');
  const units =
    mehd === undefined ? longFieldOf(mvhd, { narrow: 16, wide: 24 }) : longFieldOf(mehd, { narrow: 4, wide: 4 });
  return units === undefined || units === 0 ? undefined : (units * 1000) / movieTimescale;
}

/** A number of 32 bits in version 0 of the box and of 64 in version 1; all bits set is "not known". */
function longFieldOf(box: Box | undefined, { narrow, wide }: { narrow: number; wide: number }): number | undefined {
  if (box === undefined) return undefined;
  const fields = new Fields(box);
  if (fields.version === 1) return Number.isSafeInteger(fields.u64(wide)) ? fields.u64(wide) : undefined;
  return fields.u32(narrow) === 0xffffffff ? undefined : fields.u32(narrow);
}
