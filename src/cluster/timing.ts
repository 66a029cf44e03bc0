/** What the time to live of a lease means for everything that has to do with it. */
export interface Timing {
  readonly ttlMs: number;
  /** How often a lease is renewed. */
  readonly renewMs: number;
  /** How often the others are looked at while one of them is missed; else as often as the lease is renewed. */
  readonly lookMs: number;
  /** How long a witness is waited for; less than the time between two renewals, so that no two are on their way. */
  readonly callMs: number;
  /** So long after the last renewal that was proven had been sent, a node may act. */
  readonly holdMs: number;
  /** So long after it was last heard of, others may act in its place. More than `holdMs`, for clocks do not agree. */
  readonly takeoverMs: number;
}

const HOLD = 0.5;
const TAKEOVER = 0.6;
const LONGEST_LOOK_MS = 400;

/** How old a look at the witnesses may be from which a node is said to be gone. */
export const FRESH_MS = 1_500;
/**
 * So long a node that comes waits before it acts: nobody who has not seen it come may hold it for gone any more. Both
 * are the same for all nodes, whatever their leases are.
 */
export const JOIN_MS = 1_800;

export const timingOf = (ttlMs: number): Timing => ({
  ttlMs,
  renewMs: ttlMs / 5,
  lookMs: Math.min(LONGEST_LOOK_MS, ttlMs / 20),
  callMs: ttlMs * 0.18,
  holdMs: ttlMs * HOLD,
  takeoverMs: takeoverOf(ttlMs),
});

export const takeoverOf = (ttlMs: number): number => ttlMs * TAKEOVER;
