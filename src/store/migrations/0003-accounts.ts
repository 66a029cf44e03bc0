import { type Kysely, sql } from 'kysely';
import type { ColumnTypes } from '../migrate.ts';

/** Accounts of their own, policies, temporary keys. Who could do everything before still can. */
export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await createAccounts(db);
  await createPolicies(db);
  await widenUsers(db);
  await widenKeys(db, types);
  await db.schema
    .alterTable('domains')
    .addColumn('account_id', 'text', c => c.notNull().defaultTo('default'))
    .execute();
}

/** The default account stands from now on; the others are those that something was made for. */
async function createAccounts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('accounts')
    .addColumn('id', 'text', c => c.primaryKey().notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('live', 'integer', c => c.notNull())
    .execute();
  const now = Date.now();
  await sql`insert into accounts (id, created_at, live)
    select account_id, min(created_at), 1 from (
      select account_id, created_at from access_keys union all
      select account_id, created_at from users union all
      select account_id, created_at from tasks union all
      select account_id, ${now} as created_at from projects union all
      select 'default' as account_id, ${now} as created_at
    ) as seen group by account_id`.execute(db);
}

async function createPolicies(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('policies')
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('name', 'text', c => c.notNull())
    .addColumn('document', 'text', c => c.notNull())
    .addPrimaryKeyConstraint('policies_key', ['account_id', 'name'])
    .execute();
}

async function widenUsers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('users')
    .addColumn('enabled', 'integer', c => c.notNull().defaultTo(1))
    .execute();
  await db.schema
    .alterTable('users')
    .addColumn('policies', 'text', c => c.notNull().defaultTo('["FullAccess"]'))
    .execute();
}

async function widenKeys(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema.alterTable('access_keys').addColumn('user_id', 'text').execute();
  await db.schema.alterTable('access_keys').addColumn('policies', 'text').execute();
  await db.schema.alterTable('access_keys').addColumn('token', bytes).execute();
  await db.schema.alterTable('access_keys').addColumn('expires_at', 'bigint').execute();
  await db.schema.createIndex('access_keys_user').on('access_keys').columns(['user_id']).execute();
}
