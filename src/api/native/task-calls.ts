import type { StaticDecode } from 'typebox';
import type { Directory, Place } from '../../control/directory.ts';
import type { Owner, Tasks } from '../../control/tasks.ts';
import { InvalidTask, NotSuch } from '../../task/error.ts';
import { cursorBehind, jumpCursor } from '../../task/playlist.ts';
import { unsayable } from '../../task/sayable.ts';
import { mergeSpec, type SpecChange, type TaskSpec } from '../../task/spec.ts';
import type { Task } from '../../task/task.ts';
import type { Caller } from '../auth.ts';
import type { CheckUrl } from '../check-url.ts';
import { forbidden } from './auth.ts';
import { onceOf, otherVersion, versionOf } from './conditions.ts';
import { invalid, unfit } from './error.ts';
import type { Redact } from './event.ts';
import type { Call } from './route.ts';
import { type Fare, printTask } from './task-print.ts';
import { readChange, readWish } from './task-read.ts';
import type { JUMP, PrintedTask, SWITCH, TaskChange, TasksBy, TaskWish } from './task-schema.ts';

export interface TaskCallsOptions {
  readonly tasks: Pick<Tasks, 'create' | 'change' | 'delete' | 'get' | 'move' | 'restart'>;
  readonly directory: Pick<Directory, 'find'>;
  readonly accounts: {
    findDomain(name: string, accountId: string): Promise<object | undefined>;
    projects(accountId: string): Promise<readonly { readonly id: string }[]>;
  };
  /** How a task fares on this node. */
  readonly fareOf: (task: Task) => Fare;
  readonly checkUrl: CheckUrl;
  readonly redact: Redact;
  /** Wall clock. */
  readonly now: () => number;
  /** Stands where a wish names no region. */
  readonly region: string;
  /** The node's name. */
  readonly node: string;
}

interface Reveal {
  readonly reveal?: 'true' | 'false' | undefined;
}

const DEFAULT_LISTED = 100;
const CHANGE = 'millrace:tasks:change';

/** What each call on tasks does and answers. */
export class TaskCalls {
  readonly #options: TaskCallsOptions;

  constructor(options: TaskCallsOptions) {
    this.#options = options;
  }

  async create({ caller, body, wire }: Call<unknown, TaskWish>): Promise<PrintedTask> {
    const { tasks } = this.#options;
    const once = onceOf(wire, caller);
    const spec = await this.specOf(caller, body);
    const owner = await this.#ownerOf(caller, body.project_id);
    return this.#print(await tasks.create(owner, spec, { id: body.id, once }), caller, {});
  }

  /** The wish in our words, all that is wrong with it refused. */
  async specOf(caller: Caller, wish: TaskWish): Promise<TaskSpec> {
    const { checkUrl, now, region } = this.#options;
    const spec = readWish(wish, { checkUrl, now: now(), region });
    await this.#requireDomain(caller, spec);
    return spec;
  }

  async list({ caller, query }: Call<TasksBy>): Promise<{ tasks: PrintedTask[]; next: string | null; total: number }> {
    const { status: statuses, dialect: dialects, region, project_id: projectId, tag, text } = query;
    const search = { statuses, dialects, region, projectId, tag, text, inSecrets: caller.may(CHANGE) };
    const page = { after: placeOf(query.after), limit: query.limit ?? DEFAULT_LISTED };
    const { tasks, next, total } = await this.#options.directory.find(caller, search, page);
    return {
      tasks: tasks.map(task => this.#print(task, caller, query)),
      next: next && `${next.createdAt}_${next.id}`,
      total,
    };
  }

  async get({ caller, id, query }: Call<Reveal>): Promise<PrintedTask> {
    return this.#print(await this.#options.tasks.get(caller, id), caller, query);
  }

  async change({ caller, id, body, wire }: Call<unknown, TaskChange>): Promise<PrintedTask> {
    const { checkUrl } = this.#options;
    const expected = versionOf(wire.rawHeaders);
    const task = await this.#options.tasks.change(caller, id, ({ spec, version }): SpecChange => {
      if (expected !== undefined && expected !== version) throw otherVersion(version);
      return requireSayable(spec, readChange(body, spec, checkUrl));
    });
    return this.#print(task, caller, {});
  }

  async delete({ caller, id }: Call): Promise<{ deleted: true }> {
    await this.#options.tasks.delete(caller, id);
    return { deleted: true };
  }

  async start({ caller, id }: Call): Promise<PrintedTask> {
    return this.#print(await this.#options.tasks.change(caller, id, { enabled: true }), caller, {});
  }

  async stop({ caller, id }: Call): Promise<PrintedTask> {
    return this.#print(await this.#options.tasks.change(caller, id, { enabled: false }), caller, {});
  }

  async restart({ caller, id }: Call): Promise<PrintedTask> {
    return this.#print(await this.#options.tasks.restart(caller, id), caller, {});
  }

  /** To one of its addresses by hand: it stays the wish of the task until `auto` or another one. */
  async switch({ caller, id, body: { to } }: Call<unknown, StaticDecode<typeof SWITCH>>): Promise<PrintedTask> {
    const task = await this.#options.tasks.change(caller, id, ({ spec }): SpecChange => {
      if (spec.source.kind !== 'live') throw new NotSuch('is of a list, whose standbys take turns by themselves');
      if (to !== 'auto' && to > spec.standby.length) {
        throw invalid([{ field: 'to', rule: `must be 0, or the number of one of ${spec.standby.length} standbys` }]);
      }
      return requireSayable(spec, { pin: to === 'auto' ? null : to });
    });
    return this.#print(task, caller, {});
  }

  /** Passes over what is left of the file on air, and its repeats. */
  async skip({ caller, id }: Call): Promise<PrintedTask> {
    const task = await this.#options.tasks.move(caller, id, (list, at) => {
      const next = cursorBehind(list, at);
      if (next === undefined) throw new NotSuch('is at the last file of its last round');
      return next;
    });
    return this.#print(task, caller, {});
  }

  async jump({ caller, id, body }: Call<unknown, StaticDecode<typeof JUMP>>): Promise<PrintedTask> {
    const { index, round, offset_s: offsetS } = body;
    const offsetMs = offsetS === undefined ? undefined : Math.round(offsetS * 1_000);
    const task = await this.#options.tasks.move(caller, id, (list, at) => {
      const to = jumpCursor(list, { index, round: round ?? at.round, offsetMs });
      if ('index' in to) return to;
      throw new InvalidTask(to);
    });
    return this.#print(task, caller, {});
  }

  #print(task: Task, caller: Caller, { reveal }: Reveal): PrintedTask {
    const { fareOf, redact, node } = this.#options;
    const isOpen = reveal === 'true';
    if (isOpen && !caller.may(CHANGE))
      throw forbidden(`To see whole addresses the caller has to be allowed ${CHANGE}.`);
    return printTask(task, { fare: fareOf(task), redact: isOpen ? url => url : redact, node });
  }

  /** For which project: the caller's own; who acts for all of them may name one. */
  async #ownerOf({ accountId, projectId, by }: Caller, wanted: string | undefined): Promise<Owner> {
    if (projectId !== '' && (wanted === undefined || wanted === projectId)) return { accountId, projectId, by };
    const projects = projectId === '' ? await this.#options.accounts.projects(accountId) : [];
    if (wanted === undefined) return { accountId, projectId: projects[0]?.id ?? '', by };
    if (projects.some(({ id }) => id === wanted)) return { accountId, projectId: wanted, by };
    throw invalid([{ field: 'project_id', rule: 'is not a project that the caller acts for' }]);
  }

  async #requireDomain({ accountId }: Caller, { destination }: TaskSpec): Promise<void> {
    if (destination.kind !== 'ingest') return;
    const domain = await this.#options.accounts.findDomain(destination.domain, accountId);
    if (domain === undefined) {
      throw invalid([{ field: 'destination.domain', rule: 'is not a domain of the account' }]);
    }
  }
}

/** What was made in another dialect is still to be shown there as it is. What it could not say before is not held against it. */
function requireSayable(spec: TaskSpec, change: SpecChange): SpecChange {
  const before = new Set(unsayable(spec).map(({ field }) => field));
  const problems = unsayable(mergeSpec(spec, change)).filter(({ field }) => !before.has(field));
  if (problems.length > 0) throw unfit(problems);
  return change;
}

function placeOf(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  const [createdAt = '', ...id] = cursor.split('_');
  return { createdAt: Number(createdAt), id: id.join('_') };
}
