const USUAL_FRAME_MS = 40;
/** A longer step is a hole, not the duration of a frame. */
export const LONGEST_FRAME_MS = 1_000;

/** One track's place on both clocks. */
export class PlacedTrack {
  /** Whether this source has placed a packet on this track yet. */
  placed = false;
  lastInMs = 0;
  lastOutMs = Number.NEGATIVE_INFINITY;
  lastWallMs = 0;
  frameMs = USUAL_FRAME_MS;
  shiftMs = 0;

  endMs(): number {
    return this.lastOutMs + this.frameMs;
  }

  noteStep(stepMs: number): void {
    if (stepMs > 0 && stepMs <= LONGEST_FRAME_MS) this.frameMs = stepMs;
  }
}

/** The shift that has the track go on where it ended; minus infinity where it has not begun, or does not go on. */
export const behind = (track: PlacedTrack, startMs: number | undefined): number =>
  startMs === undefined ? Number.NEGATIVE_INFINITY : track.endMs() - startMs;
