import { type Kysely, type SqlBool, sql } from 'kysely';
import type { Status } from '../task/status.ts';
import type { Task } from '../task/task.ts';
import { addEntries } from './audit-queries.ts';
import type { Base, Entries } from './base.ts';
import { forgetDestinations, reserveDestination } from './destination-queries.ts';
import type { Holding } from './node-store.ts';
import { sealBreakpoint, toDeliveryRow, toEventRow, toTask, toTaskRow } from './rows.ts';
import type { Seal } from './seal.ts';
import type { Change, Creation, Once, Page, Progress, TaskFilter } from './store.ts';
import type { Tables } from './tables.ts';

/** Rows removed in one transaction: few enough that nobody waits long behind them. */
const PURGE_TOGETHER = 200;
const PICK_TOGETHER = 500;
const NO_BYTES = new Uint8Array();

const DAY_MS = 86_400_000;

export const createTask = (base: Base, change: Change, once?: Once): Promise<Creation | undefined> =>
  base.write(async (trx, entries) => {
    const { seal } = base;
    const { task, reserves: address } = change;
    const former = once && (await findCreation(trx, task, once));
    if (former !== undefined) return former;
    if (address !== undefined) await reserveDestination(trx, base, { address, taskId: task.id });
    await trx.insertInto('tasks').values(toTaskRow(seal, task)).execute();
    leaveNews(entries, seal, change);
    return undefined;
  });

/** The one that stands under the key; where there is none, this one does from now on. */
async function findCreation(
  trx: Kysely<Tables>,
  { id, accountId, createdAt }: Task,
  { key, wish }: Once,
): Promise<Creation | undefined> {
  await trx
    .deleteFrom('creations')
    .where('at', '<', createdAt - DAY_MS)
    .execute();
  const creation = { account_id: accountId, key, wish, task_id: id, at: createdAt };
  const { numInsertedOrUpdatedRows: made } = await trx
    .insertInto('creations')
    .values(creation)
    .onConflict(conflict => conflict.columns(['account_id', 'key']).doNothing())
    .executeTakeFirstOrThrow();
  if (made === 1n) return undefined;
  const row = await trx
    .selectFrom('creations')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  return { key, wish: row.wish, taskId: row.task_id };
}

export const changeTask = (
  base: Base,
  taskId: string,
  decide: (task: Task) => Change | undefined,
): Promise<{ task: Task; changed: boolean } | undefined> =>
  base.write(async (trx, entries) => {
    const task = await readForChange(trx, base, taskId);
    if (task === undefined) return undefined;
    const change = decide(task);
    if (change === undefined) return { task, changed: false };
    await trx.updateTable('tasks').set(toTaskRow(base.seal, change.task)).where('id', '=', taskId).execute();
    leaveNews(entries, base.seal, change);
    return { task: change.task, changed: true };
  }, taskId);

async function readForChange(trx: Kysely<Tables>, base: Base, taskId: string): Promise<Task | undefined> {
  const query = trx.selectFrom('tasks').selectAll().where('id', '=', taskId);
  const row = await (base.locksRows ? query.forUpdate() : query).executeTakeFirst();
  return row && toTask(base.seal, row);
}

function leaveNews(entries: Entries, seal: Seal, { task, events, deliveries, audit = [] }: Change): void {
  entries.events.push(...events.map(event => toEventRow(seal, event, task)));
  entries.deliveries.push(...deliveries.map(delivery => toDeliveryRow(seal, delivery)));
  addEntries(entries, seal, audit);
}

/** Built once for all rows: many come every second, and building the query would cost more than running it. */
export const saveBreakpoints = ({ write, seal }: Base, progress: readonly Progress[]): Promise<void> =>
  write(async trx => {
    // Its parameters, in the order in which they stand here.
    const query = trx
      .updateTable('tasks')
      .set({ breakpoint: NO_BYTES })
      .where('id', '=', '')
      .where('epoch', '=', 0)
      .compile();
    for (const { taskId, epoch, breakpoint } of inLockOrder(progress)) {
      await trx.executeQuery({ ...query, parameters: [sealBreakpoint(seal, taskId, breakpoint), taskId, epoch] });
    }
  });

/** Of two that save the same ones, one waits, and neither stands in the other's way. */
const inLockOrder = (progress: readonly Progress[]): readonly Progress[] =>
  progress.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1));

export async function getTask({ db, opened }: Base, taskId: string): Promise<Task | undefined> {
  const row = await db.selectFrom('tasks').selectAll().where('id', '=', taskId).executeTakeFirst();
  return row && opened.read(row);
}

export async function someTasks({ db, opened }: Base, taskIds: readonly string[]): Promise<readonly Task[]> {
  if (taskIds.length === 0) return [];
  const rows = await db.selectFrom('tasks').selectAll().where('id', 'in', taskIds).execute();
  return rows.map(row => opened.read(row));
}

export async function listTasks(
  base: Base,
  filter: TaskFilter,
  page: Page,
): Promise<{ tasks: readonly Task[]; total: number }> {
  const { matches } = filter;
  if (matches !== undefined) return pickTasks(base, { ...filter, matches }, page);
  const counted = await filtered(base, filter)
    .select(eb => eb.fn.countAll().as('total'))
    .executeTakeFirstOrThrow();
  return { tasks: await pageOf(base, filter, page), total: Number(counted.total) };
}

/** Opens every task that the columns let through, some at a time, for what is asked lies in the sealed part. */
async function pickTasks(
  base: Base,
  filter: TaskFilter & Required<Pick<TaskFilter, 'matches'>>,
  { offset, limit }: Page,
): Promise<{ tasks: readonly Task[]; total: number }> {
  const tasks: Task[] = [];
  let total = 0;
  for (let read = 0; ; read += PICK_TOGETHER) {
    const some = await pageOf(base, filter, { offset: read, limit: PICK_TOGETHER });
    for (const task of some.filter(filter.matches)) {
      if (total >= offset && tasks.length < limit) tasks.push(task);
      total += 1;
    }
    if (some.length < PICK_TOGETHER) return { tasks, total };
  }
}

async function pageOf(base: Base, filter: TaskFilter, { offset, limit }: Page): Promise<readonly Task[]> {
  const rows = await filtered(base, filter)
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(offset)
    .limit(limit)
    .execute();
  return rows.map(row => base.opened.read(row));
}

const filtered = ({ db }: Base, { accountId, projectId, region, taskId, exitedSince }: TaskFilter) =>
  db
    .selectFrom('tasks')
    .where('account_id', '=', accountId)
    .$if(projectId !== undefined, q => q.where('project_id', '=', projectId ?? ''))
    .$if(region !== undefined, q => q.where('region', '=', region ?? ''))
    .$if(taskId !== undefined, q => q.where('id', '=', taskId ?? ''))
    .$if(exitedSince === undefined, q => q.where('deleted', '=', 0))
    .$if(exitedSince !== undefined, q =>
      q.where(eb => eb.or([eb('exited_at', 'is', null), eb('exited_at', '>=', exitedSince ?? 0)])),
    );

export async function dueTasks({ db, seal }: Base, now: number, limit: number): Promise<readonly Task[]> {
  const rows = await db
    .selectFrom('tasks')
    .selectAll()
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(row => toTask(seal, row));
}

export async function tasksWithStatus({ db, seal }: Base, statuses: readonly Status[]): Promise<readonly Task[]> {
  if (statuses.length === 0) return [];
  const rows = await db.selectFrom('tasks').selectAll().where('status', 'in', statuses).orderBy('id').execute();
  return rows.map(row => toTask(seal, row));
}

/** The same words as in the index of those that are held: without them it is not used. */
const IS_HELD = sql<SqlBool>`(node <> '' or status = 'running' or status = 'recovering'
    or (status = 'scheduled' and moved_by = 'claimed'))`;

export async function listHoldings({ db }: Base): Promise<readonly Holding[]> {
  const rows = await db
    .selectFrom('tasks')
    .select(['id', 'epoch', 'seq', 'status', 'moved_by as movedBy', 'region', 'node', 'due_at as dueAt'])
    .where(IS_HELD)
    .orderBy('id')
    .execute();
  return rows;
}

export const releaseTask = ({ write }: Base, taskId: string, node: string, epoch: number): Promise<void> =>
  write(async trx => {
    await trx
      .updateTable('tasks')
      .set({ node: '' })
      .where('id', '=', taskId)
      .where('node', '=', node)
      .where('epoch', '=', epoch)
      .execute();
  }, taskId);

/** In portions, each in a transaction of its own. */
export async function purgeTasks({ write }: Base, exitedBefore: number): Promise<number> {
  let total = 0;
  for (;;) {
    const removed = await write(trx => removeSome(trx, exitedBefore));
    total += removed;
    if (removed >= PURGE_TOGETHER) continue;
    if (total > 0) await write(forgetDestinations);
    return total;
  }
}

async function removeSome(trx: Kysely<Tables>, exitedBefore: number): Promise<number> {
  const some = trx
    .selectFrom('tasks')
    .select('id')
    .where('exited_at', '<', exitedBefore)
    .where(eb =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries')
            .select('deliveries.id')
            .whereRef('deliveries.task_id', '=', 'tasks.id')
            .where('deliveries.state', '=', 'waiting'),
        ),
      ),
    )
    .limit(PURGE_TOGETHER);
  const { numDeletedRows } = await trx.deleteFrom('tasks').where('id', 'in', some).executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
