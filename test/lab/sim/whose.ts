import type { Task } from '../../../src/task/task.ts';

/** Whose address it is: each task has addresses of its own, with its key for a part of the path. */
export const keyOf = (url: string): string => /\/(t\d+)(?:[/?]|$)/.exec(url)?.[1] ?? '';

/** Where the task's stream goes in the end, in a simulation. */
export const printDestination = ({ spec: { destination } }: Pick<Task, 'spec'>): string =>
  destination.kind === 'url' ? destination.url : `rtmp://out.sim/${destination.app}/${destination.stream}`;
