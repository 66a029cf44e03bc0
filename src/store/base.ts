import type { Insertable, Kysely, RawBuilder } from 'kysely';
import type { OpenedTasks } from './opened-tasks.ts';
import type { Seal } from './seal.ts';
import type { AuditRow, DeliveryRow, EventRow, Tables } from './tables.ts';

/** Rows that get their number when they are written, which is as late in the transaction as can be. */
export interface Entries {
  readonly events: Insertable<EventRow>[];
  readonly deliveries: Insertable<DeliveryRow>[];
  readonly audit: Insertable<AuditRow>[];
}

/**
 * What is done inside one transaction. It touches the database through `trx` and nothing else, leaves the entries it
 * wants to be written, and may be run again where the transaction came to nothing.
 */
export type Work<T> = (trx: Kysely<Tables>, entries: Entries) => Promise<T>;

/** A database as the queries need it; what differs between drivers is in here. */
export interface Base {
  readonly db: Kysely<Tables>;
  readonly seal: Seal;
  /** Reads tasks for those who look at them; one that is to be changed is read anew. */
  readonly opened: OpenedTasks;
  /**
   * Runs the work in a transaction that is durable before the answer. `row`: the task it locks, where it locks one alone;
   * several writers do not stand in each other's way then.
   */
  write<T>(work: Work<T>, row?: string): Promise<T>;
  /** Like `write`, but not behind other writes: for the little that must not wait, and leaves no entries. */
  atOnce<T>(work: Work<T>): Promise<T>;
  /** The database's own time in epoch milliseconds, as an expression. */
  readonly clock: RawBuilder<number>;
  /** True where a row must be locked when it is read for a change (several writers at once). */
  readonly locksRows: boolean;
}
