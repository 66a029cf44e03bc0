import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { NEWEST } from './migrate.ts';

export interface Inspection {
  readonly exists: boolean;
  /** What is wrong with it; "" where nothing is. */
  readonly error: string;
  readonly version: number;
  /** The newest version that this program knows. */
  readonly known: number;
  readonly users: number;
}

/** Looks at a database as it stands: without bringing it to this program's version, and beside who serves it. */
export function inspectSqlite(file: string): Inspection {
  const nothing = { exists: existsSync(file), error: '', version: 0, known: NEWEST, users: 0 };
  if (!nothing.exists) return nothing;
  try {
    using database = new DatabaseSync(file, { readOnly: true, timeout: 2_000 });
    const found = text(database, 'pragma quick_check(1)', 'quick_check');
    if (found !== 'ok') return { ...nothing, error: `the check found: ${found}` };
    const version = Number(text(database, 'select version from schema_version', 'version'));
    const users =
      version >= FIRST_WITH_USERS ? Number(text(database, 'select count(*) as users from users', 'users')) : 0;
    return { ...nothing, version, users };
  } catch (error) {
    return { ...nothing, error: error instanceof Error ? error.message : String(error) };
  }
}

const FIRST_WITH_USERS = 1;

const text = (database: DatabaseSync, query: string, column: string): string =>
  String(database.prepare(query).get()?.[column]);
