import { Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import { isUnsupported, requireTrack, soundLeftOut, type TrackChoice } from '../tracks.ts';
import { type Box, boxesIn, broken, childOf, childrenOf, descend, Fields, MOST_HEAD_BYTES, readHead } from './boxes.ts';
import { kindOf, type MovieFacts, readTrack, type Track, timescaleOf } from './track.ts';

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
/** What an edit that has been looked up in the tables takes, roughly. */
const EDIT_BYTES = 2_000;
/** What is read over rather than asked for again, where a server cannot give ranges. */
const MOST_SKIPPED_BYTES = 256 * 1024;

export async function readMovie(bytes: FileBytes, signal: AbortSignal, choice: TrackChoice = {}): Promise<Movie> {
  const { moov, end } = await findMoov(bytes, signal);
  const mvhd = childOf(moov, 'mvhd');
  const movieTimescale = mvhd === undefined ? 1000 : timescaleOf(mvhd);
  const mvex = childOf(moov, 'mvex');
  const { video, audio, notes } = pickTracks(moov, choice, {
    timescale: movieTimescale,
    fragmented: mvex !== undefined,
  });
  const fragments = mvex === undefined ? undefined : { from: end, defaults: readDefaults(mvex) };
  // Where fragments follow on tables, the head may know of the tables only.
  const partial = fragments !== undefined && ((video ?? audio)?.tables.count ?? 0) > 0;
  const durationMs = editedDuration([video, audio]) ?? durationOf(moov, partial, movieTimescale);
  const edits = (video?.edits?.length ?? 0) + (audio?.edits?.length ?? 0);
  return { video, audio, durationMs, fragments, notes, bytes: moov.end - moov.start + edits * EDIT_BYTES };
}

type Tracks = Pick<Movie, 'video' | 'audio' | 'notes'>;

function pickTracks(moov: Box, choice: TrackChoice, facts: MovieFacts): Tracks {
  const tracks = childrenOf(moov).filter(it => it.type === 'trak');
  const picture = pick(tracks, { kind: 'video', wanted: choice.video, facts });
  if (picture.fault !== undefined) throw picture.fault;
  const sound = pick(tracks, { kind: 'audio', wanted: choice.audio, facts });
  // Sound that cannot be relayed leaves the picture; a picture that cannot be relayed is a reason to say so.
  if (sound.fault !== undefined && picture.track === undefined) throw sound.fault;
  const [video, audio] = [picture.track, sound.track];
  if (video === undefined && audio === undefined) throw broken('moov', 'has no track that can be played');
  const leftOut = sound.fault === undefined ? [] : [soundLeftOut(sound.fault.message)];
  return { video, audio, notes: [...new Set([...(video?.notes ?? []), ...(audio?.notes ?? []), ...leftOut])] };
}

interface TrackWish {
  readonly kind: 'video' | 'audio';
  readonly wanted: number | undefined;
  readonly facts: MovieFacts;
}

/** The chosen track of its kind, or the first that can be relayed; where there are only others, what is wrong with it. */
function pick(
  traks: readonly Box[],
  { kind, wanted, facts }: TrackWish,
): { readonly track?: Track | undefined; readonly fault?: Fault | undefined } {
  const all = traks.filter(it => kindOf(it) === kind);
  requireTrack(kind, wanted, all.length);
  let fault: Fault | undefined;
  for (const trak of wanted === undefined ? all : all.slice(wanted, wanted + 1)) {
    try {
      return { track: readTrack(trak, facts) };
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      fault ??= error;
    }
  }
  return { fault };
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

/** Whether media lies in front of the index: it is opened later then, and never without ranges. */
export async function isIndexLast(bytes: FileBytes, signal: AbortSignal): Promise<boolean> {
  for (let at = 0, i = 0; i < MOST_TOP_BOXES; i++) {
    const head = await headAt(bytes, at, signal);
    if (head === undefined || head.type === 'moov') return false;
    if (head.type === 'mdat') return true;
    if (head.size === undefined) return false;
    at += head.size;
  }
  return false;
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

/** A list that cuts knows better than a head that was left as it was. */
function editedDuration(tracks: readonly (Track | undefined)[]): number | undefined {
  const known = tracks.filter(track => track !== undefined);
  const endMs = Math.max(...known.map(track => track.endMs));
  return known.some(track => track.edits !== undefined) && Number.isFinite(endMs) ? endMs : undefined;
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
