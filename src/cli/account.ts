import type { Command } from 'commander';
import { mustBeThere, usingAccounts } from './accounts.ts';
import { withConfigFlags } from './config.ts';
import type { Account, Accounts } from './doors.ts';
import type { World } from './program.ts';
import { json, table, when } from './terminal.ts';

export function addAccountCommands(program: Command, world: World): void {
  const account = program.command('account').description('accounts, which own tasks, keys, users and domains');
  addCreate(account, world);
  addList(account, world);
  for (const verb of ONE_ACCOUNT) addOneAccount(account, world, verb);
}

function addCreate(account: Command, world: World): void {
  const create = withConfigFlags(account.command('create'), ['data'])
    .description('make an account')
    .argument('<NAME>')
    .option('--no-live', 'without the live service: its calls are refused until it is enabled')
    .option('--json', 'print JSON');
  create.action(async (name: string, given: { live: boolean; json?: boolean }) => {
    const made = await usingAccounts(create, world, accounts => accounts.createAccount(name, { live: given.live }));
    if (given.json) world.terminal.out(json(said(made)));
  });
}

function addList(account: Command, world: World): void {
  const list = withConfigFlags(account.command('list'), ['data'])
    .description('list the accounts')
    .option('--json', 'print JSON');
  list.action(async (given: { json?: boolean }) => {
    const accounts = (await usingAccounts(list, world, it => it.listAccounts())).map(said);
    const rows = accounts.map(it => [it.account, it.live ? 'enabled' : 'disabled', it.created]);
    world.terminal.out(given.json ? json(accounts) : table(['ACCOUNT', 'LIVE SERVICE', 'CREATED'], rows));
  });
}

const said = ({ id, live, createdAt }: Account) => ({ account: id, live, created: when(createdAt) });

interface OneAccount {
  readonly name: string;
  readonly about: string;
  readonly act: (accounts: Accounts, account: string) => Promise<boolean>;
}

const ONE_ACCOUNT: readonly OneAccount[] = [
  {
    name: 'enable-live',
    about: 'give an account the live service',
    act: (accounts, account) => accounts.setLive(account, true),
  },
  {
    name: 'disable-live',
    about: 'refuse the calls of an account; what is on air stays there',
    act: (accounts, account) => accounts.setLive(account, false),
  },
  {
    name: 'delete',
    about: 'delete an account that has no keys, users and tasks, with its policies, domains and media assets',
    act: (accounts, account) => accounts.deleteAccount(account),
  },
];

function addOneAccount(account: Command, world: World, { name, about, act }: OneAccount): void {
  const command = withConfigFlags(account.command(name), ['data']).description(about).argument('<NAME>');
  command.action(async (given: string) => {
    const found = await usingAccounts(command, world, accounts => act(accounts, given));
    mustBeThere(found, `account ${given}`);
  });
}
