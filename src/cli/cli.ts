import { CommanderError } from 'commander';
import { surroundings } from '../config.ts';
import { scrub } from '../ops/log.ts';
import { Exit, exitCodeOf } from './exit.ts';
import { buildProgram, type World } from './program.ts';

/** A terminal's Ctrl-C reaches us once directly and once through npm: what comes this soon is the same wish. */
const SAME_WISH_MS = 1000;

/** Runs one command line. Answers the exit code; errors are told on stderr in a line each, without stacks. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  try {
    await buildProgram(world).parseAsync(argv, { from: 'user' });
    return Exit.ok;
  } catch (error) {
    if (isAbort(error) && world.signal.aborted) return Exit.interrupted;
    if (isAbort(error) && world.terminal.gone.aborted) return Exit.ok;
    // Commander has told its own already.
    if (!(error instanceof CommanderError)) world.terminal.err(toldError(error));
    return exitCodeOf(error);
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

const toldError = (error: unknown): string =>
  scrub(error instanceof Error ? error.message : String(error))
    .replace(/^/gm, 'millrace: ')
    .concat('\n');

/** Aborted by the first signal; a later one ends the process on the spot. */
function endingSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(name, () => {
      firstAt ??= performance.now();
      if (performance.now() - firstAt > SAME_WISH_MS) process.exit(code);
      controller.abort();
    });
  }
  return controller.signal;
}

/** Aborted when another `serve` asks for this one's place. */
function handOverSignal(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGUSR2', () => controller.abort());
  return controller.signal;
}

/** Writes to a stream whose reader may go away (`millrace … | head`): that ends the command, silently. */
function writer(stream: NodeJS.WriteStream): { write: (text: string) => void; gone: AbortSignal } {
  const gone = new AbortController();
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = 1;
    gone.abort();
  });
  return { write: text => void stream.write(text), gone: gone.signal };
}

if (import.meta.main) {
  const { env, cwd, cores } = surroundings();
  const out = writer(process.stdout);
  const err = writer(process.stderr).write;
  const live = process.stdout.isTTY === true;
  const { stdin } = process;
  process.exitCode = await run(process.argv.slice(2), {
    terminal: { stdin, out: out.write, err, live, gone: out.gone, now: Date.now, env, cwd, cores },
    doors: () => import('../main.ts'),
    signal: endingSignal(),
    handOver: handOverSignal(),
  });
  // A prompt leaves stdin flowing, which would hold the process.
  process.stdin.unref?.();
}
