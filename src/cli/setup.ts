import type { Command } from 'commander';
import { configOf, withConfigFlags } from './config.ts';
import { Misused } from './exit.ts';
import type { World } from './program.ts';

const EXAMPLE = `
Example:
  millrace setup --data /var/lib/millrace`;

const NO_PORT = 'the node listens on a port that the system has chosen: say where the console is with --console-url';

/** Beside a running node: `serve` prints such a link too, when it starts. */
export function addSetup(program: Command, { terminal, doors }: World): void {
  const setup = withConfigFlags(program.command('setup'), ['data', 'listen', 'console-url'])
    .description('print a new link that makes the first administrator of the console: once, within 30 minutes')
    .addHelpText('after', EXAMPLE);
  setup.action(async () => {
    const config = configOf(setup, terminal);
    if (config.listen.port === 0 && config.consoleUrl === null) throw new Misused(NO_PORT);
    const open = await (await doors()).openAccounts(config, { mustStand: true });
    try {
      terminal.out(`${await open.makeSetupLink()}\n`);
    } finally {
      await open.close();
    }
  });
}
