import type { RunRetry } from './channel.ts';

/** A timer may be early by so much: the try it has woken is the one that was due. */
const EARLY_MS = 20;
/** However late a try is: a retry loop is never hot. */
const FLOOR_MS = 250;

export interface Failure {
  readonly nowMs: number;
  /** When the side would be tried again if nobody counted. */
  readonly backoffMs: number;
}

/**
 * The time a run is without media at its destination, and the tries counted in it: the k-th lies k intervals behind the
 * beginning, whichever side fails. A run begins in one. It lives with its run: a run that follows a lost one counts anew.
 */
export class Outage {
  #sinceMs: number | undefined;
  /** Counted tries made, the one that is being waited for included. */
  #counted = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Media flows. */
  end(): void {
    this.#sinceMs = undefined;
    this.#counted = 0;
  }

  /** Something else is tried from now on. */
  startOver(nowMs: number): void {
    if (this.#sinceMs !== undefined) this.#sinceMs = nowMs;
    this.#counted = 0;
  }

  /** How long a side that has just failed waits for its next try; undefined when all counted tries have failed. */
  waitMs(policy: RunRetry | undefined, { nowMs, backoffMs }: Failure): number | undefined {
    this.#sinceMs ??= nowMs;
    if (policy === undefined) return backoffMs;
    const { count, intervalMs, eager } = policy;
    const sinceMs = this.#sinceMs;
    const untilTryMs = (number: number): number => sinceMs + number * intervalMs - nowMs;
    const pendingMs = untilTryMs(this.#counted);
    if (pendingMs > EARLY_MS) return eager ? Math.min(backoffMs, pendingMs) : pendingMs;
    if (this.#counted >= count) return undefined;
    const nextMs = Math.max(FLOOR_MS, untilTryMs(this.#counted + 1));
    if (eager && backoffMs < nextMs) return backoffMs;
    this.#counted++;
    return nextMs;
  }
}
