import type { Store } from '../store/store.ts';
import type { Event } from '../task/event.ts';
import type { Task } from '../task/task.ts';

/** How many alarms are raised and not over, by their names; of all tasks. */
export class OpenAlarms {
  readonly #byTask = new Map<string, readonly string[]>();

  /** Before anything happens: what was raised before the node was started. */
  async load(store: Pick<Store, 'withStatus'>): Promise<void> {
    for (const task of await store.withStatus(['scheduled', 'running', 'recovering'])) this.#note(task);
  }

  /** Follows the record: what is open is part of the task. */
  follow(_event: Event, task: Task): void {
    this.#note(task);
  }

  get counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const alarm of [...this.#byTask.values()].flat()) counts.set(alarm, (counts.get(alarm) ?? 0) + 1);
    return counts;
  }

  #note({ id, alarms }: Task): void {
    if (alarms.length === 0) this.#byTask.delete(id);
    else
      this.#byTask.set(
        id,
        alarms.map(({ alarm }) => alarm),
      );
  }
}
