import type { Nginx } from '../test/lab/nginx.ts';
import type { Contender } from './contenders.ts';
import { until } from './wait.ts';

/** From the first call that creates a task, in seconds. */
export interface StartUp {
  readonly created: number;
  /** Every task's stream has reached the sink. Of a live one, up to a GOP of it is the wait for a key frame. */
  readonly arriving: number;
}

export async function timeStartUp(create: () => Promise<void>, arriving: () => Promise<void>): Promise<StartUp> {
  const atMs = performance.now();
  const seconds = (): number => Number(((performance.now() - atMs) / 1000).toFixed(2));
  await create();
  const created = seconds();
  await arriving();
  return { created, arriving: seconds() };
}

export function untilArriving(contenders: readonly Contender[], sink: Nginx, signal: AbortSignal): Promise<void> {
  const names = contenders.flatMap(({ letter, relays }) => Array.from({ length: relays }, (_, i) => `${letter}${i}`));
  const areArriving = async (): Promise<boolean> => {
    const streams = await sink.streams();
    // More than headers.
    return names.every(name => (streams.get(name)?.bytesIn ?? 0) > 10_000);
  };
  return until('every relay delivers', areArriving, { timeoutMs: 60_000, everyMs: 100, signal });
}

/** What Millrace itself counts. */
export interface OwnCounts {
  readonly runs: number;
  /** Packets that were taken out of queues that had grown too long. */
  readonly dropped: number;
}

export async function ownCounts(api: string): Promise<OwnCounts> {
  const answer = await fetch(`${api}/healthz`);
  const { runs, dropped } = (await answer.json()) as { runs: number; dropped: Record<string, number> };
  return { runs, dropped: (dropped.disposable ?? 0) + (dropped.untilKey ?? 0) };
}
