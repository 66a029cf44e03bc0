import { CommanderError } from 'commander';
import { surroundings } from '../config.ts';
import { scrub } from '../ops/log.ts';
import { exitCodeOf } from './exit.ts';
import { buildProgram, type World } from './program.ts';

/** A terminal's Ctrl-C reaches us once directly and once through npm: what comes this soon is the same wish. */
const SAME_WISH_MS = 1000;

/** Runs one command line. Answers the exit code; errors are told on stderr in a line each, without stacks. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  try {
    await buildProgram(world).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has told its own already.
    if (!(error instanceof CommanderError)) world.terminal.err(toldError(error));
    return exitCodeOf(error);
  }
}

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
function writer(stream: NodeJS.WriteStream): (text: string) => void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = 1;
  });
  return text => void stream.write(text);
}

if (import.meta.main) {
  const { env, cwd, cores } = surroundings();
  const out = writer(process.stdout);
  const err = writer(process.stderr);
  process.exitCode = await run(process.argv.slice(2), {
    terminal: { stdin: process.stdin, out, err, live: process.stdout.isTTY === true, env, cwd, cores },
    doors: () => import('../main.ts'),
    signal: endingSignal(),
    handOver: handOverSignal(),
  });
  // A prompt leaves stdin flowing, which would hold the process.
  process.stdin.unref?.();
}
