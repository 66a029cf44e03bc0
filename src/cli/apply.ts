import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ApiError } from '../client/refusal.ts';
import type { Client } from '../client.ts';
import { type Removal, type Standing, type Step, stepsTo, type Wish } from './apply-steps.ts';
import { Misused } from './exit.ts';
import { usingNode, withNodeFlags } from './node.ts';
import type { World } from './program.ts';
import { findTasks } from './task-view.ts';
import { jsonLine, plain } from './terminal.ts';
import { readWritten } from './wish-file.ts';
import { readWishes } from './wishes.ts';
import { wholeWish } from './written-task.ts';

const EXAMPLES = `
Examples:
  millrace apply -f millrace.export.yaml --dry-run
  millrace apply -f millrace.export.yaml
  millrace export --reveal | millrace apply -f - --prune --dry-run`;

interface ApplyFlags {
  readonly file?: string;
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addApply(program: Command, world: World): void {
  const command = withNodeFlags(program.command('apply'))
    .description('make an account what a file of "export" says, and change nothing that is so already')
    .option('-f, --file <FILE>', 'the file; - reads stdin')
    .option('--dry-run', 'tell what would be done, and do nothing')
    .option('--prune', 'delete what the file does not have, of the kinds of things that it speaks of')
    .option('--json', 'print JSON, a step a line')
    .option('--quiet', 'print only what goes wrong')
    .addHelpText('after', EXAMPLES);
  command.action(async (flags: ApplyFlags) => {
    if (flags.file === undefined) throw new Misused('say which file: -f FILE, or -f - for stdin');
    const wishes = readWishes(await readWritten(world.terminal, flags.file));
    await usingNode(command, world, async client => {
      const steps = stepsTo(wishes, await standingAt(client), {
        prune: flags.prune === true,
        now: world.terminal.now(),
      });
      await new Applying(client, { world, flags }).all(steps);
    });
  });
}

/** Everything there is, the addresses whole: what is compared with stars would seem to be another. */
async function standingAt(client: Client): Promise<Standing> {
  return {
    projects: await client.projects(),
    domains: await client.domains(),
    policies: await client.policies(),
    assets: await client.assets({ reveal: 'true' }),
    tasks: await findTasks(client, { reveal: 'true' }),
  };
}

const SIGNS = { create: '+', change: '~', delete: '-', refuse: '!', pass: '=' } as const;
const COUNTED = { create: 'created', change: 'changed', delete: 'deleted', refuse: 'refused', pass: 'as they are' };

/** Does one step after the other. One that goes wrong does not keep the others from being done. */
class Applying {
  readonly #client: Client;
  readonly #world: World;
  readonly #flags: ApplyFlags;
  readonly #counts = { create: 0, change: 0, delete: 0, refuse: 0, pass: 0 };
  #projects: ReadonlyMap<string, string> = new Map();

  constructor(client: Client, { world, flags }: { readonly world: World; readonly flags: ApplyFlags }) {
    this.#client = client;
    this.#world = world;
    this.#flags = flags;
  }

  async all(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      const why = await this.#take(step);
      this.#counts[why === undefined ? step.kind : 'refuse']++;
      this.#tell(step, why);
    }
    this.#summarise();
    const { refuse } = this.#counts;
    if (refuse > 0) throw new Error(`${refuse} of ${steps.length} could not be made as the file says`);
  }

  /** Answers why it could not be done. */
  async #take(step: Step): Promise<string | undefined> {
    if (step.kind === 'refuse') return step.why;
    if (step.kind === 'pass' || this.#flags.dryRun) return undefined;
    try {
      await this.#patiently(() => (step.kind === 'delete' ? this.#remove(step.wish) : this.#make(step.wish)));
      return undefined;
    } catch (error) {
      // Nobody there, or nobody let in: the next one would go no other way.
      if (!(error instanceof ApiError) || error.status === 401) throw error;
      return error.message;
    }
  }

  /** A node lets an account make so many calls a second, and says when to come again. */
  async #patiently(act: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await act();
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 429) throw error;
        await sleep(Math.max(100, error.retryAfterMs), undefined, { signal: this.#world.signal });
      }
    }
  }

  #remove({ of, id }: Removal): Promise<void> {
    return of === 'tasks' ? this.#client.deleteTask(id) : this.#client.remove(of, id);
  }

  async #make(wish: Wish): Promise<unknown> {
    const client = this.#client;
    if (wish.of === 'project') return client.putProject({ name: wish.name });
    if (wish.of === 'domain') return client.putDomain(wish.domain);
    if (wish.of === 'policy') return client.putPolicy({ name: wish.policy.name, document: wish.policy.document });
    // A file that is not there yet may come: lists that name it pass over it until then.
    if (wish.of === 'asset') return client.putAsset({ ...wish.asset, probe: false, replace: true });
    if (wish.of === 'change') return client.changeTask(wish.id, wish.change, wish.version);
    return client.createTask(wholeWish(wish.task, await this.#projectId(wish.task.project)));
  }

  async #projectId(name: string | undefined): Promise<string | undefined> {
    if (name === undefined) return undefined;
    if (!this.#projects.has(name)) {
      this.#projects = new Map((await this.#client.projects()).map(project => [project.name, project.id]));
    }
    // What is not known is refused by the node, in words that its user knows.
    return this.#projects.get(name) ?? name;
  }

  #tell(step: Step, why: string | undefined): void {
    const { out, err } = this.#world.terminal;
    if (why !== undefined) {
      err(plain(`${SIGNS.refuse} ${step.what}: ${why}`).concat('\n'));
      return;
    }
    if (this.#flags.quiet || (step.kind === 'pass' && step.why === '')) return;
    const fields = step.kind === 'change' ? step.fields : [];
    if (this.#flags.json) out(jsonLine({ step: step.kind, what: step.what, fields }));
    else out(plain(`${SIGNS[step.kind]} ${step.what}${tailOf(step)}`).concat('\n'));
  }

  #summarise(): void {
    if (this.#flags.quiet || this.#flags.json) return;
    const told = Object.entries(this.#counts).filter(([, count]) => count > 0);
    const counts = told.map(([kind, count]) => `${count} ${COUNTED[kind as keyof typeof COUNTED]}`).join(', ');
    const would = this.#flags.dryRun ? 'would be: ' : '';
    this.#world.terminal.err(`${would}${counts === '' ? 'the file says nothing' : counts}\n`);
  }
}

const tailOf = (step: Step): string =>
  step.kind === 'change' ? `: ${step.fields.join(', ')}` : step.kind === 'pass' ? ` ${step.why}` : '';
