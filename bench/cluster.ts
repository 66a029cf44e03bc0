import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { Child } from '../test/lab/child.ts';
import { type Figure, isReached, readFigure } from './figures.ts';

const ROOT = new URL('../', import.meta.url);
const TRIALS = new URL('test/cluster/', ROOT);
const RESULTS = new URL('results/cluster.md', import.meta.url);
const RESULTS_JSON = new URL('results/cluster.json', import.meta.url);

/** What one file of trials came to. */
export interface TrialRun {
  readonly name: string;
  readonly at: string;
  readonly form: 'full' | 'short';
  readonly machine: string;
  /** Of one minute, when it began: more than there are cores, and the times in it are those of a busy machine. */
  readonly load: number;
  readonly seconds: number;
  /** All tests of it passed; they forgive a busy machine its times. */
  readonly passed: boolean;
  readonly figures: readonly Figure[];
}

export interface ClusterOptions {
  /** Names of trials; all where there is none. */
  readonly only: readonly string[];
  /** As short as in the tests. */
  readonly quick: boolean;
  readonly machine: string;
  readonly signal: AbortSignal;
  readonly tell: (progress: string) => void;
}

/** Runs the trials of real nodes around a real NATS and a real PostgreSQL, one behind the other, and keeps each that was run. */
export async function runCluster(options: ClusterOptions): Promise<TrialRun[]> {
  const names = options.only.length === 0 ? allTrials() : options.only;
  const runs: TrialRun[] = [];
  for (const name of names) {
    runs.push(await runTrial(name, options));
    keep(runs.slice(-1));
  }
  return runs;
}

const allTrials = (): string[] =>
  readdirSync(TRIALS)
    .filter(name => name.endsWith('.test.ts'))
    .map(name => name.slice(0, -'.test.ts'.length))
    .sort();

async function runTrial(name: string, { quick, machine, signal, tell }: ClusterOptions): Promise<TrialRun> {
  const [startedMs, load] = [performance.now(), loadavg()[0] ?? 0];
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'cluster', `test/cluster/${name}.test.ts`];
  const env = { NO_COLOR: '1', TEST_FULL_CLUSTER: quick ? '' : '1' };
  const child = new Child(process.execPath, args, { cwd: ROOT.pathname, env });
  const figures: Figure[] = [];
  child.onLine(line => {
    const figure = readFigure(line);
    if (figure !== undefined) figures.push(figure);
    if (figure !== undefined) tell(`${name}: ${sayFigure(figure)}${isReached(figure) ? '' : '  MISSED'}`);
    else if (/^(cut|freeze) /.test(line)) tell(line);
  });
  const stop = (): void => void child.stop('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const code = await child.exited;
  await child.drained;
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (code !== 0) tell(child.output);
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  const form = quick ? 'short' : 'full';
  return { name, at: new Date().toISOString(), form, machine, load, seconds, passed: code === 0, figures };
}

const sayFigure = ({ name, value, unit, goal }: Figure): string => `${name}: ${value} ${unit} (goal ${goal})`;

export const hasReached = ({ passed, figures }: TrialRun): boolean => passed && figures.every(isReached);

/** In the place of what was kept of the same trials before; a short form does not take the place of a full one. */
function keep(runs: readonly TrialRun[]): void {
  const kept = new Map(readKept().map(run => [run.name, run]));
  for (const run of runs) if (run.form === 'full' || kept.get(run.name)?.form !== 'full') kept.set(run.name, run);
  const all = [...kept.values()].sort((one, other) => one.name.localeCompare(other.name));
  writeFileSync(RESULTS_JSON, `${JSON.stringify(all, undefined, 1)}\n`);
  writeFileSync(RESULTS, printCluster(all));
}

const readKept = (): TrialRun[] =>
  existsSync(RESULTS_JSON) ? (JSON.parse(readFileSync(RESULTS_JSON, 'utf8')) as TrialRun[]) : [];

export function printCluster(runs: readonly TrialRun[]): string {
  const figures = runs.flatMap(run => run.figures);
  const missed = figures.filter(figure => !isReached(figure)).length;
  return `# Several nodes

Made by \`npm run bench -- cluster\`: real nodes on one machine around a private NATS and a private PostgreSQL, read at the
destination where it is about media. A trial stands here in its full form where it was run so, else in the short one of
\`npm test\`. The load is that of one minute when the trial began: beyond the number of cores, others were at work on the
machine, and the times are longer than they need be.

${runs.map(printTrial).join('\n')}
${figures.length} figures, ${missed} missed; ${runs.filter(run => !run.passed).length} of ${runs.length} trials failed
`;
}

function printTrial({ name, at, form, machine, load, seconds, passed, figures }: TrialRun): string {
  const lines = figures.map(
    it => `| ${it.name} | ${it.value} ${it.unit} | ${it.goal} | ${isReached(it) ? '' : 'MISSED'} |`,
  );
  const table = ['| figure | measured | goal | |', '|---|---|---|---|', ...lines].join('\n');
  const how = `${form} form, ${seconds} s, load ${load.toFixed(1)}, ${at.slice(0, 16)}Z; ${machine}`;
  return `## ${name}: ${passed ? 'passed' : 'FAILED'}\n\n${how}\n${lines.length === 0 ? '' : `\n${table}\n`}`;
}
