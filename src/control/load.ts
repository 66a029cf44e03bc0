import type { ProcessVitals } from '../worker/channel.ts';

/** What a process costs. */
export interface Load {
  /** Of one core, since it told before; undefined where it has told only once. */
  readonly cpu: number | undefined;
  readonly rssBytes: number;
  readonly lagMs: number;
}

const LEAST_MS = 100;

export function loadBetween(former: ProcessVitals | undefined, vitals: ProcessVitals): Load {
  const ms = former === undefined ? 0 : vitals.atMs - former.atMs;
  const cpuMs = vitals.cpuMs - (former?.cpuMs ?? 0);
  const { rssBytes, lagMs } = vitals;
  return { cpu: ms < LEAST_MS ? undefined : Math.max(0, cpuMs / ms), rssBytes, lagMs };
}
