import type { Problem } from './error.ts';

/** One file of a list, and what of it is played. Times are the file's own, 0 at its first frame. */
export interface ListItem {
  readonly url: string;
  /** Played from here, or the last key frame in front of it. */
  readonly inMs?: number;
  /** Up to here; to its end where absent. */
  readonly outMs?: number;
  /** Times it is played in a row; once where absent. */
  readonly repeats?: number;
  /** Which of its tracks of that kind, from 0; the first where absent. */
  readonly videoTrack?: number;
  readonly audioTrack?: number;
}

/** A list of files, played as one: which, from where, how often, and what an edit does to the file on air. */
export interface Playlist {
  readonly items: readonly ListItem[];
  /** Times the whole list is played; `endless` until the task's end. */
  readonly rounds: number | 'endless';
  /**
   * First pass only: where to begin. The second counts in the file's own time: one in front of its in point says nothing,
   * and one behind its out point begins what is played of it last.
   */
  readonly startIndex: number;
  readonly startSeconds: number;
  /** Where to go on after an edit of the list, or when the task is enabled again. */
  readonly refresh: 'newSource' | 'fileStart' | 'breakpoint';
  /** What becomes of a file whose codec differs from the one before: `inline` where absent. */
  readonly boundary?: 'inline' | 'republish' | 'reject';
  /** Files without sound are given silence. */
  readonly silence?: boolean;
}

/** A place in a list: which pass (from 0), which file, and where in the file's own time. */
export interface Cursor {
  readonly round: number;
  readonly index: number;
  readonly offsetMs: number;
  /** Which time in a row the file is played, from 0; absent for the first. */
  readonly repeat?: number;
}

/** Where the last frame that the destination accepted stands. */
export interface Breakpoint extends Cursor {
  /** Which version of the list the place is in: `task.listVersion` at that time. */
  readonly version: number;
  readonly url: string;
}

/** The head of the list, or where its owner wants the first pass to begin. */
export function firstCursor({ items, startIndex, startSeconds }: Playlist): Cursor {
  const index = Math.min(startIndex, items.length - 1);
  return { round: 0, index, offsetMs: Math.max(startSeconds * 1000, inPoint(items[index])) };
}

/** The same file once more, or the one behind it, from its in point; undefined once all rounds are played. */
export function nextCursor(list: Playlist, { round, index, repeat = 0 }: Cursor): Cursor | undefined {
  const item = list.items[index];
  if (repeat + 1 < timesOf(item)) return { round, index, offsetMs: inPoint(item), repeat: repeat + 1 };
  return cursorBehind(list, { round, index });
}

/** The file behind this one, however often this one would be played. */
export function cursorBehind(list: Playlist, { round, index }: Pick<Cursor, 'round' | 'index'>): Cursor | undefined {
  const { items, rounds } = list;
  if (index + 1 < items.length) return startOf(list, { round, index: index + 1 });
  if (rounds !== 'endless' && round + 1 >= rounds) return undefined;
  return startOf(list, { round: round + 1, index: 0 });
}

/** Whether an item begins here, where its owner wants it to: nothing of it has been played. */
export const isStart = (list: Playlist, cursor: Cursor): boolean =>
  cursor.offsetMs === inPoint(list.items[cursor.index]) || isFirst(list, cursor);

function isFirst(list: Playlist, { round, index, offsetMs, repeat }: Cursor): boolean {
  const first = firstCursor(list);
  return round === 0 && index === first.index && offsetMs === first.offsetMs && repeat === undefined;
}

/** Whether both play the same of the same file. */
export const isSameExcerpt = (one: ListItem | undefined, other: ListItem | undefined): boolean =>
  one?.url === other?.url &&
  inPoint(one) === inPoint(other) &&
  outPoint(one) === outPoint(other) &&
  (one?.videoTrack ?? 0) === (other?.videoTrack ?? 0) &&
  (one?.audioTrack ?? 0) === (other?.audioTrack ?? 0);

/** The same list after an interruption that nobody asked for: exactly there. */
export const resumeCursor = ({ round, index, offsetMs, repeat }: Breakpoint): Cursor => ({
  round,
  index,
  offsetMs,
  ...(repeat === undefined ? {} : { repeat }),
});

/**
 * Where another list, or the same one enabled again, goes on. `newSource` begins it like a fresh one. The others stay
 * with the file that was on air: the same address at the old index, or the nearest behind it, or the nearest in front;
 * then the same address but for its query, for signed addresses are renewed there. A file that has left the list is
 * followed by the one that has its index now, from the start, and the list's head where there is none.
 */
export function editCursor(list: Playlist, at: Breakpoint | undefined): Cursor {
  if (at === undefined || list.refresh === 'newSource') return firstCursor(list);
  const round = list.rounds === 'endless' ? at.round : Math.min(at.round, list.rounds - 1);
  const index = findFile(list.items, at);
  if (index === undefined) return startOf(list, { round, index: at.index < list.items.length ? at.index : 0 });
  const repeat = Math.min(at.repeat ?? 0, timesOf(list.items[index]) - 1);
  const start = { ...startOf(list, { round, index }), ...(repeat > 0 ? { repeat } : {}) };
  return list.refresh === 'breakpoint' ? withinPoints(list, start, at.offsetMs) : start;
}

/** So far into the file as its points allow: what lies behind its out point has been played. */
function withinPoints(list: Playlist, start: Cursor, offsetMs: number): Cursor {
  if (offsetMs >= outPoint(list.items[start.index])) return nextCursor(list, start) ?? start;
  return { ...start, offsetMs: Math.max(offsetMs, start.offsetMs) };
}

const startOf = ({ items }: Playlist, { round, index }: Pick<Cursor, 'round' | 'index'>): Cursor => ({
  round,
  index,
  offsetMs: inPoint(items[index]),
});

const inPoint = (item: ListItem | undefined): number => item?.inMs ?? 0;
const outPoint = (item: ListItem | undefined): number => item?.outMs ?? Number.POSITIVE_INFINITY;
const timesOf = (item: ListItem | undefined): number => item?.repeats ?? 1;

/**
 * Where a run of the list begins: the one rule behind a first start, a crash, an edit and a pause. `jump`: where its owner
 * has moved this version of it.
 */
export function startCursor(list: Playlist, version: number, at: Breakpoint | undefined, jump?: Cursor | null): Cursor {
  if (at?.version === version) return resumeCursor(at);
  return jump ?? editCursor(list, at);
}

/** A place that somebody wants to go on at; `offsetMs` is the in point where it is left out. */
export type WantedPlace = Pick<Cursor, 'round' | 'index'> & { readonly offsetMs?: number | undefined };

/** Where that is, or what is wrong with it. */
export function jumpCursor(list: Playlist, { round, index, offsetMs }: WantedPlace): Cursor | readonly Problem[] {
  const item = list.items[index];
  const start = startOf(list, { round, index });
  const wanted = { ...start, offsetMs: offsetMs ?? start.offsetMs };
  const problems = [
    ...(item === undefined ? [{ field: 'index', rule: 'must be less than the number of addresses' }] : []),
    ...(list.rounds !== 'endless' && round >= list.rounds
      ? [{ field: 'round', rule: 'must be less than the number of rounds' }]
      : []),
    ...(wanted.offsetMs < start.offsetMs || wanted.offsetMs >= outPoint(item)
      ? [{ field: 'offsetMs', rule: 'must lie within what is played of the file' }]
      : []),
  ];
  return problems.length > 0 ? problems : wanted;
}

const findFile = (items: readonly ListItem[], at: Breakpoint): number | undefined =>
  nearest(items, at.index, ({ url }) => url === at.url) ??
  nearest(items, at.index, ({ url }) => withoutQuery(url) === withoutQuery(at.url));

/** From the index on first, then backwards in front of it. */
function nearest(items: readonly ListItem[], index: number, isWanted: (item: ListItem) => boolean): number | undefined {
  const behind = items.findIndex((item, i) => i >= index && isWanted(item));
  if (behind >= 0) return behind;
  const before = items.slice(0, index).findLastIndex(isWanted);
  return before >= 0 ? before : undefined;
}

const withoutQuery = (url: string): string => url.replace(/\?.*$/s, '');
