const NEAR_MS = 1_000;

/**
 * Says how long a packet must wait. A live source sets its own pace; what the pacer stops is a source that runs faster
 * than life for long: media time may run ahead by `burstMs` (a cached GOP, a backlog after a stall) and beyond that at
 * `catchUp` times real time. Waiting is done by not reading, so that the peer's own buffer holds the rest.
 *
 * It measures a rate, not a distance from a start, so that a source clock that drifts by seconds a day is never held.
 */
export class Pacer {
  readonly #burstMs: number;
  readonly #catchUp: number;
  #allowanceMs: number;
  #lastMediaMs: number | undefined;
  #lastNowMs: number | undefined;

  constructor(options: { burstMs?: number; catchUp?: number } = {}) {
    this.#burstMs = options.burstMs ?? 30_000;
    this.#catchUp = options.catchUp ?? 1.05;
    this.#allowanceMs = this.#burstMs;
  }

  /** Notes that media has come as far as `mediaMs` by now. */
  advance(mediaMs: number, nowMs: number): void {
    const elapsedMs = nowMs - (this.#lastNowMs ?? nowMs);
    const mediaStepMs = Math.max(0, mediaMs - (this.#lastMediaMs ?? mediaMs));
    this.#allowanceMs = Math.min(this.#burstMs, this.#allowanceMs + elapsedMs * this.#catchUp) - mediaStepMs;
    this.#lastMediaMs = mediaMs;
    this.#lastNowMs = nowMs;
  }

  /** How long to wait before the next packet may go; 0 = now. */
  waitMs(nowMs: number): number {
    return Math.max(0, -this.#leftMs(nowMs) / this.#catchUp);
  }

  /** Whether so little may still run ahead that packets are to be taken a few at a time. */
  isNear(nowMs: number): boolean {
    return this.#leftMs(nowMs) < NEAR_MS;
  }

  #leftMs(nowMs: number): number {
    const elapsedMs = nowMs - (this.#lastNowMs ?? nowMs);
    return this.#allowanceMs + elapsedMs * this.#catchUp;
  }
}
