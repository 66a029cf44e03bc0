import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Task } from '../client/task-words.ts';
import type { Client } from '../client.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { statusLine } from './task-line.ts';
import { jsonLine, when } from './terminal.ts';

const EXAMPLES = `
Examples:
  millrace task watch 7d3f
  millrace task watch 7d3f --json | jq .on_air.out.kbit`;

const EVERY_MS = 1_000;
/** Where lines are not rewritten, one in so long will do while nothing moves. */
const QUIET_MS = 10_000;

export function addTaskWatch(task: Command, world: World): void {
  const watch = withNodeFlags(task.command('watch'))
    .description('follow how a task fares, until it has exited or Ctrl-C')
    .argument('<ID>')
    .option('--json', 'print JSON, a line a second')
    .addHelpText('after', EXAMPLES);
  watch.action((id: string, flags: { json?: boolean }) =>
    usingNode(watch, world, client => follow(client, id, new Watcher(world, flags.json === true))),
  );
}

async function follow(client: Pick<Client, 'task'>, id: string, watcher: Watcher): Promise<void> {
  try {
    for (;;) {
      const task = await client.task(id);
      watcher.show(task);
      if (task.status.word === 'exited') return;
      await sleep(EVERY_MS, undefined, { signal: watcher.ending });
    }
  } finally {
    watcher.close();
  }
}

/** Prints how a task is: a line that is rewritten on a screen; elsewhere one whenever its status moves. */
class Watcher {
  readonly ending: AbortSignal;
  readonly #world: World;
  readonly #asJson: boolean;
  #moved = '';
  #printedAt = Number.NEGATIVE_INFINITY;
  #isOpen = false;

  constructor(world: World, asJson: boolean) {
    this.#world = world;
    this.#asJson = asJson;
    this.ending = AbortSignal.any([world.signal, world.terminal.gone]);
  }

  show(task: Task): void {
    const { out, live, now } = this.#world.terminal;
    if (this.#asJson) {
      out(jsonLine(task));
      return;
    }
    const moved = `${task.status.word} ${task.status.since} ${task.status.reason}`;
    const hasMoved = moved !== this.#moved;
    if (!live && !hasMoved && now() - this.#printedAt < QUIET_MS) return;
    // What moves keeps its line; figures are written over.
    if (hasMoved) this.close();
    out(live ? `\r\u001b[K${when(now())}  ${statusLine(task)}` : `${when(now())}  ${statusLine(task)}\n`);
    this.#moved = moved;
    this.#printedAt = now();
    this.#isOpen = live;
  }

  /** Leaves the cursor on a fresh line. */
  close(): void {
    if (this.#isOpen) this.#world.terminal.out('\n');
    this.#isOpen = false;
  }
}
