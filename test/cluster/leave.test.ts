import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { p50, p99, Stage } from './stage.ts';

const TASKS = 20;

it('leaves its tasks to the others at once where a node is ended cleanly', { timeout: 120_000 }, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 1, lives: TASKS });
  const leaving = stage.cluster.node(0);
  await stage.cluster.add();
  await stage.cluster.add();
  const lost = await stage.heldBy(leaving);
  const atMs = performance.now();
  await leaving.stop();
  const tookMs = await stage.backOnAir(lost, atMs);
  await pass(1_000);
  const name = `node with ${lost.length} tasks ended cleanly`;
  figure('CLUSTER', `${name}: on air elsewhere, p50`, p50(tookMs), { unit: 'ms', atMost: 2_000 });
  figure('CLUSTER', `${name}: on air elsewhere, p99`, p99(tookMs), { unit: 'ms', atMost: 3_000 });
  figure('CLUSTER', `${name}: with two pushers`, stage.doubledMs, { unit: 'ms', exactly: 0 });
});

it('goes on pushing while its control process is replaced, or killed and started again', {
  timeout: 120_000,
}, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 2, lives: 10 });
  const pushes = () => stage.tasks.map(({ seen }) => seen.pushes.length);
  const before = pushes();
  const [one, other] = stage.cluster.nodes;
  await one?.millrace.replace();
  await pass(8_000);
  expect(pushes()).toEqual(before);
  await other?.millrace.killControl();
  await other?.millrace.restart();
  await pass(8_000);
  expect(pushes()).toEqual(before);
  expect(stage.doubledMs).toBe(0);
});

it('hears of a stop from any node', { timeout: 120_000 }, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 3, lives: 6 });
  const tookMs: number[] = [];
  for (const { id, seen } of stage.tasks) {
    const holder = (await stage.holders()).get(id);
    const asked = stage.cluster.nodes.find(({ name }) => name !== holder);
    const atMs = performance.now();
    await asked?.huawei.remove(id);
    await until('the push is closed', () => seen.pushes.every(({ endedAtMs }) => endedAtMs !== undefined), {
      timeoutMs: 10_000,
      everyMs: 10,
    });
    tookMs.push(performance.now() - atMs);
  }
  figure('CLUSTER', 'stopped at another node: its push closed, at most', Math.max(...tookMs), {
    ...{ unit: 'ms', atMost: 1_000 },
  });
});
