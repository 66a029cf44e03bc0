import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { openHook } from '../lab/hook.ts';
import { Place } from '../lab/place.ts';
import { until } from '../lab/wait.ts';
import { Stage } from './stage.ts';

const GOAL_MS = 8_000;

it('goes on with callbacks from another node when the one that sends them is killed', {
  timeout: 120_000,
}, async () => {
  await using place = new Place();
  const hook = await openHook(place);
  const { cluster, source, oracle } = await Stage.start(place, { nodes: 2, lives: 0 });
  const dutyOf = async (): Promise<string> => {
    const [row] = await cluster.query("select node from duties where name = 'callbacks'");
    return String(row?.node);
  };
  await until('somebody is on duty', async () => (await dutyOf()).startsWith('node-'));
  const victim = cluster.nodes.find(({ name }) => name === 'node-a') ?? cluster.node(0);
  const sender = await dutyOf();
  const killed = cluster.nodes.find(({ name }) => name === sender) ?? victim;
  const alive = cluster.nodes.find(({ name }) => name !== sender) ?? victim;
  const atMs = await killed.kill();
  const id = await alive.huawei.createLive(source.url(), oracle.url('told'), { callback_url: hook.base });
  const about = () => hook.told.filter(({ body }) => body.task_id === id);
  await until('the callbacks go on', () => about().length > 0, { timeoutMs: 40_000, everyMs: 20 });
  const tookMs = performance.now() - atMs;
  figure('CLUSTER', 'callbacks go on behind a kill of their sender', tookMs, { unit: 'ms', atMost: GOAL_MS });
  expect(await dutyOf()).toBe(alive.name);
  await until('it is on air', () => oracle.stream('told').video.length > 0, { timeoutMs: 30_000 });
});
