import type { Kysely, RawBuilder } from 'kysely';
import { up as first } from './migrations/0001-first.ts';
import { up as playlists } from './migrations/0002-playlists.ts';
import { up as accounts } from './migrations/0003-accounts.ts';
import { up as assets } from './migrations/0004-assets.ts';
import { up as deliveries } from './migrations/0005-deliveries.ts';
import { up as events } from './migrations/0006-events.ts';
import { up as audit } from './migrations/0007-audit.ts';
import { up as creations } from './migrations/0008-creations.ts';
import { up as cluster } from './migrations/0009-cluster.ts';
import { up as nonces } from './migrations/0010-nonces.ts';
import type { Tables } from './tables.ts';

/** Where the databases name the same thing differently. */
export interface ColumnTypes {
  readonly bytes: 'blob' | RawBuilder<unknown>;
}

type Migration = (db: Kysely<unknown>, types: ColumnTypes) => Promise<void>;

/** In order; the version of a database is how many of these it has seen. One that stands is never edited. */
const MIGRATIONS: readonly Migration[] = [
  first,
  playlists,
  accounts,
  assets,
  deliveries,
  events,
  audit,
  creations,
  cluster,
  nonces,
];

/** The version that this program makes of a database. */
export const NEWEST = MIGRATIONS.length;

/** Brings the database to this program's version. The caller gives a transaction: it is done whole or not at all. */
export async function migrate(trx: Kysely<Tables>, types: ColumnTypes): Promise<void> {
  await trx.schema.createTable('schema_version').ifNotExists().addColumn('version', 'integer').execute();
  const stands = await trx.selectFrom('schema_version').select('version').executeTakeFirst();
  const version = stands?.version ?? 0;
  if (version > MIGRATIONS.length) {
    const known = `the database is of version ${version}; this program knows versions up to ${MIGRATIONS.length}`;
    throw new Error(`${known}: upgrade it (docs/operating.md)`);
  }
  if (version === MIGRATIONS.length) return;
  for (const migration of MIGRATIONS.slice(version)) await migration(trx as Kysely<unknown>, types);
  await trx.deleteFrom('schema_version').execute();
  await trx.insertInto('schema_version').values({ version: MIGRATIONS.length }).execute();
}
