import { type Command, InvalidArgumentError } from 'commander';
import type { TaskEvent } from '../client/words.ts';
import type { Client } from '../client.ts';
import { eventLine } from './event-line.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { jsonLine, plain } from './terminal.ts';

interface EventsFlags {
  readonly follow?: boolean;
  readonly after?: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  millrace task events 7d3f
  millrace task events 7d3f --after 120 --json | jq .reason
  millrace task events 7d3f --follow
  MILLRACE_API=https://relay.example MILLRACE_API_KEY=mlr_... millrace task events 7d3f`;

export function addTaskEvents(task: Command, world: World): void {
  const events = withNodeFlags(task.command('events'))
    .description('print what has happened to a task, also to one that is gone')
    .argument('<ID>')
    .option('--follow', 'go on with what happens, until Ctrl-C; a node that is restarted is waited for')
    .option('--after <SEQ>', 'behind this number only', readSeq)
    .option('--json', 'print JSON, an event a line')
    .addHelpText('after', EXAMPLES);
  events.action((id: string, { follow = false, after = 0, json: asJson = false }: EventsFlags) =>
    usingNode(events, world, async client => {
      const print = (event: TaskEvent) => world.terminal.out(asJson ? jsonLine(event) : eventLine(event));
      const cursor = await printStored(client, { id, after, print });
      if (follow) await printNew(client, { id, cursor, print, world });
    }),
  );
}

const PAGE = 1000;

interface Reading {
  readonly id: string;
  readonly print: (event: TaskEvent) => void;
}

/** Answers the cursor of the last one. */
async function printStored(
  client: Client,
  { id, after, print }: Reading & { readonly after: number },
): Promise<string | undefined> {
  let cursor: string | undefined;
  for (let seq: number | null = after; seq !== null; ) {
    const page: Awaited<ReturnType<Client['eventsOf']>> = await client.eventsOf(id, { after: seq, limit: PAGE });
    for (const event of page.events) print(event);
    const last = page.events.at(-1);
    cursor = last?.cursor ?? cursor;
    seq = page.next_seq === null ? null : (last?.seq ?? null);
  }
  return cursor;
}

async function printNew(
  client: Client,
  { id, cursor, print, world }: Reading & { readonly cursor: string | undefined; readonly world: World },
): Promise<void> {
  let isTold = false;
  const onBreak = (why: Error) => {
    // Once for each time that it is away, however often it is tried.
    if (!isTold) world.terminal.err(`millrace: ${plain(why.message)}; trying again\n`);
    isTold = true;
  };
  for await (const event of client.follow({ task_id: id }, { after: cursor, onBreak })) {
    isTold = false;
    print(event);
  }
}

function readSeq(text: string): number {
  const seq = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(seq)) throw new InvalidArgumentError('Give the number of an event.');
  return seq;
}
