import type { Base } from './base.ts';
import type { Census, DeliveryState } from './store.ts';

export async function takeCensus(base: Base): Promise<Census> {
  const endpoints = await countEndpoints(base);
  return {
    tasks: await countTasks(base),
    waitingDeliveries: await countDeliveries(base, 'waiting'),
    deadDeliveries: await countDeliveries(base, 'dead'),
    failingEndpoints: endpoints.all - endpoints.paused,
    pausedEndpoints: endpoints.paused,
  };
}

async function countTasks({ db }: Base): Promise<Census['tasks']> {
  const rows = await db
    .selectFrom('tasks')
    .select(({ fn }) => ['status', 'dialect', fn.countAll<number | string>().as('count')])
    .where('deleted', '=', 0)
    .groupBy(['status', 'dialect'])
    .execute();
  return rows.map(({ status, dialect, count }) => ({ status, dialect, count: Number(count) }));
}

/** One range of an index. The delivered ones, of which there may be millions, nobody asks for. */
async function countDeliveries({ db }: Base, state: DeliveryState): Promise<number> {
  const { count } = await db
    .selectFrom('deliveries')
    .select(({ fn }) => fn.countAll<number | string>().as('count'))
    .where('state', '=', state)
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function countEndpoints({ db }: Base): Promise<{ readonly all: number; readonly paused: number }> {
  const { all, paused } = await db
    .selectFrom('endpoints')
    .select(({ fn }) => [fn.countAll<number | string>().as('all'), fn.count<number | string>('paused_at').as('paused')])
    .executeTakeFirstOrThrow();
  return { all: Number(all), paused: Number(paused) };
}
