import { type Command, Option } from 'commander';
import type { Task } from '../client/task-words.ts';
import type { Query } from '../client/words.ts';
import type { Client } from '../client.ts';
import { usingNode, withNodeFlags } from './node.ts';
import { readCount } from './numbers.ts';
import type { World } from './program.ts';
import { repeatedly } from './repeatedly.ts';
import { TASK_HEADINGS, taskLines, taskRow } from './task-line.ts';
import { json, table } from './terminal.ts';

/** Commands that look at tasks and change nothing. */
export function addTaskViews(task: Command, world: World): void {
  addList(task, world);
  addGet(task, world);
}

interface ListFlags {
  readonly status?: string;
  readonly text?: string;
  readonly tag?: string;
  readonly dialect?: string;
  readonly limit: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly watch?: boolean;
}

const LIST_EXAMPLES = `
Examples:
  millrace task list
  millrace task list --status running,recovering --watch
  millrace task list --tag shop --quiet | xargs -n1 millrace task restart
  millrace task list --text example.com --json | jq '.[].id'`;

function addList(task: Command, world: World): void {
  const list = withNodeFlags(task.command('list'))
    .description('list tasks, the newest first')
    .option('--status <STATUS>', 'scheduled, running, recovering, stopped or exited; several with commas')
    .option('--text <TEXT>', 'that hold this text in their name, id, tags or addresses')
    .option('--tag <TAG>', 'that have this tag')
    .addOption(new Option('--dialect <NAME>', 'made over this dialect').choices(['native', 'huawei', 'alibaba']))
    .option('--limit <N>', 'at most so many', readCount, 100)
    .option('--quiet', 'print their ids only')
    .option('--json', 'print JSON')
    .option('--watch', 'print them again every 2 s, until Ctrl-C')
    .addHelpText('after', LIST_EXAMPLES);
  list.action(async ({ watch = false, ...flags }: ListFlags) =>
    usingNode(list, world, client =>
      repeatedly(world, watch, async () => listed(await findTasks(client, queryOf(flags), flags.limit), flags)),
    ),
  );
}

const queryOf = ({ status, text, tag, dialect }: ListFlags): Query => ({ status, text, tag, dialect });

function listed(tasks: readonly Task[], { quiet, json: asJson }: Omit<ListFlags, 'watch'>): string {
  if (asJson) return json(tasks);
  if (quiet) return tasks.map(({ id }) => `${id}\n`).join('');
  return table(TASK_HEADINGS, tasks.map(taskRow));
}

const MOST_A_PAGE = 1000;

/** Page after page, up to so many. */
export async function findTasks(
  client: Pick<Client, 'tasks'>,
  query: Query,
  most = Number.POSITIVE_INFINITY,
): Promise<readonly Task[]> {
  const found: Task[] = [];
  for (let after: string | undefined; found.length < most; ) {
    const limit = Math.min(MOST_A_PAGE, most - found.length);
    const page = await client.tasks({ ...query, limit, after });
    found.push(...page.tasks);
    if (page.next === null) break;
    after = page.next;
  }
  return found;
}

const GET_EXAMPLES = `
Examples:
  millrace task get 7d3f
  millrace task get 7d3f --json | jq .status.word
  millrace task get 7d3f --watch`;

function addGet(task: Command, world: World): void {
  const get = withNodeFlags(task.command('get'))
    .description('tell what is known of a task, and how it fares')
    .argument('<ID>')
    .option('--reveal', 'print its addresses whole, stream keys and all')
    .option('--json', 'print JSON')
    .option('--watch', 'print it again every 2 s, until Ctrl-C')
    .addHelpText('after', GET_EXAMPLES);
  get.action(async (id: string, flags: { reveal?: boolean; json?: boolean; watch?: boolean }) =>
    usingNode(get, world, client =>
      repeatedly(world, flags.watch === true, async () => {
        const found = await client.task(id, flags.reveal ? { reveal: 'true' } : {});
        return flags.json ? json(found) : taskLines(found);
      }),
    ),
  );
}
