import type { Side } from '../../../src/media/fault.ts';
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
/** What follows from an order has happened. */
const ORDER_MS = 45_000;

/** Sees from outside how runs behave: how often they try what fails, how soon, and how often they change their mind. */
export class Umpire {
  readonly #parts: UmpireParts;
  readonly #tries = new Map<string, number[]>();
  readonly #orders = new Map<string, number[]>();
  readonly #switches = new Map<string, number>();
  mostTries = 0;

  constructor(parts: UmpireParts) {
    this.#parts = parts;
  }

  /** A run has its order, or another one. */
  ordered(destination: string): void {
    note(this.#orders, keyOf(destination), this.#nowMs, MINUTE);
  }

  tried(side: Side, url: string, { life }: Visitor): void {
    const key = keyOf(url);
    this.#parts.trace(`${life.name} tries ${side} ${url}`);
    if (!url.startsWith('rtmp:')) return;
    const tries = note(this.#tries, `${life.name} ${side} ${url}`, this.#nowMs, MINUTE).length;
    note(this.#tries, `${life.name} ${side} ${key}`, this.#nowMs, MINUTE);
    const orders = this.#orders.get(key)?.length ?? 0;
    const spareTries = tries - orders * TRIES_AN_ORDER;
    if (this.#isCounted(key)) return;
    this.mostTries = Math.max(this.mostTries, spareTries);
    if (spareTries > MOST_TRIES) this.#parts.broken(`${side} ${url} was tried ${tries} times within a minute`);
  }

  /** A side that was well for so long was lost: the next try follows soon, if it is wanted still. */
  lost(side: Side, url: string, loss: Loss): void {
    const { timeline, broken } = this.#parts;
    const { visitor, healthyMs, mayGoOn } = loss;
    this.#parts.trace(`${visitor.life.name} loses ${side} ${url}`);
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
    if (!wasWell || restMs >= GUARD_MS || this.#wasOrdered(key, this.#nowMs - ORDER_MS)) return;
    this.#parts.broken(`${destination} was given another source ${Math.round(restMs / 1000)} s after the last one`);
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
