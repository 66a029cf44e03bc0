import type { Cursor } from './playlist.ts';
import type { Status } from './status.ts';

/**
 * Everything that can happen to a task. The first group moves the status by the table in status.ts;
 * the second is told without moving it.
 */
export type EventType =
  | 'claimed'
  | 'flowing'
  | 'broke'
  | 'gaveUp'
  | 'finished'
  | 'stopped'
  | 'restarted'
  | 'expired'
  | 'deleted'
  | 'created'
  | 'changed'
  | 'moved'
  | 'itemStarted'
  | 'itemFinished'
  | 'alarm';

export type Cause = 'user' | 'schedule' | 'run' | 'source' | 'destination' | 'system';

/** Facts of one event beyond its type; each type uses the fields its name suggests. */
export interface EventDetail {
  /** `flowing`: the first time in this activation, i.e. the task has just started for the user. */
  readonly first?: boolean;
  /** `changed`: the model's names of the changed fields as `changedFields` gives them: `source.items`, `endAt`, … */
  readonly changed?: readonly string[];
  /** `alarm`: which alarm. */
  readonly alarm?: string;
  /** `alarm`: whether it is raised or over. Absent: it is told once and never over. */
  readonly set?: boolean;
  /** `alarm` that is raised or over: what pairs the two. */
  readonly alarmId?: string;
  readonly url?: string;
  readonly index?: number;
  readonly round?: number;
  readonly durationMs?: number;
}

/** What somebody saw: the input of `apply`. `epoch` is absent where the teller is not a run. */
export interface Occurrence {
  readonly type: EventType;
  readonly cause: Cause;
  /** One sentence for people; never carries a stream key. */
  readonly reason: string;
  readonly epoch?: number;
  /** `claimed`: the node that has claimed it. */
  readonly node?: string;
  /** Push sessions that the run has opened so far; absent where the teller is not a run. */
  readonly pushEpoch?: number;
  /** Of a list, where its teller knows it better than the task does. */
  readonly position?: Cursor;
  readonly detail?: EventDetail;
}

/** An occurrence that was news: stored, numbered per task without holes. */
export interface Event {
  readonly id: string;
  readonly taskId: string;
  readonly seq: number;
  readonly type: EventType;
  readonly at: number;
  /** Of the claim it came about under. */
  readonly epoch: number;
  /** Push sessions of that claim up to then: goes on rising where the destination has lost us. */
  readonly pushEpoch: number;
  /** Of a list: what the destination had accepted. */
  readonly position: Cursor | null;
  /** Which version of the task's spec it came about under. */
  readonly version: number;
  readonly cause: Cause;
  readonly from: Status;
  readonly to: Status;
  readonly reason: string;
  readonly detail: EventDetail;
}
