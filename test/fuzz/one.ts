import { Fault } from '../../src/media/fault.ts';
import { mutate } from './mutate.ts';
import type { Target } from './targets.ts';

/** Longer than any of these bytes may take, on a machine that does other things besides. */
export const MOST_MS = 1_000;

/** What is wrong with how the target took the bytes of the seed; undefined where nothing is. */
export async function tryOne(target: Target, seeds: readonly Buffer[], seed: number): Promise<string | undefined> {
  const bytes = mutate(seeds, seed);
  const fromMs = performance.now();
  try {
    await target.run(bytes);
  } catch (error) {
    if (!(error instanceof Fault)) return `${error instanceof Error ? error.stack : String(error)}`;
  }
  const tookMs = performance.now() - fromMs;
  return tookMs > MOST_MS ? `took ${Math.round(tookMs)} ms for ${bytes.length} bytes` : undefined;
}
