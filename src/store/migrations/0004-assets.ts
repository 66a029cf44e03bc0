import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../migrate.ts';

/** Media assets, named by their id within an account. */
export async function up(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('assets')
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('id', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('sealed', bytes, c => c.notNull())
    .addPrimaryKeyConstraint('assets_key', ['account_id', 'id'])
    .execute();
}
