import type { EventType } from './event.ts';

export type Status = 'scheduled' | 'running' | 'recovering' | 'stopped' | 'exited';

/** Told without moving the status, for as long as the task has not exited. */
const stays = (status: Status) => ({
  changed: status,
  itemStarted: status,
  itemFinished: status,
  alarm: status,
});

/**
 * The status table of ARCHITECTURE.md. A missing cell means: this is no news in that status, drop it.
 * `created` has no cell: a task is created once, by `newTask`.
 * A task that has exited can still be deleted, which takes it out of every list and moves nothing else.
 */
const TABLE: Readonly<Record<Status, Readonly<Partial<Record<EventType, Status>>>>> = {
  scheduled: {
    ...stays('scheduled'),
    moved: 'scheduled',
    claimed: 'scheduled',
    flowing: 'running',
    broke: 'recovering',
    gaveUp: 'stopped',
    stopped: 'stopped',
    expired: 'exited',
    deleted: 'exited',
  },
  running: {
    ...stays('running'),
    moved: 'running',
    claimed: 'recovering',
    broke: 'recovering',
    gaveUp: 'stopped',
    finished: 'stopped',
    stopped: 'stopped',
    restarted: 'recovering',
    expired: 'exited',
    deleted: 'exited',
  },
  recovering: {
    ...stays('recovering'),
    moved: 'recovering',
    claimed: 'recovering',
    flowing: 'running',
    gaveUp: 'stopped',
    finished: 'stopped',
    stopped: 'stopped',
    restarted: 'recovering',
    expired: 'exited',
    deleted: 'exited',
  },
  stopped: {
    ...stays('stopped'),
    restarted: 'scheduled',
    expired: 'exited',
    deleted: 'exited',
  },
  exited: {
    deleted: 'exited',
  },
};

/** Where an event of this type takes a task; undefined when it is no news in that status. */
export const nextStatus = (from: Status, type: EventType): Status | undefined => TABLE[from][type];
