import type { Fault, FaultKind } from '../media/fault.ts';
import { backoffMs, LIVE_BACKOFF } from '../task/retry.ts';

/** Only after so much healthy media does a side start its back-off anew: what flaps is not healthy. */
const HEALTHY_MS = 10_000;

/** Where another try soon would be answered the same, the back-off grows further than usual. */
const CAP_MS: Partial<Record<FaultKind, number>> = {
  refused: 30_000,
  unsupported: 30_000,
  policy: 30_000,
  garbage: 30_000,
  tls: 60_000,
};

/** Media had ended this long before such a fault was noticed. */
const QUIET_MS: Partial<Record<FaultKind, number>> = { stalled: 6_000 };

/** For a destination that has not noticed yet that we were gone: soon it will, and then we are to be there. */
const CALM_CAP_MS = 5_000;

/** How an attempt of one side ended, and how long media had gone well before; a silence that was waited out is not well. */
export interface Outcome {
  readonly fault: Fault;
  readonly healthyMs: number;
  /** To be expected for a while, and no reason to wake anybody. */
  readonly calm?: boolean;
}

/** One side's attempts. */
export class Retry {
  #attempt = 0;

  reset(): void {
    this.#attempt = 0;
  }

  waitMs({ fault, healthyMs, calm = false }: Outcome, random01: number): number {
    const healthy = healthyMs - (QUIET_MS[fault.kind] ?? 0) >= HEALTHY_MS;
    this.#attempt = healthy ? 1 : this.#attempt + 1;
    return backoffMs(this.#attempt, random01, { ...LIVE_BACKOFF, capMs: calm ? CALM_CAP_MS : capMsOf(fault) });
  }
}

function capMsOf({ kind, refusal }: Fault): number {
  return CAP_MS[refusal === undefined ? kind : 'refused'] ?? LIVE_BACKOFF.capMs;
}

const BUG_LIMIT = 5;
const BUG_WINDOW_MS = 60_000;

/** Bugs of one run lately. */
export class Bugs {
  readonly #atMs: number[] = [];

  /** Notes one; answers how many there were within the last minute. */
  count(nowMs: number): number {
    this.#atMs.push(nowMs);
    while ((this.#atMs[0] ?? nowMs) < nowMs - BUG_WINDOW_MS) this.#atMs.shift();
    return this.#atMs.length;
  }

  get tooMany(): boolean {
    return this.#atMs.length > BUG_LIMIT;
  }
}

/** Runs the action under a signal of its own, which follows the parent's and ends with the action. */
export async function under<T>(
  parent: AbortSignal | undefined,
  action: (own: AbortController) => Promise<T> | T,
): Promise<T> {
  const own = new AbortController();
  const follow = (): void => own.abort(parent?.reason);
  if (parent?.aborted) follow();
  parent?.addEventListener('abort', follow, { once: true });
  try {
    return await action(own);
  } finally {
    parent?.removeEventListener('abort', follow);
    own.abort();
  }
}

/** Acts when the wait is over; an aborted wait is nobody's business. */
export function onceReached(wait: Promise<void>, act: () => void): void {
  wait.then(act, () => {});
}

/** Resolves when the wait is over, by its time or by abort. */
export const whenOver = (wait: Promise<void>): Promise<void> => wait.catch(() => {});

export function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
