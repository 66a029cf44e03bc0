const TURN = 2 ** 33;
const HALF_TURN = 2 ** 32;

/** Turns the 33-bit times of MPEG-2 systems into numbers that do not wrap. One for all streams of a programme. */
export class Unwrap33 {
  #last: number | undefined;

  /** `near`: where the first time is expected, within half a turn; without it, it is taken as it stands. */
  constructor(near?: number) {
    this.#last = near;
  }

  unwrap(time: number): number {
    const last = this.#last ?? time;
    const step = (((time - last) % TURN) + TURN + HALF_TURN) % TURN;
    this.#last = last + step - HALF_TURN;
    return this.#last;
  }
}
