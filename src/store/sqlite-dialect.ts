import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import { StoreFault, type StoreFaultKind } from './store-fault.ts';

/** How long a write waits for another process's write (the CLI beside the server) before the store is `busy`. */
export const BUSY_MS = 5000;
const LOOK_AGAIN_MS = 10;

export const SQLITE_CLOCK: RawBuilder<number> = sql`cast(unixepoch('subsec') * 1000 as integer)`;

/** Kysely on `node:sqlite`: one connection, given to one user at a time. */
export const sqliteDialect = (database: DatabaseSync, busyMs: number = BUSY_MS): Dialect => ({
  createAdapter: () => new SqliteAdapter(),
  createDriver: () => new SqliteDriver(database, busyMs),
  createIntrospector: db => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
});

/**
 * There is one connection and a transaction spans many awaits, so whoever comes meanwhile waits for its end: without
 * that, a stranger's query would land in the middle of the transaction.
 */
class SqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #busyMs: number;
  readonly #connection: SqliteConnection;
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  constructor(database: DatabaseSync, busyMs: number) {
    this.#database = database;
    this.#busyMs = busyMs;
    this.#connection = new SqliteConnection(database);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#taken) await new Promise<void>(resolve => this.#waiting.push(resolve));
    this.#taken = true;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }

  /**
   * Immediate: the write lock is taken before anything is read that the write depends on. It is waited for here and not
   * inside SQLite, which would hold the event loop for as long as another process holds the lock.
   */
  async beginTransaction(): Promise<void> {
    for (let waitedMs = 0; !this.#beginNow(waitedMs >= this.#busyMs); waitedMs += LOOK_AGAIN_MS) {
      await sleep(LOOK_AGAIN_MS);
    }
  }

  /** False when another writes just now; the last time that is told as the fault it is. */
  #beginNow(last: boolean): boolean {
    this.#database.exec('pragma busy_timeout = 0');
    try {
      run(() => this.#database.exec('begin immediate'));
      return true;
    } catch (error) {
      if (last || !(error instanceof StoreFault && error.kind === 'busy')) throw error;
      return false;
    } finally {
      this.#database.exec(`pragma busy_timeout = ${BUSY_MS}`);
    }
  }

  async commitTransaction(): Promise<void> {
    run(() => this.#database.exec('commit'));
  }

  /** A full disk has SQLite roll back by itself; a second one would hide the first error behind its own. */
  async rollbackTransaction(): Promise<void> {
    if (this.#database.isTransaction) run(() => this.#database.exec('rollback'));
  }

  async destroy(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** Different statements kept ready; the queries of the store are far fewer. */
const MOST_STATEMENTS = 256;

interface Prepared {
  readonly statement: StatementSync;
  readonly answersRows: boolean;
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return run(() => {
      const { statement, answersRows } = this.#prepared(sql);
      const values = parameters as readonly SQLInputValue[];
      if (answersRows) return { rows: statement.all(...values) as R[] };
      const { changes } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes) };
    });
  }

  // biome-ignore lint/correctness/useYield: the interface asks for it, nothing in the store streams.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not supported');
  }

  #prepared(sql: string): Prepared {
    const ready = this.#statements.get(sql);
    if (ready !== undefined) return ready;
    if (this.#statements.size >= MOST_STATEMENTS) this.#statements.clear();
    const statement = this.#database.prepare(sql);
    const prepared = { statement, answersRows: statement.columns().length > 0 };
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

/** SQLite's primary result codes (sqlite.org/rescode.html) that say something about the world and not about a query. */
const FAULTS: Readonly<Record<number, StoreFaultKind>> = {
  5: 'busy',
  6: 'busy',
  8: 'readOnly',
  10: 'broken',
  11: 'broken',
  13: 'full',
  14: 'broken',
  26: 'broken',
};

/** Runs one call of the driver; a failure of the world leaves it as a StoreFault. */
export function run<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const kind = faultKind(error);
    if (kind === undefined) throw error;
    throw new StoreFault(kind, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function faultKind(error: unknown): StoreFaultKind | undefined {
  if (!(error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')) return undefined;
  // The low byte is the primary code; what lies above refines it.
  return FAULTS[error.errcode & 0xff];
}
