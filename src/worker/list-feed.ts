import { redactUrl } from '../media/address.ts';
import { asFault, Fault } from '../media/fault.ts';
import type { Item } from '../media/item.ts';
import type { ListSource } from '../media/list-source.ts';
import { differenceOf, hasAudio, headersOf, type ItemHeaders, type ReadyItem, readyItem } from '../media/ready-item.ts';
import { type Cursor, cursorBehind, type ListItem, nextCursor, type Playlist } from '../task/playlist.ts';
import { backoffMs } from '../task/retry.ts';
import { under } from './attempts.ts';

/** Where an item stands: its place in a version of the list. */
export interface Place {
  readonly cursor: Cursor;
  readonly version: number;
  readonly item: ListItem;
}

export interface ListFeedParts {
  readonly source: ListSource<Place>;
  readonly list: Playlist;
  readonly version: number;
  readonly from: Cursor;
  readonly openItem: (item: ListItem, startMs: number, signal: AbortSignal) => Promise<Item>;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** `wasOnAir`: some of it was seen. */
  readonly failed: (place: Place, fault: Fault, how: { readonly wasOnAir: boolean }) => void;
  /** A whole round of the list gave not one frame; answers how long to wait, where the feed itself would so long. */
  readonly allFailed: (fault: Fault, backoffMs: number) => number;
}

const OPEN_MS = 3_000;
/** However short or broken the files are: no more than one of them in this time. */
const FLOOR_MS = 1_000;
const ROUND_BACKOFF = { baseMs: 1_000, capMs: 30_000 };
/** An item that breaks sooner than this counts as one that could not be played. */
const PLAYED_MS = 5_000;
/** What is read ahead of an item to tell whether it has sound. */
const SOUND_SHOWS_MS = 500;
/** Sound stands later than the picture by as much as pictures are reordered: both have shown where they begin by then. */
const TRACKS_SHOW_MS = 250;

interface Upcoming {
  readonly cursor: Cursor;
  /** In place of the item on air, rather than behind it. */
  readonly cut: boolean;
}

/** The items in a row that could not be played. */
class Streak {
  /** Where it began: a round without a frame is not counted as played. */
  from: Cursor | undefined;
  count = 0;
  /** Items in a row that broke soon after they had begun. */
  broken = 0;
  /** Rounds without success, for the back-off. */
  rounds = 0;
  readonly #told = new Set<string>();

  add({ cursor }: Place): void {
    this.from ??= cursor;
    this.count++;
  }

  /** Whether it is worth telling: while nothing is played to its end, the same words are told once. */
  isNews({ cursor, item }: Place, fault: Fault): boolean {
    const words = `${cursor.index} ${item.url} ${fault.message}`;
    if (this.#told.has(words)) return false;
    this.#told.add(words);
    return true;
  }

  end(): void {
    this.count = 0;
    this.from = undefined;
  }

  /** Something was played: what failed before is over. */
  forget(): void {
    this.broken = 0;
    this.rounds = 0;
    if (this.count === 0) this.#told.clear();
  }
}

/** Keeps a list source supplied: opens what comes next ahead of its time, passes over what cannot be played. */
export class ListFeed {
  readonly #parts: ListFeedParts;
  #list: Playlist;
  #version: number;
  #upcoming: Upcoming | undefined;
  /** The item put in last. */
  #last: Cursor | undefined;
  #headers: ItemHeaders | undefined;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #everPlayed: boolean;
  #opened = 0;
  #step = new AbortController();
  readonly #streak = new Streak();

  constructor(parts: ListFeedParts) {
    this.#parts = parts;
    this.#list = parts.list;
    this.#version = parts.version;
    this.#upcoming = { cursor: parts.from, cut: true };
    this.#everPlayed = parts.from.round > 0 || parts.from.index > parts.list.startIndex;
  }

  /** Items opened so far. */
  get opened(): number {
    return this.#opened;
  }

  /** Resolves when all rounds have been played. Rejects on abort. */
  async run(signal: AbortSignal): Promise<void> {
    for (let over = false; !over; ) {
      signal.throwIfAborted();
      over = await under(signal, async step => {
        this.#step = step;
        return this.#turn(step.signal).catch(error => {
          if (step.signal.aborted) return false;
          throw error;
        });
      });
    }
  }

  /** Another place follows at once. */
  jump(cursor: Cursor): void {
    this.#upcoming = { cursor, cut: true };
    this.#restUntilMs = Number.NEGATIVE_INFINITY;
    this.#streak.end();
    this.#step.abort();
  }

  /** True while a jump has not led to an item yet. */
  get jumping(): boolean {
    return this.#upcoming?.cut ?? false;
  }

  /** The next publish starts from nothing: no item differs from what it knows. */
  forgetHeaders(): void {
    this.#headers = undefined;
  }

  /** Another list, in which `playing` is the place of the item on air, if there is one that stays. */
  edit(list: Playlist, version: number, playing?: Cursor): void {
    this.#list = list;
    this.#version = version;
    if (playing === undefined) return;
    this.#parts.source.dropNext();
    this.#last = playing;
    this.#goOn(playing);
    this.#step.abort();
  }

  /** The same list with other rounds. */
  extend(list: Playlist): void {
    const { rounds } = list;
    const playing = this.#parts.source.playing?.cursor;
    this.#list = list;
    if (this.jumping || this.#last === undefined) return;
    if (playing !== undefined && rounds !== 'endless' && this.#last.round >= rounds) {
      this.#parts.source.dropNext();
      this.#last = playing;
    }
    this.#goOn(this.#last);
    this.#step.abort();
  }

  /** The item on air has been played to its end. */
  finished(): void {
    this.#everPlayed = true;
    this.#streak.forget();
  }

  /** The item on air broke. */
  broke(place: Place, fault: Fault, playedMs: number): void {
    if (this.#streak.isNews(place, fault)) this.#parts.failed(place, fault, { wasOnAir: playedMs > 0 });
    if (playedMs >= PLAYED_MS) {
      this.#streak.forget();
      return;
    }
    this.#streak.broken++;
    if (this.#streak.broken % this.#list.items.length !== 0) return;
    this.#restUntilMs = this.#parts.now() + this.#parts.allFailed(fault, this.#backoffMs());
  }

  placeOf(cursor: Cursor): Place {
    return { cursor, version: this.#version, item: itemAt(this.#list, cursor) };
  }

  /** Brings one item in, or finds that it cannot be; true when there is nothing left to play. */
  async #turn(signal: AbortSignal): Promise<boolean> {
    const { source, sleep, now } = this.#parts;
    const upcoming = this.#upcoming;
    if (upcoming === undefined) {
      await source.playedOut(signal);
      // It may have been let go, to be played on from elsewhere.
      signal.throwIfAborted();
      return true;
    }
    if (!upcoming.cut) await source.wanted(signal);
    // There is room also where everything was let go, because the run ends.
    signal.throwIfAborted();
    const restMs = this.#restUntilMs - now();
    if (restMs > 0) await sleep(restMs, signal);
    this.#restUntilMs = now() + FLOOR_MS;
    try {
      this.#accept(await this.#open(upcoming.cursor, signal), upcoming, signal);
    } catch (error) {
      signal.throwIfAborted();
      await this.#fail(upcoming, asFault('pull', error), signal);
    }
    return false;
  }

  async #open(cursor: Cursor, signal: AbortSignal): Promise<ReadyItem> {
    const { item } = this.placeOf(cursor);
    this.#opened++;
    return under(signal, async own => {
      const opening = this.#ready(item, cursor.offsetMs, own.signal);
      const late = this.#parts.sleep(OPEN_MS, own.signal).then(() => {
        throw new Fault('pull', 'timeout', `${redactUrl(item.url)} showed no frame within ${OPEN_MS / 1000} s`);
      });
      try {
        return await Promise.race([opening, late, aborted(own.signal)]);
      } catch (error) {
        // It may come yet, when nobody wants it any more.
        opening.then(
          ({ item }) => item.close(),
          () => {},
        );
        throw error;
      }
    });
  }

  async #ready(wanted: ListItem, startMs: number, signal: AbortSignal): Promise<ReadyItem> {
    const { openItem, sleep } = this.#parts;
    const item = await openItem(wanted, startMs, signal);
    try {
      signal.throwIfAborted();
      return await readyItem(item, {
        sleep,
        signal,
        headMs: this.#list.silence === true ? SOUND_SHOWS_MS : TRACKS_SHOW_MS,
      });
    } catch (error) {
      item.close();
      throw error;
    }
  }

  #accept(ready: ReadyItem, { cursor, cut }: Upcoming, signal: AbortSignal): void {
    if (signal.aborted) {
      ready.item.close();
      return;
    }
    const apart = this.#compare(ready);
    this.#streak.end();
    this.#last = cursor;
    this.#goOn(cursor);
    this.#parts.source.put(ready, { place: this.placeOf(cursor), cut, apart });
  }

  /** Answers whether the item needs a publish of its own. Throws where the list takes none that differs. */
  #compare(ready: ReadyItem): boolean {
    const headers = headersOf(ready);
    const silenced = this.#list.silence === true && !hasAudio(ready);
    const said = { video: headers.video, audio: silenced ? this.#headers?.audio : headers.audio };
    const difference = this.#headers === undefined ? undefined : differenceOf(this.#headers, said);
    const { boundary = 'inline' } = this.#list;
    if (difference !== undefined && boundary === 'reject') {
      ready.item.close();
      throw new Fault('pull', 'unsupported', `the file differs from the one before: ${difference}`);
    }
    this.#headers = said;
    return difference !== undefined && boundary === 'republish';
  }

  async #fail({ cursor, cut }: Upcoming, fault: Fault, signal: AbortSignal): Promise<void> {
    const place = this.placeOf(cursor);
    this.#streak.add(place);
    if (this.#streak.isNews(place, fault)) this.#parts.failed(place, fault, { wasOnAir: false });
    // What could not be played is not tried again for its repeats.
    const next = cursorBehind(this.#list, cursor);
    const nothingYet = next === undefined && !this.#everPlayed;
    if (this.#streak.count < this.#list.items.length && !nothingYet) {
      this.#upcoming = next && { cursor: next, cut };
      // An edit that leads to nothing has taken the item on air off all the same.
      if (next === undefined && cut) this.#parts.source.clear();
      return;
    }
    this.#upcoming = { cursor: this.#streak.from ?? cursor, cut };
    this.#streak.end();
    await this.#parts.sleep(this.#parts.allFailed(fault, this.#backoffMs()), signal);
  }

  #backoffMs(): number {
    this.#streak.rounds++;
    return backoffMs(this.#streak.rounds, this.#parts.random(), ROUND_BACKOFF);
  }

  #goOn(cursor: Cursor): void {
    const next = nextCursor(this.#list, cursor);
    this.#upcoming = next && { cursor: next, cut: false };
  }
}

export const itemAt = ({ items }: Playlist, { index }: Cursor): ListItem => items[index] ?? { url: '' };

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
