import type { EventType } from './event.ts';

export type Status = 'scheduled' | 'running' | 'recovering' | 'stopped' | 'exited';

/** The status table of ARCHITECTURE.md. A missing cell means: this is no news in that status, drop it. */
const TABLE: Record<Status, Partial<Record<EventType, Status>>> = {
  scheduled: {
    claimed: 'recovering',
    stopped: 'stopped',
    restarted: 'scheduled',
    expired: 'exited',
    deleted: 'exited',
  },
  running: {},
  recovering: {},
  stopped: {},
  exited: {},
};

export const nextStatus = (from: Status, type: EventType): Status | undefined => TABLE[from][type];
