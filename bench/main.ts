import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Place } from '../test/lab/place.ts';
import { hasReached, printCluster, runCluster } from './cluster.ts';
import { keepConsole, printConsole, runConsole } from './console.ts';
import { endure, keepEndurance } from './endurance.ts';
import { keepEvents, printEvents, runEvents } from './events.ts';
import { keepFaults, runFaults } from './faults.ts';
import { live } from './live.ts';
import { keepProtocols, measureProtocols } from './protocols.ts';
import { failures, printReport, type Report } from './report.ts';
import { hasPassed } from './subjects.ts';
import { type VodOptions, vod } from './vod.ts';

const EXIT_FAILED = 1;
const EXIT_VOID = 2;
const LIMIT_MS = 6 * 60_000;
const QUICK_LIMIT_MS = 90_000;
const FAULTS_LIMIT_MS = 15 * 60_000;
const EVENTS_LIMIT_MS = 60 * 60_000;
const CONSOLE_LIMIT_MS = 10 * 60_000;
const CLUSTER_LIMIT_MS = 90 * 60_000;
const ENDURANCE_LIMIT_MS = 24 * 60_000;
const DAY_HOURS = 24;
const MOST_QUICK = 50;

type Bench = typeof vod;

const SUBJECTS: Readonly<Record<string, Bench>> = { live, vod };

/** `npm run bench -- [live|vod|faults|events|console|cluster|endurance|protocols] [--hours 24] [--seed 1] [--http] [--n 200] [--windows 6] [--seconds 10] [--quick] [--cpu-prof folder]`: see README.md. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      n: { type: 'string' },
      windows: { type: 'string' },
      seconds: { type: 'string' },
      hours: { type: 'string' },
      seed: { type: 'string' },
      quick: { type: 'boolean', default: false },
      http: { type: 'boolean', default: false },
      'cpu-prof': { type: 'string' },
    },
  });
  const { quick, http } = values;
  const name = positionals[0] ?? 'live';
  if (name === 'faults') return measureFaults();
  if (name === 'events') return measureEvents(positionals.slice(1), quick);
  if (name === 'console') return measureConsole(positionals.slice(1), quick);
  if (name === 'cluster') return measureCluster(positionals.slice(1), quick);
  if (name === 'protocols') return compareProtocols();
  if (name === 'endurance') return measureEndurance(count(values.hours, DAY_HOURS), count(values.seed, 1));
  const subject = SUBJECTS[name];
  if (subject === undefined)
    throw new Error(
      `there is no bench "${name}": ${Object.keys(SUBJECTS).join(', ')}, faults, events, console, cluster, endurance, protocols`,
    );
  const n = count(values.n, quick ? MOST_QUICK : 200);
  const profile = values['cpu-prof'];
  const options: VodOptions = {
    http,
    n: quick ? Math.min(MOST_QUICK, n) : n,
    windows: count(values.windows, quick ? 4 : 6),
    windowSeconds: count(values.seconds, quick ? 5 : 10),
    warmUpSeconds: quick ? 1 : 5,
    ...(profile === undefined ? {} : { cpuProfile: resolve(profile) }),
  };
  const signal = AbortSignal.any([interrupted(), AbortSignal.timeout(quick ? QUICK_LIMIT_MS : LIMIT_MS)]);
  const report = await inPlace(subject, options, signal);
  const machine = machineFacts();
  const text = printReport(report, options, machine);
  console.log(text);
  keep(`${name}${http ? '-http' : ''}-${options.n}`, { text, facts: { machine, options, report } });
  if (report.void.length > 0) process.exitCode = EXIT_VOID;
  else if (failures(report).length > 0) process.exitCode = EXIT_FAILED;
}

async function compareProtocols(): Promise<void> {
  const signal = AbortSignal.any([interrupted(), AbortSignal.timeout(LIMIT_MS)]);
  const options = { signal, tell: (progress: string) => console.error(progress) };
  const { text, passed } = await measureProtocols(printFacts(machineFacts()), options);
  keepProtocols(text);
  console.log(text);
  if (!passed) process.exitCode = EXIT_FAILED;
}

async function measureFaults(): Promise<void> {
  const signal = AbortSignal.any([interrupted(), AbortSignal.timeout(FAULTS_LIMIT_MS)]);
  const run = await runFaults(signal, progress => console.error(progress));
  keepFaults(run, printFacts(machineFacts()));
  console.log(
    `${run.figures.length} figures in ${Math.round(run.seconds)} s: bench/results/faults.md, docs/promises.md`,
  );
  if (!run.passed) process.exitCode = EXIT_FAILED;
}

async function measureEndurance(hours: number, seed: number): Promise<void> {
  const signal = AbortSignal.any([interrupted(), AbortSignal.timeout(ENDURANCE_LIMIT_MS)]);
  const { text, passed } = await endure({ hours, seed }, { signal, machine: printFacts(machineFacts()) });
  console.log(text);
  if (hours === DAY_HOURS) keepEndurance(text);
  if (!passed) process.exitCode = EXIT_FAILED;
}

/** Kept where it was run whole. */
async function measureEvents(only: readonly string[], quick: boolean): Promise<void> {
  const signal = AbortSignal.any([interrupted(), AbortSignal.timeout(EVENTS_LIMIT_MS)]);
  const run = await runEvents({ only, quick, signal, tell: progress => console.error(progress) });
  const text = printEvents(run, printFacts(machineFacts()));
  if (only.length === 0 && !quick) keepEvents(text);
  console.log(text);
  if (!hasPassed(run)) process.exitCode = EXIT_FAILED;
}

/** The same. */
async function measureConsole(only: readonly string[], quick: boolean): Promise<void> {
  const signal = AbortSignal.any([interrupted(), AbortSignal.timeout(CONSOLE_LIMIT_MS)]);
  const run = await runConsole({ only, quick, signal, tell: progress => console.error(progress) });
  const text = printConsole(run, printFacts(machineFacts()));
  if (only.length === 0 && !quick) keepConsole(text);
  console.log(text);
  if (!hasPassed(run)) process.exitCode = EXIT_FAILED;
}

/** Kept trial by trial: all of them take more than an hour. */
async function measureCluster(only: readonly string[], quick: boolean): Promise<void> {
  const signal = AbortSignal.any([interrupted(), AbortSignal.timeout(CLUSTER_LIMIT_MS)]);
  const machine = printFacts(machineFacts());
  const runs = await runCluster({ only, quick, machine, signal, tell: progress => console.error(progress) });
  console.log(printCluster(runs));
  if (!runs.every(hasReached)) process.exitCode = EXIT_FAILED;
}

function count(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`not a number of anything: ${text}`);
  return value;
}

async function inPlace(bench: Bench, options: VodOptions, signal: AbortSignal): Promise<Report> {
  await using place = new Place();
  return await bench(place, options, { signal, tell: progress => console.error(progress) });
}

/** Aborts on the first Ctrl-C, so that everything that was started is ended; the second one is not waited with. */
function interrupted(): AbortSignal {
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => abort.abort(new DOMException(name, 'AbortError')));
  return abort.signal;
}

const printFacts = (facts: ReturnType<typeof machineFacts>): string =>
  Object.entries(facts)
    .map(([fact, value]) => `${fact} ${value}`)
    .join(', ');

function machineFacts(): Record<string, string | number> {
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  const ffmpeg = execFileSync('ffmpeg', ['-version'], { encoding: 'utf8' }).split(' ')[2] ?? '';
  return { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version, ffmpeg, commit };
}

/** In `results/local`, which git does not see; what is worth keeping is copied from there. */
function keep(name: string, { text, facts }: { text: string; facts: object }): void {
  const folder = new URL('./results/local/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  appendFileSync(new URL('runs.jsonl', folder), `${JSON.stringify({ at: new Date().toISOString(), ...facts })}\n`);
  writeFileSync(new URL(`${name}.md`, folder), `${text}\n`);
}

/** Called off or out of time; everything that was started is ended by now. */
const EXIT_ABORTED = 130;
const CALLED_OFF: readonly string[] = ['AbortError', 'TimeoutError'];

try {
  await main();
} catch (error) {
  if (!(error instanceof Error && CALLED_OFF.includes(error.name))) throw error;
  console.error(`called off: ${error.cause ?? error}`);
  process.exitCode = EXIT_ABORTED;
}
