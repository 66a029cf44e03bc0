import { describe, expect, it } from 'vitest';
import { backwards, firstAfter, longestGapMs, missing } from '../lab/continuity.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { processesOf } from '../lab/millrace.ts';
import type { SeenStream } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { startDestination, stopsAt } from '../lab/scripted-destination.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { lastingMs } from './full-length.ts';
import { busyNode, workersOf } from './node.ts';
import { framesMore } from './on-air.ts';

const lost = (seen: readonly SeenStream[]): number =>
  seen.reduce((sum, { video, audio }) => sum + missing(video).length + missing(audio).length, 0);
const overlaps = (seen: readonly SeenStream[]): number => seen.reduce((sum, it) => sum + it.overlaps, 0);
const fallen = (seen: readonly SeenStream[]): number =>
  seen.reduce((sum, { video, audio }) => sum + backwards(video) + backwards(audio), 0);

/** The longest time without a picture since then, over all streams. */
const outageMs = (seen: readonly SeenStream[], fromMs: number): number =>
  Math.max(...seen.map(({ video }) => longestGapMs(video, { fromMs })));

describe('a process fails', () => {
  it('P1: a worker that is killed is replaced, and the runs of the others do not notice', async () => {
    await using place = new Place();
    const { millrace, seen } = await busyNode(place, { tasks: 6 });
    const killedMs = performance.now();
    process.kill(workersOf(millrace)[0] ?? 0, 'SIGKILL');
    await until('its pushes are gone', () => seen.some(({ publishers }) => publishers === 0));
    const hit = seen.filter(({ pushes }) => pushes[0]?.endedAtMs !== undefined);
    const spared = seen.filter(stream => !hit.includes(stream));
    await Promise.all(seen.map(stream => framesMore(stream, 50)));
    await until('all are back', () => hit.every(({ pushes }) => pushes.length === 2));
    await Promise.all(seen.map(stream => framesMore(stream, 25)));
    expect([hit.length, spared.length, overlaps(seen)]).toEqual([3, 3, 0]);
    figure('P1', 'outage of the runs of a killed worker', outageMs(hit, killedMs), {
      unit: 'ms',
      atMost: 3_000,
      busyAtMost: 5_000,
    });
    figure('P1', 'frames that other runs lost', lost(spared), { unit: 'frames', exactly: 0 });
  });

  it('P2: a control process that is killed costs no frame, and its successor adopts the runs', async () => {
    await using place = new Place();
    const { millrace, seen } = await busyNode(place, { tasks: 4 });
    const before = workersOf(millrace).sort();
    await millrace.killControl();
    await pass(2_000);
    const startedMs = performance.now();
    await millrace.restart();
    const tasks = await millrace.huawei.call({ method: 'GET', query: { limit: 100 } });
    const answeredMs = performance.now() - startedMs;
    expect(tasks.body.task_infos).toHaveLength(4);
    await Promise.all(seen.map(stream => framesMore(stream, 75)));
    expect(workersOf(millrace).sort()).toEqual(before);
    expect(seen.map(({ pushes }) => pushes.length)).toEqual([1, 1, 1, 1]);
    figure('P2', 'frames lost', lost(seen) + fallen(seen), { unit: 'frames', exactly: 0 });
    figure('P2', 'API back after the start of the successor', answeredMs, {
      unit: 'ms',
      atMost: 3_000,
      busyAtMost: 10_000,
    });
  });

  it('P7: a node that is told to end closes its pushes properly, a wedged one too', async () => {
    await using place = new Place();
    const { millrace, seen } = await busyNode(place, { tasks: 6 });
    const heavy = await CountedSource.start(place, { shape: { videoKbit: 24_000 } });
    const wedged = await startDestination(place, stopsAt('first data'));
    await millrace.huawei.createLive(heavy.url(), wedged.url());
    await until('it is wedged', () => wedged.visits[0]?.socket.isPaused());
    // What the kernel holds is full, and the node's own queue is not yet given up.
    await pass(4_000);
    const toldMs = performance.now();
    await millrace.stop();
    const tookMs = performance.now() - toldMs;
    await until('the pushes are gone', () => seen.every(({ publishers }) => publishers === 0));
    expect(seen.every(({ pushes }) => pushes[0]?.saidGoodbye === true)).toBe(true);
    expect(processesOf(millrace.data)).toEqual([]);
    figure('P7', 'end of the node', tookMs, { unit: 'ms', atMost: 10_000 });
  });

  it('P9: a worker that does nothing any more is found out and replaced', async () => {
    await using place = new Place();
    const { millrace, seen } = await busyNode(place, { tasks: 6 });
    const [worker = 0] = workersOf(millrace);
    const stoppedMs = performance.now();
    process.kill(worker, 'SIGSTOP');
    await until('it is replaced', () => !workersOf(millrace).includes(worker));
    const replacedMs = performance.now() - stoppedMs;
    const hit = seen.filter(({ video }) => firstAfter(video, stoppedMs + 1_500) === undefined);
    await until('all are back', () => hit.every(({ pushes }) => pushes.length === 2));
    await Promise.all(seen.map(stream => framesMore(stream, 30)));
    expect([hit.length, overlaps(seen)]).toEqual([3, 0]);
    figure('P9', 'blocked worker killed', replacedMs, { unit: 'ms', atMost: 3_500, busyAtMost: 6_000 });
    figure('P9', 'outage of its runs', outageMs(hit, stoppedMs), { unit: 'ms', atMost: 5_000, busyAtMost: 8_000 });
    figure('P9', 'frames that other runs lost', lost(seen.filter(it => !hit.includes(it))), {
      unit: 'frames',
      exactly: 0,
    });
  });

  it('H1: a node that was frozen is on air again soon after it wakes', async () => {
    await using place = new Place();
    const { millrace, seen } = await busyNode(place, { tasks: 4 });
    const pids = processesOf(millrace.data).map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const frozenMs = lastingMs(12_000, 60_000);
    await pass(frozenMs);
    const wokenMs = performance.now();
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    const back = await Promise.all(
      seen.map(({ video }) => until('it is on air again', () => firstAfter(video, wokenMs))),
    );
    await Promise.all(seen.map(stream => framesMore(stream, 50)));
    expect([overlaps(seen), fallen(seen)]).toEqual([0, 0]);
    figure('H1', `on air after a freeze of ${frozenMs / 1000} s`, Math.max(...back) - wokenMs, {
      unit: 'ms',
      atMost: 5_000,
    });
  });
});
