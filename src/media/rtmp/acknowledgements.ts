/** A destination that acknowledges is late when so many of its usual portions are unacknowledged. */
const OVERDUE_PORTIONS = 3;
/** Of a destination that has done so less often, nobody knows how often it means to. */
const LEAST_SEEN = 3;

/**
 * What a destination has acknowledged, and whether more of it is due. Servers count differently, and some acknowledge
 * once or never: looked at is when they say so, not what they say.
 */
export class Acknowledgements {
  #seen = 0;
  /** What was sent when it last acknowledged anything. */
  #atBytes = 0;
  #portionBytes: number;
  #overdueSinceMs: number | undefined;

  constructor(windowBytes: number) {
    this.#portionBytes = windowBytes;
  }

  /** It has acknowledged, when so much was sent. */
  note(sentBytes: number): void {
    const portion = sentBytes - this.#atBytes;
    this.#portionBytes = Math.max(portion, (3 * this.#portionBytes + portion) / 4);
    this.#atBytes = sentBytes;
    this.#seen++;
  }

  /** Sent beyond what it should have acknowledged by now. */
  overdueBytes(sentBytes: number): number {
    if (this.#seen < LEAST_SEEN) return 0;
    return Math.max(0, sentBytes - this.#atBytes - OVERDUE_PORTIONS * this.#portionBytes);
  }

  /** How long something has been overdue; to be asked every tick. */
  overdueMs(sentBytes: number, nowMs: number): number {
    if (this.overdueBytes(sentBytes) === 0) this.#overdueSinceMs = undefined;
    else this.#overdueSinceMs ??= nowMs;
    return this.#overdueSinceMs === undefined ? 0 : nowMs - this.#overdueSinceMs;
  }
}
