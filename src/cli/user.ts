import type { Command } from 'commander';
import { mustBeThere, usingAccounts } from './accounts.ts';
import { withConfigFlags } from './config.ts';
import { Misused } from './exit.ts';
import type { World } from './program.ts';
import { json, readSecret, table, when } from './terminal.ts';

export function addUserCommands(program: Command, world: World): void {
  const user = program.command('user').description('users, who get tokens with a password');
  addAdd(user, world);
  addList(user, world);
  addRemove(user, world);
}

function addAdd(user: Command, world: World): void {
  const add = withConfigFlags(user.command('add'), ['data'])
    .description('add a user, or give one a new password')
    .argument('<NAME>')
    .option('--account <A>', 'the account the user acts for')
    .option('--password-stdin', 'read the password from the first line of stdin instead of asking for it');
  add.action(async (name: string, given: { account?: string; passwordStdin?: boolean }) => {
    const password = await readSecret(world.terminal, `Password for ${name}: `, given.passwordStdin === true);
    if (password === undefined)
      throw new Misused('no password given; on a terminal it is asked for, elsewhere use --password-stdin');
    await usingAccounts(add, world, accounts =>
      accounts.putUser(name, password, given.account === undefined ? {} : { accountId: given.account }),
    );
  });
}

function addList(user: Command, world: World): void {
  const list = withConfigFlags(user.command('list'), ['data'])
    .description('list the users')
    .option('--json', 'print JSON');
  list.action(async (given: { json?: boolean }) => {
    const users = await usingAccounts(list, world, accounts => accounts.listUsers());
    const said = users.map(({ name, accountId, createdAt }) => ({ name, accountId, created: when(createdAt) }));
    const rows = said.map(row => [row.name, row.accountId, row.created]);
    world.terminal.out(given.json ? json(said) : table(['NAME', 'ACCOUNT', 'CREATED'], rows));
  });
}

function addRemove(user: Command, world: World): void {
  const remove = withConfigFlags(user.command('remove'), ['data'])
    .description('remove a user; the tokens of that user are void at once')
    .argument('<NAME>')
    .option('--account <A>', 'the account the user acts for');
  remove.action(async (name: string, given: { account?: string }) => {
    const found = await usingAccounts(remove, world, accounts => accounts.removeUser(name, given.account));
    mustBeThere(found, `user ${name}`);
  });
}
