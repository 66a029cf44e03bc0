import type { Command } from 'commander';
import { mustBeThere, usingAccounts } from './accounts.ts';
import { withConfigFlags } from './config.ts';
import type { Accounts, Key } from './doors.ts';
import type { World } from './program.ts';
import { json, table, when } from './terminal.ts';

interface CreateFlags {
  readonly account?: string;
  readonly project?: string;
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
    .description('make an access key and print it; its secret is not shown again')
    .option('--account <A>', 'the account the key acts for')
    .option('--project <P>', 'the project the key acts in (default: the project of the region, made if need be)')
    .option('--env', 'print shell lines that set the variables the Huawei SDKs read')
    .option('--json', 'print JSON');
  create.action(async ({ account, project, env, json: asJson }: CreateFlags) => {
    const made = await usingAccounts(create, world, (accounts, { region }) =>
      accounts.createKey({
        region,
        ...(account === undefined ? {} : { accountId: account }),
        ...(project === undefined ? {} : { projectId: project }),
      }),
    );
    world.terminal.out(asJson ? json(wholeKey(made)) : env ? shellLines(made) : keyLines(made));
  });
}

const wholeKey = ({ accessKey, secretKey, accountId, projectId }: Key) => ({
  accessKey,
  secretKey,
  accountId,
  projectId,
});

/** The alphabets of all three are the shell's plain letters. */
const shellLines = ({ accessKey, secretKey, projectId }: Key): string =>
  [
    `export HUAWEICLOUD_SDK_AK=${accessKey}`,
    `export HUAWEICLOUD_SDK_SK=${secretKey}`,
    `export HUAWEICLOUD_SDK_PROJECT_ID=${projectId}`,
    '',
  ].join('\n');

const keyLines = ({ accessKey, secretKey, accountId, projectId }: Key): string =>
  [
    `access key  ${accessKey}`,
    `secret key  ${secretKey}   (shown this once)`,
    `project     ${projectId}`,
    `account     ${accountId}`,
    '',
  ].join('\n');

function addList(key: Command, world: World): void {
  const list = withConfigFlags(key.command('list'), ['data'])
    .description('list the access keys, without their secrets')
    .option('--json', 'print JSON');
  list.action(async (given: { json?: boolean }) => {
    const keys = await usingAccounts(list, world, accounts => accounts.listKeys());
    const said = keys.map(({ accessKey, accountId, projectId, enabled, createdAt }) => ({
      accessKey,
      accountId,
      projectId,
      enabled,
      created: when(createdAt),
    }));
    const rows = said.map(row => [
      row.accessKey,
      row.accountId,
      row.projectId,
      row.enabled ? 'enabled' : 'disabled',
      row.created,
    ]);
    world.terminal.out(given.json ? json(said) : table(['ACCESS KEY', 'ACCOUNT', 'PROJECT', 'STATE', 'CREATED'], rows));
  });
}

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
