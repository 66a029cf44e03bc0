import type { TaskStore } from './memory-store.ts';
import { type Life, never, type ProcessClock } from './timeline.ts';
import type { Weather } from './weather.ts';

export interface ShakyParts {
  readonly life: Life;
  readonly clock: ProcessClock;
  readonly weather: Weather;
}

const READS: ReadonlySet<string> = new Set([
  'get',
  'list',
  'due',
  'withStatus',
  'events',
  'newEvents',
  'lastEvent',
  'some',
  'holdings',
  'dueDeliveries',
  'deliveries',
  'endpoints',
  'domain',
  'account',
  'asset',
  'assets',
  'assetsRevision',
]);

type Method = (...given: readonly unknown[]) => Promise<unknown>;

/**
 * The store as one process has it: slow, busy or full at times, and the process may end before a call is done or before
 * its answer is heard. Writes are done one after the other, as by a database with one writer.
 */
export function shakyStore(store: TaskStore, { life, clock, weather }: ShakyParts): TaskStore {
  const forever = new AbortController().signal;
  let written: Promise<unknown> = Promise.resolve();

  const rest = async (): Promise<void> => {
    weather.step(life);
    const ms = life.alive ? weather.diskMs() : 0;
    if (!life.alive) await never();
    else if (ms > 0) await clock.sleep(ms, forever);
  };
  const call = async (isWrite: boolean, act: () => Promise<unknown>): Promise<unknown> => {
    await rest();
    const fault = weather.diskFault(isWrite);
    if (fault !== undefined) throw fault;
    const outcome = await act().then(
      value => ({ value }),
      (error: unknown) => ({ error }),
    );
    weather.step(life);
    if (!life.alive) await never();
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  };
  return new Proxy(store, {
    get: (target, name: keyof TaskStore) => {
      const method = (target[name] as Method).bind(target);
      if (READS.has(name)) return (...given: readonly unknown[]) => call(false, () => method(...given));
      return (...given: readonly unknown[]) => {
        const writing = written.then(() => call(true, () => method(...given)));
        written = writing.catch(() => undefined);
        return writing;
      };
    },
  });
}
