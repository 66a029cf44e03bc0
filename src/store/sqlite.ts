import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { Base } from './base.ts';
import { type Committed, GroupCommit } from './group-commit.ts';
import { migrate } from './migrate.ts';
import { OpenedTasks } from './opened-tasks.ts';
import { Seal } from './seal.ts';
import { checkSeal, sqlStore } from './sql-store.ts';
import { BUSY_MS, run, SQLITE_CLOCK, sqliteDialect } from './sqlite-dialect.ts';
import type { Store } from './store.ts';
import { StoreFault } from './store-fault.ts';
import type { Tables } from './tables.ts';

export interface SqliteOptions {
  readonly file: string;
  /** 32 bytes, see `loadSealKey`. */
  readonly sealKey: Uint8Array;
  readonly committed?: Committed;
}

/**
 * Opens the database, makes it or brings it up to date. Several processes may have it open at once.
 * Throws where the file is damaged, newer than this program, or sealed with another key; it is left untouched then.
 */
export async function openSqlite({ file, sealKey, committed }: SqliteOptions): Promise<Store> {
  const seal = new Seal(sealKey);
  const database = openFile(file);
  const db = new Kysely<Tables>({ dialect: sqliteDialect(database) });
  try {
    await db.transaction().execute(async trx => {
      await migrate(trx, { bytes: 'blob' });
      await checkSeal(trx, seal);
    });
  } catch (error) {
    await db.destroy();
    if (database.isOpen) database.close();
    throw withFile(file, error);
  }
  const commits = new GroupCommit(db, { committed });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await commits.close();
    await db.destroy();
  };
  const opened = new OpenedTasks(seal);
  const write: Base['write'] = (work, row) => commits.write(work, row);
  return sqlStore({ db, seal, opened, write, atOnce: write, clock: SQLITE_CLOCK, locksRows: false }, () => {
    closing ??= close();
    return closing;
  });
}

function openFile(file: string): DatabaseSync {
  makePrivate(file);
  try {
    return run(() => {
      const database = new DatabaseSync(file, { timeout: BUSY_MS, enableForeignKeyConstraints: true });
      try {
        prepareFile(database);
      } catch (error) {
        database.close();
        throw error;
      }
      return database;
    });
  } catch (error) {
    throw withFile(file, error);
  }
}

function prepareFile(database: DatabaseSync): void {
  database.exec('pragma journal_mode = wal');
  // Every commit reaches the disk before it is answered.
  database.exec('pragma synchronous = full');
  const [answer] = database.prepare('pragma quick_check(1)').all();
  if (answer?.quick_check !== 'ok') throw new StoreFault('broken', `the check found: ${String(answer?.quick_check)}`);
}

/** SQLite gives the files beside the database (log, shared memory) the database's own mode. */
function makePrivate(file: string): void {
  if (existsSync(file)) return;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

function withFile(file: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  if (!(cause instanceof StoreFault)) return new Error(`${file}: ${why}`, { cause });
  const advice = cause.kind === 'broken' ? ' (damaged: restore it from a backup)' : '';
  return new StoreFault(cause.kind, `${file}: ${why}${advice}`, { cause });
}
