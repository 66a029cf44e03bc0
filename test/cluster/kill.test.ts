import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { Place } from '../lab/place.ts';
import { pass } from '../lab/wait.ts';
import { GOP_MS, isFull, p50, p99, Stage } from './stage.ts';

const TASKS = 50;

const LEASES = [
  { lease: '10s', goalMs: 8_000 },
  { lease: '5s', goalMs: 5_000 },
];

it.each(isFull ? LEASES : LEASES.slice(0, 1))(
  'has all tasks of a node that is killed on air elsewhere, with a lease of $lease',
  { timeout: 240_000 },
  async ({ lease, goalMs }) => {
    await using place = new Place();
    const stage = await Stage.start(place, { nodes: 1, lease, lives: TASKS / 2, lists: TASKS / 2 });
    const victim = stage.cluster.node(0);
    await stage.cluster.add();
    await stage.cluster.add();
    // So that there are break points of files that have been on air for a while.
    await pass(5_000);
    const lost = await stage.heldBy(victim);
    const atMs = await victim.kill();
    const lists = lost.filter(({ kind }) => kind === 'list');
    const stored = await stage.breakpoints(lists);
    const tookMs = await stage.backOnAir(lost, atMs);
    await stage.tellLate(lost, tookMs, atMs);
    console.log(`on air elsewhere after ${[...tookMs].sort((a, b) => a - b).map(Math.round)} ms`);
    const late = stage.resumedAt(lists, atMs).map(({ id, mediaMs }) => mediaMs - (stored.get(id) ?? Number.NaN));
    await pass(2_000);
    const name = `node killed with ${lost.length} tasks, lease ${lease}`;
    figure('CLUSTER', `${name}: on air elsewhere, p99`, p99(tookMs), { unit: 'ms', atMost: goalMs });
    figure('CLUSTER', `${name}: on air elsewhere, p50`, p50(tookMs), { unit: 'ms', atMost: goalMs });
    figure('CLUSTER', `${name}: from the stored break point, at most`, Math.max(...late.map(Math.abs)), {
      ...{ unit: 'ms', atMost: GOP_MS, busyAtMost: GOP_MS },
    });
    figure('CLUSTER', `${name}: with two pushers`, stage.doubledMs, { unit: 'ms', exactly: 0 });
    expect(lost.length).toBeGreaterThanOrEqual(TASKS - 5);
  },
);
