import type { Edit } from './edits.ts';
import type { Marks } from './marks.ts';
import type { TableSamples } from './samples.ts';
import type { Track } from './track.ts';

/** Times in the media may be rounded to milliseconds. */
export const EDGE_MS = 1;
/** Sound in front of the first edit is what its decoder needs to warm up: nobody cuts so little. */
export const PRIMING_MS = 150;
/** Frames behind an edit's last one in decode order that are shown before it. */
export const MOST_REORDERED = 32;
/** Frames in front of a cut: a group of pictures of ten seconds. */
const MOST_LEAD_IN = 300;

/** The samples that an edit needs. */
export interface FoundEdit {
  /** Stands at the first one, a key frame; only copies of it go on. */
  readonly first: TableSamples;
  readonly lastIndex: number;
  /** From the media's clock to the presentation's. */
  readonly shiftMs: number;
  readonly leadIn: LeadIn;
}

/** What is played before an edit. */
export interface Former {
  readonly lastIndex: number;
  readonly lastDtsMs: number;
  readonly untilMs: number;
}

/** What is decoded in front of an edit's first picture. */
export interface LeadIn {
  /** Of each sample from the first on: how many milliseconds in front of the cut it is shown; 0 for what lies behind it. */
  readonly frontMs: Uint16Array;
  /** How many pictures are shown in front of the cut. */
  readonly pictures: number;
  /** How long before the cut decoding begins at the latest, and how long it usually would. */
  readonly leastMs: number;
  readonly usualMs: number;
}

const NO_LEAD_IN: LeadIn = { frontMs: new Uint16Array(0), pictures: 0, leastMs: 0, usualMs: 0 };

interface Around {
  readonly marks: Marks;
  readonly former: Former | undefined;
}

/** Undefined where the track has nothing to play in the edit. */
export function findEdit(track: Track, edit: Edit, around: Around): FoundEdit | undefined {
  if (edit.mediaMs > around.marks.lastMs) return undefined;
  const found = track.kind === 'audio' ? findSound(edit, around) : findPictures(edit, around.marks);
  return found !== undefined && found.lastIndex >= found.first.index ? found : undefined;
}

/**
 * Sound goes on without a gap over a cut: with the frame that is closest to where it should, which is half a frame off
 * at the most. As each cut is measured by the presentation's own time, nothing adds up.
 */
function findSound(edit: Edit, { marks, former }: Around): FoundEdit | undefined {
  const { fromMs, untilMs, mediaMs, still } = edit;
  if (still) return undefined;
  const joined = former?.untilMs === fromMs;
  const beginMs = joined ? soundEnd(former, marks) : fromMs;
  const primed = former === undefined && mediaMs <= PRIMING_MS;
  const first = primed ? marks.at(0) : heardFrom(marks, mediaMs + beginMs - fromMs);
  if (first === undefined) return undefined;
  const shiftMs = joined ? beginMs - first.dtsMs : fromMs - mediaMs;
  const lastIndex = lastHeardBefore(marks, untilMs - shiftMs);
  return { first, lastIndex, shiftMs, leadIn: { ...NO_LEAD_IN, usualMs: fromMs - first.dtsMs - shiftMs } };
}

function soundEnd({ lastIndex, lastDtsMs }: Former, marks: Marks): number {
  const last = marks.at(lastIndex);
  const before = marks.at(lastIndex - 1);
  return lastDtsMs + (last === undefined || before === undefined ? 0 : last.dtsMs - before.dtsMs);
}

/** The last frame of which more than half lies before the time. */
function lastHeardBefore(marks: Marks, timeMs: number): number {
  const behind = heardFrom(marks, timeMs)?.index ?? 0;
  return timeMs > marks.lastMs + EDGE_MS ? behind : behind - 1;
}

/** The first frame of which more than half lies behind the time, or the last one. */
function heardFrom(marks: Marks, timeMs: number): TableSamples | undefined {
  const frame = marks.decodedBy(timeMs);
  const next = frame && marks.at(frame.index + 1);
  if (frame === undefined || next === undefined) return undefined;
  return timeMs - frame.dtsMs > (next.dtsMs - frame.dtsMs) / 2 ? next : frame;
}

function findPictures(edit: Edit, marks: Marks): FoundEdit | undefined {
  const key = marks.keyShownBy(edit.mediaMs + EDGE_MS);
  if (key === undefined) return undefined;
  const shiftMs = edit.fromMs - edit.mediaMs;
  const lastIndex = lastShownBefore(edit.mediaEndMs - EDGE_MS, marks);
  const leadIn = leadInOf(key, edit.mediaMs - EDGE_MS);
  const fits = leadIn !== undefined && leadIn.leastMs <= Math.max(edit.untilMs - edit.fromMs, MOST_REORDERED);
  if (fits) return { first: key, lastIndex, shiftMs, leadIn };
  // So much would have to be sent in a moment that what is cut begins later instead.
  for (const next = key.copy(); next.state === 'sample' && next.index <= lastIndex; next.next()) {
    if (!next.key || next.ptsMs < edit.mediaMs) continue;
    return { first: next, lastIndex, shiftMs, leadIn: { ...NO_LEAD_IN, usualMs: edit.mediaMs - next.dtsMs } };
  }
  return undefined;
}

/** The last sample in decode order that is shown before the end. */
function lastShownBefore(endMs: number, marks: Marks): number {
  const end = marks.decodedBy(endMs)?.index ?? -1;
  let last = -1;
  for (const at = marks.at(end - MOST_REORDERED); at?.state === 'sample' && at.index <= end; at.next()) {
    if (at.ptsMs < endMs) last = at.index;
  }
  return last;
}

/** Undefined where more is to be decoded than can be sent in a moment. */
function leadInOf(key: TableSamples, cutMs: number): LeadIn | undefined {
  const times: number[] = [];
  const naturalMs = cutMs - (key.ptsMs - key.dtsMs);
  let early = 0;
  for (const at = key.copy(); at.state === 'sample' && at.dtsMs < cutMs; at.next()) {
    if (times.length > MOST_LEAD_IN + MOST_REORDERED) return undefined;
    times.push(at.ptsMs);
    if (at.dtsMs < naturalMs) early++;
  }
  const order = times.map((ms, index) => ({ ms, index })).filter(({ ms }) => ms < cutMs);
  order.sort((a, b) => b.ms - a.ms);
  if (order.length > MOST_LEAD_IN) return undefined;
  const frontMs = new Uint16Array(times.length);
  for (const [rank, { index }] of order.entries()) frontMs[index] = rank + 1;
  // A sample is shown no earlier than it is decoded, a millisecond behind the one before.
  const leastMs = frontMs.reduce((most, front, index) => Math.max(most, index + front), 0);
  const usualMs = Math.max(leastMs, early + key.ptsMs - key.dtsMs);
  return { frontMs, pictures: order.length, leastMs, usualMs };
}
