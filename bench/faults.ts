import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisesInChinese } from '../scripts/catalogue/promises-zh.ts';
import { Child } from '../test/lab/child.ts';
import { ROWS } from './fault-rows.ts';
import { type Figure, inOrder, isReached, readFigure } from './figures.ts';

const ROOT = new URL('../', import.meta.url);
const RESULTS = new URL('results/faults.md', import.meta.url);
/** Faults last as long as the matrix says, unless somebody is in a hurry. */
const { TEST_FULL_FAULTS = '1' } = process.env;
const PROMISES = new URL('docs/promises.md', ROOT);
const PROMISES_ZH = new URL('docs/zh/promises.md', ROOT);

export interface FaultRun {
  readonly figures: readonly Figure[];
  /** All tests passed, and every goal was reached: the tests alone forgive a busy machine its times. */
  readonly passed: boolean;
  readonly seconds: number;
}

/** Runs the tests that print figures, and answers what they printed. */
export async function runFaults(signal: AbortSignal, tell: (progress: string) => void): Promise<FaultRun> {
  const startedMs = performance.now();
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'product', ...tests()];
  const child = new Child(process.execPath, args, { cwd: ROOT.pathname, env: { NO_COLOR: '1', TEST_FULL_FAULTS } });
  const figures: Figure[] = [];
  child.onLine(line => {
    const figure = readFigure(line);
    if (figure === undefined) return;
    figures.push(figure);
    tell(`${figure.row} ${figure.name}: ${figure.value} ${figure.unit}${isReached(figure) ? '' : '  MISSED'}`);
  });
  const stop = (): void => void child.stop('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const code = await child.exited;
  await child.drained;
  signal.throwIfAborted();
  if (code !== 0) tell(child.output);
  const passed = code === 0 && figures.length > 0 && figures.every(isReached);
  return { figures: inOrder(figures), passed, seconds: (performance.now() - startedMs) / 1000 };
}

/** The matrix, and whatever other test of the product prints a figure. */
function tests(): string[] {
  const folder = new URL('test/', ROOT);
  const others = readdirSync(folder)
    .filter(name => name.endsWith('.test.ts'))
    .filter(name => readFileSync(new URL(name, folder), 'utf8').includes('faults/figure.ts'));
  return ['test/faults/', ...others.map(name => `test/${name}`)];
}

/** Writes the figures down where they are kept, and what is promised with them. */
export function keepFaults(run: FaultRun, machine: string): void {
  writeFileSync(RESULTS, printResults(run, machine));
  const promises = printPromises(run, machine);
  writeFileSync(PROMISES, promises);
  writeFileSync(PROMISES_ZH, promisesInChinese(promises));
}

export function printResults({ figures, passed, seconds }: FaultRun, machine: string): string {
  const missed = figures.filter(figure => !isReached(figure));
  return `Figures of the fault matrix, read at the sink; all tests in ${Math.round(seconds)} s
${machine}

| row | figure | measured | goal | |
|---|---|---|---|---|
${figures.map(it => `| ${it.row} | ${it.name} | ${it.value} ${it.unit} | ${it.goal} | ${isReached(it) ? '' : 'MISSED'} |`).join('\n')}

${figures.length} figures, ${missed.length} missed; ${passed ? 'PASSED' : 'FAILED'}
`;
}

export function printPromises({ figures }: FaultRun, machine: string): string {
  const rows = [...new Set(figures.map(({ row }) => row))];
  const sections = rows.map(row => {
    const lines = figures.filter(it => it.row === row).map(promiseOf);
    return `## ${row}: ${ROWS[row] ?? 'another fault'}\n\n| what | promised | last measured |\n|---|---|---|\n${lines.join('\n')}\n`;
  });
  return `# What is promised, and what was last measured

Made by \`npm run bench -- faults\`, which runs the tests of [the fault matrix](../test/faults/README.md) and writes this
page; nothing here is written by hand. Every figure is read where the stream arrives or where the fault is made, never off
the service's own counters. Media in it is synthetic, everything runs on loopback.

Measured on: ${machine}

${sections.join('\n')}`;
}

function promiseOf(figure: Figure): string {
  const { name, value, unit, goal } = figure;
  const promised = goal.replaceAll('<=', 'at most').replaceAll('>=', 'at least');
  return `| ${name} | ${promised} ${unit} | ${value} ${unit}${isReached(figure) ? '' : ' (missed)'} |`;
}
