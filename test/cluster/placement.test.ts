import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { backAtMs, doubledMs, longestGapMs } from '../lab/airtime.ts';
import { run } from '../lab/child.ts';
import type { ClusterNode } from '../lab/cluster.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { Stage } from './stage.ts';

const TASKS = 8;

const BIN = fileURLToPath(new URL('../../bin/millrace', import.meta.url));

/** The command line of an operator, on the machine of the node. */
const node = ({ cluster }: Pick<Stage, 'cluster'>, at: ClusterNode, ...words: readonly string[]): Promise<string> =>
  run(BIN, ['node', ...words, '--api', at.api, '--data', at.millrace.data], {
    env: { ...process.env, MILLRACE_DATABASE: cluster.database },
  });

it('never has two tasks push to one destination, and lets the second follow at once', {
  timeout: 120_000,
}, async () => {
  await using place = new Place();
  const { cluster, oracle, source } = await Stage.start(place, { nodes: 2, lives: 0 });
  const seen = oracle.stream('shared');
  const create = (at: number) => cluster.node(at).huawei.createLive(source.url(), oracle.url('shared'));
  const ids = await Promise.all([create(0), create(1)]);
  await until('one is on air', () => seen.video.length > 0, { timeoutMs: 20_000 });
  await pass(5_000);
  expect(seen.pushes.length).toBe(1);
  const [holder] = await cluster.query('select task_id from destinations');
  const first = String(holder?.task_id);
  expect(ids).toContain(first);
  const atMs = performance.now();
  await cluster.huawei.remove(first);
  await until('the other is on air', () => backAtMs(seen, atMs) !== undefined, { timeoutMs: 20_000 });
  await pass(1_000);
  const tookMs = (backAtMs(seen, atMs) ?? Number.NaN) - atMs;
  figure('CLUSTER', 'a task follows another at its destination', tookMs, { unit: 'ms', atMost: 5_000 });
  figure('CLUSTER', 'two tasks of one destination: with two pushers', doubledMs(seen), { unit: 'ms', exactly: 0 });
});

it('gives all tasks of a node that is drained to others, without two pushers', { timeout: 180_000 }, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 2, lives: TASKS, lists: 2 });
  const [a, b] = [stage.cluster.node(0), stage.cluster.node(1)];
  const given = await stage.heldBy(a);
  const atMs = performance.now();
  expect(await node(stage, a, 'drain', a.name, '--wait')).toMatch(/: 0 tasks left\n$/);
  const tookMs = performance.now() - atMs;
  expect(await stage.heldBy(a)).toEqual([]);
  expect(await node(stage, b, 'list')).toMatch(new RegExp(`^${a.name} {2}draining`, 'm'));
  await pass(3_000);
  const gaps = given.map(({ seen }) => longestGapMs(seen, atMs));
  figure('CLUSTER', `a node with ${given.length} tasks drained`, tookMs, { unit: 'ms', atMost: 30_000 });
  figure('CLUSTER', 'drain: longest time without a picture', Math.max(0, ...gaps), { unit: 'ms', atMost: 2_000 });
  figure('CLUSTER', 'drain: with two pushers', stage.doubledMs, { unit: 'ms', exactly: 0 });
  await node(stage, b, 'uncordon', a.name);
  await until('it takes tasks again', async () => (await node(stage, b, 'list')).includes(`${a.name}  ready`));
});

it('gives a node that joins its share, one task after the other', { timeout: 240_000 }, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 1, lives: TASKS });
  const joined = await stage.cluster.add();
  const share = async () => (await stage.heldBy(joined)).length;
  await until('it has its share', async () => (await share()) >= TASKS / 2 - 1, { timeoutMs: 90_000 });
  await pass(10_000);
  expect(await share()).toBeGreaterThanOrEqual(TASKS / 2 - 1);
  expect(await share()).toBeLessThanOrEqual(TASKS / 2 + 1);
  const moves = stage.tasks.reduce((sum, { seen }) => sum + seen.pushes.length - 1, 0);
  figure('CLUSTER', 'a node joins: moves', moves, { unit: '', atMost: TASKS / 2 + 1 });
  figure('CLUSTER', 'a node joins: with two pushers', stage.doubledMs, { unit: 'ms', exactly: 0 });
});

it('shows the picture of a task at the node that does not have it', { timeout: 120_000 }, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 2, lives: 2 });
  const holders = await stage.holders();
  const { cluster } = stage;
  const token = await keyOf(stage, cluster.node(0));
  const see = (at: ClusterNode, id: string, what: string): Promise<Response> =>
    fetch(`${at.api}/api/v1/tasks/${id}/${what}`, { headers: { authorization: `Bearer ${token}` } });
  for (const { id } of stage.tasks) {
    const other = cluster.nodes.find(({ name }) => name !== holders.get(id)) ?? cluster.node(0);
    await until('the still is there', async () => (await see(other, id, 'still')).status === 200, {
      timeoutMs: 20_000,
    });
    const live = await see(other, id, 'live.flv');
    const { value } = (await live.body?.getReader().read()) ?? {};
    expect(Buffer.from(value ?? []).toString('latin1', 0, 3)).toBe('FLV');
    await live.body?.cancel().catch(() => undefined);
    const task = await fetch(`${other.api}/api/v1/tasks/${id}`, { headers: { authorization: `Bearer ${token}` } });
    expect(((await task.json()) as { on_air: { node: string } }).on_air.node).toBe(holders.get(id));
  }
});

/** A key of the native API, made beside the node. */
async function keyOf({ cluster }: Pick<Stage, 'cluster'>, at: ClusterNode): Promise<string> {
  const env = { ...process.env, MILLRACE_DATABASE: cluster.database };
  const made = await run(BIN, ['key', 'create', '--api', '--data', at.millrace.data], { env });
  return /mlr_\S+/.exec(made)?.[0] ?? '';
}
