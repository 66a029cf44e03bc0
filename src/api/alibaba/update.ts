import { changedFields, type SpecChange, type TaskSpec } from '../../task/spec.ts';
import type { Task } from '../../task/task.ts';
import { refused } from './error.ts';

export interface UpdateRules {
  readonly now: number;
  /** Whether the end of a task on air may be moved. */
  readonly endMovesOnAir: boolean;
}

/** What a task is for this operation: not started, on air or trying to be, or stopped. */
type Phase = 'idle' | 'running' | 'stopped';

/** What may be changed once the start has come; before it, everything may. */
const FREE: Readonly<Record<Exclude<Phase, 'idle'>, readonly string[]>> = {
  running: ['source.rounds', 'callback', 'echo'],
  stopped: ['source', 'endAt', 'callback', 'echo'],
};

/** The change from what stands to what is wanted. Refused as a whole where any part of it may not be changed now. */
export function changeOf(task: Task, wanted: TaskSpec, rules: UpdateRules): SpecChange {
  const phase = phaseOf(task, rules.now);
  if (phase !== 'idle') {
    const free = phase === 'running' && rules.endMovesOnAir ? [...FREE.running, 'endAt'] : FREE[phase];
    const changed = changedFields(task.spec, wanted);
    if (!changed.every(field => free.some(name => field === name || field.startsWith(`${name}.`)))) {
      throw refused('CodeTaskHasStarted');
    }
  }
  const { name, region, source, startAt, endAt, callback, echo } = wanted;
  return { name, region, source, startAt, endAt, callback, echo };
}

function phaseOf({ status, spec }: Task, now: number): Phase {
  if (status === 'exited') throw refused('CodeTaskNotExist');
  if (status === 'stopped') return 'stopped';
  return status === 'scheduled' && spec.startAt > now ? 'idle' : 'running';
}
