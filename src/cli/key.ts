import type { Command } from 'commander';
import { mustBeThere, tellingNewAccount, usingAccounts } from './accounts.ts';
import { type ApiKeyFlags, apiKeyTable, apiKeyWish, listedApiKey, newApiKey } from './api-key.ts';
import { withConfigFlags } from './config.ts';
import type { Accounts, ApiKeys, Key, KeyWish, ListedKey } from './doors.ts';
import { readDuration } from './duration.ts';
import { Misused } from './exit.ts';
import { namedPolicies, policyList, withPolicyOption } from './policy.ts';
import type { World } from './program.ts';
import { json, table, when } from './terminal.ts';

interface CreateFlags extends ApiKeyFlags {
  readonly api?: boolean;
}

const EXAMPLES = `
Examples:
  eval "$(millrace key create --env)"
  millrace key create --account acme --policy ReadOnlyAccess
  millrace key create --api --name dashboard --life 12h
  eval "$(millrace key create --api --env)"`;

export function addKeyCommands(program: Command, world: World): void {
  const key = program
    .command('key')
    .description('access keys, with which requests are signed, and API keys of the native API');
  addCreate(key, world);
  addList(key, world);
  for (const verb of ONE_KEY) addOneKey(key, world, verb);
}

function addCreate(key: Command, world: World): void {
  const create = withConfigFlags(key.command('create'), ['data', 'region'])
    .description('make an access key, or an API key, and print it; its secrets are not shown again')
    .option('--api', 'make an API key, for the native API: it is shown with each request and signs nothing')
    .option('--name <N>', 'what you call it (API keys)')
    .option('--life <DURATION>', 'let it expire, 15m to 366d from now (API keys)', readDuration)
    .option('--account <A>', 'the account the key acts for')
    .option('--project <P>', 'the project the key acts in (default: the project of the region, made if need be)')
    .option('--user <U>', 'the user whose key it is; without, the account itself, which may do everything')
    .option(
      '--temporary <DURATION>',
      'let it expire, 15m to 36h from now; it comes with a security token',
      readDuration,
    );
  withPolicyOption(create, 'let it do no more than this policy allows (again for more of them)')
    .option('--env', 'print shell lines that set the variables the Huawei SDKs read, or MILLRACE_API_KEY')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES);
  create.action(async (given: CreateFlags) => {
    if (given.api) return createApiKey(create, world, given);
    if (given.name !== undefined || given.life !== undefined)
      throw new Misused('--name and --life are for API keys: give --api too, or --temporary');
    const made = await usingAccounts(create, world, (accounts, { config: { region } }) =>
      tellingNewAccount(accounts, { account: given.account, terminal: world.terminal }, () =>
        accounts.createKey({ region, ...wishOf(given) }),
      ),
    );
    return world.terminal.out(
      given.json ? json(wholeKey(made, given.user)) : given.env ? shellLines(made) : keyLines(made, given.user),
    );
  });
}

async function createApiKey(create: Command, world: World, given: CreateFlags): Promise<void> {
  const wish = apiKeyWish(given);
  const made = await usingAccounts(create, world, (accounts, { apiKeys }) =>
    tellingNewAccount(accounts, { account: given.account, terminal: world.terminal }, () => apiKeys.create(wish)),
  );
  world.terminal.out(newApiKey(made, given));
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
    .description('list the access keys and the API keys, without their secrets')
    .option('--json', 'print JSON');
  list.action(async (given: { json?: boolean }) => {
    const [keys, apiKeys] = await usingAccounts(list, world, (accounts, open) =>
      Promise.all([accounts.listKeys(), open.apiKeys.list()]),
    );
    if (given.json) return world.terminal.out(json([...keys.map(listed), ...apiKeys.map(listedApiKey)]));
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
    const below = apiKeys.length === 0 ? '' : `\n${apiKeyTable(apiKeys)}`;
    return world.terminal.out(table(headings, rows) + below);
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
  readonly actOnApiKey: (apiKeys: ApiKeys, id: string) => Promise<boolean>;
}

const ONE_KEY: readonly OneKey[] = [
  {
    name: 'disable',
    about: 'refuse requests signed with an access key, or with an API key, from now on',
    act: (accounts, accessKey) => accounts.disableKey(accessKey),
    actOnApiKey: (apiKeys, id) => apiKeys.disable(id),
  },
  {
    name: 'enable',
    about: 'accept requests signed with an access key, or with an API key, again',
    act: (accounts, accessKey) => accounts.enableKey(accessKey),
    actOnApiKey: (apiKeys, id) => apiKeys.enable(id),
  },
  {
    name: 'delete',
    about: 'delete an access key, or an API key, for good',
    act: (accounts, accessKey) => accounts.deleteKey(accessKey),
    actOnApiKey: (apiKeys, id) => apiKeys.remove(id),
  },
];

function addOneKey(key: Command, world: World, { name, about, act, actOnApiKey }: OneKey): void {
  const command = withConfigFlags(key.command(name), ['data'])
    .description(about)
    .argument('<KEY>', 'an access key, or the id of an API key');
  command.action(async (named: string) => {
    // Nothing that is told of it may repeat it.
    if (named.startsWith('mlr_')) throw new Misused('give the id of the API key ("millrace key list"), not the key');
    const found = await usingAccounts(
      command,
      world,
      async (accounts, { apiKeys }) => (await act(accounts, named)) || actOnApiKey(apiKeys, named),
    );
    mustBeThere(found, `access key ${named}`);
  });
}
