import type { Side } from '../../../src/media/fault.ts';
import type { RunOrder } from '../../../src/worker/channel.ts';
import type { Visitor } from './field.ts';
import type { MemoryDisk } from './memory-store.ts';
import type { SimSource } from './sim-source.ts';
import type { Timeline } from './timeline.ts';
import { keyOf } from './whose.ts';

export interface UmpireParts {
  readonly timeline: Timeline;
  readonly disk: MemoryDisk;
  readonly broken: (law: string) => void;
  readonly trace: (line: string) => void;
}

/** A side that was lost. */
export interface Loss {
  readonly visitor: Visitor;
  readonly healthyMs: number;
  /** Whether nothing else stands in the way of another try. */
  readonly mayGoOn: () => boolean;
}

const MINUTE = 60_000;
/** A side that is lost over and over is tried so often in a minute at the most, and so much more for each order. */
const MOST_TRIES = 24;
const TRIES_AN_ORDER = 8;
/** After this much health the first try comes soon. */
const HEALTHY_MS = 25_000;
/** Half a second, a late timer and a tick. */
const SOON_MS = 1_700;
/** Between two changes of the source that no failure calls for, and what a tick makes of it. */
const GUARD_MS = 28_500;
/** A source that is gone back to has been well for ten seconds, give or take a tick and a late timer. */
const CLEAR_MS = 8_500;
/** Between two key frames of a file. */
const FRAME_MS = 1_000;
/** Media of files that is so late is passed over. */
const LATE_MS = 9_000;
/** Media for so long is health, and the back-off begins anew. */
const BACKOFF_ANEW_MS = 10_000;
/** The shortest waits there may be behind the first, the second … try in a row that brought no health. */
const BACKOFF_MS = [250, 500, 1_000, 2_000, 4_000, 5_000];
/** A timer may be early by so much. */
const EARLY_MS = 20;
/** What follows from an order has happened. */
const ORDER_MS = 45_000;

/** Sees from outside how runs behave: how often they try what fails, how soon, and how often they change their mind. */
export class Umpire {
  readonly #parts: UmpireParts;
  readonly #tries = new Map<string, number[]>();
  readonly #orders = new Map<string, number[]>();
  readonly #switches = new Map<string, number>();
  readonly #orderedAt = new Map<string, number>();
  /** When a source was last on air and another one followed. */
  readonly #leftAt = new Map<string, number>();
  /** Of an address that was lost or could not be had: the tries in a row without health, and when the last was over. */
  readonly #misses = new Map<string, { readonly count: number; readonly atMs: number }>();
  readonly #missed = new Map<string, number>();
  /** Of the list that is played for a task, and since when. */
  readonly #versions = new Map<string, { readonly version: number; readonly sinceMs: number }>();
  mostTries = 0;

  constructor(parts: UmpireParts) {
    this.#parts = parts;
  }

  /** A run has its order, or another one. */
  ordered({ destination, source }: RunOrder): void {
    const key = keyOf(destination);
    note(this.#orders, key, this.#nowMs, MINUTE);
    this.#orderedAt.set(key, this.#nowMs);
    for (const all of [this.#misses, this.#missed])
      for (const name of all.keys()) if (keyOf(name) === key) all.delete(name);
    if (source.kind === 'list') this.#noteVersion(key, source.version);
  }

  #noteVersion(key: string, version: number): void {
    if (this.#versions.get(key)?.version !== version) this.#versions.set(key, { version, sinceMs: this.#nowMs });
  }

  /** A file was opened anew and goes on where its last frames were taken, perhaps with some of them once more. */
  resumed(
    key: string,
    url: string,
    { fromMs, beforeMs }: { readonly fromMs: number; readonly beforeMs: number },
  ): void {
    const leapMs = fromMs - beforeMs - FRAME_MS;
    const isEdited = this.#nowMs - (this.#versions.get(key)?.sinceMs ?? 0) < MINUTE;
    // What is later than that is passed over on purpose.
    if (leapMs <= 0 || leapMs >= LATE_MS || isEdited) return;
    this.#parts.broken(`${leapMs} ms of ${url} were never shown: on from ${beforeMs} ms at ${fromMs} ms`);
  }

  tried(side: Side, url: string, { life }: Visitor): void {
    const key = keyOf(url);
    this.#parts.trace(`${life.name} tries ${side} ${url}`);
    if (!url.startsWith('rtmp:')) return;
    const tries = note(this.#tries, `${life.name} ${side} ${url}`, this.#nowMs, MINUTE).length;
    if (side === 'pull') this.#checkBackoff(`${life.name} ${url}`, key);
    note(this.#tries, `${life.name} ${side} ${key}`, this.#nowMs, MINUTE);
    const orders = this.#orders.get(key)?.length ?? 0;
    const spareTries = tries - orders * TRIES_AN_ORDER;
    if (this.#isCounted(key)) return;
    this.mostTries = Math.max(this.mostTries, spareTries);
    if (spareTries > MOST_TRIES) this.#parts.broken(`${side} ${url} was tried ${tries} times within a minute`);
  }

  /** Nobody was there, or said no. */
  refused(side: Side, url: string, { life }: Visitor): void {
    if (side === 'pull') this.#miss(`${life.name} ${url}`, 0);
  }

  #miss(name: string, healthyMs: number): void {
    const count = healthyMs < BACKOFF_ANEW_MS ? (this.#missed.get(name) ?? 0) + 1 : 1;
    this.#missed.set(name, count);
    this.#misses.set(name, { count, atMs: this.#nowMs });
  }

  /** What flaps is tried ever more seldom, until it has been well for a while. */
  #checkBackoff(name: string, key: string): void {
    const miss = this.#misses.get(name);
    this.#misses.delete(name);
    // How the last try ended is not known, or it is not for the back-off to say when the next one comes.
    if (miss === undefined) this.#missed.delete(name);
    const hasOthers = this.#taskOf(key)?.spec.standby.length !== 0;
    if (miss === undefined || hasOthers || this.#isCounted(key)) return;
    const leastMs = BACKOFF_MS[Math.min(miss.count, BACKOFF_MS.length) - 1] ?? 0;
    const waitedMs = this.#nowMs - miss.atMs;
    if (waitedMs >= leastMs - EARLY_MS) return;
    this.#parts.broken(`${name} was tried again ${waitedMs} ms behind try ${miss.count} in a row without health`);
  }

  /** A side that was well for so long was lost: the next try follows soon, if it is wanted still. */
  lost(side: Side, url: string, loss: Loss): void {
    const { timeline, broken } = this.#parts;
    const { visitor, healthyMs, mayGoOn } = loss;
    this.#parts.trace(`${visitor.life.name} loses ${side} ${url}`);
    if (side === 'pull') this.#miss(`${visitor.life.name} ${url}`, healthyMs);
    const [lostAtMs, key] = [this.#nowMs, keyOf(url)];
    const before = this.#wanted(key);
    // Whoever has standbys may have one at hand, and none to try.
    const hasOthers = side === 'pull' && this.#taskOf(key)?.spec.standby.length !== 0;
    if (healthyMs < HEALTHY_MS || before === undefined || hasOthers) return;
    timeline.after(SOON_MS, visitor.life, () => {
      const isKept = visitor.life.frozenUntilMs > lostAtMs || visitor.isLeaving() || !mayGoOn();
      const isSame = this.#wanted(key) === before && !this.#wasOrdered(key, lostAtMs - SOON_MS);
      const tries = this.#tries.get(`${visitor.life.name} ${side} ${key}`) ?? [];
      if (isKept || !isSame || tries.some(atMs => atMs >= lostAtMs)) return;
      broken(`${side} ${url} was lost after ${Math.round(healthyMs / 1000)} s and not tried again at once`);
    });
  }

  /** The destination was given another source's frames in one and the same push. */
  switched(destination: string, from: SimSource | undefined, to: SimSource | undefined): void {
    // The same address opened anew is no other source.
    if (from === undefined || to === undefined || from.url === to.url) return;
    const key = keyOf(destination);
    const beforeMs = this.#switches.get(destination) ?? Number.NEGATIVE_INFINITY;
    this.#switches.set(destination, this.#nowMs);
    const wasWell = from.fault === undefined && !from.silent && from.wellSinceMs !== undefined;
    const restMs = this.#nowMs - beforeMs;
    const orderedAtMs = this.#orderedAt.get(key) ?? Number.NEGATIVE_INFINITY;
    // An order is waited for until what it asks for can be had: who has been on air since is gone back to with care.
    const isGoneBackTo = (this.#leftAt.get(to.url) ?? Number.NEGATIVE_INFINITY) > orderedAtMs;
    this.#leftAt.set(from.url, this.#nowMs);
    if (!wasWell || this.#wasOrdered(key, this.#nowMs - ORDER_MS)) return;
    const openMs = this.#nowMs - to.startMs;
    const [restS, openS] = [restMs, openMs].map(ms => Math.round(ms / 1000));
    if (restMs < GUARD_MS) this.#parts.broken(`${destination} was given another source ${restS} s after the last one`);
    if (isGoneBackTo && openMs < CLEAR_MS)
      this.#parts.broken(`${destination} was given a source that had been open for ${openS} s`);
  }

  get #nowMs(): number {
    return this.#parts.timeline.elapsed();
  }

  #wasOrdered(key: string, sinceMs: number): boolean {
    return this.#orders.get(key)?.some(atMs => atMs >= sinceMs) ?? false;
  }

  /** The epoch under which the task is to be on air and is tried for ever. */
  #wanted(key: string): number | undefined {
    const task = this.#taskOf(key);
    const isOnAir = task?.status === 'running' || task?.status === 'recovering';
    return isOnAir && task.spec.retry === null ? task.epoch : undefined;
  }

  /** Its tries follow its owner's rule. */
  #isCounted(key: string): boolean {
    return this.#taskOf(key)?.spec.retry !== null;
  }

  #taskOf(key: string) {
    const id = this.#parts.disk.byKey.get(key);
    return id === undefined ? undefined : this.#parts.disk.tasks.get(id);
  }
}

/** Adds a time; answers those that are not too old. */
function note(all: Map<string, number[]>, name: string, nowMs: number, forMs: number): readonly number[] {
  const times = (all.get(name) ?? []).filter(atMs => atMs > nowMs - forMs);
  times.push(nowMs);
  all.set(name, times);
  return times;
}
