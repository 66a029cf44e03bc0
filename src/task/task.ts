import type { TaskSpec } from './spec.ts';
import type { Status } from './status.ts';

/** The stored wish: what to pull, where to push, when, how to retry, whom to tell. */
export interface Task {
  readonly id: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly spec: TaskSpec;
  readonly status: Status;
  /** Why it is stopped, exited or recovering; one sentence, else "". */
  readonly reason: string;
  /** The event type that last moved the status: tells a pause from a give-up where both are `stopped`. */
  readonly movedBy: string;
  /** The number of the current claim. News from an older epoch is not heard. */
  readonly epoch: number;
  /** The last event's number. */
  readonly seq: number;
  /** Counts changes of the spec. */
  readonly version: number;
  readonly createdAt: number;
  /** Wall time of the first `flowing` in this activation; null before. */
  readonly startedAt: number | null;
  readonly exitedAt: number | null;
}
