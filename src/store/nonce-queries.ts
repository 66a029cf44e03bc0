import { sql } from 'kysely';
import type { Base } from './base.ts';
import type { Nonce } from './node-store.ts';

/** Rows removed in one statement: few enough that nobody waits long behind them. */
const PURGE_TOGETHER = 1_000;

/**
 * One statement, which is a transaction of its own: of two that come together one has it. Not `atOnce`, where a flood of
 * calls would stand before the renewals of the node's lease.
 */
export async function useNonce({ db, seal }: Base, nonce: Nonce): Promise<boolean> {
  const { accessKey, value, until, now } = nonce;
  const mark = seal.mark('nonces', JSON.stringify([accessKey, value]));
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('nonces')
    .values({ mark, until })
    .onConflict(conflict => conflict.column('mark').doUpdateSet({ until }).where('nonces.until', '<=', now))
    .executeTakeFirstOrThrow();
  return Number(numInsertedOrUpdatedRows) > 0;
}

/** By the database's clock, so that a node whose own is wrong removes nothing too early for the others. */
export async function purgeNonces({ db, clock }: Base, agoMs: number): Promise<number> {
  for (let total = 0; ; ) {
    const some = db
      .selectFrom('nonces')
      .select('mark')
      .where('until', '<', sql<number>`${clock} - ${agoMs}`)
      .limit(PURGE_TOGETHER);
    const { numDeletedRows } = await db.deleteFrom('nonces').where('mark', 'in', some).executeTakeFirstOrThrow();
    total += Number(numDeletedRows);
    if (numDeletedRows < PURGE_TOGETHER) return total;
  }
}
