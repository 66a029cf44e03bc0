import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { NEWEST } from './migrate.ts';
import { Seal } from './seal.ts';
import { SEAL_PLACE } from './sql-store.ts';
import { run } from './sqlite-dialect.ts';
import { StoreFault } from './store-fault.ts';

/** What a copy of a database holds. */
export interface Contents {
  readonly bytes: number;
  /** Of the database; one that is older than the program is brought up to date when it is opened. */
  readonly version: number;
  readonly tasks: number;
  readonly events: number;
}

/** The copy is no good, or there is no place for it. */
export class BadBackup extends Error {
  override readonly name = 'BadBackup';
}

const BUSY_MS = 10_000;

/**
 * Writes the database as it stands at one moment into a file of its own, also while others write: they do not wait, and
 * nothing of what they write meanwhile is in it. The file appears whole or not at all.
 */
export function copyDatabase(database: string, target: string): void {
  if (existsSync(target)) throw new BadBackup(`${target} is there already: choose another name`);
  const draft = `${target}.part`;
  rmSync(draft, { force: true });
  try {
    vacuumInto(database, draft);
    chmodSync(draft, 0o600);
    sync(draft);
    renameSync(draft, target);
    sync(dirname(target));
  } finally {
    rmSync(draft, { force: true });
  }
}

function vacuumInto(database: string, draft: string): void {
  // Made beforehand, so that at no time others may read it; SQLite takes a file that is empty.
  closeSync(openSync(draft, 'wx', 0o600));
  using source = opened(database);
  run(() => source.prepare('vacuum into ?').run(draft));
}

/** Looks a copy through without touching it. Throws where it is damaged, newer than this program, or of another key. */
export function checkCopy(file: string, sealKey: Uint8Array): Contents {
  try {
    using database = opened(file);
    const [integrity] = database.prepare('pragma integrity_check(1)').all();
    if (integrity?.integrity_check !== 'ok') throw new StoreFault('broken', String(integrity?.integrity_check));
    const version = count(database, 'select version as n from schema_version');
    if (version > NEWEST) {
      throw new BadBackup(`it is of version ${version}; this program knows versions up to ${NEWEST}`);
    }
    checkKey(database, sealKey);
    return {
      bytes: statSync(file).size,
      version,
      tasks: count(database, 'select count(*) as n from tasks where deleted = 0'),
      events: count(database, 'select count(*) as n from events'),
    };
  } catch (cause) {
    throw new BadBackup(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function opened(file: string): DatabaseSync {
  return run(() => new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }));
}

function count(database: DatabaseSync, query: string): number {
  const [row] = run(() => database.prepare(query).all());
  return Number(row?.n ?? 0);
}

function checkKey(database: DatabaseSync, sealKey: Uint8Array): void {
  const [row] = database.prepare("select sealed from meta where name = 'seal'").all();
  if (!(row?.sealed instanceof Uint8Array)) throw new BadBackup('it was not made by Millrace');
  try {
    new Seal(sealKey).open(SEAL_PLACE, row.sealed);
  } catch (cause) {
    throw new BadBackup('the key does not open it: it was made with another key', { cause });
  }
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
