import type { Command } from 'commander';
import { mustBeThere, usingAccounts } from './accounts.ts';
import { withConfigFlags } from './config.ts';
import type { World } from './program.ts';
import { json, table } from './terminal.ts';

export function addDomainCommands(program: Command, world: World): void {
  const domain = program.command('domain').description('ingest domains, and the addresses they stand for');
  addAdd(domain, world);
  addList(domain, world);
  addRemove(domain, world);
}

function addAdd(domain: Command, world: World): void {
  const add = withConfigFlags(domain.command('add'), ['data'])
    .description('let tasks push to a domain by its name, or change where it leads')
    .argument('<NAME>', 'e.g. push.example.com')
    .requiredOption('--to <URL>', 'rtmp://HOST[:PORT] or rtmps://HOST[:PORT]')
    .option('--account <A>', 'the account whose tasks may push there');
  add.action(async (name: string, { to, account }: { to: string; account?: string }) => {
    await usingAccounts(add, world, accounts => accounts.addDomain(name.toLowerCase(), to, account));
  });
}

function addList(domain: Command, world: World): void {
  const list = withConfigFlags(domain.command('list'), ['data'])
    .description('list the domains')
    .option('--json', 'print JSON');
  list.action(async (given: { json?: boolean }) => {
    const domains = await usingAccounts(list, world, accounts => accounts.listDomains());
    const said = domains.map(({ name, target, accountId }) => ({ name, target, accountId }));
    world.terminal.out(
      given.json
        ? json(said)
        : table(
            ['NAME', 'TO', 'ACCOUNT'],
            said.map(row => [row.name, row.target, row.accountId]),
          ),
    );
  });
}

function addRemove(domain: Command, world: World): void {
  const remove = withConfigFlags(domain.command('remove'), ['data']).description('remove a domain').argument('<NAME>');
  remove.action(async (name: string) => {
    const found = await usingAccounts(remove, world, accounts => accounts.removeDomain(name.toLowerCase()));
    mustBeThere(found, `domain ${name}`);
  });
}
