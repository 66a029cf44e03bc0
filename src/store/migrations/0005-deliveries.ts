import type { Kysely } from 'kysely';

/** Which dialect a callback speaks: until now there was one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('deliveries')
    .addColumn('dialect', 'text', c => c.notNull().defaultTo('huawei'))
    .execute();
}
