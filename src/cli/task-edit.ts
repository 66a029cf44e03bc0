import { type Command, Option } from 'commander';
import type { TaskChange } from '../client/task-words.ts';
import { Misused } from './exit.ts';
import { usingNode, withNodeFlags } from './node.ts';
import { readCount } from './numbers.ts';
import type { World } from './program.ts';
import { changeOf, type TaskFlags, withTaskFlags } from './task-flags.ts';
import { taskLines } from './task-line.ts';
import { json } from './terminal.ts';
import { objectIn, readWritten } from './wish-file.ts';

interface EditFlags extends TaskFlags {
  readonly file?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const EXAMPLES = `
Examples:
  millrace task edit 7d3f --end 3h --tag shop
  millrace task edit 7d3f --source media://c.mp4 --source media://d.mp4 --rounds 3
  echo '{"retry": {"count": 5, "interval_s": 10}}' | millrace task edit 7d3f -f - --if-version 4`;

export function addTaskEdit(task: Command, world: World): void {
  const edit = withTaskFlags(withNodeFlags(task.command('edit')))
    .description('change a task, also on air; what is not said stays')
    .argument('<ID>')
    .addOption(new Option('--if-version <N>', 'only where it is still at this version').argParser(readCount))
    .option('--json', 'print JSON')
    .option('--quiet', 'print nothing')
    .addHelpText('after', EXAMPLES);
  edit.action(async (id: string, flags: EditFlags & { readonly ifVersion?: number }) => {
    const written = flags.file === undefined ? {} : objectIn(await readWritten(world.terminal, flags.file));
    const change: TaskChange = { ...written, ...changeOf(flags, world.terminal) };
    if (Object.keys(change).length === 0) throw new Misused('say what is to be otherwise, with a flag or -f FILE');
    const task = await usingNode(edit, world, client => client.changeTask(id, change, flags.ifVersion));
    if (!flags.quiet) world.terminal.out(flags.json ? json(task) : taskLines(task));
  });
}
