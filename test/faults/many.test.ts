import { expect, it } from 'vitest';
import { lost } from '../lab/continuity.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { FaultProxy } from '../lab/fault-proxy.ts';
import { percentile } from '../lab/films.ts';
import { HostileServer } from '../lab/hostile.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { busyNode, eachOf } from './node.ts';
import { framesMore } from './on-air.ts';

const WINDOW_MS = 3_000;

/** The most of them a second, over any three: a busy process sees what came apart at once. */
const peakOf = (times: readonly number[]): number =>
  Math.max(0, ...times.map(from => times.filter(at => at >= from && at < from + WINDOW_MS).length)) /
  (WINDOW_MS / 1_000);

it('D1: 500 tasks with one dead destination dial it in turn, and harm nobody', async () => {
  await using place = new Place();
  const { millrace, seen } = await busyNode(place, { tasks: 5 });
  const thin = await CountedSource.start(place, {
    shape: { fps: 5, gop: 10, videoKbit: 20 },
    manner: { without: 'audio' },
  });
  const dead = await FaultProxy.start(place, { to: thin.port });
  dead.welcome = 'reset';
  const names = Array.from({ length: 500 }, (_, i) => `dead${i}`);
  const answers = await eachOf(names, 4, async name => {
    const askedMs = performance.now();
    const taskId = await millrace.huawei.createLive(thin.url(), dead.url(`live/${name}`));
    return { taskId, tookMs: performance.now() - askedMs };
  });
  await until('all are pulled', () => thin.pullers === 500, { timeoutMs: 30_000 });
  await pass(10_000);
  const asked = await eachOf(answers.slice(0, 100), 1, async ({ taskId }) => {
    const askedMs = performance.now();
    await millrace.huawei.status(taskId);
    return performance.now() - askedMs;
  });
  figure('D1', 'most dials of a dead host a second', peakOf(dead.connectsAtMs), {
    unit: 'dials',
    atMost: 20,
    busyAtMost: 25,
  });
  figure('D1', 'API answers meanwhile, p99', percentile(asked, 0.99), { unit: 'ms', atMost: 50, busyAtMost: 300 });
  figure('D1', 'frames that healthy tasks lost', Math.max(...seen.map(lost)), { unit: 'frames', exactly: 0 });
  expect(seen.every(({ pushes }) => pushes.length === 1)).toBe(true);
});

it('P8: one poisoned source of 200 costs the others no frame', async () => {
  await using place = new Place();
  const node = await busyNode(place, { tasks: 199, shape: { fps: 10, gop: 10, videoKbit: 60 } });
  const { millrace, oracle, seen, source } = node;
  const poison = await HostileServer.start(place, { media: visit => visit.flood(Buffer.alloc(1 << 20, 0xff)) });
  const spoilt = await FaultProxy.start(place, { to: source.port });
  spoilt.set('down', { corruptOneIn: 500 });
  for (const url of [poison.url(), spoilt.url('live/in')]) {
    await millrace.huawei.createLive(url, oracle.url(`p${url.length}`));
  }
  await until('it was pulled more than once', () => poison.visits > 2 && spoilt.connectsAtMs.length > 2);
  await pass(5_000);
  await Promise.all(seen.map(stream => framesMore(stream, 10)));
  figure('P8', 'frames that 199 others lost', Math.max(...seen.map(lost)), { unit: 'frames', exactly: 0 });
  expect(seen.every(({ pushes }) => pushes.length === 1)).toBe(true);
});
