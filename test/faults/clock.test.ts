import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { backwards, longestGapMs, missing } from '../lab/continuity.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { figure } from './figure.ts';
import { busyNode } from './node.ts';
import { framesMore } from './on-air.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PRELOAD = fileURLToPath(new URL('../lab/shifted-clock.ts', import.meta.url));
const inTime = (ms: number): string => `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`;

describe('the wall clock', () => {
  it('T1: jumps of the wall clock touch no run, and decide anew what is due', async () => {
    await using place = new Place();
    const file = place.path('clock');
    const env = { NODE_OPTIONS: `--import=${PRELOAD}`, LAB_CLOCK_FILE: file };
    const { millrace, source, oracle, seen } = await busyNode(place, { tasks: 2, env });
    const later = oracle.stream('later');
    await millrace.huawei.createLive(source.url(), oracle.url('later'), { start_time: inTime(HOUR_MS / 2) });
    await pass(1_000);
    expect(later.pushes).toHaveLength(0);
    const jumpedMs = performance.now();
    writeFileSync(file, String(HOUR_MS));
    const startedMs = await until('what is due now starts', () => later.pushes[0]?.openedAtMs);
    for (const shiftMs of [-DAY_MS, DAY_MS, 0]) {
      writeFileSync(file, String(shiftMs));
      await pass(2_000);
    }
    await framesMore(later, 30);
    expect([...seen, later].map(({ pushes }) => pushes.length)).toEqual([1, 1, 1]);
    const harm = [...seen, later].map(
      ({ video, audio }) => missing(video).length + missing(audio).length + backwards(video) + backwards(audio),
    );
    figure('T1', 'frames lost over four jumps', Math.max(...harm), { unit: 'frames', exactly: 0 });
    figure('T1', 'start of what a jump made due', startedMs - jumpedMs, {
      unit: 'ms',
      atMost: 1_000,
      busyAtMost: 2_000,
    });
    const gapMs = Math.max(...seen.map(({ video }) => longestGapMs(video, { fromMs: jumpedMs })));
    figure('T1', 'longest gap meanwhile', gapMs, { unit: 'ms', atMost: 500, busyAtMost: 1_500 });
  });

  it('T4: a start in 30 days does not come now', async () => {
    await using place = new Place();
    const { millrace, source, oracle } = await busyNode(place, { tasks: 1 });
    const starts = [24.9, 25, 30, 49.8].map(days => inTime(days * DAY_MS));
    for (const [i, start_time] of starts.entries()) {
      await millrace.huawei.createLive(source.url(), oracle.url(`far${i}`), { start_time });
    }
    await pass(3_000);
    const pushes = starts.reduce((sum, _, i) => sum + oracle.stream(`far${i}`).pushes.length, 0);
    figure('T4', 'pushes of tasks that start in weeks', pushes, { unit: 'pushes', exactly: 0 });
  });
});
