import { computed, signal } from '@preact/signals';
import { asProblem, call, type Problem, query } from './api.ts';
import { onEvent, onReturn } from './feed.ts';
import type { Task, TaskEvent, TaskPage } from './model.ts';
import { nameOf } from './parts/addresses.tsx';

/** All tasks that the visitor may see, as last heard. */
const byId = signal<ReadonlyMap<string, Task>>(new Map());
export const tasks = computed<readonly Task[]>(() => [...byId.value.values()]);
export const tasksState = signal<'loading' | 'there' | 'failed'>('loading');
export const tasksProblem = signal<Problem | undefined>(undefined);

const PAGE = 1_000;
/** The node may be telling of many tasks at once. */
const REST_MS = 150;
const ON_AIR_EVERY_MS = 3_000;
const ON_AIR_EACH_MS = 10;
/** The list is shown also where there is no room for another stream. */
const WITHOUT_FEED_MS = 1_500;

export const taskNamed = (id: string): Task | undefined => byId.value.get(id);

/** What people call it; of one that is gone there is only its id. */
export function taskName(id: string): string {
  const task = taskNamed(id);
  return task === undefined ? id.slice(0, 8) : nameOf(task);
}

export async function loadTasks(): Promise<void> {
  try {
    const found = new Map<string, Task>();
    let after: string | undefined;
    do {
      const page = await call<TaskPage>('GET', `/tasks${query({ limit: PAGE, after })}`);
      for (const task of page.tasks) found.set(task.id, task);
      after = page.next ?? undefined;
    } while (after !== undefined);
    byId.value = found;
    tasksProblem.value = undefined;
    tasksState.value = 'there';
  } catch (error) {
    tasksProblem.value = asProblem(error);
    tasksState.value = 'failed';
  }
}

/** Takes what a call has answered, so that nobody waits for the feed to say it too. */
export function keepTask(task: Task): void {
  byId.value = new Map(byId.peek()).set(task.id, task);
}

export function forgetTask(id: string): void {
  const rest = new Map(byId.peek());
  if (rest.delete(id)) byId.value = rest;
}

export async function refreshTask(id: string): Promise<void> {
  try {
    keepTask(await call<Task>('GET', `/tasks/${encodeURIComponent(id)}`));
  } catch (error) {
    if (asProblem(error).status === 404) forgetTask(id);
  }
}

/** Rates and positions of what is on air, which no event tells. */
async function refreshOnAir(): Promise<void> {
  if (document.hidden || tasksState.peek() !== 'there') return;
  if (!tasks.peek().some(isOnAir)) return;
  const page = await call<TaskPage>('GET', `/tasks?status=running,recovering&limit=${PAGE}`).catch(() => undefined);
  if (page === undefined) return;
  const all = new Map(byId.peek());
  for (const task of page.tasks) all.set(task.id, task);
  byId.value = all;
}

export const isOnAir = ({ status }: Task): boolean => status.word === 'running' || status.word === 'recovering';

let asked = new Set<string>();
let isWaiting = false;

function hear({ task_id: id, type }: TaskEvent): void {
  if (type === 'deleted') {
    forgetTask(id);
    return;
  }
  asked.add(id);
  if (isWaiting) return;
  isWaiting = true;
  setTimeout(() => {
    const ids = [...asked];
    asked = new Set();
    isWaiting = false;
    void (ids.length > 50 ? loadTasks() : Promise.all(ids.map(refreshTask)));
  }, REST_MS);
}

/** From here on the list follows the node. It is read once the feed is there, so that nothing falls between the two. */
export function followTasks(): void {
  onEvent(hear);
  onReturn(() => void loadTasks());
  setTimeout(() => {
    if (tasksState.peek() === 'loading') void loadTasks();
  }, WITHOUT_FEED_MS);
  const refresh = async (): Promise<void> => {
    await refreshOnAir();
    // Of many tasks the numbers come less often, so that the page costs the node no more.
    setTimeout(() => void refresh(), Math.max(ON_AIR_EVERY_MS, tasks.peek().filter(isOnAir).length * ON_AIR_EACH_MS));
  };
  void refresh();
}
