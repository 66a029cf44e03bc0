import { CountedSource } from '../../test/lab/counted-source.ts';
import { dice, percentile } from '../../test/lab/films.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import { Oracle } from '../../test/lab/oracle.ts';
import { figure, type Measured, type Run, type Subject } from '../events/measure.ts';
import { pass, until } from '../wait.ts';
import { Caller } from './caller.ts';

const TASKS = 50;
const LEAST_TASKS = 10;
/** Two seconds between key frames, as platforms want it. */
const SHAPE = { fps: 25, gop: 50 } as const;
const GROUP_MS = 2_000;
/** How a source receives who comes, and what is promised then: the wait for its next key frame is the source's own. */
const JOINS = {
  group: { what: 'a source that shows its newest group at once', mostMs: 2_000, share: 1 },
  next: { what: 'a source that shows its next key frame first, each 2 s', mostMs: 2_000 + GROUP_MS, share: 0.5 },
} as const;
type Join = keyof typeof JOINS;

/** A task is made, and somebody waits for it at its destination. */
export const begin: Subject = {
  row: 'begin',
  what: `${TASKS} live tasks, one after the other: from the call that creates it to the first picture at its destination`,
  measure: async (place, run) => {
    const node = await Millrace.start(place, { flags: ['--workers', '2', '--rtmp', 'off', '--network', 'lab'] });
    const caller = await Caller.of(node, run.signal);
    const oracle = await Oracle.start(place);
    const figures: Measured[] = [];
    for (const join of ['group', 'next'] as const) {
      const source = await CountedSource.start(place, { shape: SHAPE, join });
      const waits = await createEach({ caller, oracle, source, join }, run);
      const { what, mostMs } = JOINS[join];
      figures.push(figure(`create to first picture, ${what}, p50`, percentile(waits, 0.5), 'ms', '<= 2000'));
      figures.push(figure('the same, longest', Math.max(...waits), 'ms', `<= ${mostMs}`));
    }
    return figures;
  },
};

interface Ends {
  readonly caller: Caller;
  readonly oracle: Oracle;
  readonly source: CountedSource;
  readonly join: Join;
}

async function createEach(ends: Ends, { scale, signal }: Run): Promise<readonly number[]> {
  const [waits, chance]: [number[], (below: number) => number] = [[], dice(1)];
  const count = Math.max(LEAST_TASKS, Math.round(TASKS * scale * JOINS[ends.join].share));
  for (let i = 0; i < count; i++) {
    // At any moment of a group: the task before it was seen as one began.
    if (ends.join === 'next') await pass(chance(GROUP_MS), signal);
    waits.push(await createOne(`${ends.join}-${i}`, ends, signal));
  }
  return waits;
}

async function createOne(name: string, { caller, oracle, source }: Ends, signal: AbortSignal): Promise<number> {
  const seen = oracle.stream(name);
  const startedMs = performance.now();
  const id = await caller.create({
    source: { kind: 'live', url: source.url() },
    destination: { kind: 'url', url: oracle.url(name) },
  });
  await until('it is seen', () => seen.video.length > 0, { timeoutMs: 20_000, everyMs: 5, signal });
  await caller.ask(`tasks/${id}`, { method: 'DELETE' });
  return (seen.video.atMs[0] ?? Number.NaN) - startedMs;
}
