import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { air } from './console/air.ts';
import { begin } from './console/begin.ts';
import { shell } from './console/shell.ts';
import { store } from './console/store.ts';
import type { Subject } from './events/measure.ts';
import { type Found, measure, printFound, type SubjectsOptions, wantedOf } from './subjects.ts';

const RESULTS = new URL('results/console.md', import.meta.url);
const SUBJECTS: readonly Subject[] = [shell, begin, store, air];

export interface ConsoleRun extends Found {
  readonly seconds: number;
  /** What else the machine was busy with as it began: processes that wanted a core. */
  readonly load: number;
}

/** Measures what people and programs wait for: the console in a browser, and the calls of the native API. */
export async function runConsole(options: SubjectsOptions): Promise<ConsoleRun> {
  const [startedMs, [load = 0]] = [performance.now(), loadavg()];
  const found: Found[] = [];
  for (const subject of wantedOf(SUBJECTS, options.only)) found.push(await measure(subject, options));
  return {
    figures: found.flatMap(({ figures }) => figures),
    broken: found.flatMap(({ broken }) => broken),
    seconds: (performance.now() - startedMs) / 1000,
    load,
  };
}

export function printConsole(run: ConsoleRun, machine: string): string {
  const head = `What the console and the native API have people wait for; all in ${Math.round(run.seconds)} s
${machine}, load before it ${run.load.toFixed(1)}`;
  return printFound(run, { head, subjects: SUBJECTS });
}

/** Where it is kept. */
export const keepConsole = (text: string): void => writeFileSync(RESULTS, text);
