/** Media that a destination is given at once when a push begins, so that what waits for it starts with something in hand. */
const BURST_MS = 1_000;
/** How much faster than life media may go to make up for what was late. */
const CATCH_UP = 1.05;
/** A tick that is later than this was no hiccup; what it missed comes at the catch-up rate. */
const LONGEST_TICK_MS = 1_000;

/**
 * Says up to where the output timeline of files may go by now: one schedule from an anchor on, on the monotonic clock, so
 * that no error adds up over files, rounds and days. What falls behind it comes back slowly.
 */
export class PlayoutPacer {
  #anchorMs = 0;
  #allowedMs = 0;
  #lastNowMs = 0;
  #startedMs = 0;

  constructor(mediaMs: number, nowMs: number) {
    this.start(mediaMs, nowMs);
  }

  /** Anchors the schedule: output stands at `mediaMs` now, and a burst may follow at once. */
  start(mediaMs: number, nowMs: number): void {
    this.#anchorMs = mediaMs + BURST_MS - nowMs;
    this.#allowedMs = mediaMs + BURST_MS;
    this.#lastNowMs = nowMs;
    this.#startedMs = nowMs;
  }

  /** Output time up to which media may go now. */
  dueMs(nowMs: number): number {
    const elapsedMs = Math.min(nowMs - this.#lastNowMs, LONGEST_TICK_MS);
    this.#lastNowMs = nowMs;
    this.#allowedMs = Math.min(this.#anchorMs + nowMs, this.#allowedMs + elapsedMs * CATCH_UP);
    return this.#allowedMs;
  }

  /**
   * Notes that media could not go further than `mediaMs`, although it was due: what is missing is not for one go, unless
   * it belongs to the burst.
   */
  hold(mediaMs: number, nowMs: number): void {
    if (nowMs - this.#startedMs > BURST_MS) this.#allowedMs = Math.min(this.#allowedMs, mediaMs);
    this.#lastNowMs = nowMs;
  }

  /** How far media is behind the schedule. */
  lagMs(nowMs: number): number {
    return this.#anchorMs + nowMs - this.#allowedMs;
  }
}
