import type { Task } from './task.ts';

/**
 * The wall time at which the scheduler has to act on the task next: its start until a run has claimed it, then its end;
 * null once it has exited.
 */
export function dueAt(task: Task): number | null {
  if (task.status === 'exited') return null;
  const { startAt, endAt } = task.spec;
  return waitsForStart(task) ? Math.min(startAt, endAt) : endAt;
}

/** A claim from `scheduled` leaves the status as it is until media flows; `movedBy` tells that somebody is at it. */
const waitsForStart = ({ status, movedBy, spec }: Task): boolean =>
  status === 'scheduled' && movedBy !== 'claimed' && spec.enabled;
