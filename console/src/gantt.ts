import { overlaps, type PlaceOf, type Span, spanOf, wantsAir } from './collisions.ts';
import type { Task } from './model.ts';
import { destinationText } from './parts/addresses.tsx';

export interface GanttBar {
  readonly task: Task;
  readonly span: Span;
  /** Which other tasks push to the same name at the same time. */
  readonly collides: readonly Task[];
  /** From the top of its lane: none stands on another. */
  readonly row: number;
}

export interface GanttLane {
  /** Tells it from others; may bear a key and is not shown. */
  readonly place: string;
  readonly name: string;
  readonly bars: readonly GanttBar[];
}

/** One lane for each destination, of what is on within the window; lanes with collisions come first. */
export function ganttOf(tasks: readonly Task[], window: Span, placeOf: PlaceOf): readonly GanttLane[] {
  const wanted = tasks.filter(task => wantsAir(task) && overlaps(spanOf(task), window));
  // One whose key is masked stands alone: it cannot be said whether it is the same.
  const byPlace = Map.groupBy(wanted, task => placeOf(task) ?? task.id);
  const lanes = [...byPlace].map(([place, its]) => ({ place, name: nameOf(its), bars: barsOf(its) }));
  return lanes.sort((one, other) => collisionsIn(other) - collisionsIn(one) || one.name.localeCompare(other.name));
}

const nameOf = ([task]: readonly Task[]): string => (task === undefined ? '' : destinationText(task.destination));

function barsOf(tasks: readonly Task[]): readonly GanttBar[] {
  const bars: GanttBar[] = [];
  for (const task of [...tasks].sort((one, other) => spanOf(one).from - spanOf(other).from)) {
    const span = spanOf(task);
    const collides = tasks.filter(other => other.id !== task.id && overlaps(span, spanOf(other)));
    const taken = new Set(bars.filter(bar => overlaps(bar.span, span)).map(({ row }) => row));
    const row = Array.from({ length: bars.length + 1 }, (_, at) => at).find(at => !taken.has(at)) ?? 0;
    bars.push({ task, span, collides, row });
  }
  return bars;
}

export const rowsIn = ({ bars }: GanttLane): number => Math.max(0, ...bars.map(({ row }) => row)) + 1;

export const collisionsIn = ({ bars }: GanttLane): number => bars.filter(({ collides }) => collides.length > 0).length;
