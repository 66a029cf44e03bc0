import type { Kysely } from 'kysely';

/** Which task a key has made, so that whoever asks again is answered with it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('creations')
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('key', 'text', c => c.notNull())
    .addColumn('wish', 'text', c => c.notNull())
    .addColumn('task_id', 'text', c => c.notNull())
    .addColumn('at', 'bigint', c => c.notNull())
    .addPrimaryKeyConstraint('creations_key', ['account_id', 'key'])
    .execute();
  await db.schema.createIndex('creations_age').on('creations').columns(['at']).execute();
}
