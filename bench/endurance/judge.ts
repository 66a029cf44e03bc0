import type { Shown } from './frame.ts';

export interface Verdict {
  readonly frames: number;
  /** Frames that were compared with one of the other track and of the same moment. */
  readonly compared: number;
  /** Frames whose time does not lie behind that of the frame before, of their track and push. */
  readonly notRising: number;
  /** How far sound and picture of one moment were shown apart, at the worst. */
  readonly worstSkewMs: number;
  /** Frames that were further apart than is allowed. */
  readonly skews: number;
}

/** Frames of a track that are remembered to be compared with the other track's. */
const KEPT = 256;
/** Picture and sound this near to each other are of the same moment. */
const SAME_MOMENT_MS = 25;
export const MOST_SKEW_MS = 40;

/** One track of one push, as it is shown. */
class Track {
  #lastMs = Number.NEGATIVE_INFINITY;
  readonly #frames: Shown[] = [];

  /** Whether it rises. */
  note(shown: Shown): boolean {
    const rises = shown.dtsMs > this.#lastMs;
    this.#lastMs = shown.dtsMs;
    this.#frames.push(shown);
    if (this.#frames.length > 2 * KEPT) this.#frames.splice(0, KEPT);
    return rises;
  }

  /** Its frame of that moment of that source, where it has shown it already. */
  at({ origin, trueMs }: Shown): Shown | undefined {
    const found = this.#frames.findLast(frame => frame.origin !== origin || frame.trueMs <= trueMs + SAME_MOMENT_MS);
    const isNear = found?.origin === origin && Math.abs(found.trueMs - trueMs) <= SAME_MOMENT_MS;
    return isNear ? found : undefined;
  }
}

/** Sits at the destination and sees what is shown. Each push is looked at for itself. */
export class Judge {
  #frames = 0;
  #compared = 0;
  #notRising = 0;
  #worstSkewMs = 0;
  #skews = 0;
  #video = new Track();
  #audio = new Track();
  /** Told of what should not be. */
  readonly #found: (what: string) => void;

  constructor(found: (what: string) => void) {
    this.#found = found;
  }

  get verdict(): Verdict {
    return {
      frames: this.#frames,
      compared: this.#compared,
      notRising: this.#notRising,
      worstSkewMs: Math.round(this.#worstSkewMs * 10) / 10,
      skews: this.#skews,
    };
  }

  /** Another push begins. */
  begin(): void {
    this.#video = new Track();
    this.#audio = new Track();
  }

  see(shown: Shown): void {
    if (shown.origin === 0) return;
    this.#frames++;
    const isSound = shown.kind === 'audio';
    const [own, other] = isSound ? [this.#audio, this.#video] : [this.#video, this.#audio];
    if (!own.note(shown)) {
      this.#notRising++;
      this.#found(`${shown.kind} at ${shown.dtsMs} does not rise`);
    }
    const beside = other.at(shown);
    if (beside !== undefined) this.#compare(shown, beside);
  }

  #compare(one: Shown, other: Shown): void {
    this.#compared++;
    const skewMs = Math.abs(one.dtsMs - one.trueMs - (other.dtsMs - other.trueMs));
    this.#worstSkewMs = Math.max(this.#worstSkewMs, skewMs);
    if (skewMs <= MOST_SKEW_MS) return;
    this.#skews++;
    this.#found(
      `${one.kind} of ${one.trueMs} (${one.origin}) at ${one.dtsMs}, ${other.kind} of ${other.trueMs} at ${other.dtsMs}`,
    );
  }
}
