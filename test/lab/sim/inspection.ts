import { isDeepStrictEqual } from 'node:util';
import type { Task } from '../../../src/task/task.ts';
import type { Customer } from './customer.ts';
import { lengthOf } from './sim-item.ts';
import { keyOf, printDestination } from './whose.ts';
import type { World } from './world.ts';

/** What is not yet as it has to be, in sentences; nothing where the house is in order. */
export function findDisorder(world: World, customers: readonly Customer[]): readonly string[] {
  if (world.node?.isOpen !== true) return ['there is no control process'];
  if (!world.node.supervisor.ready) return ['not every worker is connected'];
  return [
    ...[...world.disk.tasks.values()].flatMap(task => disorderOf(task, world)),
    ...customers.flatMap(customer => grievanceOf(customer, world)),
    ...runsWithoutTask(world),
  ];
}

const isOnAir = ({ status, spec }: Task, now: number): boolean =>
  status === 'running' || status === 'recovering' || (status === 'scheduled' && spec.startAt <= now);

function disorderOf(task: Task, world: World): readonly string[] {
  const { id, status, spec } = task;
  const now = world.timeline.now();
  if (status !== 'exited' && spec.endAt <= now) return [`${id} is ${status} behind its end`];
  const key = keyOf(printDestination(task));
  const pushes = [...world.field.sinks].filter(({ url }) => keyOf(url) === key);
  if (!isOnAir(task, now)) return pushes.length === 0 ? [] : [`${id} is ${status} and is pushed`];
  if (!isPlayable(spec.source)) return [];
  if (status !== 'running') return [`${id} is ${status} (${task.reason}) where it should be running`];
  if (pushes.length !== 1) return [`${id} is running and has ${pushes.length} pushes`];
  if (pushes.some(({ flowing }) => !flowing)) return [`${id} is running and nothing flows`];
  return pulledFrom(task, world) ? [] : [`${id} is running from another source than it should be`];
}

/** A list with broken files may have nothing to play for a while, or for ever. */
const isPlayable = (source: Task['spec']['source']): boolean =>
  source.kind === 'live' || source.items.every(({ url }) => url.startsWith('asset:') || lengthOf(url) > 0);

function pulledFrom({ spec: { source } }: Task, { field }: World): boolean {
  if (source.kind === 'list') return true;
  return [...field.sources].some(({ url }) => url === source.url);
}

/** What a customer was answered has to stand. */
function grievanceOf(customer: Customer, { disk }: World): readonly string[] {
  const { taskId, spec, gone, paused } = customer;
  const task = taskId === undefined ? undefined : disk.tasks.get(taskId);
  if (taskId === undefined || gone === 'perhaps') return [];
  if (gone === 'yes')
    return task === undefined || task.movedBy === 'deleted' ? [] : [`${taskId} stands, but was deleted`];
  if (task === undefined) return [`${taskId} was lost`];
  if (spec === undefined) return [];
  if (!isDeepStrictEqual(spec, task.spec)) return [`${taskId} is not as its owner was answered`];
  if (paused && task.status !== 'stopped' && task.status !== 'exited')
    return [`${taskId} was paused and is ${task.status}`];
  return [];
}

function runsWithoutTask({ node, disk, field, timeline }: World): readonly string[] {
  const wanted = [...disk.tasks.values()].filter(task => isOnAir(task, timeline.now())).length;
  const runs = node?.supervisor.totals.runs ?? 0;
  const keys = new Set([...field.sources, ...field.sinks].map(({ url }) => keyOf(url)));
  return [
    ...(runs === wanted ? [] : [`there are ${runs} runs for ${wanted} tasks`]),
    ...(keys.size <= wanted ? [] : [`${keys.size} streams are open for ${wanted} tasks`]),
  ];
}
