/** How often a side that was lost is tried before the task is given up, and how far apart. */
export interface RetryPolicy {
  readonly count: number;
  readonly intervalMs: number;
}

export interface Backoff {
  /** The shortest wait before the first retry; the longest is twice as much. */
  readonly baseMs: number;
  /** No wait is longer. */
  readonly capMs: number;
}

/** However it is asked for: a retry loop is never hot. */
const FLOOR_MS = 250;

/** A live side that was lost: first retry within half a second, then ever rarer up to ten seconds. */
export const LIVE_BACKOFF: Backoff = { baseMs: 250, capMs: 10_000 };

/**
 * How long to wait before the given attempt (1 = the first retry): anywhere between the exponential step and twice that,
 * so that many tasks that lost the same peer do not come back in lock-step. `random01` lies in [0, 1).
 */
export function backoffMs(attempt: number, random01: number, { baseMs, capMs }: Backoff = LIVE_BACKOFF): number {
  const stepMs = Math.min(capMs / 2, baseMs * 2 ** Math.max(0, attempt - 1));
  return Math.max(FLOOR_MS, Math.round(stepMs * (1 + random01)));
}
