/**
 * `npm run fuzz [-- TARGET... --count N --from SEED]`: bytes of peers, mutated by seed. A million of each target unless told
 * otherwise. A seed that finds something is printed, and goes into past.ts once it is mended.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tryOne } from './one.ts';
import { TARGETS, type Target } from './targets.ts';

const COUNT = 1_000_000;
/** Tried between two words to the parent. */
const BLOCK = 500;
/** A block that takes longer hangs. */
const HANG_MS = 60_000;
const MOST_FOUND = 10;

interface Told {
  readonly at: number;
  readonly found?: string;
}

function whole(option: string, given: string): number {
  const number = Number(given);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${option} ${given} is no whole number above 0`);
  return number;
}

async function child(target: Target, from: number, count: number): Promise<void> {
  const seeds = target.seeds();
  for (let seed = from; seed < from + count; seed++) {
    if ((seed - from) % BLOCK === 0) process.send?.({ at: seed } satisfies Told);
    const found = await tryOne(target, seeds, seed);
    if (found !== undefined) process.send?.({ at: seed, found } satisfies Told);
  }
  process.disconnect?.();
}

/** Answers how many seeds have found something. */
function watch(name: string, from: number, count: number): Promise<number> {
  const running: ChildProcess = fork(fileURLToPath(import.meta.url), [
    name,
    '--count',
    `${count}`,
    '--from',
    `${from}`,
    '--child',
  ]);
  const startedAt = performance.now();
  let [at, found] = [from, 0];
  let timer: NodeJS.Timeout | undefined;
  const tell = (seed: number | string, what: string): void => console.error(`${name} seed ${seed}: ${what}`);
  const arm = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      found++;
      tell(`${at} to ${at + BLOCK}`, `one of them hangs`);
      running.kill('SIGKILL');
    }, HANG_MS);
  };
  arm();
  running.on('message', (told: Told) => {
    arm();
    at = told.at;
    if (told.found === undefined) return;
    tell(told.at, told.found);
    if (++found >= MOST_FOUND) running.kill('SIGKILL');
  });
  return new Promise(resolve => {
    running.on('exit', code => {
      clearTimeout(timer);
      // One that we ended ourselves was ended by a signal.
      const crashed = code !== 0 && !running.killed;
      if (crashed) tell(`${at} to ${at + BLOCK}`, `the process ended with ${code}`);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      console.log(`${name}: ${found + (crashed ? 1 : 0)} found, in ${seconds} s`);
      resolve(found + (crashed ? 1 : 0));
    });
  });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: String(COUNT) },
    from: { type: 'string', default: '1' },
    child: { type: 'boolean', default: false },
  },
});
const [count, from] = [whole('count', values.count), whole('from', values.from)];
const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const unknown = positionals.filter(given => !TARGETS.some(({ name }) => name === given));
if (unknown.length > 0) {
  throw new Error(`there is no target ${unknown.join(', ')}: they are ${TARGETS.map(({ name }) => name).join(', ')}`);
}
if (values.child) {
  for (const target of chosen) await child(target, from, count);
} else {
  let found = 0;
  for (const { name } of chosen) found += await watch(name, from, count);
  process.exitCode = found === 0 ? 0 : 1;
}
