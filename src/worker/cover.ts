import type { RunCover } from './channel.ts';

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
