import type { Delivery, Fate } from '../store/store.ts';
import type { Outcome } from './attempt.ts';
import { HOLD_MS, waitAfter } from './pace.ts';

/** The latest tries are kept, so that who looks sees what came of each. */
const MOST_LOGGED = 16;

export interface FateParts {
  readonly now: number;
  /** 0 ≤ x < 1 */
  readonly random: number;
}

/** What becomes of a delivery by a try. */
export function fateAfter(delivery: Delivery, outcome: Outcome, { now, random }: FateParts): Fate {
  const { at, tookMs, status, error, verdict, retryAfterMs } = outcome;
  const attempts = delivery.attempts + 1;
  const log = [...delivery.log, { at, tookMs, status, error }].slice(-MOST_LOGGED);
  const tried = { attempts, log, lastError: error };
  if (verdict === 'taken') return { ...tried, nextAt: now, state: 'delivered', settledAt: now };
  const holdsUntil = delivery.holdsUntil ?? at + HOLD_MS;
  const waitMs =
    verdict === 'gone' ? undefined : waitAfter({ dialect: delivery.dialect, attempts, retryAfterMs, random });
  if (waitMs === undefined) return { ...tried, nextAt: now, state: 'dead', settledAt: now, holdsUntil };
  return { ...tried, nextAt: now + waitMs, state: 'waiting', holdsUntil };
}
