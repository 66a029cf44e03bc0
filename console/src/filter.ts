import type { Status, Task } from './model.ts';
import { destinationText } from './parts/addresses.tsx';

export interface TaskFilter {
  readonly text: string;
  readonly statuses: ReadonlySet<Status>;
  readonly tag: string;
}

const haystacks = new WeakMap<Task, string>();

/** All that a task can be found by, put together once. */
function haystackOf(task: Task): string {
  const known = haystacks.get(task);
  if (known !== undefined) return known;
  const { source, standby, destination } = task;
  const addresses = source.kind === 'live' ? [source.url] : source.items.map(({ url }) => url);
  const text = [
    task.name,
    task.id,
    ...task.tags,
    ...addresses,
    ...standby,
    destinationText(destination),
    task.status.reason,
  ];
  const made = text.join('\n').toLowerCase();
  haystacks.set(task, made);
  return made;
}

/** Every word has to be somewhere. */
export function filterTasks(tasks: readonly Task[], { text, statuses, tag }: TaskFilter): readonly Task[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter(word => word !== '');
  return tasks.filter(
    task =>
      (statuses.size === 0 || statuses.has(task.status.word)) &&
      (tag === '' || task.tags.includes(tag)) &&
      words.every(word => haystackOf(task).includes(word)),
  );
}

const RANKS: Readonly<Record<Status, number>> = { recovering: 0, running: 2, scheduled: 3, stopped: 4, exited: 5 };

const rankOf = ({ status }: Task): number =>
  status.word === 'running' && status.alarms.length > 0 ? 1 : (RANKS[status.word] ?? 9);

/** Those that need somebody first; the rest by name. */
export const byNeed = (tasks: readonly Task[]): readonly Task[] =>
  [...tasks].sort(
    (one, other) => rankOf(one) - rankOf(other) || (one.name < other.name ? -1 : one.name > other.name ? 1 : 0),
  );
