/** A list of files, played as one: which, from where, how often, and what an edit does to the file on air. */
export interface Playlist {
  readonly urls: readonly string[];
  /** Times the whole list is played; `endless` until the task's end. */
  readonly rounds: number | 'endless';
  /** First pass only: where to begin. */
  readonly startIndex: number;
  readonly startSeconds: number;
  /** Where to go on after an edit of the list, or when the task is enabled again. */
  readonly refresh: 'newSource' | 'fileStart' | 'breakpoint';
  /** What becomes of a file whose codec differs from the one before: `inline` where absent. */
  readonly boundary?: 'inline' | 'republish' | 'reject';
  /** Files without sound are given silence. */
  readonly silence?: boolean;
}

/** A place in a list: which pass (from 0), which file, and how far into it. */
export interface Cursor {
  readonly round: number;
  readonly index: number;
  readonly offsetMs: number;
}

/** Where the last frame that the destination accepted stands. */
export interface Breakpoint extends Cursor {
  /** Which version of the list the place is in: `task.listVersion` at that time. */
  readonly version: number;
  readonly url: string;
}

/** The head of the list, or where its owner wants the first pass to begin. */
export function firstCursor({ urls, startIndex, startSeconds }: Playlist): Cursor {
  return { round: 0, index: Math.min(startIndex, urls.length - 1), offsetMs: startSeconds * 1000 };
}

/** The file behind this one, from its start; undefined once all rounds are played. */
export function nextCursor({ urls, rounds }: Playlist, { round, index }: Cursor): Cursor | undefined {
  if (index + 1 < urls.length) return { round, index: index + 1, offsetMs: 0 };
  if (rounds !== 'endless' && round + 1 >= rounds) return undefined;
  return { round: round + 1, index: 0, offsetMs: 0 };
}

/** The same list after an interruption that nobody asked for: exactly there. */
export const resumeCursor = ({ round, index, offsetMs }: Breakpoint): Cursor => ({ round, index, offsetMs });

/**
 * Where another list, or the same one enabled again, goes on. `newSource` begins it like a fresh one. The others stay
 * with the file that was on air: the same address at the old index, or the nearest behind it, or the nearest in front;
 * then the same address but for its query, for signed addresses are renewed there. A file that has left the list is
 * followed by the one that has its index now, from the start, and the list's head where there is none.
 */
export function editCursor(list: Playlist, at: Breakpoint | undefined): Cursor {
  if (at === undefined || list.refresh === 'newSource') return firstCursor(list);
  const round = list.rounds === 'endless' ? at.round : Math.min(at.round, list.rounds - 1);
  const index = findFile(list.urls, at);
  if (index === undefined) return { round, index: at.index < list.urls.length ? at.index : 0, offsetMs: 0 };
  return { round, index, offsetMs: list.refresh === 'breakpoint' ? at.offsetMs : 0 };
}

/** Where a run of the list begins: the one rule behind a first start, a crash, an edit and a pause. */
export const startCursor = (list: Playlist, version: number, at: Breakpoint | undefined): Cursor =>
  at?.version === version ? resumeCursor(at) : editCursor(list, at);

const findFile = (urls: readonly string[], at: Breakpoint): number | undefined =>
  nearest(urls, at.index, url => url === at.url) ??
  nearest(urls, at.index, url => withoutQuery(url) === withoutQuery(at.url));

/** From the index on first, then backwards in front of it. */
function nearest(urls: readonly string[], index: number, isWanted: (url: string) => boolean): number | undefined {
  const behind = urls.findIndex((url, i) => i >= index && isWanted(url));
  if (behind >= 0) return behind;
  const before = urls.slice(0, index).findLastIndex(isWanted);
  return before >= 0 ? before : undefined;
}

const withoutQuery = (url: string): string => url.replace(/\?.*$/s, '');
