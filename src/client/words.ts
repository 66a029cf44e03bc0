/** What a node answers over its native API, in its own words. */
export interface TaskEvent {
  readonly id: string;
  /** Where it stands among all events of the node: a reader goes on behind it. */
  readonly cursor: string;
  readonly task_id: string;
  readonly project_id: string;
  readonly seq: number;
  readonly type: string;
  readonly time: string;
  readonly cause: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly epoch: number;
  readonly push_epoch: number;
  readonly position: { readonly round: number; readonly index: number; readonly offset_ms: number } | null;
  readonly version: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface Attempt {
  readonly at: string;
  readonly took_ms: number;
  readonly status: number | null;
  readonly error: string;
}

export interface Delivery {
  readonly id: string;
  readonly cursor: string;
  readonly task_id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly seq: number;
  readonly dialect: string;
  readonly endpoint: string;
  readonly url: string;
  readonly state: string;
  readonly attempts: number;
  readonly next_attempt_at: string | null;
  readonly last_error: string;
  readonly created_at: string;
  readonly settled_at: string | null;
  readonly log: readonly Attempt[];
  /** Of one that was asked for by its id. */
  readonly content_type?: string;
  readonly body?: string;
}

export interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly failing_since: string;
  readonly paused_at: string | null;
  readonly last_error: string;
}

export interface TestOutcome {
  readonly delivered: boolean;
  readonly status: number | null;
  readonly took_ms: number;
  readonly error: string;
}

export interface SecretFacts {
  readonly id: string;
  readonly created_at: string;
  readonly retires_at: string | null;
}

export interface Rotation {
  readonly secret: string;
  /** Of the former one; null where there was none. */
  readonly retires_at: string | null;
}

/** Parameters of a query: what is undefined is left out, a list is given as one. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface RedeliverWish {
  readonly since: string;
  readonly until?: string;
  readonly states?: readonly string[];
  readonly task_id?: string;
  readonly endpoint?: string;
}
