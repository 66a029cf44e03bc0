import { type Command, InvalidArgumentError } from 'commander';
import type { Delivery } from '../client/words.ts';
import type { Client } from '../client.ts';
import { addSecretCommands } from './callback-secret.ts';
import { type Moment, readMoment } from './duration.ts';
import { Misused } from './exit.ts';
import { usingNode, withNodeFlags } from './node.ts';
import { readCount } from './numbers.ts';
import type { World } from './program.ts';
import { json, plain, table } from './terminal.ts';
import { addVerify } from './verify.ts';

export function addCallbackCommands(program: Command, world: World): void {
  const callback = program.command('callback').description('callbacks: what was told to receivers, and what was not');
  addList(callback, world);
  addShow(callback, world);
  addRedeliver(callback, world);
  addTest(callback, world);
  addVerify(callback, world);
  addEndpoints(callback, world);
  addResume(callback, world);
  addSecretCommands(callback, world);
}

interface FilterFlags {
  readonly state?: readonly string[];
  readonly task?: string;
  readonly endpoint?: string;
  readonly since?: Moment;
  readonly until?: Moment;
}

const withFilterFlags = (command: Command, states: string): Command =>
  command
    .option('--state <STATE>', states, gatherStates)
    .option('--task <ID>', 'of this task only')
    .option('--endpoint <ID>', 'to this receiver only ("callback endpoints" and "--json" tell its id)')
    .option('--since <WHEN>', 'made since then: 2h, 3d, or 2026-11-21T10:00:00Z', readMoment)
    .option('--until <WHEN>', 'made before then', readMoment);

const STATES = ['waiting', 'delivered', 'dead'];

function gatherStates(text: string, gathered: readonly string[] = []): string[] {
  if (!STATES.includes(text)) throw new InvalidArgumentError(`There are ${STATES.join(', ')}.`);
  return [...gathered, text];
}

const LIST_EXAMPLES = `
Examples:
  millrace callback list --state dead --since 2d
  millrace callback list --task 7d3f --json`;

interface ListFlags extends FilterFlags {
  readonly limit: number;
  readonly json?: boolean;
}

function addList(callback: Command, world: World): void {
  const list = withFilterFlags(
    withNodeFlags(callback.command('list')).description('list callbacks, the newest first'),
    'in this state only: waiting, delivered or dead (again for more of them)',
  )
    .option('--limit <N>', 'at most so many', readCount, 100)
    .option('--json', 'print JSON')
    .addHelpText('after', LIST_EXAMPLES);
  list.action(async ({ limit, json: asJson, ...filter }: ListFlags) => {
    const found = await usingNode(list, world, client => read(client, { filter, limit, world }));
    world.terminal.out(asJson ? json(found) : table(HEADINGS, found.map(row)));
  });
}

const MOST_A_PAGE = 1000;

async function read(
  client: Client,
  { filter, limit, world }: { readonly filter: FilterFlags; readonly limit: number; readonly world: World },
): Promise<readonly Delivery[]> {
  const { state, ...rest } = queryOf(filter, world);
  const found: Delivery[] = [];
  for (let before: string | null | undefined; before !== null && found.length < limit; ) {
    const page = { limit: Math.min(MOST_A_PAGE, limit - found.length), before };
    const { deliveries, next } = await client.deliveries({ ...rest, state: state?.join(','), ...page });
    found.push(...deliveries);
    before = next;
  }
  return found;
}

function queryOf({ state, task, endpoint, since, until }: FilterFlags, { terminal }: World) {
  const now = terminal.now();
  return { state, task_id: task, endpoint, since: since?.(now), until: until?.(now) };
}

const HEADINGS = ['ID', 'TASK', 'SEQ', 'EVENT', 'STATE', 'TRIES', 'CREATED', 'NEXT TRY', 'LAST ERROR'];

const row = (it: Delivery): string[] =>
  [
    it.id,
    it.task_id,
    String(it.seq),
    it.event_type,
    it.state,
    String(it.attempts),
    it.created_at,
    it.next_attempt_at ?? '-',
    it.last_error,
  ].map(plain);

const SHOW_EXAMPLES = `
Examples:
  millrace callback show 0199f2
  millrace callback show 0199f2 --json | jq -r .body`;

function addShow(callback: Command, world: World): void {
  const show = withNodeFlags(callback.command('show'))
    .description('tell all of one callback: its tries and its body')
    .argument('<ID>')
    .option('--json', 'print JSON')
    .addHelpText('after', SHOW_EXAMPLES);
  show.action(async (id: string, given: { json?: boolean }) => {
    const delivery = await usingNode(show, world, client => client.delivery(id));
    world.terminal.out(given.json ? json(delivery) : lines(delivery));
  });
}

function lines(it: Delivery): string {
  const facts: (readonly [string, string])[] = [
    ['id', it.id],
    ['event', `${it.event_id} (${it.event_type}, number ${it.seq} of task ${it.task_id})`],
    ['receiver', `${it.url} (${it.endpoint})`],
    ['state', it.next_attempt_at === null ? it.state : `${it.state}, next try at ${it.next_attempt_at}`],
    ['created', it.created_at],
    ...it.log.map(({ at, took_ms, status, error }) => {
      const outcome = error === '' ? 'taken' : error;
      return ['try', `${at}  ${took_ms} ms  ${status ?? 'no answer'}  ${outcome}`] as const;
    }),
    ['body', it.body ?? ''],
  ];
  return facts.map(([what, fact]) => `${what.padEnd(8)}  ${plain(fact)}\n`).join('');
}

const REDELIVER_EXAMPLES = `
Examples:
  millrace callback redeliver 0199f2
  millrace callback redeliver --since 2h
  millrace callback redeliver --since 2026-11-20T00:00:00Z --state delivered --state dead --task 7d3f`;

function addRedeliver(callback: Command, world: World): void {
  const redeliver = withFilterFlags(
    withNodeFlags(callback.command('redeliver'))
      .description('send a callback again, or all that were given up since a time; its id stays')
      .argument('[ID]'),
    'those in this state (again for more of them; default: dead)',
  ).addHelpText('after', REDELIVER_EXAMPLES);
  redeliver.action(async (id: string | undefined, filter: FilterFlags) => {
    const ask = redelivery(id, filter, world);
    const { redelivered } = await usingNode(redeliver, world, ask);
    world.terminal.out(`${redelivered} to be sent again\n`);
  });
}

/** One by its id, or those since a time: either is said whole. */
function redelivery(id: string | undefined, filter: FilterFlags, world: World) {
  const { state, since, until, task_id, endpoint } = queryOf(filter, world);
  const isFiltered = [state, since, until, task_id, endpoint].some(value => value !== undefined);
  if (id !== undefined) {
    if (isFiltered) throw new Misused('give the id of one callback, or say which with --since, not both');
    return (client: Client) => client.redeliver(id);
  }
  if (since === undefined) throw new Misused('give the id of a callback, or --since');
  const wish = {
    since,
    states: state ?? ['dead'],
    ...(until === undefined ? {} : { until }),
    ...(task_id === undefined ? {} : { task_id }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
  return (client: Client) => client.redeliverAll(wish);
}

const TEST_EXAMPLES = `
Examples:
  millrace callback test https://receiver.example/hook
  millrace callback test --task 7d3f`;

function addTest(callback: Command, world: World): void {
  const test = withNodeFlags(callback.command('test'))
    .description('send one signed callback.test event to a receiver, and tell what came of it')
    .argument('[URL]')
    .option('--task <ID>', 'to the receiver of this task')
    .option('--json', 'print JSON')
    .addHelpText('after', TEST_EXAMPLES);
  test.action(async (url: string | undefined, given: { task?: string; json?: boolean }) => {
    const { task } = given;
    const body =
      url !== undefined && task === undefined ? { url } : url === undefined && task ? { task_id: task } : null;
    if (body === null) throw new Misused('give the address of a receiver, or a task with --task');
    const outcome = await usingNode(test, world, client => client.testCallback(body));
    if (given.json) world.terminal.out(json(outcome));
    else if (outcome.delivered) world.terminal.out(`taken with status ${outcome.status} in ${outcome.took_ms} ms\n`);
    if (!outcome.delivered) throw new Error(`not taken: ${plain(outcome.error)} (${outcome.took_ms} ms)`);
  });
}

const ENDPOINTS_EXAMPLES = `
Examples:
  millrace callback endpoints
  millrace callback endpoints --json | jq -r '.[] | select(.paused_at) | .id'`;

function addEndpoints(callback: Command, world: World): void {
  const endpoints = withNodeFlags(callback.command('endpoints'))
    .description('list the receivers that fail or are paused; those that take callbacks are not listed')
    .option('--json', 'print JSON')
    .addHelpText('after', ENDPOINTS_EXAMPLES);
  endpoints.action(async (given: { json?: boolean }) => {
    const found = await usingNode(endpoints, world, client => client.endpoints());
    const rows = found.map(it => [it.id, it.url, it.failing_since, it.paused_at ?? '-', it.last_error].map(plain));
    const headings = ['ID', 'URL', 'FAILING SINCE', 'PAUSED AT', 'LAST ERROR'];
    world.terminal.out(given.json ? json(found) : table(headings, rows));
  });
}

function addResume(callback: Command, world: World): void {
  const resume = withNodeFlags(callback.command('resume'))
    .description('send to a paused receiver again, what has waited for it first')
    .argument('<ENDPOINT>', 'its id, as "callback endpoints" tells it')
    .addHelpText('after', '\nExamples:\n  millrace callback resume 3f9a2c');
  resume.action((id: string) => usingNode(resume, world, client => client.resume(id)));
}
