import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../migrate.ts';

/** Who changed what; who is signed in to the console, how the first one gets in; when keys were used last. */
export async function up(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('audit')
    .addColumn('n', 'integer', c => c.primaryKey().autoIncrement())
    .addColumn('id', 'text', c => c.notNull().unique())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('project_id', 'text', c => c.notNull())
    .addColumn('at', 'bigint', c => c.notNull())
    .addColumn('actor_kind', 'text', c => c.notNull())
    .addColumn('actor_id', 'text', c => c.notNull())
    .addColumn('action', 'text', c => c.notNull())
    .addColumn('target', 'text', c => c.notNull())
    .addColumn('sealed', bytes, c => c.notNull())
    .execute();
  const columns = ['account_id', 'n', 'project_id', 'action', 'target', 'actor_id', 'at'];
  await db.schema.createIndex('audit_log').on('audit').columns(columns).execute();
  await db.schema.createIndex('audit_age').on('audit').columns(['at']).execute();
  await db.schema
    .createTable('sign_ins')
    .addColumn('hash', 'text', c => c.primaryKey().notNull())
    .addColumn('id', 'text', c => c.notNull().unique())
    .addColumn('user_id', 'text', c => c.notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('seen_at', 'bigint', c => c.notNull())
    .addColumn('remote', 'text', c => c.notNull())
    .addColumn('agent', 'text', c => c.notNull())
    .execute();
  await db.schema.createIndex('sign_ins_user').on('sign_ins').columns(['user_id']).execute();
  await db.schema
    .createTable('setup_links')
    .addColumn('hash', 'text', c => c.primaryKey().notNull())
    .addColumn('expires_at', 'bigint', c => c.notNull())
    .addColumn('used_at', 'bigint')
    .execute();
  await db.schema.alterTable('access_keys').addColumn('last_used_at', 'bigint').execute();
  await db.schema.alterTable('api_keys').addColumn('last_used_at', 'bigint').execute();
}
