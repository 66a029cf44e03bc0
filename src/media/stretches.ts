import type { Batch, Packet } from './packet.ts';

/** Remembered: more than the files that can be in a sink's queue. */
const MOST = 8;
/** In place of a segment where a paced source is not on air, or what of it was placed has been lost. */
const NO_SEGMENT = -1;

/** Where a stretch of a paced source lies on the output timeline, which it enters at `fromMs`. */
interface Stretch {
  readonly segment: number;
  readonly fromMs: number;
  readonly shiftMs: number;
}

/** Where the newest stretches of a paced source lie on the output timeline. */
export class Stretches {
  readonly #all: Stretch[] = [];

  /** Notes what has just been placed. */
  note(segment: number, shiftMs: number, placed: Batch): void {
    const newest = this.#all.at(-1);
    if (placed.count === 0 || (newest?.segment === segment && newest.shiftMs === shiftMs)) return;
    this.#add({ segment, fromMs: (placed.packets[0] as Packet).dtsMs, shiftMs });
  }

  /** The same of a live source: the stretch before it is over. */
  noteLive(placed: Batch): void {
    const newest = this.#all.at(-1);
    if (newest === undefined || newest.segment === NO_SEGMENT || placed.count === 0) return;
    this.#add({ segment: NO_SEGMENT, fromMs: (placed.packets[0] as Packet).dtsMs, shiftMs: 0 });
  }

  /** A sink has left that had taken so much: what was placed behind went with it. */
  cut(takenMs: number): void {
    while ((this.#all.at(-1)?.fromMs ?? takenMs) > takenMs) this.#all.pop();
    const newest = this.#all.at(-1);
    if (newest === undefined || newest.segment === NO_SEGMENT) return;
    this.#add({ segment: NO_SEGMENT, fromMs: takenMs, shiftMs: 0 });
  }

  /** What of a paced source stands at the output time, or last stood before it. */
  at(outMs: number): { readonly segment: number; readonly mediaMs: number } | undefined {
    const at = this.#all.findLastIndex(({ fromMs }) => fromMs <= outMs);
    const newest = this.#all[at];
    if (newest === undefined) return undefined;
    const isOver = newest.segment === NO_SEGMENT;
    const stretch = isOver ? this.#all[at - 1] : newest;
    if (stretch === undefined) return undefined;
    const endMs = isOver ? newest.fromMs : outMs;
    return { segment: stretch.segment, mediaMs: Math.max(0, endMs - stretch.shiftMs) };
  }

  #add(stretch: Stretch): void {
    this.#all.push(stretch);
    if (this.#all.length > MOST) this.#all.shift();
  }
}
