/** The same alarm is not raised more often than this, however often what it tells of comes and goes. */
const REST_MS = 60_000;

export interface Hysteresis {
  /** How long it has to be wrong before the alarm is raised, and well before it is over. */
  readonly setAfterMs: number;
  readonly clearAfterMs: number;
}

/** One thing that may be wrong, looked at over and over: what lasts too short a time is not told, in either direction. */
export class Condition {
  readonly #hysteresis: Hysteresis;
  #wrongSinceMs: number | undefined;
  #wellSinceMs: number | undefined;
  #setAtMs = Number.NEGATIVE_INFINITY;
  #isSet = false;
  #reason = '';

  constructor(hysteresis: Hysteresis) {
    this.#hysteresis = hysteresis;
  }

  get isSet(): boolean {
    return this.#isSet;
  }

  /** What was wrong when it was seen last. */
  get reason(): string {
    return this.#reason;
  }

  /** It is wrong, for that reason; true where this raises the alarm. */
  wrong(reason: string, nowMs: number): boolean {
    this.#wellSinceMs = undefined;
    this.#wrongSinceMs ??= nowMs;
    this.#reason = reason;
    const isDue = nowMs - this.#wrongSinceMs >= this.#hysteresis.setAfterMs && nowMs - this.#setAtMs >= REST_MS;
    if (this.#isSet || !isDue) return false;
    this.#isSet = true;
    this.#setAtMs = nowMs;
    return true;
  }

  /** It is well; true where the alarm is over by that. */
  well(nowMs: number): boolean {
    this.#wrongSinceMs = undefined;
    this.#wellSinceMs ??= nowMs;
    if (!this.#isSet || nowMs - this.#wellSinceMs < this.#hysteresis.clearAfterMs) return false;
    this.#isSet = false;
    return true;
  }

  /** It cannot be told now: what has been seen so far does not count, and what was raised stays. */
  unknown(): void {
    this.#wrongSinceMs = undefined;
    this.#wellSinceMs = undefined;
  }
}
