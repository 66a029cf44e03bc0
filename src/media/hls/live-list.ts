import type { MediaPlaylist, Segment } from './playlist.ts';

/** How far from its end a live list is begun to be played, in target durations: RFC 8216, section 6.3.3. */
const EDGE_TARGETS = 3;
/** Unchanged for so many target durations, a list is not written any more. */
const STALE_TARGETS = 2.5;
const SHORTEST_TARGET_MS = 1_000;
const LONGEST_TARGET_MS = 60_000;
/** Segments that are known to have been listed or played. */
const MOST_KNOWN = 1_024;

/** A segment that is due, and whether its times follow on those of the one before. */
export interface DueSegment {
  readonly segment: Segment;
  readonly joint: boolean;
}

/**
 * Which segment of a live list is next, over all the versions of the list that are read. No segment is named twice, and
 * a version that is older than one seen before, as caches hand them out, changes nothing.
 */
export class LiveList {
  readonly targetMs: number;
  #complete: boolean;
  #nextSequence: number;
  /** The segments of the newest version by their numbers. */
  #numbers: ReadonlyMap<number, string>;
  /** Those of them that are still to be played. */
  #due: readonly Segment[];
  #dueAt = 0;
  #changedAtMs: number;
  /** The number of the segment that is due. */
  #next: number;
  /** What is due does not follow on what was played, whatever the list says. */
  #isCut = false;
  #begun = false;
  /** Where the segment that was due last lies. */
  #lastPath = '';
  readonly #listed = new Known();
  readonly #played = new Known();

  /** `played`: the name of a segment that an earlier source of the same list has played last. */
  constructor(playlist: MediaPlaylist, { nowMs, played }: { nowMs: number; played?: string | undefined }) {
    const { segments } = playlist;
    this.targetMs = targetOf(playlist);
    this.#complete = playlist.complete;
    this.#nextSequence = playlist.nextSequence;
    this.#numbers = numbersOf(segments);
    this.#changedAtMs = nowMs;
    const behind = segments.findIndex(segment => nameOf(segment) === played) + 1;
    this.#next = sequenceAt(playlist, Math.max(behind, edgeOf(playlist, this.targetMs)));
    this.#due = segments.filter(({ sequence }) => sequence >= this.#next);
    for (const segment of segments) this.#listed.add(nameOf(segment));
  }

  /** Media that is listed and not due yet. */
  get aheadMs(): number {
    return this.#due.slice(this.#dueAt).reduce((sum, { durationMs }) => sum + durationMs, 0);
  }

  /** No segment is due, and none will be. */
  get ended(): boolean {
    return this.#complete && this.#dueAt >= this.#due.length;
  }

  /** No segment will be added. */
  get complete(): boolean {
    return this.#complete;
  }

  unchangedMs(nowMs: number): number {
    return nowMs - this.#changedAtMs;
  }

  isStale(nowMs: number): boolean {
    return this.unchangedMs(nowMs) >= STALE_TARGETS * this.targetMs;
  }

  /** Takes note of a newer version; answers whether there is anything new in it. */
  take(playlist: MediaPlaylist, nowMs: number): boolean {
    const { segments, nextSequence, complete } = playlist;
    const isOther = this.#isOther(playlist);
    const goesOn = nextSequence > this.#nextSequence || (nextSequence === this.#nextSequence && complete);
    if (!isOther && (!goesOn || (nextSequence === this.#nextSequence && this.#complete))) return false;
    const hasNew = segments.filter(segment => this.#listed.add(nameOf(segment))).length > 0;
    const [first] = segments;
    const isCut = isOther || (first !== undefined && first.sequence > this.#next);
    // Two servers that take turns under one name are not two streams that go on.
    if (hasNew || !isCut) this.#changedAtMs = nowMs;
    this.#nextSequence = nextSequence;
    this.#complete = complete;
    this.#numbers = numbersOf(segments);
    if (isCut) {
      this.#isCut = true;
      // Files that are only numbered anew are not played once more.
      const behind = segments.findLastIndex(segment => pathOf(segment) === this.#lastPath) + 1;
      this.#next = sequenceAt(playlist, Math.max(behind, edgeOf(playlist, this.targetMs)));
    }
    this.#due = segments.filter(({ sequence }) => sequence >= this.#next);
    this.#dueAt = 0;
    return true;
  }

  /** The next segment, which is then played; undefined until it is listed. */
  next(): DueSegment | undefined {
    for (let segment = this.#due[this.#dueAt]; segment !== undefined; segment = this.#due[++this.#dueAt]) {
      this.#isCut ||= segment.sequence > this.#next;
      this.#next = segment.sequence + 1;
      if (!this.#played.add(nameOf(segment))) continue;
      this.#lastPath = pathOf(segment);
      this.#dueAt++;
      const joint = this.#begun && (this.#isCut || segment.discontinuity);
      this.#isCut = false;
      this.#begun = true;
      return { segment, joint };
    }
    return undefined;
  }

  /** Whether the list is none of this stream's: its numbers have gone back, or stand for other segments now. */
  #isOther({ segments, nextSequence }: MediaPlaylist): boolean {
    if (segments.length === 0) return false;
    const common = segments.filter(({ sequence }) => this.#numbers.has(sequence));
    if (common.length > 0) return common.every(segment => this.#numbers.get(segment.sequence) !== nameOf(segment));
    return nextSequence < this.#nextSequence && !segments.some(segment => this.#listed.has(nameOf(segment)));
  }
}

const numbersOf = (segments: readonly Segment[]): ReadonlyMap<number, string> =>
  new Map(segments.map(segment => [segment.sequence, nameOf(segment)]));

/** What no segment is longer than, within what can be waited for. */
function targetOf({ targetMs, segments }: MediaPlaylist): number {
  const told = targetMs ?? Math.max(0, ...segments.slice(-8).map(({ durationMs }) => durationMs));
  return Math.min(LONGEST_TARGET_MS, Math.max(SHORTEST_TARGET_MS, told));
}

/** What a segment is known by. Queries are left out: they may be signed anew in every version of a list. */
export function nameOf({ url, sequence, range }: Segment): string {
  return `${sequence} ${pathOf({ url, range })}`;
}

const pathOf = ({ url, range }: Pick<Segment, 'url' | 'range'>): string =>
  `${range?.offset ?? 0} ${url.split('?', 1)[0]}`;

/** The first segment to be played: so near to the end that it is live, so far from it that the next comes in time. */
function edgeOf({ segments }: MediaPlaylist, targetMs: number): number {
  // Segments are mostly a little shorter than the target.
  const enoughMs = (EDGE_TARGETS - 0.5) * targetMs;
  let sumMs = 0;
  for (let i = segments.length - 1; i >= 0; i--) {
    sumMs += segments[i]?.durationMs ?? 0;
    if (sumMs >= enoughMs) return i;
  }
  return 0;
}

const sequenceAt = ({ segments, nextSequence }: MediaPlaylist, index: number): number =>
  segments[index]?.sequence ?? nextSequence;

/** Names, of which the oldest are forgotten. */
class Known {
  readonly #names = new Set<string>();

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Whether it was not known. */
  add(name: string): boolean {
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    const [oldest] = this.#names;
    if (this.#names.size > MOST_KNOWN && oldest !== undefined) this.#names.delete(oldest);
    return true;
  }
}
