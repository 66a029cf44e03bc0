import { type Kysely, sql } from 'kysely';
import type { ColumnTypes } from '../migrate.ts';

/** Where each list of files stands; lists that the first version only kept are due at their start from now on. */
export async function up(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .alterTable('tasks')
    .addColumn('list_version', 'integer', c => c.notNull().defaultTo(1))
    .execute();
  await db.schema.alterTable('tasks').addColumn('breakpoint', bytes).execute();
  await sql`update tasks set due_at = start_at
    where status = 'scheduled' and moved_by <> 'claimed' and enabled = 1 and start_at < due_at`.execute(db);
}
