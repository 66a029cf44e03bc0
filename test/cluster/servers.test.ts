import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { lostFrames } from '../lab/airtime.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { isFull, Stage } from './stage.ts';

const DOWN_MS = isFull ? 60_000 : 12_000;
const WATCHED_MS = 8_000;
const LIVES = 12;

const lostSince = (stage: Stage, sinceMs: number): number =>
  stage.tasks.reduce((sum, { seen }) => sum + lostFrames(seen, sinceMs), 0);
const pushesOf = (stage: Stage): number => stage.tasks.reduce((sum, { seen }) => sum + seen.pushes.length, 0);

it('loses no frame when NATS is killed and started again', { timeout: 240_000 }, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 3, lives: LIVES });
  const [pushes, atMs] = [pushesOf(stage), performance.now()];
  await stage.cluster.nats.kill();
  await pass(2_000);
  await stage.cluster.nats.restart();
  await pass(WATCHED_MS);
  await stage.allOnAir(performance.now());
  figure('CLUSTER', 'NATS restarted: frames lost', lostSince(stage, atMs), { unit: 'frames', exactly: 0 });
  figure('CLUSTER', 'NATS restarted: pushes broken', pushesOf(stage) - pushes, { unit: 'pushes', exactly: 0 });
  figure('CLUSTER', 'NATS restarted: with two pushers', stage.doubledMs, { unit: 'ms', exactly: 0 });
});

it('loses no task when NATS loses all its data', { timeout: 240_000 }, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 3, lives: LIVES, lists: 3 });
  const startedMs = performance.now();
  await stage.cluster.nats.kill();
  await stage.cluster.nats.wipe();
  await stage.cluster.nats.restart();
  const atMs = performance.now();
  const onAirMs = await stage.allOnAir(atMs);
  await pass(WATCHED_MS);
  await stage.allOnAir(performance.now());
  const frames = lostSince(stage, startedMs);
  // What was agreed on is agreed on again: a node that dies now is found out all the same.
  const victim = stage.cluster.node(1);
  const lost = await stage.heldBy(victim);
  const killedMs = await victim.kill();
  const tookMs = await stage.backOnAir(lost, killedMs);
  figure('CLUSTER', 'NATS wiped: all on air', Math.max(...onAirMs), { unit: 'ms', atMost: 15_000 });
  figure('CLUSTER', 'NATS wiped: frames lost', frames, { unit: 'frames', exactly: 0 });
  figure('CLUSTER', 'NATS wiped, a node killed then: on air elsewhere, at most', Math.max(0, ...tookMs), {
    ...{ unit: 'ms', atMost: 8_000 },
  });
  figure('CLUSTER', 'NATS wiped: with two pushers', stage.doubledMs, { unit: 'ms', exactly: 0 });
});

it('loses no frame while PostgreSQL is away, says so at once, and stores everything in order', {
  timeout: 300_000,
}, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 3, lives: LIVES });
  const { cluster, source } = stage;
  const atMs = performance.now();
  await cluster.postgres.stop();
  const answer = await answered(stage);
  await pass(DOWN_MS / 2);
  figure('CLUSTER', 'PostgreSQL away: frames lost', lostSince(stage, atMs), { unit: 'frames', exactly: 0 });
  // What happens meanwhile is to be told in its order: the source is lost, and is back.
  await source.vanish();
  await pass(3_000);
  await source.appear();
  const backMs = performance.now();
  await stage.allOnAir(backMs);
  await pass(DOWN_MS / 2);
  await cluster.postgres.start();
  const upMs = performance.now();
  await until('the API answers again', async () => (await cluster.huawei.call({ method: 'GET' })).status === 200, {
    timeoutMs: 30_000,
  });
  figure('CLUSTER', 'PostgreSQL away: API answers again after its return', performance.now() - upMs, {
    ...{ unit: 'ms', atMost: 10_000 },
  });
  await until(
    'what happened is stored',
    async () => (await stories(stage)).every(({ told }) => told.endsWith('broke flowing')),
    {
      timeoutMs: 30_000,
      everyMs: 250,
    },
  );
  const after = await stories(stage);
  expect(after.map(({ holes }) => holes)).toEqual(after.map(() => 0));
  figure('CLUSTER', 'PostgreSQL away: events out of order or missing', after.filter(({ holes }) => holes > 0).length, {
    ...{ unit: 'tasks', exactly: 0 },
  });
  figure('CLUSTER', 'PostgreSQL away: refusal of the API', answer.tookMs, { unit: 'ms', atMost: 5_000 });
  expect(answer.status).toBe(503);
  figure('CLUSTER', 'PostgreSQL away: with two pushers', stage.doubledMs, { unit: 'ms', exactly: 0 });
});

it('loses no frame while PostgreSQL hangs, and says so soon', { timeout: 240_000 }, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 3, lives: LIVES });
  const [pushes, atMs] = [pushesOf(stage), performance.now()];
  stage.cluster.postgres.freeze();
  await pass(1_000);
  const answer = await answered(stage);
  await pass(WATCHED_MS);
  stage.cluster.postgres.thaw();
  await pass(WATCHED_MS);
  figure('CLUSTER', 'PostgreSQL hangs: refusal of the API', answer.tookMs, { unit: 'ms', atMost: 5_000 });
  expect(answer.status).toBe(503);
  figure('CLUSTER', 'PostgreSQL hangs: frames lost', lostSince(stage, atMs), { unit: 'frames', exactly: 0 });
  figure('CLUSTER', 'PostgreSQL hangs: pushes broken', pushesOf(stage) - pushes, { unit: 'pushes', exactly: 0 });
});

async function answered({ cluster }: Stage): Promise<{ readonly status: number; readonly tookMs: number }> {
  const atMs = performance.now();
  const { status } = await cluster.huawei.call({ method: 'GET' });
  return { status, tookMs: performance.now() - atMs };
}

/** What is stored of each task: its events in order, and how many numbers are missing among them. */
async function stories(stage: Stage): Promise<{ readonly told: string; readonly holes: number }[]> {
  const store = await stage.cluster.openStore();
  return Promise.all(
    stage.tasks.map(async ({ id }) => {
      const events = await store.events(id, 0, 1_000);
      const told = events.filter(({ type }) => type !== 'alarm').map(({ type }) => type);
      return { told: told.join(' '), holes: (events.at(-1)?.seq ?? 0) - events.length };
    }),
  );
}
