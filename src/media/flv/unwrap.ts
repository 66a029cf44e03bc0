/** How near to a whole turn of 31 bits a step must come to be taken for that turn: about 4.6 hours. */
const NEAR_A_TURN = 0x7f000000;
const HALF_RANGE = 0x80000000;
/** How far a codec header's own time may lie from the frames around it. */
const HEADER_SLACK_MS = 10_000;

/**
 * Turns the 32-bit milliseconds of FLV and RTMP into a number that does not wrap. One for all tracks of a connection:
 * a track that starts after the other's wrap must land beside it. Peers that count 31 bits (SRS and FLV writers that
 * keep the time signed) jump back by 2^31; from the 25th day on that is a wrap as well.
 */
export class Unwrap {
  #last = 0;
  #lastMs = 0;
  #started = false;

  frame(timestamp: number): number {
    if (this.#started) this.#lastMs += this.#step(timestamp);
    else this.#lastMs = timestamp;
    this.#started = true;
    this.#last = timestamp;
    return this.#lastMs;
  }

  /**
   * The time of a codec header or metadata, which moves nothing: servers keep them and repeat them to a late player
   * with the time they first came at, or with zero. Far off the frames it is taken for the last frame's time.
   */
  header(timestamp: number): number {
    if (!this.#started) return timestamp;
    const step = this.#step(timestamp);
    return Math.abs(step) > HEADER_SLACK_MS ? this.#lastMs : this.#lastMs + step;
  }

  #step(timestamp: number): number {
    const step = (timestamp - this.#last) | 0;
    if (step < -NEAR_A_TURN) return step + HALF_RANGE;
    return step > NEAR_A_TURN ? step - HALF_RANGE : step;
  }
}
