import type { Task } from './model.ts';

const rank = ({ status }: Task): number =>
  status.word === 'recovering' ? 0 : status.word === 'stopped' ? 1 : status.alarms.length > 0 ? 2 : 3;

/** What is off first, then what has an alarm; among them what has been so for longest. */
export const worstFirst = (one: Task, other: Task): number =>
  rank(one) - rank(other) || (one.status.since ?? '').localeCompare(other.status.since ?? '');
