import { writeFileSync } from 'node:fs';
import { burst } from './events/burst.ts';
import { flapping } from './events/flapping.ts';
import { away, hostile } from './events/hostility.ts';
import { kills } from './events/kills.ts';
import { latency } from './events/latency.ts';
import { lists } from './events/lists.ts';
import type { Subject } from './events/measure.ts';
import { type Found, measure, printFound, type SubjectsOptions, wantedOf } from './subjects.ts';

const RESULTS = new URL('results/events.md', import.meta.url);

/** Each alone, and at last the two that take long and leave most of the machine to the other. */
const ALONE: readonly Subject[] = [latency, burst, lists, hostile, away];
const TOGETHER: readonly Subject[] = [kills, flapping];
const SUBJECTS = [...ALONE, ...TOGETHER];

export interface EventsRun extends Found {
  readonly seconds: number;
}

/** Measures how events are kept and told. */
export async function runEvents(options: SubjectsOptions): Promise<EventsRun> {
  const wanted = wantedOf(SUBJECTS, options.only);
  const startedMs = performance.now();
  const found: Found[] = [];
  for (const subject of ALONE.filter(one => wanted.includes(one))) found.push(await measure(subject, options));
  const together = TOGETHER.filter(one => wanted.includes(one));
  found.push(...(await Promise.all(together.map(subject => measure(subject, options)))));
  return {
    figures: found.flatMap(({ figures }) => figures),
    broken: found.flatMap(({ broken }) => broken),
    seconds: (performance.now() - startedMs) / 1000,
  };
}

export function printEvents(run: EventsRun, machine: string): string {
  const head = `How events are kept and told, measured at the receivers; all in ${Math.round(run.seconds)} s\n${machine}`;
  return printFound(run, { head, subjects: SUBJECTS });
}

/** Where it is kept. */
export const keepEvents = (text: string): void => writeFileSync(RESULTS, text);
