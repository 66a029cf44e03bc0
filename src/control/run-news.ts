import type { Occurrence } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { RunNews, RunReport } from '../worker/channel.ts';
import { causeOf } from './alarms.ts';

/** What happens to a task by news of its run; alarms are a matter of their own. */
export function occurrencesOf({ status }: Task, { type, side, reason, epoch, item }: RunNews): readonly Occurrence[] {
  const facts = { cause: causeOf({ side }), reason, epoch, ...(item === undefined ? {} : { detail: item }) };
  if (type === 'alarm') return [];
  // A file that failed has come to its end too, and the reason tells why.
  if (type === 'itemFailed') return [{ ...facts, type: 'itemFinished' }];
  // Played to its end without a frame: none of its files will do.
  if (type === 'finished' && status === 'scheduled') return [{ ...facts, type: 'gaveUp' }];
  return [{ ...facts, type }];
}

/** Somebody has claimed it and its end has not come: there is, or has to be, a run for it. */
export const isActive = ({ status, movedBy }: Task): boolean =>
  status === 'running' || status === 'recovering' || (status === 'scheduled' && movedBy === 'claimed');

/** What a run saw while nobody listened, as far as its state tells it. */
export function missedNews({ status }: Task, report: RunReport): RunNews | undefined {
  const { taskId, epoch, state, reason, pushEpoch, health } = report;
  const facts = { taskId, epoch, reason, pushEpoch };
  if (state === 'flowing' && status !== 'running') return { ...facts, type: 'flowing', side: 'run' };
  const side = health?.lastError?.side ?? 'run';
  if (state !== 'flowing' && status === 'running') return { ...facts, type: 'broke', side };
  return undefined;
}
