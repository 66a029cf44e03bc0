import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NODE_FLAGS } from '../src/worker/spawn.ts';
import { MOST_SKEW_MS } from './endurance/judge.ts';
import type { MeasuredDay } from './endurance/measure.ts';
import { slopeOf } from './endurance/memory.ts';
import type { DayKind } from './endurance/subjects.ts';

export interface EnduranceOptions {
  readonly hours: number;
  readonly seed: number;
}

const TITLES: Readonly<Record<DayKind, string>> = { live: 'live stream with two standbys', list: 'list of files' };
const MOST_GROWTH_MB = 1;
const MOST_OUTPUT = 16 * 1024 * 1024;

interface Row {
  readonly name: string;
  readonly value: string;
  readonly goal: string;
  readonly isReached: boolean;
}

/** A day of faults on a hand clock for each kind of run. Answers the report, and whether every goal was reached. */
export async function endure(
  options: EnduranceOptions,
  { signal, machine }: { readonly signal: AbortSignal; readonly machine: string },
): Promise<{ readonly text: string; readonly passed: boolean }> {
  const days: MeasuredDay[] = [];
  for (const kind of ['live', 'list'] as const) days.push(await measureDay(kind, options, signal));
  const text = [
    `A day on a hand clock: ${options.hours} h of each kind, seed ${options.seed}`,
    machine,
    ...days.flatMap(sectionOf),
  ].join('\n');
  return { text, passed: days.every(day => rowsOf(day).every(({ isReached }) => isReached)) };
}

/** What is worth keeping, where the bench was run as it stands in the README. */
export const keepEndurance = (text: string): void =>
  writeFileSync(new URL('./results/endurance.md', import.meta.url), `${text}\n`);

async function measureDay(kind: DayKind, { hours, seed }: EnduranceOptions, signal: AbortSignal): Promise<MeasuredDay> {
  const file = fileURLToPath(new URL('./endurance/measure.ts', import.meta.url));
  const words = [...NODE_FLAGS, '--expose-gc', file, '--kind', kind, '--hours', `${hours}`, '--seed', `${seed}`];
  const { stdout } = await promisify(execFile)(process.execPath, words, { signal, maxBuffer: MOST_OUTPUT });
  return JSON.parse(stdout) as MeasuredDay;
}

function sectionOf(day: MeasuredDay): readonly string[] {
  const { figures, tookSeconds } = day;
  const { kind, hours, frames, compared, pushes, pulls, faults, found } = figures;
  const speed = Math.round((hours * 3_600) / tookSeconds);
  const befell = Object.values(faults).reduce((sum, count) => sum + count, 0);
  return [
    '',
    `## ${TITLES[kind]}`,
    '',
    `${frames} frames shown, ${compared} of them compared with the other track; ${pulls} sources and ${pushes} pushes`,
    `opened; ${befell} faults and changes; ${tookSeconds.toFixed(0)} s, ${speed} times as fast as life.`,
    '',
    '| figure | measured | goal | |',
    '|---|---|---|---|',
    ...rowsOf(day).map(
      ({ name, value, goal, isReached }) => `| ${name} | ${value} | ${goal} | ${isReached ? '' : 'MISSED'} |`,
    ),
    '',
    `What befell it: ${Object.entries(faults)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}.`,
    ...found.slice(0, 5).map(what => `FOUND: ${what}`),
  ];
}

function rowsOf({ figures, memory, handles: [before, after] }: MeasuredDay): readonly Row[] {
  const { notRising, worstSkewMs, skews, left, found } = figures;
  const growth = slopeOf(memory, 'rssMb');
  const heap = slopeOf(memory, 'heapMb');
  return [
    row('frames whose time does not rise', notRising, { goal: '0', isReached: notRising === 0 }),
    row('sound away from the picture', `${worstSkewMs} ms`, {
      goal: `<= ${MOST_SKEW_MS}`,
      isReached: worstSkewMs <= MOST_SKEW_MS,
    }),
    row('frames further away than that', skews, { goal: '0', isReached: skews === 0 }),
    row('growth of RSS', `${growth.toFixed(2)} MB/h`, {
      goal: `<= ${MOST_GROWTH_MB}`,
      isReached: growth <= MOST_GROWTH_MB,
    }),
    row('growth of the heap', `${heap.toFixed(3)} MB/h`, {
      goal: `<= ${MOST_GROWTH_MB}`,
      isReached: heap <= MOST_GROWTH_MB,
    }),
    row('RSS at the end', `${(memory.at(-1)?.rssMb ?? 0).toFixed(0)} MB`, { goal: '', isReached: true }),
    row('left open behind the run', left.join(', ') || 0, { goal: '0', isReached: left.length === 0 }),
    row('handles of the process left', after - before, { goal: '<= 0', isReached: after <= before }),
    row('mistakes of our own', found.length, { goal: '0', isReached: found.length === 0 }),
  ];
}

const row = (
  name: string,
  value: string | number,
  { goal, isReached }: { readonly goal: string; readonly isReached: boolean },
): Row => ({ name, value: `${value}`, goal, isReached });
