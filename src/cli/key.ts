import type { Command } from 'commander';
import { mustBeThere, tellingNewAccount, usingAccounts } from './accounts.ts';
import { withConfigFlags } from './config.ts';
import type { Accounts, Key, KeyWish, ListedKey } from './doors.ts';
import { readDuration } from './duration.ts';
import { namedPolicies, policyList, withPolicyOption } from './policy.ts';
import type { World } from './program.ts';
import { json, table, when } from './terminal.ts';

interface CreateFlags {
  readonly account?: string;
  readonly project?: string;
  readonly user?: string;
  readonly policy?: readonly string[];
  readonly temporary?: number;
  readonly env?: boolean;
  readonly json?: boolean;
}

export function addKeyCommands(program: Command, world: World): void {
  const key = program.command('key').description('access keys, with which requests are signed');
  addCreate(key, world);
  addList(key, world);
  for (const verb of ONE_KEY) addOneKey(key, world, verb);
}

function addCreate(key: Command, world: World): void {
  const create = withConfigFlags(key.command('create'), ['data', 'region'])
    .description('make an access key and print it; its secrets are not shown again')
    .option('--account <A>', 'the account the key acts for')
    .option('--project <P>', 'the project the key acts in (default: the project of the region, made if need be)')
    .option('--user <U>', 'the user whose key it is; without, the account itself, which may do everything')
    .option(
      '--temporary <DURATION>',
      'let it expire, 15m to 36h from now; it comes with a security token',
      readDuration,
    );
  withPolicyOption(create, 'let it do no more than this policy allows (again for more of them)')
    .option('--env', 'print shell lines that set the variables the Huawei SDKs read')
    .option('--json', 'print JSON');
  create.action(async (given: CreateFlags) => {
    const made = await usingAccounts(create, world, (accounts, { region }) =>
      tellingNewAccount(accounts, { account: given.account, terminal: world.terminal }, () =>
        accounts.createKey({ region, ...wishOf(given) }),
      ),
    );
    world.terminal.out(
      given.json ? json(wholeKey(made, given.user)) : given.env ? shellLines(made) : keyLines(made, given.user),
    );
  });
}

const wishOf = ({ account, project, user, policy, temporary }: CreateFlags): KeyWish => ({
  ...(account === undefined ? {} : { accountId: account }),
  ...(project === undefined ? {} : { projectId: project }),
  ...(user === undefined ? {} : { user }),
  ...(policy === undefined ? {} : { policies: namedPolicies(policy) }),
  ...(temporary === undefined ? {} : { lifeMs: temporary }),
});

const wholeKey = ({ accessKey, secretKey, accountId, projectId, policies, token, expiresAt }: Key, user?: string) => ({
  accessKey,
  secretKey,
  accountId,
  projectId,
  ...(user === undefined ? {} : { user }),
  ...(policies === null ? {} : { policies }),
  ...(token === null ? {} : { securityToken: token }),
  ...(expiresAt === null ? {} : { expires: when(expiresAt) }),
});

/** The alphabets of all of them are the shell's plain letters. */
const shellLines = ({ accessKey, secretKey, projectId, token }: Key): string =>
  [
    `export HUAWEICLOUD_SDK_AK=${accessKey}`,
    `export HUAWEICLOUD_SDK_SK=${secretKey}`,
    `export HUAWEICLOUD_SDK_PROJECT_ID=${projectId}`,
    ...(token === null ? [] : [`export HUAWEICLOUD_SDK_SECURITY_TOKEN=${token}`]),
    '',
  ].join('\n');

const keyLines = (
  { accessKey, secretKey, accountId, projectId, policies, token, expiresAt }: Key,
  user?: string,
): string =>
  [
    `access key  ${accessKey}`,
    `secret key  ${secretKey}   (shown this once)`,
    ...(token === null ? [] : [`token       ${token}   (shown this once)`]),
    ...(expiresAt === null ? [] : [`expires     ${when(expiresAt)}`]),
    `project     ${projectId}`,
    `account     ${accountId}`,
    ...(user === undefined ? [] : [`user        ${user}`]),
    ...(policies === null ? [] : [`policies    ${policyList(policies)}`]),
    '',
  ].join('\n');

function addList(key: Command, world: World): void {
  const list = withConfigFlags(key.command('list'), ['data'])
    .description('list the access keys, without their secrets')
    .option('--json', 'print JSON');
  list.action(async (given: { json?: boolean }) => {
    const keys = await usingAccounts(list, world, accounts => accounts.listKeys());
    const said = keys.map(listed);
    const rows = keys.map(it => [
      it.accessKey,
      it.accountId,
      it.projectId,
      it.user ?? '-',
      it.policies === null ? '-' : policyList(it.policies),
      it.enabled ? 'enabled' : 'disabled',
      when(it.createdAt),
      it.expiresAt === null ? 'never' : when(it.expiresAt),
    ]);
    const headings = ['ACCESS KEY', 'ACCOUNT', 'PROJECT', 'USER', 'POLICIES', 'STATE', 'CREATED', 'EXPIRES'];
    world.terminal.out(given.json ? json(said) : table(headings, rows));
  });
}

const listed = ({ accessKey, accountId, projectId, user, policies, enabled, createdAt, expiresAt }: ListedKey) => ({
  accessKey,
  accountId,
  projectId,
  user,
  policies,
  enabled,
  created: when(createdAt),
  expires: expiresAt === null ? null : when(expiresAt),
});

interface OneKey {
  readonly name: string;
  readonly about: string;
  readonly act: (accounts: Accounts, accessKey: string) => Promise<boolean>;
}

const ONE_KEY: readonly OneKey[] = [
  {
    name: 'disable',
    about: 'refuse requests signed with an access key from now on',
    act: (accounts, accessKey) => accounts.disableKey(accessKey),
  },
  {
    name: 'enable',
    about: 'accept requests signed with an access key again',
    act: (accounts, accessKey) => accounts.enableKey(accessKey),
  },
  {
    name: 'delete',
    about: 'delete an access key for good',
    act: (accounts, accessKey) => accounts.deleteKey(accessKey),
  },
];

function addOneKey(key: Command, world: World, { name, about, act }: OneKey): void {
  const command = withConfigFlags(key.command(name), ['data']).description(about).argument('<ACCESS_KEY>');
  command.action(async (accessKey: string) => {
    const found = await usingAccounts(command, world, accounts => act(accounts, accessKey));
    mustBeThere(found, `access key ${accessKey}`);
  });
}
