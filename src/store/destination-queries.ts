import type { Kysely } from 'kysely';
import { DestinationInUse } from '../task/error.ts';
import type { Base } from './base.ts';
import type { Tables } from './tables.ts';

/** The address stands there as a digest only: it carries a stream key. */
const markOf = ({ seal }: Base, address: string): string => seal.mark('destinations', address);

/** The address of a task that neither acts nor has a run that may be on air is free for others. */
export const takeDestination = (base: Base, address: string, taskId: string): Promise<string | undefined> =>
  base.write(async trx => {
    const holder = await take(trx, base, { mark: markOf(base, address), taskId, keeps: isHeld });
    if (holder === undefined) await leaveOthers(trx, markOf(base, address), taskId);
    return holder;
  });

/** Within the transaction that makes the task: a task keeps what it has reserved until it has ended. */
export async function reserveDestination(
  trx: Kysely<Tables>,
  base: Base,
  { address, taskId }: { readonly address: string; readonly taskId: string },
): Promise<void> {
  const keeps = (holder: Holder): boolean => isHeld(holder) || holder.status !== 'exited';
  const holder = await take(trx, base, { mark: markOf(base, address), taskId, keeps });
  if (holder !== undefined) throw new DestinationInUse();
}

/** Where the task acts again by now it keeps them. One that has stopped has them for as long as nobody else takes them. */
export const leaveDestination = ({ write, locksRows }: Base, taskId: string): Promise<void> =>
  write(async trx => {
    const holder = await readHolder(trx, taskId, locksRows);
    if (holder !== undefined && (isHeld(holder) || holder.status !== 'exited')) return;
    await trx.deleteFrom('destinations').where('task_id', '=', taskId).execute();
  });

/** Of tasks that there are not any more. */
export async function forgetDestinations(trx: Kysely<Tables>): Promise<void> {
  await trx
    .deleteFrom('destinations')
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('tasks').select('tasks.id').whereRef('tasks.id', '=', 'destinations.task_id'))),
    )
    .execute();
}

interface Holder {
  readonly status: string;
  readonly moved_by: string;
  readonly node: string;
}

const isHeld = ({ status, moved_by, node }: Holder): boolean =>
  node !== '' || status === 'running' || status === 'recovering' || (status === 'scheduled' && moved_by === 'claimed');

interface Taking {
  readonly mark: string;
  readonly taskId: string;
  readonly keeps: (holder: Holder) => boolean;
}

/** Answers which other task has it. Its row is locked meanwhile: it cannot begin to act while it is judged. */
async function take(trx: Kysely<Tables>, { clock, locksRows }: Base, wish: Taking): Promise<string | undefined> {
  const { mark, taskId, keeps } = wish;
  const row = { address: mark, task_id: taskId, since: clock };
  await trx
    .insertInto('destinations')
    .values(row)
    .onConflict(conflict => conflict.column('address').doNothing())
    .execute();
  const query = trx.selectFrom('destinations').select('task_id').where('address', '=', mark);
  const { task_id: holderId } = await (locksRows ? query.forUpdate() : query).executeTakeFirstOrThrow();
  if (holderId === taskId) return undefined;
  const holder = await readHolder(trx, holderId, locksRows);
  if (holder !== undefined && keeps(holder)) return holderId;
  await trx.updateTable('destinations').set(row).where('address', '=', mark).execute();
  return undefined;
}

function readHolder(trx: Kysely<Tables>, taskId: string, locksRows: boolean): Promise<Holder | undefined> {
  const query = trx.selectFrom('tasks').select(['status', 'moved_by', 'node']).where('id', '=', taskId);
  return (locksRows ? query.forUpdate() : query).executeTakeFirst();
}

/** The name that a task pushes to may lead elsewhere by now; its former push is closed when it asks again. */
async function leaveOthers(trx: Kysely<Tables>, mark: string, taskId: string): Promise<void> {
  await trx.deleteFrom('destinations').where('task_id', '=', taskId).where('address', '<>', mark).execute();
}
