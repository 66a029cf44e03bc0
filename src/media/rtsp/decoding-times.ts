/** A step of the pictures' times beyond these is no reordering but a clock that has begun anew, or a hole. */
const LONGEST_FALL_MS = 3_000;
const LONGEST_RISE_MS = 10_000;
/** The most pictures that a decoder may have to hold back. */
const DEEPEST = 16;
const USUAL_FRAME_MS = 40;
const LEAST_STEP_MS = 1;

/**
 * Makes decoding times for pictures that come in the order of their decoding and say when they are shown: the times at
 * which pictures are shown, in rising order, as many places later as a decoder may have to wait.
 */
export class DecodingTimes {
  #depth: number;
  readonly #frameMs: number;
  /** When the pictures are shown whose times have not been given out, rising. */
  #shown: number[] = [];
  #newestMs = Number.NaN;
  #takenMs = Number.NEGATIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(depth: number, frameMs = USUAL_FRAME_MS) {
    this.#depth = Math.min(depth, DEEPEST);
    this.#frameMs = frameMs;
  }

  /** How many pictures that are decoded before a picture may be shown after it. */
  set depth(depth: number) {
    if (Math.min(depth, DEEPEST) === this.#depth) return;
    this.#depth = Math.min(depth, DEEPEST);
    this.reset();
  }

  /** What follows does not go on where the last picture was. */
  reset(): void {
    this.#shown = [];
  }

  of(shownMs: number): number {
    const step = shownMs - this.#newestMs;
    const isNew = step < -LONGEST_FALL_MS || step > LONGEST_RISE_MS;
    if (isNew) {
      this.reset();
      this.#takenMs = Number.NEGATIVE_INFINITY;
      this.#lastMs = Number.NEGATIVE_INFINITY;
    }
    this.#newestMs = shownMs;
    this.#insert(shownMs);
    const dtsMs = this.#take();
    if (dtsMs > this.#lastMs) {
      this.#lastMs = dtsMs;
      return dtsMs;
    }
    this.#lastMs += LEAST_STEP_MS;
    return this.#lastMs;
  }

  #insert(shownMs: number): void {
    let at = this.#shown.length;
    while (at > 0 && (this.#shown[at - 1] as number) > shownMs) at--;
    this.#shown.splice(at, 0, shownMs);
  }

  #take(): number {
    const missing = this.#depth + 1 - this.#shown.length;
    const [earliest = 0] = this.#shown;
    if (missing > 0) return earliest - missing * this.#frameMs;
    this.#shown.shift();
    // Deeper than was said: from here on more is kept.
    if (earliest < this.#takenMs && this.#depth < DEEPEST) this.#depth++;
    this.#takenMs = earliest;
    return earliest;
  }
}
