import type { Lease } from './cluster.ts';

export interface LeaseClock {
  /** Milliseconds since the machine was booted; its sleep counts. */
  sinceBoot(): number;
  /** Resolves after the time, or at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Timers stand still while a machine sleeps, so the clock is asked more often than the deadline alone would need. */
const LONGEST_WAIT_MS = 250;

/** A lease that lives on proofs: each renewal that was acknowledged in time moves its deadline on. */
export class HeldLease implements Lease {
  readonly node: string;
  readonly #clock: LeaseClock;
  readonly #holdMs: number;
  readonly #lost = new AbortController();
  readonly #hearings = new Set<(deadline: number) => void>();
  #deadline: number | undefined;
  #isProven = false;

  /** `until`: it goes on from before this process, and is lost when it is not renewed by then. */
  constructor(options: { node: string; holdMs: number; clock: LeaseClock; until: number | undefined }) {
    this.node = options.node;
    this.#holdMs = options.holdMs;
    this.#clock = options.clock;
    this.#deadline = options.until;
    if (options.until !== undefined) void this.#guard();
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  deadline(): number {
    return this.#deadline ?? 0;
  }

  onRenewal(heard: (deadline: number) => void): () => void {
    this.#hearings.add(heard);
    return () => this.#hearings.delete(heard);
  }

  /** Renewed at least once, and not lost. */
  get isHeld(): boolean {
    return this.#isProven && !this.signal.aborted;
  }

  /** A renewal that was sent then has been acknowledged now. One that comes after the deadline proves nothing. */
  prove(sentAt: number): void {
    if (this.signal.aborted) return;
    const until = sentAt + this.#holdMs;
    const isFirst = this.#deadline === undefined;
    if (this.#clock.sinceBoot() >= (this.#deadline ?? until)) {
      if (!isFirst) this.#expire();
      return;
    }
    this.#isProven = true;
    if (until <= (this.#deadline ?? 0)) return;
    this.#deadline = until;
    if (isFirst) void this.#guard();
    for (const heard of this.#hearings) heard(until);
  }

  lose(reason: Error): void {
    this.#lost.abort(reason);
  }

  #expire(): void {
    this.lose(new Error('the lease was not renewed in time'));
  }

  async #guard(): Promise<void> {
    while (!this.signal.aborted) {
      const leftMs = this.deadline() - this.#clock.sinceBoot();
      if (leftMs <= 0) this.#expire();
      else await this.#clock.sleep(Math.min(leftMs, LONGEST_WAIT_MS), this.signal);
    }
  }
}
