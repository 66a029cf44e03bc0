import { type Kysely, sql } from 'kysely';
import type { Entries, Work } from './base.ts';
import { isEmpty, newEntries, writeEntries } from './entries.ts';
import { StoreFault } from './store-fault.ts';
import type { Tables } from './tables.ts';

interface Waiting {
  readonly work: Work<unknown>;
  readonly row: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome =
  | { readonly ok: true; readonly value: unknown; readonly entries: Entries }
  | { readonly ok: false; readonly error: unknown };

/** Told of each group that has reached the disk. */
export type Committed = (commit: { readonly ms: number; readonly writes: number }) => void;

/** A database that others write to at the same time. */
export interface Shared {
  /**
   * The last thing in a transaction before its entries are written, if there are any: numbers are given to nobody else
   * from then on until it has ended. Answers what it is known by; undefined where it has written nothing.
   */
  seal(trx: Kysely<Tables>, hasEntries: boolean): Promise<string | undefined>;
  /** Whether that transaction stands, of whose commit no answer came. Rejects where that is not found out in that time. */
  stands(transaction: string, withinMs: number): Promise<boolean>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
}

export interface GroupCommitOptions {
  readonly committed?: Committed | undefined;
  readonly shared?: Shared;
}

const MOST_WAITING = 50_000;
/** Few enough that the event loop is not held for long, many enough that one sync to disk serves a crowd. */
const MOST_TOGETHER = 64;
const MOST_REPEATS = 5;
const REPEAT_WITHIN_MS = 3_000;
/** Callers wait for five seconds at most. */
const ANSWER_WITHIN_MS = 4_500;
const FIND_OUT_MS = 500;
const FIRST_PAUSE_MS = 20;

/**
 * Writes that come at the same time share one transaction, hence one sync to disk: the sync is what a durable write
 * costs. Each stands or falls alone behind its own savepoint, and none is answered before the commit.
 */
export class GroupCommit {
  readonly #db: Kysely<Tables>;
  readonly #committed: Committed;
  readonly #shared: Shared | undefined;
  #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(db: Kysely<Tables>, { committed = () => {}, shared }: GroupCommitOptions = {}) {
    this.#db = db;
    this.#committed = committed;
    this.#shared = shared;
  }

  write<T>(work: Work<T>, row = ''): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    if (this.#waiting.length >= MOST_WAITING) {
      return Promise.reject(new StoreFault('busy', 'too many writes are waiting'));
    }
    const done = new Promise<unknown>((resolve, reject) => this.#waiting.push({ work, row, resolve, reject }));
    this.#draining ??= this.#drain();
    return done as Promise<T>;
  }

  /** Refuses what comes from now on; resolves when everything taken before is written and answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Lets in what arrives in this turn of the event loop, and lets others run between two groups.
      await new Promise<void>(resolve => setImmediate(resolve));
      const group = this.#waiting.slice(0, MOST_TOGETHER);
      this.#waiting = this.#waiting.slice(MOST_TOGETHER);
      for (const part of this.#shared === undefined ? [group] : inLockOrder(group)) await this.#commit(part);
    }
    this.#draining = undefined;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const startedMs = performance.now();
    try {
      const outcomes = await this.#repeatedly(group);
      this.#committed({ ms: performance.now() - startedMs, writes: group.length });
      outcomes.forEach((outcome, at) => {
        if (outcome.ok) group[at]?.resolve(outcome.value);
        else group[at]?.reject(outcome.error);
      });
    } catch (error) {
      await this.#fail(group, error);
    }
  }

  async #fail(group: readonly Waiting[], error: unknown): Promise<void> {
    if (this.#shared !== undefined && group.length > 1 && !(error instanceof StoreFault)) {
      // Which of them it was is seen when each has a transaction of its own.
      for (const one of group) await this.#commit([one]);
      return;
    }
    // Whoever waits behind a server that is gone would wait as long for the same answer.
    const isGone = error instanceof StoreFault && error.kind === 'gone' && !error.passing;
    const others = isGone ? this.#waiting.splice(0) : [];
    for (const { reject } of [...group, ...others]) reject(error);
  }

  /** Where two transactions were in each other's way, or the connection was cut, the same may succeed at once. */
  async #repeatedly(group: readonly Waiting[]): Promise<readonly Outcome[]> {
    const startedMs = performance.now();
    for (let repeats = 0; ; repeats++) {
      try {
        return await this.#attempt(group);
      } catch (error) {
        const isLate = repeats >= MOST_REPEATS || performance.now() - startedMs > REPEAT_WITHIN_MS;
        if (this.#shared === undefined || isLate || !(error instanceof StoreFault && error.passing)) throw error;
        await this.#shared.sleep(FIRST_PAUSE_MS * 2 ** repeats * (0.5 + this.#shared.random()));
      }
    }
  }

  async #attempt(group: readonly Waiting[]): Promise<readonly Outcome[]> {
    const startedMs = performance.now();
    let done: { readonly outcomes: readonly Outcome[]; readonly transaction: string | undefined } | undefined;
    try {
      return await this.#db.transaction().execute(async trx => {
        const outcomes = await workAll(trx, group, this.#shared === undefined);
        done = { outcomes, transaction: await this.#writeTogether(trx, outcomes) };
        return outcomes;
      });
    } catch (error) {
      if (done?.transaction === undefined || !(error instanceof StoreFault && error.kind === 'gone')) throw error;
      const leftMs = Math.max(FIND_OUT_MS, ANSWER_WITHIN_MS - (performance.now() - startedMs));
      if (await this.#shared?.stands(done.transaction, leftMs)) return done.outcomes;
      throw error;
    }
  }

  async #writeTogether(trx: Kysely<Tables>, outcomes: readonly Outcome[]): Promise<string | undefined> {
    if (this.#shared === undefined) return undefined;
    const entries = outcomes.flatMap(outcome => (outcome.ok ? [outcome.entries] : []));
    const transaction = await this.#shared.seal(trx, !entries.every(isEmpty));
    await writeEntries(trx, entries);
    return transaction;
  }
}

/**
 * Writes that lock one task each, in the order of the tasks: of two groups that want the same ones, one waits and neither
 * stands in the other's way. The others have a transaction of their own.
 */
const inLockOrder = (group: readonly Waiting[]): readonly (readonly Waiting[])[] =>
  [group.filter(({ row }) => row === ''), group.filter(({ row }) => row !== '').sort(byRow)].filter(
    ({ length }) => length > 0,
  );

const byRow = (a: Waiting, b: Waiting): number => (a.row < b.row ? -1 : a.row > b.row ? 1 : 0);

async function workAll(
  trx: Kysely<Tables>,
  group: readonly Waiting[],
  writesNow: boolean,
): Promise<readonly Outcome[]> {
  const [first, ...others] = group;
  // One that is alone is undone with its transaction.
  if (first !== undefined && others.length === 0) return [await workOnce(trx, first.work, writesNow)];
  const outcomes: Outcome[] = [];
  for (const { work } of group) outcomes.push(await workAlone(trx, work, writesNow));
  return outcomes;
}

async function workOnce(trx: Kysely<Tables>, work: Work<unknown>, writesNow: boolean): Promise<Outcome> {
  const entries = newEntries();
  const value = await work(trx, entries);
  if (writesNow) await writeEntries(trx, [entries]);
  return { ok: true, value, entries };
}

/** A failure here undoes this work only. Where even that fails, the transaction is gone and the whole group with it. */
async function workAlone(trx: Kysely<Tables>, work: Work<unknown>, writesNow: boolean): Promise<Outcome> {
  await sql`savepoint alone`.execute(trx);
  try {
    const outcome = await workOnce(trx, work, writesNow);
    await sql`release alone`.execute(trx);
    return outcome;
  } catch (error) {
    if (error instanceof StoreFault && (error.passing || error.kind === 'gone')) throw error;
    await undo(trx, error);
    return { ok: false, error };
  }
}

async function undo(trx: Kysely<Tables>, why: unknown): Promise<void> {
  try {
    await sql`rollback to alone`.execute(trx);
    await sql`release alone`.execute(trx);
  } catch {
    throw why;
  }
}
