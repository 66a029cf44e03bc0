import type { Monotonic } from '../clock.ts';
import { asFault, Fault, type FaultKind } from '../fault.ts';
import type { HttpLimits } from './http-limits.ts';

/** Waits before the attempts to go on after a connection broke; there are no more than these. */
const RESUME_WAITS_MS = [0, 300, 1000];
const RESUMABLE: ReadonlySet<FaultKind> = new Set(['closed', 'unreachable']);

export interface ResumptionParts {
  readonly limits: Pick<HttpLimits, 'resumeMs' | 'silentMs'>;
  readonly now: Monotonic;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Says whether a transfer that broke may go on, and waits for its moment. */
export class Resumption {
  readonly #parts: ResumptionParts;
  /** Attempts to go on since bytes last flowed, and what they began with. */
  #tries = 0;
  #broken: { readonly fault: Fault; readonly atMs: number } | undefined;
  #bytes = 0;

  constructor(parts: ResumptionParts) {
    this.#parts = parts;
  }

  /** How long the next answer may still be waited for. */
  get leftMs(): number {
    const { limits, now } = this.#parts;
    return this.#broken === undefined ? limits.silentMs : limits.resumeMs - (now() - this.#broken.atMs);
  }

  /** Bytes flow again: after `enough` of them nothing is broken any more. */
  flowed(bytes: number, enough: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= enough) this.healed();
  }

  healed(): void {
    this.#tries = 0;
    this.#broken = undefined;
  }

  /** After a connection broke, waits for the moment to go on; throws where that is over or was never the trouble. */
  async goOn(error: unknown, signal: AbortSignal): Promise<void> {
    const fault = asFault('pull', error);
    const late = fault.kind === 'timeout';
    // Who has sent bytes before and now does not answer has fallen silent.
    if (late && this.#broken === undefined) throw new Fault('pull', 'silent', fault.message, { cause: fault });
    if (signal.aborted || !(late || RESUMABLE.has(fault.kind))) throw fault;
    const { now, sleep, limits } = this.#parts;
    this.#broken ??= { fault, atMs: now() };
    this.#bytes = 0;
    const waitMs = RESUME_WAITS_MS[this.#tries++];
    const leftMs = limits.resumeMs - (now() - this.#broken.atMs);
    if (waitMs === undefined || waitMs >= leftMs) {
      const tries = this.#tries - 1;
      const sentence = `${this.#broken.fault.message}, and ${tries} attempts to go on failed: ${fault.message}`;
      throw new Fault('pull', fault.kind, sentence, { cause: fault });
    }
    if (waitMs > 0) await sleep(waitMs, signal);
  }
}
