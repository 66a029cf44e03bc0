/** How many key frames a picture has, and how far apart they lie at the most. */
export class KeyFrameCount {
  #count = 0;
  #longestGapMs = 0;
  #lastMs: number | undefined;

  /** A key frame at this decode time. */
  add(dtsMs: number): void {
    this.#count++;
    this.reach(dtsMs);
    this.#lastMs = dtsMs;
  }

  /** The picture goes on up to there. */
  reach(dtsMs: number): void {
    if (this.#lastMs !== undefined) this.#longestGapMs = Math.max(this.#longestGapMs, dtsMs - this.#lastMs);
  }

  get sum(): { readonly count: number; readonly longestGapMs: number } {
    return { count: this.#count, longestGapMs: Math.round(this.#longestGapMs) };
  }
}
