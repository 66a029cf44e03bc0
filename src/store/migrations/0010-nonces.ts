import type { Kysely } from 'kysely';

/** Calls that were signed and may not be sent again, to whichever node. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('nonces')
    .addColumn('mark', 'text', c => c.primaryKey().notNull())
    .addColumn('until', 'bigint', c => c.notNull())
    .execute();
  await db.schema.createIndex('nonces_until').on('nonces').columns(['until']).execute();
}
