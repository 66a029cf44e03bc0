import { type Kysely, sql } from 'kysely';

/** Several nodes on one database: which one acts for a task, who they are, what only one of them does at a time. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('tasks')
    .addColumn('node', 'text', c => c.notNull().defaultTo(''))
    .execute();
  // The few that are held, among all that wait for their start. The same words as in `holdings`.
  await sql`create index tasks_held on tasks (id) where node <> '' or status = 'running' or status = 'recovering'
    or (status = 'scheduled' and moved_by = 'claimed')`.execute(db);
  await createNodes(db);
  await createDuties(db);
  await createDestinations(db);
}

async function createNodes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('nodes')
    .addColumn('name', 'text', c => c.primaryKey().notNull())
    .addColumn('incarnation', 'text', c => c.notNull())
    .addColumn('region', 'text', c => c.notNull())
    .addColumn('version', 'text', c => c.notNull())
    .addColumn('facts', 'text', c => c.notNull())
    .addColumn('state', 'text', c => c.notNull())
    .addColumn('renewals', 'bigint', c => c.notNull())
    .addColumn('seen_at', 'bigint', c => c.notNull())
    .execute();
}

async function createDuties(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('duties')
    .addColumn('name', 'text', c => c.primaryKey().notNull())
    .addColumn('node', 'text', c => c.notNull())
    .addColumn('incarnation', 'text', c => c.notNull())
    .addColumn('renewals', 'bigint', c => c.notNull())
    .addColumn('seen_at', 'bigint', c => c.notNull())
    .execute();
}

async function createDestinations(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('destinations')
    .addColumn('address', 'text', c => c.primaryKey().notNull())
    .addColumn('task_id', 'text', c => c.notNull())
    .addColumn('since', 'bigint', c => c.notNull())
    .execute();
  await db.schema.createIndex('destinations_task').on('destinations').columns(['task_id']).execute();
}
