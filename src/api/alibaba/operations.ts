import type { Accounts } from '../../control/accounts.ts';
import type { Tasks } from '../../control/tasks.ts';
import { InvalidTask, UnknownTask, WrongStatus } from '../../task/error.ts';
import type { Task } from '../../task/task.ts';
import type { Caller } from '../auth.ts';
import type { CheckUrl } from '../check-url.ts';
import { type AlibabaError, badDuration, badParameter, refused } from './error.ts';
import type { Params } from './params.ts';
import { printTarget, printTask, readCreate, readRegion, readUpdate } from './task.ts';
import { changeOf } from './update.ts';

/** One call, by whom it is and what it says. */
export interface Call {
  readonly caller: Caller;
  readonly params: Params;
}

export type Operation = (call: Call) => Promise<Readonly<Record<string, unknown>>>;

export const ACTIONS = [
  'CreateLivePullToPush',
  'UpdateLivePullToPush',
  'RestartLivePullToPush',
  'StopLivePullToPush',
  'DeleteLivePullToPush',
  'DescribeLivePullToPush',
  'DescribeLivePullToPushList',
] as const;
export type Action = (typeof ACTIONS)[number];

export interface OperationsOptions {
  readonly tasks: Pick<
    Tasks,
    'create' | 'change' | 'restart' | 'delete' | 'get' | 'getEvenDeleted' | 'list' | 'position'
  >;
  readonly accounts: Pick<Accounts, 'standing' | 'projects'>;
  readonly checkUrl: CheckUrl;
  /** Wall clock. */
  readonly now: () => number;
  /** Where tasks may be: the cloud's regions, and this installation's own. */
  readonly regions: readonly string[];
  /** Whether the end of a task on air may be moved. The pages contradict each other. */
  readonly endMovesOnAir: boolean;
}

/** How long an exited task is still shown. */
const SHOWN_MS = 24 * 3_600_000;
const INT32 = 2_147_483_647;
const LONGEST_TASK_ID = 128;
const DONE = { RetCode: 0, Description: 'OK' } as const;

/** What each action does, in this dialect's words on both sides. */
export function buildOperations(options: OperationsOptions): Readonly<Record<Action, Operation>> {
  const desk = new Desk(options);
  const table: Record<Action, Operation> = {
    CreateLivePullToPush: call => desk.create(call),
    UpdateLivePullToPush: call => desk.update(call),
    RestartLivePullToPush: call => desk.restart(call),
    StopLivePullToPush: call => desk.stop(call),
    DeleteLivePullToPush: call => desk.delete(call),
    DescribeLivePullToPush: call => desk.describe(call),
    DescribeLivePullToPushList: call => desk.list(call),
  };
  return Object.fromEntries(
    Object.entries(table).map(([action, operation]) => [action, (call: Call) => inOurWords(() => operation(call))]),
  ) as typeof table;
}

/** Calls on the tasks of one account: its projects are all one to this dialect. */
class Desk {
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  async create({ caller, params }: Call) {
    const { tasks, checkUrl } = this.#options;
    const regions = await this.#regionsOf(caller, params);
    const spec = readCreate(params, { checkUrl, regions });
    const task = await tasks.create(caller, spec);
    return { ...DONE, TaskId: task.id };
  }

  async update({ caller, params }: Call) {
    const { tasks, checkUrl, now, endMovesOnAir } = this.#options;
    const regions = await this.#regionsOf(caller, params);
    const taskId = readTaskId(params);
    await tasks.change(wholeAccount(caller), taskId, task => {
      const wanted = readUpdate(params, task.spec, { checkUrl, regions });
      return changeOf(task, wanted, { now: now(), endMovesOnAir });
    });
    return DONE;
  }

  async restart({ caller, params }: Call) {
    const task = await this.#find(caller, params);
    await this.#options.tasks.restart(wholeAccount(caller), task.id);
    return { TaskId: task.id };
  }

  /** Acts on what is on air or tries to be; any other task is left as it is. */
  async stop({ caller, params }: Call) {
    const { tasks, now } = this.#options;
    const { id } = await this.#find(caller, params);
    await tasks.change(wholeAccount(caller), id, task =>
      task.status === 'stopped' || isIdle(task, now()) ? {} : { enabled: false },
    );
    return { TaskId: id };
  }

  async delete({ caller, params }: Call) {
    const task = await this.#find(caller, params);
    if (task.status === 'exited') throw refused('CodeTaskNotExist');
    await this.#options.tasks.delete(wholeAccount(caller), task.id);
    return DONE;
  }

  async describe({ caller, params }: Call) {
    const task = await this.#find(caller, params);
    return { ...DONE, ...printTask(task, this.#options.tasks.position(task)) };
  }

  async list({ caller, params }: Call) {
    const { tasks, now } = this.#options;
    const region = readRegion(params, await this.#regionsOf(caller, params));
    const matches = readSearch(params);
    const page = params.integer('PageNumber', { min: 1, max: INT32 }) ?? 1;
    const size = params.integer('PageSize', { min: 1, max: 100 }) ?? 10;
    const filter = { region, exitedSince: now() - SHOWN_MS, ...(matches === undefined ? {} : { matches }) };
    const found = await tasks.list(wholeAccount(caller), filter, { offset: (page - 1) * size, limit: size });
    return {
      Total: found.total,
      PageNumber: page,
      PageSize: size,
      TaskList: found.tasks.map(task => printTask(task, tasks.position(task))),
    };
  }

  /** The task that the call names, as long as it is shown at all. */
  async #find(caller: Caller, params: Params): Promise<Task> {
    const { tasks, now } = this.#options;
    const region = readRegion(params, await this.#regionsOf(caller, params));
    const task = await tasks.getEvenDeleted(wholeAccount(caller), readTaskId(params));
    const isGone = task.exitedAt !== null && task.exitedAt < now() - SHOWN_MS;
    if (isGone || task.spec.region !== region) throw refused('CodeTaskNotExist');
    return task;
  }

  /** With those of the account's projects, which are named for their regions, and the one asked for where it has tasks. */
  async #regionsOf(caller: Caller, params: Params): Promise<readonly string[]> {
    const { accounts, regions } = this.#options;
    const standing = await accounts.standing(caller.accountId);
    if (standing === 'noLive') throw refused('LiveServiceNotFound');
    if (standing === 'noDomain') throw refused('CodeInvalidAliUid');
    const projects = await accounts.projects(caller.accountId);
    const known = [...regions, ...projects.map(({ name }) => name)];
    const asked = params.required('Region');
    return known.includes(asked) || !(await this.#hasTasksIn(asked, caller)) ? known : [...known, asked];
  }

  /** Another dialect takes any word for a region. */
  async #hasTasksIn(region: string, caller: Caller): Promise<boolean> {
    const { tasks, now } = this.#options;
    const filter = { region, exitedSince: now() - SHOWN_MS };
    return (await tasks.list(wholeAccount(caller), filter, { offset: 0, limit: 1 })).total > 0;
  }
}

const wholeAccount = ({ accountId, by }: Caller) => ({ accountId, projectId: '', by });

/** Its start has not come: the cloud calls it not started. */
const isIdle = ({ status, spec }: Task, now: number): boolean => status === 'scheduled' && spec.startAt > now;

function readTaskId(params: Params): string {
  const taskId = params.required('TaskId');
  if (taskId.length > LONGEST_TASK_ID) throw badParameter('TaskId', `it takes at most ${LONGEST_TASK_ID} characters`);
  return taskId;
}

const SEARCH_LENGTHS = { TaskId: 55, TaskName: 256, DstUrl: 2000 } as const;

/** The parts of texts that are looked for; undefined where all tasks will do. */
function readSearch(params: Params): ((task: Task) => boolean) | undefined {
  const taskId = readPart(params, 'TaskId');
  if (!/^[A-Za-z0-9_-]*$/.test(taskId)) throw badParameter('TaskId', 'it takes letters, digits, "_" and "-"');
  const name = readPart(params, 'TaskName');
  const target = readPart(params, 'DstUrl');
  if (taskId === '' && name === '' && target === '') return undefined;
  return task => task.id.includes(taskId) && task.spec.name.includes(name) && printTarget(task.spec).includes(target);
}

function readPart(params: Params, name: keyof typeof SEARCH_LENGTHS): string {
  const part = params.text(name) ?? '';
  if (part.length > SEARCH_LENGTHS[name])
    throw badParameter(name, `it takes at most ${SEARCH_LENGTHS[name]} characters`);
  return part;
}

async function inOurWords<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translate(error);
  }
}

/** The model's refusals in this dialect's words; anything else is handed back as it is. */
function translate(error: unknown): unknown {
  if (error instanceof UnknownTask) return refused('CodeTaskNotExist');
  if (error instanceof InvalidTask) return translateProblems(error);
  if (!(error instanceof WrongStatus)) return error;
  return error.status === 'exited' ? refused('CodeTaskNotExist') : badDuration(`It is not possible to ${error.asked}`);
}

const PARAMETERS: Readonly<Record<string, string>> = {
  name: 'TaskName',
  region: 'Region',
  source: 'SourceUrls',
  'source.rounds': 'RepeatNumber',
  'source.startIndex': 'FileIndex',
  'source.startSeconds': 'Offset',
  destination: 'DstUrl',
  startAt: 'StartTime',
  endAt: 'EndTime',
  callback: 'CallbackUrl',
  'retry.count': 'RetryCount',
  'retry.intervalMs': 'RetryInterval',
};

function translateProblems({ problems, message }: InvalidTask): AlibabaError {
  const [problem] = problems;
  if (problem === undefined) return badParameter('task', message);
  const parameter = PARAMETERS[problem.field] ?? PARAMETERS[problem.field.replace(/[.[].*$/s, '')] ?? problem.field;
  return problem.field === 'endAt' && !problem.rule.includes('years')
    ? badDuration(`The specified EndTime ${problem.rule}`)
    : badParameter(parameter, `it ${problem.rule}`);
}
