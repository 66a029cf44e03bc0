/** How often a side that was lost is tried before the task is given up, and how far apart. */
export interface RetryPolicy {
  readonly count: number;
  readonly intervalMs: number;
}

export interface Backoff {
  /** The shortest wait before the first retry. */
  readonly baseMs: number;
  /** No wait is longer. */
  readonly capMs: number;
}

/**
 * How much longer than its step a wait may be, by chance. The first wait less: the time in which a loss is noticed and
 * the wait are half a second together.
 */
const SPREAD = { first: 0.6, later: 1 } as const;

/** However it is asked for: a retry loop is never hot. */
const FLOOR_MS = 250;

/** A live side that was lost: first retry within half a second of the loss, then ever rarer up to ten seconds. */
export const LIVE_BACKOFF: Backoff = { baseMs: 250, capMs: 10_000 };

/**
 * How long to wait before the given attempt (1 = the first retry): anywhere between the exponential step and about twice
 * that, so that many tasks that lost the same peer do not come back in lock-step. `random01` lies in [0, 1).
 */
export function backoffMs(attempt: number, random01: number, { baseMs, capMs }: Backoff = LIVE_BACKOFF): number {
  const stepMs = Math.min(capMs / 2, baseMs * 2 ** Math.max(0, attempt - 1));
  const spread = attempt > 1 ? SPREAD.later : SPREAD.first;
  return Math.max(FLOOR_MS, Math.round(stepMs * (1 + random01 * spread)));
}
