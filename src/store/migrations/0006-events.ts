import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { ColumnTypes } from '../migrate.ts';

/**
 * Events and deliveries belong to an account and outlive their task; both are numbered in the order of their commits.
 * What failing receivers, signing secrets and API keys are kept in comes along.
 */
export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await rebuildEvents(db, types);
  await rebuildDeliveries(db, types);
  await createEndpoints(db, types);
  await createSecrets(db, types);
  await createApiKeys(db);
}

const numbered = (db: Kysely<unknown>, name: string): CreateTableBuilder<string, 'n'> =>
  db.schema.createTable(name).addColumn('n', 'integer', c => c.primaryKey().autoIncrement());

async function rebuildEvents(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await numbered(db, 'events_anew')
    .addColumn('id', 'text', c => c.notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('project_id', 'text', c => c.notNull())
    .addColumn('task_id', 'text', c => c.notNull())
    .addColumn('seq', 'integer', c => c.notNull())
    .addColumn('type', 'text', c => c.notNull())
    .addColumn('at', 'bigint', c => c.notNull())
    .addColumn('epoch', 'integer', c => c.notNull())
    .addColumn('cause', 'text', c => c.notNull())
    .addColumn('from_status', 'text', c => c.notNull())
    .addColumn('to_status', 'text', c => c.notNull())
    .addColumn('sealed', bytes, c => c.notNull())
    .addUniqueConstraint('events_order', ['task_id', 'seq'])
    .execute();
  await sql`insert into events_anew
      (id, account_id, project_id, task_id, seq, type, at, epoch, cause, from_status, to_status, sealed)
    select events.id, account_id, project_id, task_id, events.seq, type, at, events.epoch, cause, from_status, to_status,
      events.sealed
    from events join tasks on tasks.id = events.task_id order by at, events.seq`.execute(db);
  await takePlace(db, 'events');
  // All that a list may be narrowed by, so that finding a page reads no rows.
  const columns = ['account_id', 'n', 'project_id', 'type', 'at', 'cause', 'to_status', 'task_id'];
  await createIndex(db, 'events_log', 'events', columns);
  await createIndex(db, 'events_task', 'events', ['account_id', 'task_id', 'n']);
  await createIndex(db, 'events_age', 'events', ['at']);
}

async function rebuildDeliveries(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await numbered(db, 'deliveries_anew')
    .addColumn('id', 'text', c => c.notNull().unique())
    .addColumn('task_id', 'text', c => c.notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('project_id', 'text', c => c.notNull())
    .addColumn('event_id', 'text', c => c.notNull())
    .addColumn('event_type', 'text', c => c.notNull())
    .addColumn('endpoint', 'text', c => c.notNull())
    .addColumn('seq', 'integer', c => c.notNull())
    .addColumn('dialect', 'text', c => c.notNull())
    .addColumn('content_type', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('attempts', 'integer', c => c.notNull())
    .addColumn('next_at', 'bigint', c => c.notNull())
    .addColumn('state', 'text', c => c.notNull())
    .addColumn('last_error', 'text', c => c.notNull())
    .addColumn('holds_until', 'bigint')
    .addColumn('settled_at', 'bigint')
    .addColumn('log', 'text', c => c.notNull())
    .addColumn('sealed', bytes, c => c.notNull())
    .execute();
  // Their addresses are sealed, so each task counts as a receiver of its own.
  await sql`insert into deliveries_anew
      (id, task_id, account_id, project_id, event_id, event_type, endpoint, seq, dialect, content_type, created_at,
       attempts, next_at, state, last_error, log, sealed)
    select old.id, old.task_id, events.account_id, events.project_id, events.id, events.type, old.task_id, old.seq,
      old.dialect, old.content_type, old.created_at, old.attempts, old.next_at, old.state, old.last_error, '[]', old.sealed
    from deliveries old join events on events.task_id = old.task_id and events.seq = old.seq
    order by old.created_at, old.seq`.execute(db);
  await takePlace(db, 'deliveries');
  await createIndex(db, 'deliveries_due', 'deliveries', ['state', 'next_at', 'id']);
  await createIndex(db, 'deliveries_order', 'deliveries', ['task_id', 'state', 'holds_until', 'seq']);
  const columns = ['account_id', 'n', 'project_id', 'state', 'created_at', 'endpoint', 'task_id', 'event_id'];
  await createIndex(db, 'deliveries_log', 'deliveries', columns);
  await createIndex(db, 'deliveries_task', 'deliveries', ['account_id', 'task_id', 'n']);
  await createIndex(db, 'deliveries_age', 'deliveries', ['created_at']);
}

async function takePlace(db: Kysely<unknown>, name: string): Promise<void> {
  await db.schema.dropTable(name).execute();
  await db.schema.alterTable(`${name}_anew`).renameTo(name).execute();
}

async function createEndpoints(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('endpoints')
    .addColumn('id', 'text', c => c.primaryKey().notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('failing_since', 'bigint', c => c.notNull())
    .addColumn('paused_at', 'bigint')
    .addColumn('last_error', 'text', c => c.notNull())
    .addColumn('sealed', bytes, c => c.notNull())
    .execute();
}

async function createSecrets(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('callback_secrets')
    .addColumn('id', 'text', c => c.primaryKey().notNull())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('retires_at', 'bigint')
    .addColumn('sealed', bytes, c => c.notNull())
    .execute();
  await createIndex(db, 'callback_secrets_account', 'callback_secrets', ['account_id']);
}

async function createApiKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('api_keys')
    .addColumn('id', 'text', c => c.primaryKey().notNull())
    .addColumn('hash', 'text', c => c.notNull().unique())
    .addColumn('account_id', 'text', c => c.notNull())
    .addColumn('project_id', 'text', c => c.notNull())
    .addColumn('name', 'text', c => c.notNull())
    .addColumn('enabled', 'integer', c => c.notNull())
    .addColumn('created_at', 'bigint', c => c.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('user_id', 'text')
    .addColumn('policies', 'text')
    .execute();
}

const createIndex = (db: Kysely<unknown>, name: string, table: string, columns: string[]): Promise<void> =>
  db.schema.createIndex(name).on(table).columns(columns).execute();
