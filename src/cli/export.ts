import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Project } from '../client/node-words.ts';
import type { Task } from '../client/task-words.ts';
import type { Client } from '../client.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { findTasks } from './task-view.ts';
import { printWishes, type Wishes } from './wishes.ts';
import { written } from './written-task.ts';

const EXAMPLES = `
Examples:
  millrace export
  millrace export --reveal --output millrace-backup.yaml
  millrace export --reveal | ssh other.example millrace apply -f -`;

interface ExportFlags {
  readonly reveal?: boolean;
  readonly output?: string;
  readonly quiet?: boolean;
}

export function addExport(program: Command, world: World): void {
  const command = withNodeFlags(program.command('export'))
    .description('write the tasks, domains, policies and assets of an account as YAML, for "apply"')
    .option('--reveal', 'write addresses whole, stream keys and all; without it the file is to be read, not applied')
    .option('--output <FILE>', 'write this file, which nobody else may read')
    .option('--quiet', 'say nothing on stderr')
    .addHelpText('after', EXAMPLES);
  command.action(async ({ reveal = false, output, quiet = false }: ExportFlags) => {
    const { wishes, left } = await usingNode(command, world, client => gather(client, reveal));
    const text = printWishes(wishes, reveal);
    if (output === undefined) world.terminal.out(text);
    else writePrivate(resolve(world.terminal.cwd, output), text);
    if (!quiet && left > 0) world.terminal.err(leftOut(left));
  });
}

const leftOut = (count: number): string =>
  `millrace: ${count} task${count === 1 ? '' : 's'} of a cloud's dialect left out: who made them there makes them again\n`;

/** Whole or not at all: a file that is half written would be applied as if it were all there is. */
function writePrivate(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

const ON = { status: 'scheduled,running,recovering,stopped' };

export interface Gathered {
  readonly wishes: Wishes;
  /** How many tasks of other dialects there are, which this API cannot make. */
  readonly left: number;
}

/** What the account wishes. What is over is no wish. */
export async function gather(client: Client, reveal: boolean): Promise<Gathered> {
  const shown = reveal ? { reveal: 'true' } : {};
  const [projects, domains, policies, assets] = [
    await client.projects(),
    await client.domains(),
    await client.policies(),
    await client.assets(shown),
  ];
  const tasks = await findTasks(client, { ...ON, ...shown });
  const ours = tasks.filter(({ dialect }) => dialect === 'native');
  const wishes: Wishes = {
    projects: projects.map(({ name }) => name),
    domains,
    policies: policies.filter(({ built_in: isBuiltIn }) => !isBuiltIn),
    assets,
    tasks: ours.map(task => written(task, projectOf(task, projects))),
  };
  return { wishes, left: tasks.length - ours.length };
}

/** Needs no saying where the account has one at most. Ids are of one installation, so that it is called by its name. */
const projectOf = ({ project_id }: Task, projects: readonly Project[]): string | undefined =>
  projects.length < 2 ? undefined : projects.find(({ id }) => id === project_id)?.name;
