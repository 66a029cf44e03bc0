import { writeFileSync } from 'node:fs';
import { Place } from '../test/lab/place.ts';
import { burst } from './events/burst.ts';
import { flapping } from './events/flapping.ts';
import { away, hostile } from './events/hostility.ts';
import { kills } from './events/kills.ts';
import { latency } from './events/latency.ts';
import { lists } from './events/lists.ts';
import type { Subject } from './events/measure.ts';
import { type Figure, isReached } from './figures.ts';

const RESULTS = new URL('results/events.md', import.meta.url);

/** Each alone, and at last the two that take long and leave most of the machine to the other. */
const ALONE: readonly Subject[] = [latency, burst, lists, hostile, away];
const TOGETHER: readonly Subject[] = [kills, flapping];
const SUBJECTS = [...ALONE, ...TOGETHER];
/** A rehearsal's share of the full length. */
const QUICK = 0.1;

export interface EventsRun {
  readonly figures: readonly Figure[];
  /** Subjects that could not be measured, and why. */
  readonly broken: readonly string[];
  readonly seconds: number;
}

export interface EventsOptions {
  readonly quick: boolean;
  /** Rows; all of them where none is named. */
  readonly only: readonly string[];
  readonly tell: (progress: string) => void;
  readonly signal: AbortSignal;
}

/** Measures how events are kept and told. */
export async function runEvents(options: EventsOptions): Promise<EventsRun> {
  const unknown = options.only.filter(row => !SUBJECTS.some(subject => subject.row === row));
  if (unknown.length > 0) throw new Error(`there is no "${unknown}": ${SUBJECTS.map(({ row }) => row).join(', ')}`);
  const startedMs = performance.now();
  const wanted = ({ row }: Subject): boolean => options.only.length === 0 || options.only.includes(row);
  const found: Found[] = [];
  for (const subject of ALONE.filter(wanted)) found.push(await measure(subject, options));
  found.push(...(await Promise.all(TOGETHER.filter(wanted).map(subject => measure(subject, options)))));
  return {
    figures: found.flatMap(({ figures }) => figures),
    broken: found.flatMap(({ broken }) => broken),
    seconds: (performance.now() - startedMs) / 1000,
  };
}

type Found = Pick<EventsRun, 'figures' | 'broken'>;

async function measure({ row, what, measure: by }: Subject, { quick, tell, signal }: EventsOptions): Promise<Found> {
  tell(`${row}: ${what}`);
  try {
    await using place = new Place();
    const scale = quick ? QUICK : 1;
    const measured = await by(place, { scale, signal, tell: progress => tell(`${row}: ${progress}`) });
    const figures = measured.map(figure => ({ row, ...figure }));
    for (const figure of figures) tell(lineOf(figure));
    return { figures, broken: [] };
  } catch (error) {
    signal.throwIfAborted();
    tell(`${row}: ${error instanceof Error ? error.stack : error}`);
    return { figures: [], broken: [`${row}: ${error instanceof Error ? error.message : error}`] };
  }
}

const lineOf = (it: Figure): string =>
  `| ${it.row} | ${it.name} | ${it.value} ${it.unit} | ${it.goal} | ${isReached(it) ? '' : 'MISSED'} |`;

export const hasPassed = ({ figures, broken }: EventsRun): boolean => broken.length === 0 && figures.every(isReached);

export function printEvents(run: EventsRun, machine: string): string {
  const { figures, broken, seconds } = run;
  const rows = new Set(figures.map(({ row }) => row));
  const missed = figures.filter(figure => !isReached(figure)).length;
  return `How events are kept and told, measured at the receivers; all in ${Math.round(seconds)} s
${machine}

${SUBJECTS.filter(({ row }) => rows.has(row))
  .map(({ row, what }) => `- **${row}**: ${what}`)
  .join('\n')}

| row | figure | measured | goal | |
|---|---|---|---|---|
${figures.map(lineOf).join('\n')}

${figures.length} figures, ${missed} missed${broken.map(why => `; not measured: ${why}`).join('')}; ${hasPassed(run) ? 'PASSED' : 'FAILED'}
`;
}

/** Where it is kept. */
export const keepEvents = (text: string): void => writeFileSync(RESULTS, text);
