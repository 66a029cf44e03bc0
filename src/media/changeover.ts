import { Fault } from './fault.ts';
import type { Batch, Packet } from './packet.ts';
import type { Spare } from './spare.ts';

/** Of a source that has given way to the same stream from elsewhere, in front of a key frame. */
export const CHANGED_OVER = new Fault('pull', 'closed', 'the same stream comes from elsewhere now');

/** Nearer than this two connections of one stream are with their newest frames; by chance the same times may be further apart. */
const SAME_MS = 1_500;
/** After so many key frames of the one on air that the other has not shown, its times are others. */
const MOST_MISSES = 2;
const MOST_PASSED = 4;

/** What there is to know of the spare. */
type Shown = Pick<Spare, 'newestMs' | 'hasKey'>;

/**
 * Says when the source on air gives way to a spare that brings the same stream another way: in front of a key frame of a
 * time that both have shown, or will, so that no picture is lost and none comes twice.
 */
export class Changeover {
  readonly #spare: Shown;
  /** Times of the last key frames of the source on air. */
  readonly #passed: number[] = [];
  #misses = 0;

  constructor(spare: Shown, lastKeyMs: number) {
    this.#spare = spare;
    this.#passed.push(lastKeyMs);
  }

  /** The spare counts by another clock, or shows something else. */
  get isForeign(): boolean {
    return this.#misses >= MOST_MISSES;
  }

  /** Where in the batch the source on air is to end, and at what time the spare begins; undefined where not here. */
  cutIn(came: Batch): { readonly index: number; readonly keyMs: number } | undefined {
    for (let index = 0; index < came.count; index++) {
      const { kind, dtsMs } = came.packets[index] as Packet;
      if (kind !== 'key') continue;
      this.#passed.push(dtsMs);
      if (this.#passed.length > MOST_PASSED) this.#passed.shift();
      if (this.#isSame(dtsMs)) return { index, keyMs: dtsMs };
      this.#misses++;
    }
    return undefined;
  }

  #isSame(keyMs: number): boolean {
    const isNear = Math.abs(this.#spare.newestMs - keyMs) <= SAME_MS;
    return isNear && this.#passed.some(passedMs => this.#spare.hasKey(passedMs));
  }
}
