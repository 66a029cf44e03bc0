import { writeFileSync } from 'node:fs';
import { Child } from '../test/lab/child.ts';
import { type Figure, isReached, readFigure } from './figures.ts';

const ROOT = new URL('../', import.meta.url);
const RESULTS = new URL('results/cluster.md', import.meta.url);
const RESULTS_JSON = new URL('results/cluster.json', import.meta.url);

export interface ClusterRun {
  readonly figures: readonly Figure[];
  /** All trials passed, and every goal was reached. */
  readonly passed: boolean;
  readonly seconds: number;
  /** As the tests run them, not in their full length. */
  readonly quick: boolean;
}

export interface ClusterRunOptions {
  /** Names of trials; all where there is none. */
  readonly only: readonly string[];
  /** As short as in the tests. */
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly tell: (progress: string) => void;
}

/** Runs the trials of real nodes around a real NATS and a real PostgreSQL, one behind the other, and answers their figures. */
export async function runCluster({ only, quick, signal, tell }: ClusterRunOptions): Promise<ClusterRun> {
  const startedMs = performance.now();
  const files = only.length === 0 ? ['test/cluster/'] : only.map(name => `test/cluster/${name}.test.ts`);
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'cluster', ...files];
  const env = { NO_COLOR: '1', TEST_FULL_CLUSTER: quick ? '' : '1' };
  const child = new Child(process.execPath, args, { cwd: ROOT.pathname, env });
  const figures: Figure[] = [];
  child.onLine(line => {
    const figure = readFigure(line);
    if (figure !== undefined) figures.push(figure);
    if (figure !== undefined) tell(`${sayFigure(figure)}${isReached(figure) ? '' : '  MISSED'}`);
    else if (/^(cut|freeze) /.test(line)) tell(line);
  });
  const stop = (): void => void child.stop('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const code = await child.exited;
  await child.drained;
  signal.throwIfAborted();
  if (code !== 0) tell(child.output);
  const passed = code === 0 && figures.length > 0 && figures.every(isReached);
  return { figures, passed, seconds: (performance.now() - startedMs) / 1000, quick };
}

const sayFigure = ({ name, value, unit, goal }: Figure): string => `${name}: ${value} ${unit} (goal ${goal})`;

export function keepCluster(run: ClusterRun, machine: string): void {
  writeFileSync(RESULTS, printCluster(run, machine));
  writeFileSync(RESULTS_JSON, `${JSON.stringify({ machine, ...run }, undefined, 1)}\n`);
}

export function printCluster({ figures, passed, seconds, quick }: ClusterRun, machine: string): string {
  const length = quick ? 'in their short form, as npm test has them' : 'in their full length';
  const missed = figures.filter(figure => !isReached(figure));
  const lines = figures.map(
    it => `| ${it.name} | ${it.value} ${it.unit} | ${it.goal} | ${isReached(it) ? '' : 'MISSED'} |`,
  );
  return `Figures of several nodes on one machine around a private NATS and a private PostgreSQL, read at the sink where they
are about media; all trials ${length}, in ${Math.round(seconds)} s
${machine}

| figure | measured | goal | |
|---|---|---|---|
${lines.join('\n')}

${figures.length} figures, ${missed.length} missed; ${passed ? 'PASSED' : 'FAILED'}
`;
}
