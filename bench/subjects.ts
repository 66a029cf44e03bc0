import { Place } from '../test/lab/place.ts';
import type { Subject } from './events/measure.ts';
import { type Figure, isReached } from './figures.ts';

/** A rehearsal's share of the full length. */
const QUICK = 0.1;

export interface SubjectsOptions {
  readonly quick: boolean;
  /** Rows; all of them where none is named. */
  readonly only: readonly string[];
  readonly tell: (progress: string) => void;
  readonly signal: AbortSignal;
}

export interface Found {
  readonly figures: readonly Figure[];
  /** Subjects that could not be measured, and why. */
  readonly broken: readonly string[];
}

/** Those of the subjects that are wanted; a name that there is none of is a mistake. */
export function wantedOf(subjects: readonly Subject[], only: readonly string[]): readonly Subject[] {
  const unknown = only.filter(row => !subjects.some(subject => subject.row === row));
  if (unknown.length > 0) throw new Error(`there is no "${unknown}": ${subjects.map(({ row }) => row).join(', ')}`);
  return subjects.filter(({ row }) => only.length === 0 || only.includes(row));
}

/** Measures a subject in a place of its own; one that breaks leaves the others to be measured. */
export async function measure(
  { row, what, measure: by }: Subject,
  { quick, tell, signal }: SubjectsOptions,
): Promise<Found> {
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

export const hasPassed = ({ figures, broken }: Found): boolean => broken.length === 0 && figures.every(isReached);

export interface Printing {
  /** What was measured, above all the figures. */
  readonly head: string;
  readonly subjects: readonly Subject[];
}

export function printFound({ figures, broken }: Found, { head, subjects }: Printing): string {
  const rows = new Set(figures.map(({ row }) => row));
  const missed = figures.filter(figure => !isReached(figure)).length;
  return `${head}

${subjects
  .filter(({ row }) => rows.has(row))
  .map(({ row, what }) => `- **${row}**: ${what}`)
  .join('\n')}

| row | figure | measured | goal | |
|---|---|---|---|---|
${figures.map(lineOf).join('\n')}

${figures.length} figures, ${missed} missed${broken.map(why => `; not measured: ${why}`).join('')}; ${hasPassed({ figures, broken }) ? 'PASSED' : 'FAILED'}
`;
}
