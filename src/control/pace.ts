import type { DialectName } from '../task/spec.ts';

/** How long a receiver is waited for, and the gaps between the tries; behind the last one the delivery is dead. */
interface Pace {
  readonly timeoutMs: number;
  readonly gapsS: readonly number[];
}

const [MINUTE_S, HOUR_S, DAY_S] = [60, 3600, 24 * 3600];
const GAPS_S = [5, 30, 2 * MINUTE_S, 10 * MINUTE_S, HOUR_S, 4 * HOUR_S, 12 * HOUR_S, DAY_S, DAY_S] as const;
const QUICK_GAPS_S = [1, 1, 1, 1, 1] as const;
const COMMON: Pace = { timeoutMs: 15_000, gapsS: GAPS_S };
const PACES: Readonly<Record<DialectName, Pace>> = {
  huawei: COMMON,
  native: COMMON,
  // That cloud stops behind five quick retries; a receiver that is down for longer is told here all the same.
  alibaba: { timeoutMs: 5_000, gapsS: [...QUICK_GAPS_S, ...GAPS_S] },
};
/** Those that failed together do not come back together. */
const SPREAD = 0.2;
const MOST_RETRY_AFTER_MS = DAY_S * 1000;

/** Nothing is ever put off for longer. */
export const LONGEST_WAIT_MS = DAY_S * 1000 * (1 + SPREAD);
/** How long a delivery holds back those of its task behind it, from its first try on. */
export const HOLD_MS = 5_000;

export const timeoutOf = (dialect: DialectName): number => PACES[dialect].timeoutMs;

/** The first one among them. */
export const mostTries = (dialect: DialectName): number => PACES[dialect].gapsS.length + 1;

export interface Failed {
  readonly dialect: DialectName;
  /** This one among them. */
  readonly attempts: number;
  /** What the receiver asked for; it makes a gap longer, never shorter. */
  readonly retryAfterMs: number;
  /** 0 ≤ x < 1 */
  readonly random: number;
}

/** How long to wait behind a try that failed; undefined behind the last one. */
export function waitAfter({ dialect, attempts, retryAfterMs, random }: Failed): number | undefined {
  const gapS = PACES[dialect].gapsS[attempts - 1];
  if (gapS === undefined) return undefined;
  const gapMs = Math.round(gapS * 1000 * (1 - SPREAD + 2 * SPREAD * random));
  return Math.max(gapMs, Math.min(retryAfterMs, MOST_RETRY_AFTER_MS));
}

/** RFC 9110, 10.2.3: seconds or a date; 0 where it says nothing that can be used. */
export function readRetryAfter(header: string | undefined, nowMs: number): number {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, MOST_RETRY_AFTER_MS);
  // A date begins with the name of its day; what else Date.parse would make something of is none.
  const atMs = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? 0 : Math.min(Math.max(0, atMs - nowMs), MOST_RETRY_AFTER_MS);
}
