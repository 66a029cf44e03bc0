import type { Creation, Once, Page, Store, TaskFilter } from '../store/store.ts';
import type { Actor } from '../task/audit.ts';
import {
  DestinationInUse,
  IdTaken,
  InvalidTask,
  KeyReused,
  NotSuch,
  type Problem,
  UnknownTask,
  WrongStatus,
} from '../task/error.ts';
import { type Cursor, startCursor } from '../task/playlist.ts';
import { checkSpec, type ListSource, mergeSpec, type SpecChange, type TaskSpec } from '../task/spec.ts';
import {
  apply,
  applyChange,
  applyJump,
  type Stamp,
  type Step,
  stepsAfter,
  stepsAfterChange,
  type Task,
  type TaskSeed,
} from '../task/task.ts';
import type { Breakpoints } from './breakpoints.ts';
import type { Beside, NextStamp, Record } from './record.ts';
import { checkCertificates } from './trust.ts';

/** On whose behalf a call is made. `projectId` is "" for who acts for all projects of the account. */
export interface Owner {
  readonly accountId: string;
  readonly projectId: string;
  /** Who it is, for the audit log. */
  readonly by?: Actor;
}

/** A place in a list: which pass of the list (from 0), which file, and how far into it. */
export type Position = Pick<Cursor, 'round' | 'index' | 'offsetMs'>;

/** How a task may be made, beside what it is to be. */
export interface Making {
  /** Of its maker's choice, so that it is known again elsewhere. */
  readonly id?: string | undefined;
  /** The same once for each key within a day: who asks again is answered with the task that there is. */
  readonly once?: Once | undefined;
}

/** Runs tell their place every second; one that falls silent is not guessed on. */
const LONGEST_GUESS_MS = 1_500;

export interface TasksOptions {
  readonly store: Pick<Store, 'get' | 'list'>;
  readonly record: Record;
  readonly breakpoints: Pick<Breakpoints, 'latest'>;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  /** The push address that a new task is to have alone; absent where a second task of it is made, and waits. */
  readonly reserve?: ((owner: Owner, spec: TaskSpec) => Promise<string | undefined>) | undefined;
}

/** A store that does not answer is not asked once more: its caller has waited long enough. */
const isOfStore = (cause: unknown): boolean => cause instanceof Error && cause.name === 'StoreFault';

/** What users do to tasks. Starting, stopping and telling follow from the events these calls record. */
export class Tasks {
  readonly #options: TasksOptions;

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  async create(owner: Owner, spec: TaskSpec, { id, once }: Making = {}): Promise<Task> {
    const { store, now, newId } = this.#options;
    refuse([...checkSpec(spec, { now: now() }), ...checkCertificates(spec)]);
    const { accountId, projectId } = owner;
    const reserves = await this.#options.reserve?.(owner, spec);
    const seed = { id: id ?? newId(), accountId, projectId, spec };
    const made = await this.#make(seed, once, { by: owner.by, reserves }).catch(async (cause: unknown) => {
      if (cause instanceof DestinationInUse) throw inUse(spec);
      const isTaken = id !== undefined && !isOfStore(cause) && (await store.get(id)) !== undefined;
      throw isTaken ? new IdTaken() : cause;
    });
    if ('spec' in made) return made;
    if (made.wish !== once?.wish) throw new KeyReused();
    const task = await store.get(made.taskId);
    if (task === undefined) throw new UnknownTask(made.taskId);
    return task;
  }

  #make(seed: Omit<TaskSeed, keyof Stamp>, once: Once | undefined, beside: Beside): Promise<Task | Creation> {
    const { record } = this.#options;
    return once === undefined ? record.create(seed, beside) : record.createOnce(seed, once, beside);
  }

  /**
   * Applies the whole patch or nothing of it. A patch that changes nothing is no event. A function is asked for its
   * patch in the transaction, so that of two callers who each change a part of the source neither undoes the other.
   */
  async change(owner: Owner, taskId: string, wanted: SpecChange | ((task: Task) => SpecChange)): Promise<Task> {
    const now = this.#options.now();
    const answer = await this.#options.record.change(
      taskId,
      (task, nextStamp) => {
        refuseStranger(owner, task);
        const patch = typeof wanted === 'function' ? wanted(task) : wanted;
        refuseChange(task, patch, now);
        return changeSteps(task, patch, nextStamp);
      },
      owner.by,
    );
    if (!answer) throw new UnknownTask(taskId);
    return answer.task;
  }

  async delete(owner: Owner, taskId: string): Promise<void> {
    const answer = await this.#options.record.change(
      taskId,
      (task, nextStamp) => {
        refuseStranger(owner, task);
        return stepsAfter(task, { type: 'deleted', cause: 'user', reason: 'deleted by the user' }, nextStamp);
      },
      owner.by,
    );
    if (!answer) throw new UnknownTask(taskId);
  }

  /** Starts over with the latest settings: a run on air is cut for it, a task that is stopped waits for nothing. */
  async restart(owner: Owner, taskId: string): Promise<Task> {
    const now = this.#options.now();
    const answer = await this.#options.record.change(
      taskId,
      (task, nextStamp) => {
        refuseStranger(owner, task);
        refuseRestart(task, now);
        return restartSteps(task, nextStamp);
      },
      owner.by,
    );
    if (!answer) throw new UnknownTask(taskId);
    return answer.task;
  }

  /** Has a list go on elsewhere, as `wanted` says of the task and the place where it stands. */
  async move(owner: Owner, taskId: string, wanted: (list: ListSource, at: Position) => Cursor): Promise<Task> {
    const answer = await this.#options.record.change(
      taskId,
      (task, nextStamp) => {
        refuseStranger(owner, task);
        const { status, spec } = task;
        if (spec.source.kind !== 'list') throw new NotSuch('is of a live source, which has no place to go to');
        if (status === 'stopped' || status === 'exited') throw new WrongStatus(status, 'move it');
        const step = applyJump(task, wanted(spec.source, this.position(task)), nextStamp());
        return step ? [step] : [];
      },
      owner.by,
    );
    if (!answer) throw new UnknownTask(taskId);
    return answer.task;
  }

  async get(owner: Owner, taskId: string): Promise<Task> {
    const task = await this.#options.store.get(taskId);
    if (!task) throw new UnknownTask(taskId);
    refuseStranger(owner, task);
    return task;
  }

  /** As `get`, and for some time also a task that has been deleted. */
  async getEvenDeleted(owner: Owner, taskId: string): Promise<Task> {
    const task = await this.#options.store.get(taskId);
    if (!task || isForeign(owner, task)) throw new UnknownTask(taskId);
    return task;
  }

  /** Where a list stands: on air within a second, otherwise where its next run begins. A stream stands at its start. */
  position({ id, status, spec, listVersion, jump, breakpoint }: Task): Position {
    if (spec.source.kind === 'live') return { round: 0, index: 0, offsetMs: 0 };
    const heard = this.#options.breakpoints.latest(id);
    const at = heard?.breakpoint ?? breakpoint ?? undefined;
    const { round, index, offsetMs } = startCursor(spec.source, listVersion, at, jump);
    // Between an edit and what its run says of it, the place is the one where the edit goes.
    const moves = status === 'running' && at?.version === listVersion;
    return { round, index, offsetMs: offsetMs + (moves ? Math.min(heard?.ageMs ?? 0, LONGEST_GUESS_MS) : 0) };
  }

  async list(
    { accountId, projectId }: Owner,
    filter: Omit<TaskFilter, 'accountId' | 'projectId'>,
    page: Page,
  ): Promise<{ readonly tasks: readonly Task[]; readonly total: number }> {
    const scope = projectId === '' ? { accountId } : { accountId, projectId };
    return this.#options.store.list({ ...filter, ...scope }, page);
  }
}

const inUse = ({ destination: { kind } }: TaskSpec): InvalidTask =>
  new InvalidTask([
    {
      field: kind === 'url' ? 'destination.url' : 'destination.stream',
      rule: 'is pushed to by another task that has not ended',
    },
  ]);

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new InvalidTask(problems);
}

/** A foreign task and a deleted one are answered as if they were not there. */
function refuseStranger(owner: Owner, task: Task): void {
  if (isForeign(owner, task) || task.movedBy === 'deleted') throw new UnknownTask(task.id);
}

const isForeign = ({ accountId, projectId }: Owner, task: Task): boolean =>
  task.accountId !== accountId || (projectId !== '' && task.projectId !== projectId);

function refuseRestart({ status, spec }: Task, now: number): void {
  if (status === 'exited' || spec.endAt <= now) throw new WrongStatus(status, 'restart it after its end');
  if (spec.startAt > now) throw new WrongStatus(status, 'restart it before its start');
}

/** A task that is only just starting does so with the latest settings anyway. */
function restartSteps(task: Task, nextStamp: NextStamp): readonly Step[] {
  if (task.status === 'scheduled') return [];
  const wanted = task.spec.enabled
    ? task
    : { ...task, spec: { ...task.spec, enabled: true }, version: task.version + 1 };
  const step = apply(wanted, { type: 'restarted', cause: 'user', reason: 'restarted' }, nextStamp());
  return step ? [step] : [];
}

function refuseChange(task: Task, patch: SpecChange, now: number): void {
  if (task.status === 'exited') throw new WrongStatus(task.status, 'change it after its exit');
  const spec = mergeSpec(task.spec, patch);
  const asked = patch.enabled ? 'enable it after its end' : 'change it after its end';
  if (spec.endAt <= now && patch.endAt === undefined) throw new WrongStatus(task.status, asked);
  refuse([...checkSpec(spec, { now }), ...checkCertificates(spec), ...checkKind(task.spec, spec)]);
}

/** A run is either of a stream or of files: the kind is chosen when the task is created. */
const checkKind = (before: TaskSpec, after: TaskSpec): readonly Problem[] =>
  before.source.kind === after.source.kind ? [] : [{ field: 'source.kind', rule: 'cannot be changed' }];

/**
 * The user's switch is told as `stopped` or `restarted`, the rest of the patch as one `changed` before it, so that the
 * run that a switch starts has the new spec.
 */
function changeSteps(task: Task, patch: SpecChange, nextStamp: NextStamp): readonly Step[] {
  const { enabled, ...settings } = patch;
  const changed = stepsAfterChange(task, settings, nextStamp);
  const switched = enabled === undefined ? [] : switchSteps(changed.at(-1)?.task ?? task, enabled, nextStamp);
  return [...changed, ...switched];
}

function switchSteps(task: Task, enabled: boolean, nextStamp: NextStamp): readonly Step[] {
  const turned =
    task.spec.enabled === enabled ? task : { ...task, spec: { ...task.spec, enabled }, version: task.version + 1 };
  const steps = enabled ? restart(turned, nextStamp) : stop(turned, nextStamp);
  if (steps.length > 0) return steps;
  // A given-up task that is switched off stays stopped; the switch alone is what changed.
  const step = applyChange(task, { enabled }, nextStamp());
  return step ? [step] : [];
}

const stop = (task: Task, nextStamp: NextStamp): readonly Step[] =>
  stepsAfter(task, { type: 'stopped', cause: 'user', reason: 'paused' }, nextStamp);

const restart = (task: Task, nextStamp: NextStamp): readonly Step[] =>
  task.status === 'stopped' ? stepsAfter(task, { type: 'restarted', cause: 'user', reason: 'enabled' }, nextStamp) : [];
