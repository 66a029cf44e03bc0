import type { Command } from 'commander';
import { configOf, leavingStrangers, withConfigFlags } from './config.ts';
import type { World } from './program.ts';

export function addServe(program: Command, { terminal, doors, signal, handOver }: World): void {
  const serve = withConfigFlags(leavingStrangers(program.command('serve'))).description(
    'run a node until it is stopped',
  );
  serve.option('--replace', 'take over from the node that serves the data directory now; what is on air stays on air');
  serve.action(async ({ replace = false }: { replace?: boolean }) => {
    const config = configOf(serve, terminal, serve.args);
    await (await doors()).serve(config, { signal, handOver, replace, print: terminal.out });
  });
}
