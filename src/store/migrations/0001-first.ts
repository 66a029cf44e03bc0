import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../migrate.ts';

/** Every table of the first version. Columns are described in ../tables.ts. */
export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await createTasks(db, types);
  await createEvents(db, types);
  await createDeliveries(db, types);
  await createAccounts(db, types);
  await createMeta(db, types);
}

async function createTasks(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('tasks')
    .addColumn('id', 'text', c => c.primaryKey().notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('project_id', 'text', c => c.notNull())
    .addColumn('dialect', 'text', c => c.notNull())
    .addColumn('region', 'text', c => c.notNull())
    .addColumn('status', 'text', c => c.notNull())
    .addColumn('moved_by', 'text', c => c.notNull())
    .addColumn('enabled', 'integer', c => c.notNull())
    .addColumn('deleted', 'integer', c => c.notNull())
    .addColumn('start_at', 'bigint', c => c.notNull())
    .addColumn('end_at', 'bigint', c => c.notNull())
    .addColumn('epoch', 'integer', c => c.notNull())
    .addColumn('seq', 'integer', c => c.notNull())
    .addColumn('version', 'integer', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('exited_at', 'bigint')
    .addColumn('due_at', 'bigint')
    .addColumn('sealed', bytes, c => c.notNull())
    .execute();
  await createIndex(db, 'tasks_list', 'tasks', ['project_id', 'deleted', 'created_at', 'id']);
  await createIndex(db, 'tasks_due', 'tasks', ['due_at', 'id']);
  await createIndex(db, 'tasks_status', 'tasks', ['status']);
  await createIndex(db, 'tasks_exited', 'tasks', ['exited_at']);
}

async function createEvents(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('events')
    .addColumn('id', 'text', c => c.notNull())
    .addColumn('task_id', 'text', c => c.notNull().references('tasks.id').onDelete('cascade'))
    .addColumn('seq', 'integer', c => c.notNull())
    .addColumn('type', 'text', c => c.notNull())
    .addColumn('at', 'bigint', c => c.notNull())
    .addColumn('epoch', 'integer', c => c.notNull())
    .addColumn('cause', 'text', c => c.notNull())
    .addColumn('from_status', 'text', c => c.notNull())
    .addColumn('to_status', 'text', c => c.notNull())
    .addColumn('sealed', bytes, c => c.notNull())
    .addPrimaryKeyConstraint('events_key', ['task_id', 'seq'])
    .execute();
}

async function createDeliveries(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('deliveries')
    .addColumn('id', 'text', c => c.primaryKey().notNull())
    .addColumn('task_id', 'text', c => c.notNull().references('tasks.id').onDelete('cascade'))
    .addColumn('seq', 'integer', c => c.notNull())
    .addColumn('content_type', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('attempts', 'integer', c => c.notNull())
    .addColumn('next_at', 'bigint', c => c.notNull())
    .addColumn('state', 'text', c => c.notNull())
    .addColumn('last_error', 'text', c => c.notNull())
    .addColumn('sealed', bytes, c => c.notNull())
    .execute();
  await createIndex(db, 'deliveries_due', 'deliveries', ['state', 'next_at', 'id']);
  await createIndex(db, 'deliveries_order', 'deliveries', ['task_id', 'state', 'seq']);
}

async function createAccounts(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('access_keys')
    .addColumn('access_key', 'text', c => c.primaryKey().notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('project_id', 'text', c => c.notNull())
    .addColumn('enabled', 'integer', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('sealed', bytes, c => c.notNull())
    .execute();
  await db.schema
    .createTable('users')
    .addColumn('id', 'text', c => c.primaryKey().notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('name', 'text', c => c.notNull())
    .addColumn('password_hash', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addUniqueConstraint('users_name', ['account_id', 'name'])
    .execute();
  await db.schema
    .createTable('projects')
    .addColumn('id', 'text', c => c.primaryKey().notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('name', 'text', c => c.notNull())
    .execute();
  await createTokens(db);
  await db.schema
    .createTable('domains')
    .addColumn('name', 'text', c => c.primaryKey().notNull())
    .addColumn('target', 'text', c => c.notNull())
    .execute();
}

async function createTokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tokens')
    .addColumn('hash', 'text', c => c.primaryKey().notNull())
    .addColumn('user_id', 'text', c => c.notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('project_id', 'text', c => c.notNull())
    .addColumn('issued_at', 'bigint', c => c.notNull())
    .addColumn('expires_at', 'bigint', c => c.notNull())
    .execute();
  await createIndex(db, 'tokens_user', 'tokens', ['user_id']);
  await createIndex(db, 'tokens_expiry', 'tokens', ['expires_at']);
}

async function createMeta(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('meta')
    .addColumn('name', 'text', c => c.primaryKey().notNull())
    .addColumn('count', 'bigint', c => c.notNull())
    .addColumn('sealed', bytes)
    .execute();
}

const createIndex = (db: Kysely<unknown>, name: string, table: string, columns: string[]): Promise<void> =>
  db.schema.createIndex(name).on(table).columns(columns).execute();
