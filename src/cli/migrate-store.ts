import { resolve } from 'node:path';
import type { Command } from 'commander';
import { configOf, withConfigFlags } from './config.ts';
import { Misused } from './exit.ts';
import type { World } from './program.ts';
import { json, type Terminal, table } from './terminal.ts';

interface Flags {
  readonly from: string;
  readonly to?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  export MILLRACE_DATABASE=postgres://relay:word@db.example/relay
  millrace migrate-store --from sqlite:/var/lib/millrace
  millrace migrate-store --from sqlite:./data --to postgres://millrace@127.0.0.1/millrace`;

/** The way of an installation from one machine to several. */
export function addMigrateStore(program: Command, { terminal, doors }: World): void {
  const command = withConfigFlags(program.command('migrate-store'), ['seal-key-file'])
    .description('move what a node has kept into a PostgreSQL database')
    .requiredOption('--from <sqlite:DIR>', 'the data directory of a node that is stopped; it is not changed')
    .option('--to <URL>', 'the database, which is empty, like postgres://USER:PASSWORD@HOST/NAME (MILLRACE_DATABASE)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES);
  command.action(async ({ from, to, json: asJson = false }: Flags) => {
    const config = configOf(command, terminal, [], to === undefined ? {} : { database: to });
    if (config.database === null) throw new Misused('say with --to, or MILLRACE_DATABASE, which database it is to be');
    const wish = { from: directoryOf(from, terminal), to: config.database };
    const moved = await (await doors()).moveStore(config, wish);
    if (asJson) return terminal.out(json(moved));
    const rows = moved.filter(one => one.rows > 0).map(one => [one.table, String(one.rows)]);
    terminal.out(table(['TABLE', 'ROWS'], rows));
    return terminal.err(`${AFTER} ${config.sealKeyFile ?? resolve(wish.from, 'seal.key')}\n`);
  });
}

const AFTER = `All of it is there. Start no node on the directory again but with --database, else two push the same.
Every node that is to use the database needs the key that opens it:`;

function directoryOf(from: string, { cwd }: Terminal): string {
  const path = /^sqlite:(?:\/\/)?(.+)$/.exec(from)?.[1];
  if (path === undefined) throw new Misused('--from is to be like sqlite:DIR, with the data directory of a node');
  return resolve(cwd, path);
}
