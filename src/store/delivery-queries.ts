import { type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely';
import type { Base } from './base.ts';
import { toDelivery } from './rows.ts';
import type { Delivery, DeliveryFilter, DeliveryState, DueFilter, Fate, LogPage, Numbered } from './store.ts';
import type { Tables } from './tables.ts';

/** Rows written in one transaction: few enough that nobody waits long behind them. */
const TOGETHER = 500;

export async function dueDeliveries(
  { db, seal }: Base,
  { now, until, limit, after, taskIds, madeAfter, longestHoldMs }: DueFilter,
): Promise<readonly Delivery[]> {
  // The few that are asked for by task or by age lie together in another index than those that are due.
  const isFew = taskIds !== undefined || madeAfter !== undefined;
  const rows = await db
    .selectFrom('deliveries as own')
    .selectAll()
    .$if(madeAfter === undefined, q => q.where('own.state', '=', 'waiting'))
    .$if(madeAfter !== undefined, q =>
      q.where('own.created_at', '>', madeAfter ?? 0).where('own.state', 'not in', SETTLED),
    )
    .$if(taskIds !== undefined, q => q.where('own.task_id', 'in', taskIds ?? []))
    .where(isFew ? sql<number>`own.next_at + 0` : 'own.next_at', '<=', until)
    .$if(after !== undefined, q => q.where(isBehind(after ?? { nextAt: 0, id: '' })))
    .where(eb => eb.not(eb.exists(earlier(eb).where('earlier.holds_until', 'is', null))))
    .where(eb =>
      eb.not(
        eb.exists(
          earlier(eb)
            .where('earlier.holds_until', '>', now)
            .where('earlier.holds_until', '<=', now + (longestHoldMs ?? Number.MAX_SAFE_INTEGER - now)),
        ),
      ),
    )
    .where(eb =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('endpoints')
            .select('endpoints.id')
            .whereRef('endpoints.id', '=', 'own.endpoint')
            .where('endpoints.paused_at', 'is not', null),
        ),
      ),
    )
    .orderBy(isFew ? sql`own.next_at + 0` : 'own.next_at')
    .orderBy('own.id')
    .limit(limit)
    .execute();
  return rows.map(row => toDelivery(seal, row));
}

const SETTLED: readonly DeliveryState[] = ['delivered', 'dead'];

/**
 * Those that the same receiver has to be told of the same task first. Who asks for one kind at a time goes through the index of both, and
 * meets none of those that were tried long ago.
 */
const earlier = (eb: ExpressionBuilder<Tables & { own: Tables['deliveries'] }, 'own'>) =>
  eb
    .selectFrom('deliveries as earlier')
    .select('earlier.id')
    .whereRef('earlier.task_id', '=', 'own.task_id')
    .where('earlier.state', '=', 'waiting')
    .whereRef('earlier.endpoint', '=', 'own.endpoint')
    .whereRef('earlier.seq', '<', 'own.seq');

/** A row value, so that the index is entered at the row that was read last. */
const isBehind = ({ nextAt, id }: Pick<Delivery, 'nextAt' | 'id'>) =>
  sql<SqlBool>`(own.next_at, own.id) > (${nextAt}, ${id})`;

export const updateDelivery = ({ write }: Base, id: string, fate: Fate): Promise<void> =>
  write(async trx => {
    await trx.updateTable('deliveries').set(toPatch(fate)).where('id', '=', id).execute();
  });

const toPatch = ({ attempts, nextAt, state, lastError, holdsUntil, settledAt, log }: Fate) => ({
  ...(attempts === undefined ? {} : { attempts }),
  ...(nextAt === undefined ? {} : { next_at: nextAt }),
  ...(state === undefined ? {} : { state }),
  ...(lastError === undefined ? {} : { last_error: lastError }),
  ...(holdsUntil === undefined ? {} : { holds_until: holdsUntil }),
  ...(settledAt === undefined ? {} : { settled_at: settledAt }),
  ...(log === undefined ? {} : { log: JSON.stringify(log) }),
});

export async function listDeliveries(
  { db, seal }: Base,
  filter: DeliveryFilter,
  { after, before, limit }: LogPage,
): Promise<readonly (Delivery & Numbered)[]> {
  const direction = after === undefined ? 'desc' : 'asc';
  const numbers = filtered(db, filter)
    .$if(after !== undefined, q => q.where('n', '>', after ?? 0))
    .$if(before !== undefined, q => q.where('n', '<', before ?? 0))
    .orderBy('n', direction)
    .limit(limit);
  const rows = await db
    .selectFrom('deliveries')
    .selectAll()
    .where('n', 'in', numbers)
    .orderBy('n', direction)
    .execute();
  return rows.map(row => toDelivery(seal, row));
}

export const redeliver = (base: Base, filter: DeliveryFilter, now: number): Promise<number> =>
  patchAll(base, filter, { state: 'waiting', attempts: 0, nextAt: now, holdsUntil: 0, settledAt: null });

export const giveUpDeliveries = (
  base: Base,
  filter: DeliveryFilter,
  { now, reason }: { readonly now: number; readonly reason: string },
): Promise<number> =>
  patchAll(base, { ...filter, states: ['waiting'] }, { state: 'dead', lastError: reason, settledAt: now });

/** In portions, each in a transaction of its own: nobody waits long behind them. */
async function patchAll({ write }: Base, filter: DeliveryFilter, fate: Fate): Promise<number> {
  let total = 0;
  for (let behind = 0; ; ) {
    const numbers = await write(async trx => {
      const rows = await filtered(trx, filter).where('n', '>', behind).orderBy('n').limit(TOGETHER).execute();
      const found = rows.map(({ n }) => n);
      if (found.length > 0) await trx.updateTable('deliveries').set(toPatch(fate)).where('n', 'in', found).execute();
      return found;
    });
    total += numbers.length;
    behind = numbers.at(-1) ?? behind;
    if (numbers.length < TOGETHER) return total;
  }
}

const filtered = (db: Kysely<Tables>, filter: DeliveryFilter) => {
  const { accountId, projectId, taskId, eventId, ids, endpoint, states, since, until } = filter;
  return db
    .selectFrom('deliveries')
    .select('n')
    .where('account_id', '=', accountId)
    .$if(projectId !== undefined, q => q.where('project_id', '=', projectId ?? ''))
    .$if(taskId !== undefined, q => q.where('task_id', '=', taskId ?? ''))
    .$if(eventId !== undefined, q => q.where('event_id', '=', eventId ?? ''))
    .$if(ids !== undefined, q => q.where('id', 'in', ids ?? []))
    .$if(endpoint !== undefined, q => q.where('endpoint', '=', endpoint ?? ''))
    .$if(states !== undefined, q => q.where('state', 'in', states ?? []))
    .$if(since !== undefined, q => q.where('created_at', '>=', since ?? 0))
    .$if(until !== undefined, q => q.where('created_at', '<', until ?? 0));
};

export async function purgeDeliveries({ write }: Base, createdBefore: number): Promise<number> {
  for (let total = 0; ; ) {
    const removed = await write(async trx => {
      const some = trx
        .selectFrom('deliveries')
        .select('n')
        .where('created_at', '<', createdBefore)
        .orderBy('created_at')
        .limit(TOGETHER);
      const { numDeletedRows } = await trx.deleteFrom('deliveries').where('n', 'in', some).executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    });
    total += removed;
    if (removed < TOGETHER) return total;
  }
}
