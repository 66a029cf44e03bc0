import { Kysely, sql } from 'kysely';
import type { Inspection } from './inspect.ts';
import { NEWEST } from './migrate.ts';
import { openPool, postgresDialect } from './postgres-dialect.ts';
import type { Tables } from './tables.ts';

/** Looks at a database as it stands, beside who uses it. */
export async function inspectPostgres(url: string): Promise<Inspection> {
  const nothing = { exists: false, error: '', version: 0, known: NEWEST, users: 0 };
  const db = new Kysely<Tables>({ dialect: postgresDialect(openPool({ url, most: 1 })) });
  try {
    if (!(await hasTables(db))) return nothing;
    const { version } = await db.selectFrom('schema_version').select('version').executeTakeFirstOrThrow();
    const { users } = await db
      .selectFrom('users')
      .select(({ fn }) => fn.countAll<number>().as('users'))
      .executeTakeFirstOrThrow();
    return { ...nothing, exists: true, version, users };
  } catch (error) {
    return { ...nothing, exists: true, error: error instanceof Error ? error.message : String(error) };
  } finally {
    await db.destroy();
  }
}

async function hasTables(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ stands: boolean }>`select to_regclass('schema_version') is not null as stands`.execute(
    db,
  );
  return rows[0]?.stands === true;
}
