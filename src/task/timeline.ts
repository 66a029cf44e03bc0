import { type Cursor, cursorBehind, firstCursor, type ListItem, nextCursor, type Playlist } from './playlist.ts';

/** What is known of a file of a list, before it is on air. */
export interface FileLength {
  /** Its whole length; undefined where nobody knows, 0 where it cannot be played. */
  readonly durationMs: number | undefined;
  /** Where it begins when it is entered there: the key frame at that place, or in front of it. */
  readonly startAt: (offsetMs: number) => number;
}

/** One file, once on air. `inMs` and `outMs` are its own time; the moments are those of the wall. */
export interface Airing {
  readonly round: number;
  readonly index: number;
  readonly repeat: number;
  readonly inMs: number;
  readonly outMs: number;
  readonly startsAt: number;
  readonly endsAt: number;
}

export interface Timeline {
  /** The first of them, as many as were asked for. */
  readonly airings: readonly Airing[];
  /** Whether there are no others behind them. */
  readonly isWhole: boolean;
  /** When the last one ends; null where that is not known, or there is no end. */
  readonly endsAt: number | null;
  /** Whether the end of the task cuts the list. */
  readonly isCut: boolean;
}

export interface Span {
  readonly startAt: number;
  /** Infinity where there is none. */
  readonly endAt: number;
  /** How many airings are wanted at the most. */
  readonly most: number;
}

/** What is on air when, if nothing goes wrong. Files that cannot be played are passed over, as a run does. */
export function timelineOf(list: Playlist, files: readonly FileLength[], { startAt, endAt, most }: Span): Timeline {
  const airings: Airing[] = [];
  let at = startAt;
  let cursor: Cursor | undefined = plays(list, files) ? firstCursor(list) : undefined;
  for (; cursor !== undefined && at < endAt && airings.length < most; cursor = next(list, files, cursor)) {
    const airing = airingOf(list, files, cursor, at);
    if (airing === undefined) return { airings, isWhole: false, endsAt: null, isCut: false };
    if (airing.endsAt === at) continue;
    airings.push(airing.endsAt > endAt ? cutAt(airing, endAt) : airing);
    at = airing.endsAt;
  }
  const restMs = cursor === undefined ? 0 : restOf(list, files, cursor);
  const lastAt = restMs === undefined ? null : at + restMs;
  const isCut = (lastAt ?? 0) > endAt;
  return {
    airings,
    isWhole: cursor === undefined || at >= endAt,
    endsAt: isCut ? endAt : finite(lastAt),
    isCut,
  };
}

/** A file without a length is not gone through as often as it is to be repeated, which may be two thousand million times. */
function next(list: Playlist, files: readonly FileLength[], cursor: Cursor): Cursor | undefined {
  const { index } = cursor;
  return lengthOf(list.items[index], files[index]) === 0 ? cursorBehind(list, cursor) : nextCursor(list, cursor);
}

const finite = (at: number | null): number | null => (at === Number.POSITIVE_INFINITY ? null : at);

/** A list of which nothing can be played would be gone through without an end. */
const plays = ({ items }: Playlist, files: readonly FileLength[]): boolean =>
  items.some((item, index) => lengthOf(item, files[index]) !== 0);

function airingOf(
  { items }: Playlist,
  files: readonly FileLength[],
  { round, index, offsetMs, repeat = 0 }: Cursor,
  startsAt: number,
): Airing | undefined {
  const file = files[index];
  const outMs = outOf(items[index], file);
  if (outMs === undefined) return undefined;
  const inMs = outMs === 0 ? 0 : startIn(file, Math.min(offsetMs, outMs));
  return { round, index, repeat, inMs, outMs, startsAt, endsAt: startsAt + Math.max(0, outMs - inMs) };
}

const cutAt = (airing: Airing, endAt: number): Airing => ({
  ...airing,
  outMs: airing.inMs + endAt - airing.startsAt,
  endsAt: endAt,
});

const startIn = (file: FileLength | undefined, offsetMs: number): number =>
  offsetMs === 0 ? 0 : (file?.startAt(offsetMs) ?? offsetMs);

/** Where what is played of a file ends; undefined where nobody knows. */
function outOf(item: ListItem | undefined, file: FileLength | undefined): number | undefined {
  const durationMs = file?.durationMs;
  if (durationMs === 0 || item?.outMs === undefined) return durationMs;
  return Math.min(item.outMs, durationMs ?? item.outMs);
}

/** How long one airing of a file is, entered at its in point; undefined where nobody knows. */
function lengthOf(item: ListItem | undefined, file: FileLength | undefined): number | undefined {
  const outMs = outOf(item, file);
  return outMs === undefined || outMs === 0
    ? outMs
    : Math.max(0, outMs - startIn(file, Math.min(item?.inMs ?? 0, outMs)));
}

/** From the cursor on, all rounds; undefined where nobody knows, and without an end in an endless list. */
function restOf(list: Playlist, files: readonly FileLength[], cursor: Cursor): number | undefined {
  const shares = list.items.map((item, index) => ({ item, ms: lengthOf(item, files[index]) }));
  if (!shares.every(isKnown)) return undefined;
  if (list.rounds === 'endless') return Number.POSITIVE_INFINITY;
  const roundMs = sum(shares.map(timesMs));
  const ahead = shares.slice(cursor.index);
  const playedMs = (cursor.repeat ?? 0) * sum(ahead.slice(0, 1).map(({ ms }) => ms));
  return sum(ahead.map(timesMs)) - playedMs + roundMs * (list.rounds - 1 - cursor.round);
}

interface Share {
  readonly item: ListItem;
  readonly ms: number;
}

const isKnown = (share: { readonly item: ListItem; readonly ms: number | undefined }): share is Share =>
  share.ms !== undefined;
const timesMs = ({ item: { repeats = 1 }, ms }: Share): number => ms * repeats;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
