import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { mustBeThere, usingAccounts } from './accounts.ts';
import { withConfigFlags } from './config.ts';
import { Misused } from './exit.ts';
import type { World } from './program.ts';
import { json, readAll, type Terminal, table } from './terminal.ts';

const ACCOUNT = ['--account <A>', 'the account whose policy it is'] as const;

/** What `--policy` and `user policy` take for no policy at all. */
const NONE = 'none';

export function addPolicyCommands(program: Command, world: World): void {
  const policy = program.command('policy').description('policies, which say what users and keys may do');
  addAdd(policy, world);
  addList(policy, world);
  addShow(policy, world);
  addDelete(policy, world);
}

/** Gives a command an option that names policies and may stand more than once. */
export const withPolicyOption = (command: Command, about: string): Command =>
  command.option('--policy <NAME>', about, (name: string, before: readonly string[] = []) => [...before, name]);

/** Names of policies as a person gives them. */
export function namedPolicies(names: readonly string[]): readonly string[] {
  if (!names.includes(NONE)) return names;
  if (names.length > 1) throw new Misused('"none" stands for no policy at all, and so by itself');
  return [];
}

/** Names of policies as a person reads them. */
export const policyList = (names: readonly string[]): string => (names.length === 0 ? NONE : names.join(','));

function addAdd(policy: Command, world: World): void {
  const add = withConfigFlags(policy.command('add'), ['data'])
    .description('add a policy, or give one a new document')
    .argument('<NAME>')
    .argument('<FILE>', 'the JSON document, or - for stdin')
    .option(...ACCOUNT);
  add.action(async (name: string, file: string, given: { account?: string }) => {
    const text = await readDocument(world.terminal, file);
    await usingAccounts(add, world, accounts => accounts.policies.put(name, text, given.account));
  });
}

async function readDocument(terminal: Terminal, file: string): Promise<string> {
  if (file === '-') return readAll(terminal.stdin);
  try {
    return readFileSync(resolve(terminal.cwd, file), 'utf8');
  } catch (cause) {
    throw new Misused(`${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function addList(policy: Command, world: World): void {
  const list = withConfigFlags(policy.command('list'), ['data'])
    .description('list the policies')
    .option('--json', 'print JSON');
  list.action(async (given: { json?: boolean }) => {
    const policies = await usingAccounts(list, world, accounts => accounts.policies.list());
    const said = policies.map(({ name, accountId }) => ({ name, accountId }));
    const rows = said.map(({ name, accountId }) => [name, accountId ?? '(built in)']);
    world.terminal.out(given.json ? json(said) : table(['NAME', 'ACCOUNT'], rows));
  });
}

function addShow(policy: Command, world: World): void {
  const show = withConfigFlags(policy.command('show'), ['data'])
    .description('print the document of a policy')
    .argument('<NAME>')
    .option(...ACCOUNT);
  show.action(async (name: string, given: { account?: string }) => {
    const document = await usingAccounts(show, world, accounts => accounts.policies.show(name, given.account));
    mustBeThere(document !== undefined, `policy ${name}`);
    world.terminal.out(json(document));
  });
}

function addDelete(policy: Command, world: World): void {
  const remove = withConfigFlags(policy.command('delete'), ['data'])
    .description('delete a policy that nobody has')
    .argument('<NAME>')
    .option(...ACCOUNT);
  remove.action(async (name: string, given: { account?: string }) => {
    const found = await usingAccounts(remove, world, accounts => accounts.policies.remove(name, given.account));
    mustBeThere(found, `policy ${name}`);
  });
}
