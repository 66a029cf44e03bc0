import type { Command } from 'commander';
import { configOf, leavingStrangers, withConfigFlags } from './config.ts';
import type { World } from './program.ts';

export function addServe(program: Command, { terminal, doors, signal }: World): void {
  const serve = withConfigFlags(leavingStrangers(program.command('serve'))).description(
    'run a node until it is stopped',
  );
  serve.action(async () => {
    const config = configOf(serve, terminal, serve.args);
    await (await doors()).serve(config, { signal, print: terminal.out });
  });
}
