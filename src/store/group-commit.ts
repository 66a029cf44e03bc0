import { type Kysely, sql } from 'kysely';
import type { Work } from './base.ts';
import { StoreFault } from './store-fault.ts';
import type { Tables } from './tables.ts';

interface Waiting {
  readonly work: Work<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** Told of each group that has reached the disk. */
export type Committed = (commit: { readonly ms: number; readonly writes: number }) => void;

const MOST_WAITING = 50_000;
/** Few enough that the event loop is not held for long, many enough that one sync to disk serves a crowd. */
const MOST_TOGETHER = 64;

/**
 * Writes that come at the same time share one transaction, hence one sync to disk: the sync is what a durable write
 * costs. Each stands or falls alone behind its own savepoint, and none is answered before the commit.
 */
export class GroupCommit {
  readonly #db: Kysely<Tables>;
  readonly #committed: Committed;
  #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(db: Kysely<Tables>, committed: Committed = () => {}) {
    this.#db = db;
    this.#committed = committed;
  }

  write<T>(work: Work<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    if (this.#waiting.length >= MOST_WAITING) {
      return Promise.reject(new StoreFault('busy', 'too many writes are waiting'));
    }
    const done = new Promise<unknown>((resolve, reject) => this.#waiting.push({ work, resolve, reject }));
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
      await this.#commit(group);
    }
    this.#draining = undefined;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const startedMs = performance.now();
    try {
      const outcomes = await this.#db.transaction().execute(trx => workAll(trx, group));
      this.#committed({ ms: performance.now() - startedMs, writes: group.length });
      outcomes.forEach((outcome, at) => {
        if (outcome.ok) group[at]?.resolve(outcome.value);
        else group[at]?.reject(outcome.error);
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}

async function workAll(trx: Kysely<Tables>, group: readonly Waiting[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { work } of group) outcomes.push(await workAlone(trx, work));
  return outcomes;
}

/** A failure here undoes this work only. Where even that fails, the transaction is gone and the whole group with it. */
async function workAlone(trx: Kysely<Tables>, work: Work<unknown>): Promise<Outcome> {
  await sql`savepoint alone`.execute(trx);
  try {
    const value = await work(trx);
    await sql`release alone`.execute(trx);
    return { ok: true, value };
  } catch (error) {
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
