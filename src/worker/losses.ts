import type { Fault, Side } from '../media/fault.ts';
import type { RunError, RunHealth } from './channel.ts';

/** As much of a fault as a run has to say; what has no kind concerns more than one file or connection. */
export interface Loss extends Pick<Fault, 'side' | 'message'>, Partial<Pick<Fault, 'kind' | 'refusal' | 'track'>> {
  /** To be expected for a while: the destination still holds the push before. */
  readonly calm?: boolean | undefined;
}

/** What went wrong in a run so far, counted. */
export class Losses {
  readonly #faults: Record<string, number> = {};
  readonly #retryAtMs = new Map<Side, number>();
  #attempt = 0;
  #last: Omit<RunError, 'agoMs'> | undefined;
  #lastAtMs = 0;

  /** Failures in a row since media flowed last. */
  get attempt(): number {
    return this.#attempt;
  }

  /** A failure that its side goes on after by itself, such as a file that is passed over. */
  count({ side, kind = 'lost', message }: Loss, nowMs: number): void {
    const cause = `${side}.${kind}`;
    this.#faults[cause] = (this.#faults[cause] ?? 0) + 1;
    this.#last = { side, kind, message };
    this.#lastAtMs = nowMs;
  }

  /** A side was lost. */
  note(loss: Loss, nowMs: number): void {
    this.count(loss, nowMs);
    this.#retryAtMs.delete(loss.side);
    this.#attempt++;
  }

  waits(side: Side, untilMs: number): void {
    this.#retryAtMs.set(side, untilMs);
  }

  flows(): void {
    this.#attempt = 0;
    this.#retryAtMs.clear();
  }

  health(nowMs: number): Omit<RunHealth, 'stateForMs'> {
    const retryInMs = this.#retryInMs(nowMs);
    return {
      attempt: this.#attempt,
      faults: this.#faults,
      ...(retryInMs === undefined ? {} : { retryInMs }),
      ...(this.#last === undefined ? {} : { lastError: { ...this.#last, agoMs: Math.round(nowMs - this.#lastAtMs) } }),
    };
  }

  #retryInMs(nowMs: number): number | undefined {
    const ahead = [...this.#retryAtMs.values()].map(atMs => Math.round(atMs - nowMs)).filter(inMs => inMs > 0);
    return ahead.length === 0 ? undefined : Math.min(...ahead);
  }
}
