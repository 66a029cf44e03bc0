import type { Command } from 'commander';
import { mustBeThere, tellingNewAccount, usingAccounts } from './accounts.ts';
import { withConfigFlags } from './config.ts';
import type { Accounts } from './doors.ts';
import { Misused } from './exit.ts';
import { namedPolicies, policyList, withPolicyOption } from './policy.ts';
import type { World } from './program.ts';
import { json, readSecret, table, when } from './terminal.ts';

const ACCOUNT = ['--account <A>', 'the account the user acts for'] as const;

export function addUserCommands(program: Command, world: World): void {
  const user = program.command('user').description('users, who get tokens with a password, and keys');
  addAdd(user, world);
  addList(user, world);
  addPolicy(user, world);
  for (const verb of ONE_USER) addOneUser(user, world, verb);
}

interface AddFlags {
  readonly account?: string;
  readonly policy?: readonly string[];
  readonly passwordStdin?: boolean;
}

function addAdd(user: Command, world: World): void {
  const add = withConfigFlags(user.command('add'), ['data'])
    .description('add a user, or give one a new password')
    .argument('<NAME>')
    .option(...ACCOUNT)
    .option('--password-stdin', 'read the password from the first line of stdin instead of asking for it');
  withPolicyOption(add, 'a policy of the user, or none (again for more of them; default: FullAccess)');
  add.action(async (name: string, { account, policy, passwordStdin }: AddFlags) => {
    const password = await readSecret(world.terminal, `Password for ${name}: `, passwordStdin === true);
    if (password === undefined)
      throw new Misused('no password given; on a terminal it is asked for, elsewhere use --password-stdin');
    const wish = {
      ...(account === undefined ? {} : { accountId: account }),
      ...(policy === undefined ? {} : { policies: namedPolicies(policy) }),
    };
    await usingAccounts(add, world, accounts =>
      tellingNewAccount(accounts, { account, terminal: world.terminal }, () => accounts.putUser(name, password, wish)),
    );
  });
}

function addList(user: Command, world: World): void {
  const list = withConfigFlags(user.command('list'), ['data'])
    .description('list the users')
    .option('--json', 'print JSON');
  list.action(async (given: { json?: boolean }) => {
    const users = await usingAccounts(list, world, accounts => accounts.listUsers());
    const said = users.map(({ name, accountId, enabled, policies, createdAt }) => ({
      name,
      accountId,
      enabled,
      policies,
      created: when(createdAt),
    }));
    const rows = said.map(row => [
      row.name,
      row.accountId,
      policyList(row.policies),
      row.enabled ? 'enabled' : 'disabled',
      row.created,
    ]);
    world.terminal.out(given.json ? json(said) : table(['NAME', 'ACCOUNT', 'POLICIES', 'STATE', 'CREATED'], rows));
  });
}

function addPolicy(user: Command, world: World): void {
  const policy = withConfigFlags(user.command('policy'), ['data'])
    .description('set the policies of a user, in place of those there are; the tokens of that user are void at once')
    .argument('<NAME>')
    .argument('<POLICY...>', 'names of policies, or none')
    .option(...ACCOUNT);
  policy.action(async (name: string, names: readonly string[], { account }: { account?: string }) => {
    const policies = namedPolicies(names);
    const found = await usingAccounts(policy, world, accounts => accounts.setPolicies(name, policies, account));
    mustBeThere(found, `user ${name}`);
  });
}

interface OneUser {
  readonly name: string;
  readonly about: string;
  readonly act: (accounts: Accounts, user: string, account: string | undefined) => Promise<boolean>;
}

const ONE_USER: readonly OneUser[] = [
  {
    name: 'disable',
    about: 'refuse a user with all keys and tokens from now on; the tokens are void for good',
    act: (accounts, user, account) => accounts.setUserEnabled(user, false, account),
  },
  {
    name: 'enable',
    about: 'accept a user with all keys again',
    act: (accounts, user, account) => accounts.setUserEnabled(user, true, account),
  },
  {
    name: 'remove',
    about: 'remove a user; the keys and tokens of that user are void at once',
    act: (accounts, user, account) => accounts.removeUser(user, account),
  },
];

function addOneUser(user: Command, world: World, { name, about, act }: OneUser): void {
  const command = withConfigFlags(user.command(name), ['data'])
    .description(about)
    .argument('<NAME>')
    .option(...ACCOUNT);
  command.action(async (given: string, { account }: { account?: string }) => {
    const found = await usingAccounts(command, world, accounts => act(accounts, given, account));
    mustBeThere(found, `user ${given}`);
  });
}
