import type { Kysely, RawBuilder } from 'kysely';
import type { OpenedTasks } from './opened-tasks.ts';
import type { Seal } from './seal.ts';
import type { Tables } from './tables.ts';

/** What is done inside one transaction. It touches the database through `trx` and nothing else. */
export type Work<T> = (trx: Kysely<Tables>) => Promise<T>;

/** A database as the queries need it; what differs between drivers is in here. */
export interface Base {
  readonly db: Kysely<Tables>;
  readonly seal: Seal;
  /** Reads tasks for those who look at them; one that is to be changed is read anew. */
  readonly opened: OpenedTasks;
  /** Runs the work in a transaction that is durable before the answer. */
  write<T>(work: Work<T>): Promise<T>;
  /** Like `write`, but not behind other writes: for the little that must not wait. The work is one statement. */
  atOnce<T>(work: Work<T>): Promise<T>;
  /** The database's own time in epoch milliseconds, as an expression. */
  readonly clock: RawBuilder<number>;
  /** True where a row must be locked when it is read for a change (several writers at once). */
  readonly locksRows: boolean;
}
