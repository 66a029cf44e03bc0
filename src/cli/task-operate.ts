import { type Command, InvalidArgumentError } from 'commander';
import type { Task } from '../client/task-words.ts';
import type { Client, JumpWish } from '../client.ts';
import { usingNode, withNodeFlags } from './node.ts';
import { readSeconds, readWhole } from './numbers.ts';
import type { World } from './program.ts';
import { statusLine } from './task-line.ts';
import { json } from './terminal.ts';

/** Commands on tasks that stand: each prints the task as it then is. */
export function addTaskOperations(task: Command, world: World): void {
  for (const operation of OPERATIONS) addOperation(task, world, operation);
  addSwitch(task, world);
  addJump(task, world);
  addDelete(task, world);
}

interface Operation {
  readonly name: 'start' | 'stop' | 'restart' | 'skip';
  readonly about: string;
}

const OPERATIONS: readonly Operation[] = [
  { name: 'start', about: 'switch tasks on' },
  { name: 'stop', about: 'switch tasks off: what is on air ends' },
  { name: 'restart', about: 'start tasks over with their latest settings' },
  { name: 'skip', about: 'have lists go on with their next file' },
];

interface Printing {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const withPrinting = (command: Command): Command =>
  command.option('--json', 'print JSON').option('--quiet', 'print nothing');

function addOperation(task: Command, world: World, { name, about }: Operation): void {
  const command = withPrinting(withNodeFlags(task.command(name)))
    .description(about)
    .argument('<ID...>')
    .addHelpText('after', `\nExamples:\n  millrace task ${name} 7d3f\n  millrace task ${name} 7d3f 8e40 --quiet`);
  command.action((ids: readonly string[], flags: Printing) =>
    usingNode(command, world, client => eachOf(ids, id => client.operate(id, name), { world, flags })),
  );
}

interface Saying {
  readonly world: World;
  readonly flags: Printing;
}

/** One after the other; the first that is refused ends it, and those before it stay as they are. */
async function eachOf(ids: readonly string[], act: (id: string) => Promise<Task>, saying: Saying): Promise<void> {
  for (const id of ids) say(await act(id), saying);
}

function say(task: Task, { world, flags }: Saying): void {
  if (flags.quiet) return;
  world.terminal.out(flags.json ? json(task) : `${task.id}  ${statusLine(task)}\n`);
}

const SWITCH_EXAMPLES = `
Examples:
  millrace task switch 7d3f 1
  millrace task switch 7d3f auto`;

function addSwitch(task: Command, world: World): void {
  const command = withPrinting(withNodeFlags(task.command('switch')))
    .description('have a live task pull its source (0) or a standby (1 …), or choose by itself again (auto)')
    .argument('<ID>')
    .argument('<TO>', '0, the number of a standby, or auto', readTarget)
    .addHelpText('after', SWITCH_EXAMPLES);
  command.action((id: string, to: number | 'auto', flags: Printing) =>
    usingNode(command, world, async client => say(await client.switchTask(id, to), { world, flags })),
  );
}

function readTarget(text: string): number | 'auto' {
  if (text === 'auto') return text;
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('Give 0, the number of a standby, or auto.');
  return Number(text);
}

const JUMP_EXAMPLES = `
Examples:
  millrace task jump 7d3f 2
  millrace task jump 7d3f 0 --round 1 --at 90.5`;

function addJump(task: Command, world: World): void {
  const command = withPrinting(withNodeFlags(task.command('jump')))
    .description('have a list go on with one of its files, counted from 0')
    .argument('<ID>')
    .argument('<INDEX>', 'which file', readWhole)
    .option('--round <N>', 'in which round, counted from 0 (default: the present one)', readWhole)
    .option('--at <SECONDS>', 'how far into the file', readSeconds)
    .addHelpText('after', JUMP_EXAMPLES);
  command.action((id: string, index: number, { round, at, ...flags }: Printing & { round?: number; at?: number }) =>
    usingNode(command, world, async (client: Client) => {
      const wish: JumpWish = {
        index,
        ...(round === undefined ? {} : { round }),
        ...(at === undefined ? {} : { offset_s: at }),
      };
      say(await client.jump(id, wish), { world, flags });
    }),
  );
}

const DELETE_EXAMPLES = `
Examples:
  millrace task delete 7d3f
  millrace task list --status exited --quiet | xargs millrace task delete`;

function addDelete(task: Command, world: World): void {
  const command = withNodeFlags(task.command('delete'))
    .description('end tasks and take them out of every list; their events stay to be read')
    .argument('<ID...>')
    .addHelpText('after', DELETE_EXAMPLES);
  command.action((ids: readonly string[]) =>
    usingNode(command, world, async client => {
      for (const id of ids) await client.deleteTask(id);
    }),
  );
}
