import { CountedSource, type SourceOptions } from '../lab/counted-source.ts';
import { Millrace, processesOf } from '../lab/millrace.ts';
import { Oracle, type SeenStream } from '../lab/oracle.ts';
import type { Place } from '../lab/place.ts';
import { until } from '../lab/wait.ts';
import { framesMore } from './on-air.ts';

/** A real node that relays one source to several names of one oracle. */
export interface BusyNode {
  readonly millrace: Millrace;
  readonly source: CountedSource;
  readonly oracle: Oracle;
  readonly seen: readonly SeenStream[];
}

export interface BusyOptions extends SourceOptions {
  readonly tasks: number;
  readonly workers?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export async function busyNode(
  place: Place,
  { tasks, workers = 2, env = {}, ...shape }: BusyOptions,
): Promise<BusyNode> {
  const [source, oracle] = [await CountedSource.start(place, shape), await Oracle.start(place)];
  const millrace = await Millrace.start(place, { flags: ['--workers', String(workers), '--rtmp', 'off'], env });
  const names = Array.from({ length: tasks }, (_, i) => `t${i}`);
  const seen = names.map(name => oracle.stream(name));
  await eachOf(names, 8, name => millrace.huawei.createLive(source.url(), oracle.url(name)));
  await until('all are on air', () => seen.every(({ video }) => video.length > 0), { timeoutMs: 60_000 });
  await framesMore(seen.at(-1) ?? oracle.stream(''), 30);
  return { millrace, source, oracle, seen };
}

export const workersOf = ({ data }: Millrace): number[] =>
  processesOf(data)
    .filter(({ command }) => command.includes('worker/main'))
    .map(({ pid }) => pid);

/** Does it to each, some at a time, and answers what each came to in their order. */
export async function eachOf<T, R>(things: readonly T[], atOnce: number, act: (thing: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < things.length; i = next++) results[i] = await act(things[i] as T);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
