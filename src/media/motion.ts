import { type Batch, isHeader, type Packet } from './packet.ts';

/** A source whose times fall by more than this has begun to count anew: its media moves. */
const NEW_CLOCK_MS = 1_000;

/** Whether a source's media time moves: bytes alone are no sign of life. */
export class Motion {
  #newestMs = Number.NaN;

  /** Whether any time in it lies outside what has been shown: two tracks that stand still each repeat their own. */
  sees(came: Batch): boolean {
    let moves = false;
    for (let i = 0; i < came.count; i++) {
      const { kind, dtsMs } = came.packets[i] as Packet;
      if (isHeader(kind) || (dtsMs <= this.#newestMs && dtsMs >= this.#newestMs - NEW_CLOCK_MS)) continue;
      this.#newestMs = dtsMs;
      moves = true;
    }
    return moves;
  }
}
