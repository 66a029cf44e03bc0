import { parseArgs } from 'node:util';
import { type DayFigures, liveThrough } from './day.ts';
import { type MemorySample, sampleMemory } from './memory.ts';

/** What the process of one day tells the bench, as JSON. */
export interface MeasuredDay {
  readonly figures: DayFigures;
  readonly memory: readonly MemorySample[];
  /** What keeps the process alive, before and after. */
  readonly handles: readonly [before: number, after: number];
  readonly tookSeconds: number;
}

const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 4 * QUARTER_MS;

/** A process of its own for each day, so that its memory is its own: `node --expose-gc measure.ts --kind live --hours 24 --seed 1`. */
async function measure(): Promise<MeasuredDay> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { kind: text, hours: text, seed: text } });
  const kind = values.kind === 'list' ? 'list' : 'live';
  const memory: MemorySample[] = [];
  const act = (elapsedMs: number): void => {
    globalThis.gc?.();
    memory.push(sampleMemory(elapsedMs / HOUR_MS));
  };
  const before = process.getActiveResourcesInfo().length;
  const startedAt = performance.now();
  const look = { everyMs: QUARTER_MS, act };
  const figures = await liveThrough({ kind, hours: Number(values.hours), seed: Number(values.seed), look });
  const tookSeconds = (performance.now() - startedAt) / 1_000;
  return { figures, memory, handles: [before, process.getActiveResourcesInfo().length], tookSeconds };
}

console.log(JSON.stringify(await measure()));
