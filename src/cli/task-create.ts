import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { TooSlow } from '../client/refusal.ts';
import type { Task, TaskWish } from '../client/task-words.ts';
import type { Client } from '../client.ts';
import { readDuration } from './duration.ts';
import { Misused } from './exit.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { changeOf, type TaskFlags, withTaskFlags } from './task-flags.ts';
import { statusLine } from './task-line.ts';
import { json, type Terminal } from './terminal.ts';
import { objectIn, readWritten } from './wish-file.ts';

export interface WishFlags extends TaskFlags {
  readonly file?: string;
  readonly to?: string;
  readonly disabled?: boolean;
}

interface CreateFlags extends WishFlags {
  readonly wait?: boolean | number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const EXAMPLES = `
Examples:
  millrace task create --source rtmp://cam.example/live/1 --to rtmp://push.example/live/KEY --wait
  millrace task create --source media://a.mp4 --source media://b.mp4 --rounds endless --to rtmp://push.example/live/KEY
  millrace task create --source rtmp://cam.example/live/1 --to srt://push.example:9000 --start 10m --end 2h
  millrace task create -f task.yaml --name shop-7 --json`;

export const withWishFlags = (command: Command): Command =>
  withTaskFlags(withNodeFlags(command))
    .option('--to <URL>', 'where to push, with the stream key')
    .option('--disabled', 'not before it is started by hand');

export function addTaskCreate(task: Command, world: World): void {
  const create = withWishFlags(task.command('create'))
    .description('make a task, and print its id')
    .option('--wait [TIME]', 'until media flows (60s, or e.g. 5m); ends with 7 where it does not by then', readDuration)
    .option('--json', 'print the whole task as JSON')
    .option('--quiet', 'say nothing on stderr meanwhile')
    .addHelpText('after', EXAMPLES);
  create.action(async (flags: CreateFlags) => {
    const wish = await readWish(flags, world.terminal);
    await usingNode(create, world, async client => {
      const made = await client.createTask(wish);
      // At once: who gives up waiting wants to know it, too.
      if (!flags.json) world.terminal.out(`${made.id}\n`);
      const task = flags.wait === undefined ? made : await flowing(client, made, { world, flags });
      if (flags.json) world.terminal.out(json(task));
    });
  });
}

/** What the file says, with what the flags say in its place. What is wrong with it is told by the node. */
export async function readWish(flags: WishFlags, terminal: Terminal): Promise<TaskWish> {
  const { file, to, disabled } = flags;
  const given = file === undefined ? {} : objectIn(await readWritten(terminal, file));
  const wish = {
    ...given,
    ...changeOf(flags, terminal),
    ...(to === undefined ? {} : { destination: { kind: 'url', url: to } }),
    ...(disabled ? { enabled: false } : {}),
  };
  if (!('source' in wish)) throw new Misused('say what to pull: --source URL, or -f FILE');
  if (!('destination' in wish)) throw new Misused('say where to push: --to URL, or -f FILE');
  return wish as TaskWish;
}

const USUAL_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 300;

interface Waiting {
  readonly world: World;
  readonly flags: CreateFlags;
}

/** The task once media flows. One that has stopped is not waited for any longer. */
async function flowing(client: Client, made: Task, { world, flags }: Waiting): Promise<Task> {
  const waitMs = typeof flags.wait === 'number' ? flags.wait : USUAL_WAIT_MS;
  const until = performance.now() + waitMs;
  for (let told = ''; ; ) {
    const task = await client.task(made.id);
    const line = statusLine(task);
    if (!flags.quiet && line !== told) world.terminal.err(`${line}\n`);
    told = line;
    const { word, reason } = task.status;
    if (word === 'running') return task;
    if (word === 'stopped' || word === 'exited') throw new Error(`the task is ${word}: ${reason}`);
    if (performance.now() > until) throw new TooSlow(`nothing flows after ${Math.round(waitMs / 1000)} s: ${line}`);
    await sleep(LOOK_EVERY_MS, undefined, { signal: world.signal });
  }
}
