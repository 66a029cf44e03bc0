import type { Patience } from '../media/vigil.ts';
import type { RunCover } from './channel.ts';

/** Left of what is held, where another source has to be opened, and how long a silence must last all the same. */
const OPENING_MS = 1_000;
const LEAST_SILENT_MS = 1_000;
const TRACK_GONE_MS = 5_000;
const FLOOR_MS = 5_000;
/** A tick that comes a little later still finds a silence out in time. */
const TICK_SLACK_MS = 100;

/** What a run does so that its destination does not go without media, where its order says nothing of it. */
const USUAL: Required<RunCover> = {
  silentMs: 5_000,
  warmSilentMs: 2_000,
  warm: false,
  floorKbit: 0,
  delayMs: 0,
  slate: 'off',
};

export const coverOf = (cover: RunCover | undefined): Required<RunCover> => ({ ...USUAL, ...cover });

/** How much the source on air may be wanting, by who could take its place. */
export function patienceOf(
  { silentMs, warmSilentMs, floorKbit, delayMs }: Required<RunCover>,
  { isWarm, hasOthers }: { readonly isWarm: boolean; readonly hasOthers: boolean },
): Patience {
  // Time enough is to be left to open another one before all that is held has been seen.
  const heldMs = delayMs > 0 && hasOthers ? Math.max(LEAST_SILENT_MS, delayMs - OPENING_MS) : silentMs;
  return {
    silentMs: Math.min(silentMs, heldMs, isWarm ? warmSilentMs : silentMs) - TICK_SLACK_MS,
    trackMs: hasOthers ? TRACK_GONE_MS : Number.POSITIVE_INFINITY,
    floor: { kbit: hasOthers ? floorKbit : 0, ms: FLOOR_MS },
  };
}
