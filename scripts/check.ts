// `npm run check`: everything that can be said about the code without starting the product. One command for a person and
// for the build machine; each step's time is printed.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);

interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

const bin = (name: string) => join(root, 'node_modules', '.bin', name);

const READING: readonly Step[] = [
  { name: 'format and lint', command: [bin('biome'), 'check', '--error-on-warnings'] },
  { name: 'types', command: [bin('tsc'), '-p', '.'] },
  { name: 'types of the console', command: [bin('tsc'), '-p', 'console'] },
  { name: 'imports and names', command: [process.execPath, 'scripts/check-imports.ts'] },
  { name: 'lockfile', command: [process.execPath, 'scripts/check-lock.ts'] },
  { name: 'documents', command: [process.execPath, 'scripts/check-docs.ts'] },
];

/** Coverage thresholds stand in vitest.config.ts. */
const UNIT_TESTS: Step = {
  name: 'unit tests',
  command: [
    process.execPath,
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    ...['run', '--project', 'unit', '--project', 'console', '--coverage', '--reporter=default', '--reporter=json'],
    '--outputFile.json=coverage/unit-tests.json',
  ],
};

interface Result {
  readonly step: Step;
  readonly passed: boolean;
  readonly seconds: string;
}

/** Runs a step and prints its output in one piece, so that parallel steps do not mix theirs. */
function run(step: Step): Promise<Result> {
  const startedAt = performance.now();
  const [program = '', ...args] = step.command;
  return new Promise(resolve => {
    const said: Buffer[] = [];
    const child = spawn(program, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(),
    });
    child.stdout.on('data', chunk => said.push(chunk));
    child.stderr.on('data', chunk => said.push(chunk));
    child.on('error', error => said.push(Buffer.from(`${error.message}\n`)));
    child.on('close', code => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const passed = code === 0;
      if (!passed || step === UNIT_TESTS) process.stdout.write(Buffer.concat(said));
      console.log(`${passed ? 'ok    ' : 'FAILED'}  ${step.name}  ${seconds} s`);
      resolve({ step, passed, seconds });
    });
  });
}

/** The steps write to us, not to a screen, so they cannot see for themselves whether colour is wanted. */
function environment(): NodeJS.ProcessEnv {
  const { FORCE_COLOR, NO_COLOR, ...rest } = process.env;
  return process.stdout.isTTY && !NO_COLOR ? { ...rest, FORCE_COLOR: '1' } : { ...rest, NO_COLOR: '1' };
}

const results = [...(await Promise.all(READING.map(run))), await run(UNIT_TESTS)];
const failed = results.filter(({ passed }) => !passed).map(({ step }) => step.name);
console.log(failed.length === 0 ? 'check: all steps passed' : `check: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
