import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { LabCluster } from '../lab/cluster.ts';
import { openHook } from '../lab/hook.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';

const TASKS = 5;
const EVERY_MS = 100;
const BEFORE_MS = 3_000;
const AFTER_MS = 12_000;
const DAY_MS = 24 * 3_600_000;
const print = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

async function createTasks({ huawei }: LabCluster, callback_url: string): Promise<string[]> {
  const list = { source_type: 'PullVodPushLive', source_urls: ['http://m.example/a.mp4'], callback_url };
  const ids: string[] = [];
  for (let i = 0; i < TASKS; i++) {
    const wish = { ...list, start_time: print(Date.now() + DAY_MS) };
    ids.push(await huawei.createLive('', `rtmp://dst.example/live/c${i}`, wish));
  }
  return ids;
}

it('tells what happens from another node soon after the one that told it is killed', { timeout: 180_000 }, async () => {
  await using place = new Place();
  const [cluster, hook] = [await LabCluster.start(place), await openHook(place)];
  const tasks = await createTasks(cluster, hook.url);
  const [duty] = await cluster.query(`select node from duties where name = 'callbacks'`);
  const victim = cluster.nodes.find(({ name }) => name === duty?.node) ?? cluster.node(0);
  const other = cluster.nodes.find(node => node !== victim) ?? cluster.node(1);
  let made = 0;
  const edit = async (untilMs: number): Promise<void> => {
    while (performance.now() < untilMs) {
      const body = { task_id: tasks[made++ % TASKS], end_time: print(Date.now() + 3 * DAY_MS + made * 1_000) };
      const { status } = await other.huawei.call({ method: 'PUT', body });
      expect(status).toBe(200);
      await pass(EVERY_MS);
    }
  };
  await edit(performance.now() + BEFORE_MS);
  await until('callbacks come', () => hook.told.length > TASKS);
  await victim.kill();
  const killedAt = Date.now();
  await edit(performance.now() + AFTER_MS);
  const store = await cluster.openStore();
  const events = (await Promise.all(tasks.map(id => store.events(id, 0, 10_000)))).flat();
  const changed = events.filter(({ type }) => type === 'changed').map(({ id }) => id);
  const isTold = (): boolean => {
    const told = new Set(hook.told.map(({ body }) => body.event_id));
    return changed.every(id => told.has(id));
  };
  await until('all is told', isTold, { timeoutMs: 60_000, everyMs: 250 });
  const nextAt = hook.told.find(({ at }) => at > killedAt + EVERY_MS)?.at ?? Number.NaN;
  figure('CLUSTER', 'the node that tells callbacks is killed: told again', nextAt - killedAt, {
    ...{ unit: 'ms', atMost: 8_000 },
  });
  const untold = changed.length - new Set(hook.told.map(({ body }) => body.event_id)).size;
  figure('CLUSTER', 'the node that tells callbacks is killed: never told', Math.max(0, untold), {
    ...{ unit: 'callbacks', exactly: 0 },
  });
});
