import type { Delivery, DueFilter, Store } from '../store/store.ts';
import type { Sleep } from './deadline.ts';
import { HOLD_MS, LONGEST_WAIT_MS } from './pace.ts';
import type { Log } from './record.ts';

export interface LookoutOptions {
  readonly store: Pick<Store, 'dueDeliveries'>;
  /** Wall clock: a delivery's next time has to outlive the process. */
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly log: Log;
  /** Told of each delivery that is due, again and again until it is settled. */
  readonly found: (delivery: Delivery) => void;
}

const PAGE = 256;
const TURN_MS = 250;
/** A round over a long backlog goes on in the next turn, so that it does not keep the store busy. */
const PAGES_A_TURN = 4;
const STORE_RETRY_MS = 1_000;
/** Tasks looked for in one read. */
const TASKS_TOGETHER = 64;
/** Beyond these, what is due is found by the next round. */
const MOST_WANTED = 40_000;

/**
 * Finds in the store what is due: at once where it is told which task has something new, and by going round over
 * everything, little by little, for what falls due by time or was left by a former process.
 */
export class Lookout {
  readonly #options: LookoutOptions;
  readonly #closed = new AbortController();
  readonly #wanted = new Set<string>();
  /** What has been settled while a read was on its way: what that read says of it is out of date. */
  readonly #settledDuring = new Set<Set<string>>();
  #serve = (): void => {};
  #turn = new AbortController();
  #isAsked = false;
  #after: Pick<Delivery, 'nextAt' | 'id'> | undefined;
  #isFailing = false;
  #loops: Promise<unknown> | undefined;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loops ??= Promise.all([this.#goRound(), this.#lookForWanted()]);
  }

  /** Looks for what is due of the task, now. */
  want(taskId: string): void {
    if (this.#wanted.size < MOST_WANTED) this.#wanted.add(taskId);
    this.#serve();
  }

  /** Goes round from the beginning, now. */
  wake(): void {
    this.#after = undefined;
    this.#isAsked = true;
    this.#turn.abort();
  }

  /** Whoever was found and is settled now: what a read that is on its way says of it is out of date. */
  settled(id: string): void {
    for (const ids of this.#settledDuring) ids.add(id);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#turn.abort();
    this.#serve();
    await this.#loops;
  }

  async #goRound(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      this.#turn = new AbortController();
      this.#isAsked = false;
      const isWell = await this.#guarded(() => this.#takeTurn());
      if (!isWell) await this.#sleep(STORE_RETRY_MS, signal);
      else if (!this.#isAsked) await this.#sleep(TURN_MS, this.#turn.signal);
    }
  }

  async #lookForWanted(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      if (this.#wanted.size === 0) await new Promise<void>(resolve => (this.#serve = resolve));
      const taskIds = [...this.#wanted].slice(0, TASKS_TOGETHER);
      if (taskIds.length === 0) continue;
      for (const taskId of taskIds) this.#wanted.delete(taskId);
      // What this misses, the next round finds.
      if (!(await this.#guarded(() => this.#takeOf(taskIds)))) await this.#sleep(STORE_RETRY_MS, signal);
    }
  }

  async #takeOf(taskIds: readonly string[]): Promise<void> {
    const now = this.#options.now();
    for (let after: DueFilter['after']; ; ) {
      const page = await this.#read({ now, until: now, limit: PAGE, taskIds, after });
      after = page.at(-1);
      if (page.length < PAGE || this.#closed.signal.aborted) return;
    }
  }

  /** A few pages on from where the last turn ended. */
  async #takeTurn(): Promise<void> {
    const now = this.#options.now();
    await this.#takeStrays(now);
    for (let pages = 0; pages < PAGES_A_TURN && !this.#closed.signal.aborted; pages++) {
      const page = await this.#read({ now, until: now, limit: PAGE, after: this.#after });
      this.#after = page.length < PAGE ? undefined : page.at(-1);
      if (this.#after === undefined) return;
    }
  }

  /**
   * What waits for a time that comes too late, because the wall clock was set back: one beyond the longest wait, or what
   * was made or tried at a time that is yet to come.
   */
  async #takeStrays(now: number): Promise<void> {
    const all = { now, until: Number.MAX_SAFE_INTEGER, limit: PAGE };
    await this.#read({ ...all, after: { nextAt: now + LONGEST_WAIT_MS, id: '' } });
    await this.#read({ ...all, madeAfter: now }, delivery => lastTouched(delivery) > now);
  }

  async #read(filter: Sought, isDue = (_: Delivery) => true): Promise<readonly Delivery[]> {
    const settled = new Set<string>();
    this.#settledDuring.add(settled);
    try {
      const page = await this.#options.store.dueDeliveries({ ...filter, longestHoldMs: HOLD_MS });
      for (const delivery of page) if (!settled.has(delivery.id) && isDue(delivery)) this.#options.found(delivery);
      return page;
    } finally {
      this.#settledDuring.delete(settled);
    }
  }

  async #guarded(look: () => Promise<void>): Promise<boolean> {
    try {
      await look();
      this.#isFailing = false;
      return true;
    } catch (cause) {
      if (!this.#isFailing) this.#options.log('the outbox cannot be read; it is tried again', { cause });
      this.#isFailing = true;
      return false;
    }
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await this.#options.sleep(ms, signal).catch(() => undefined);
  }
}

type Sought = Omit<DueFilter, 'longestHoldMs'>;

const lastTouched = ({ log, createdAt }: Delivery): number => log.at(-1)?.at ?? createdAt;
