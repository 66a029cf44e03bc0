import { overlaps, type Span, spanOf } from './collisions.ts';
import type { Task } from './model.ts';
import { destinationText } from './parts/addresses.tsx';

export interface GanttBar {
  readonly task: Task;
  readonly span: Span;
  /** Which other tasks push to the same name at the same time. */
  readonly collides: readonly Task[];
}

export interface GanttLane {
  readonly name: string;
  readonly bars: readonly GanttBar[];
}

/** One lane for each destination, of what is on within the window; lanes with collisions come first. */
export function ganttOf(tasks: readonly Task[], window: Span): readonly GanttLane[] {
  const wanted = tasks.filter(task => task.enabled && task.status.word !== 'exited' && overlaps(spanOf(task), window));
  const byDestination = Map.groupBy(wanted, ({ destination }) => destinationText(destination));
  const lanes = [...byDestination].map(([name, its]) => ({ name, bars: its.map(task => barOf(task, its)) }));
  return lanes.sort((one, other) => collisionsIn(other) - collisionsIn(one) || one.name.localeCompare(other.name));
}

const barOf = (task: Task, others: readonly Task[]): GanttBar => ({
  task,
  span: spanOf(task),
  collides: others.filter(other => other.id !== task.id && overlaps(spanOf(task), spanOf(other))),
});

export const collisionsIn = ({ bars }: GanttLane): number => bars.filter(({ collides }) => collides.length > 0).length;
