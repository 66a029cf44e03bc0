import type { Event } from '../task/event.ts';
import type { Base } from './base.ts';
import { toEvent, toLoggedEvent } from './rows.ts';
import type { EventFilter, LoggedEvent, LogPage } from './store.ts';

/** Rows removed in one transaction: few enough that nobody waits long behind them. */
const PURGE_TOGETHER = 500;

export async function eventsOf(
  { db, seal }: Base,
  taskId: string,
  { afterSeq, limit }: { readonly afterSeq: number; readonly limit: number },
): Promise<readonly Event[]> {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('task_id', '=', taskId)
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(row => toEvent(seal, row));
}

/** The numbers are found in the index alone; only the rows of the page are read. */
export async function eventLog(
  base: Base,
  filter: EventFilter,
  { after, before, limit }: LogPage,
): Promise<readonly LoggedEvent[]> {
  const numbers = filtered(base, filter)
    .$if(after !== undefined, q => q.where('n', '>', after ?? 0))
    .$if(before !== undefined, q => q.where('n', '<', before ?? 0))
    .orderBy('n', after === undefined ? 'desc' : 'asc')
    .limit(limit);
  const rows = await base.db
    .selectFrom('events')
    .selectAll()
    .where('n', 'in', numbers)
    .orderBy('n', after === undefined ? 'desc' : 'asc')
    .execute();
  return rows.map(row => toLoggedEvent(base.seal, row));
}

export async function newEvents({ db, seal }: Base, after: number, limit: number): Promise<readonly LoggedEvent[]> {
  const rows = await db.selectFrom('events').selectAll().where('n', '>', after).orderBy('n').limit(limit).execute();
  return rows.map(row => toLoggedEvent(seal, row));
}

const filtered = (
  { db }: Base,
  { accountId, projectId, taskId, afterSeq, types, causes, to, since, until }: EventFilter,
) =>
  db
    .selectFrom('events')
    .select('n')
    .where('account_id', '=', accountId)
    .$if(projectId !== undefined, q => q.where('project_id', '=', projectId ?? ''))
    .$if(taskId !== undefined, q => q.where('task_id', '=', taskId ?? ''))
    .$if(afterSeq !== undefined, q =>
      q.where('n', '>', eb => eb.fn.coalesce(numberOf(db, taskId, afterSeq), eb.lit(0))),
    )
    .$if(types !== undefined, q => q.where('type', 'in', types ?? []))
    .$if(causes !== undefined, q => q.where('cause', 'in', causes ?? []))
    .$if(to !== undefined, q => q.where('to_status', 'in', to ?? []))
    .$if(since !== undefined, q => q.where('at', '>=', since ?? 0))
    .$if(until !== undefined, q => q.where('at', '<', until ?? 0));

/** A task's events stand in their own order among those of all: the number says more quickly who comes behind. */
const numberOf = (db: Base['db'], taskId = '', seq = 0) =>
  db
    .selectFrom('events')
    .select('n')
    .where('task_id', '=', taskId)
    .where('seq', '<=', seq)
    .orderBy('seq', 'desc')
    .limit(1);

export async function lastEvent({ db }: Base): Promise<number> {
  const { n } = await db
    .selectFrom('events')
    .select(eb => eb.fn.max('n').as('n'))
    .executeTakeFirstOrThrow();
  return Number(n ?? 0);
}

/** In portions, each in a transaction of its own. */
export async function purgeEvents({ write }: Base, before: number): Promise<number> {
  for (let total = 0; ; ) {
    const removed = await write(async trx => {
      const some = trx.selectFrom('events').select('n').where('at', '<', before).orderBy('at').limit(PURGE_TOGETHER);
      const { numDeletedRows } = await trx.deleteFrom('events').where('n', 'in', some).executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    });
    total += removed;
    if (removed < PURGE_TOGETHER) return total;
  }
}
