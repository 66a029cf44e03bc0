import { CountedSource } from '../../test/lab/counted-source.ts';
import { percentile } from '../../test/lab/films.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import { Oracle } from '../../test/lab/oracle.ts';
import { figure, type Measured, type Run, type Subject } from '../events/measure.ts';
import { until } from '../wait.ts';
import { Caller } from './caller.ts';

const TASKS = 50;
const LEAST_TASKS = 10;
/** Two seconds between key frames, as platforms want it. */
const SHAPE = { fps: 25, gop: 50 } as const;
const GROUPS = {
  group: 'a source that shows its newest group at once',
  next: 'a source that shows the next key frame first, each two seconds',
} as const;

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
      const waits = await createEach({ caller, oracle, source, name: join }, run);
      figures.push(figure(`create to first picture, ${GROUPS[join]}, p50`, percentile(waits, 0.5), 'ms', '<= 2000'));
      figures.push(figure('the same, longest', Math.max(...waits), 'ms', join === 'group' ? '<= 2000' : '<= 4000'));
    }
    return figures;
  },
};

interface Ends {
  readonly caller: Caller;
  readonly oracle: Oracle;
  readonly source: CountedSource;
  readonly name: string;
}

async function createEach({ caller, oracle, source, name }: Ends, { scale, signal }: Run): Promise<readonly number[]> {
  const waits: number[] = [];
  for (let i = 0; i < Math.max(LEAST_TASKS, Math.round(TASKS * scale)); i++) {
    const seen = oracle.stream(`${name}-${i}`);
    const startedMs = performance.now();
    const id = await caller.create({
      source: { kind: 'live', url: source.url() },
      destination: { kind: 'url', url: oracle.url(`${name}-${i}`) },
    });
    await until('it is seen', () => seen.video.length > 0, { timeoutMs: 20_000, everyMs: 5, signal });
    waits.push((seen.video.atMs[0] ?? Number.NaN) - startedMs);
    await caller.ask(`tasks/${id}`, { method: 'DELETE' });
  }
  return waits;
}
