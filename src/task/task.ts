import { alarmAfter, isAboutCallback, type OpenAlarm } from './alarm.ts';
import type { Cause, Event, EventDetail, EventType, Occurrence } from './event.ts';
import type { Breakpoint, Cursor } from './playlist.ts';
import { changedFields, mergeSpec, type SpecChange, type TaskSpec } from './spec.ts';
import { nextStatus, type Status } from './status.ts';

/** The stored wish: what to pull, where to push, when, how to retry, whom to tell. */
export interface Task {
  readonly id: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly spec: TaskSpec;
  readonly status: Status;
  /** Why it is stopped, exited or recovering; one sentence, else "". */
  readonly reason: string;
  /** The event type that last moved the status: tells a pause from a give-up where both are `stopped`. */
  readonly movedBy: EventType;
  /** And whose doing that was: tells which side failed. */
  readonly cause: Cause;
  /** The number of the current claim. News from an older epoch is not heard. */
  readonly epoch: number;
  /** The node whose run may still be on air: nobody else may act for the task. "" where there is none. */
  readonly node: string;
  /** Push sessions opened under the current claim, as far as they have been told. */
  readonly pushEpoch: number;
  /** The last event's number. */
  readonly seq: number;
  /** Counts changes of the spec. */
  readonly version: number;
  /**
   * Counts what takes a list out of its course: another list, another start, a restart. A break point of another one is
   * a place that the list's refresh rule has to find again.
   */
  readonly listVersion: number;
  /** Of a list: where its owner has moved the present version of it; null where that was not. */
  readonly jump: Cursor | null;
  /** Of a list: what the destination accepted last, as far as it is known here. */
  readonly breakpoint: Breakpoint | null;
  /** What has been raised and is not over; empty once the task is stopped or has exited. */
  readonly alarms: readonly OpenAlarm[];
  readonly createdAt: number;
  /** Since when it has its present status. */
  readonly movedAt: number;
  /** Wall time of the first `flowing` in this activation; null before. */
  readonly startedAt: number | null;
  readonly exitedAt: number | null;
}

/** A task as it is after an event, with that event. */
export interface Step {
  readonly task: Task;
  readonly event: Event;
}

/** What the outside gives each step: the wall time and the new event's id. */
export interface Stamp {
  readonly now: number;
  readonly eventId: string;
}

export interface TaskSeed extends Stamp {
  readonly id: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly spec: TaskSpec;
}

/** A fresh task: scheduled, or stopped when its user made it switched off. */
export function newTask(seed: TaskSeed): Step {
  const { id, accountId, projectId, spec, now, eventId } = seed;
  const status: Status = spec.enabled ? 'scheduled' : 'stopped';
  const task: Task = {
    id,
    accountId,
    projectId,
    spec,
    status,
    reason: '',
    movedBy: 'created',
    cause: 'user',
    epoch: 0,
    node: '',
    pushEpoch: 0,
    seq: 1,
    version: 1,
    listVersion: 1,
    jump: null,
    breakpoint: null,
    alarms: [],
    createdAt: now,
    movedAt: now,
    startedAt: null,
    exitedAt: null,
  };
  const event: Event = {
    id: eventId,
    taskId: id,
    seq: 1,
    type: 'created',
    at: now,
    epoch: 0,
    pushEpoch: 0,
    position: null,
    version: 1,
    cause: 'user',
    from: status,
    to: status,
    reason: '',
    detail: {},
  };
  return { task, event };
}

/** The types that begin a new claim: whatever an older run still says is refused from then on. */
const raisesEpoch = (type: EventType): boolean => type === 'claimed' || type === 'restarted';

/** The types that are told without moving a status; the others are the columns of the status table. */
const movesStatus = (type: EventType): boolean =>
  type !== 'changed' && type !== 'moved' && type !== 'itemStarted' && type !== 'itemFinished' && type !== 'alarm';

/**
 * The task after what somebody saw, or undefined when that is no news: no cell in the status table, or told by a run
 * of another epoch than the current one.
 */
export function apply(task: Task, occurrence: Occurrence, stamp: Stamp): Step | undefined {
  const to = nextStatus(task.status, occurrence.type);
  if (to === undefined) return undefined;
  if (occurrence.epoch !== undefined && occurrence.epoch !== task.epoch) return undefined;
  // An exited task has one cell left, `deleted`, and it is news once.
  if (task.status === 'exited' && task.movedBy === 'deleted') return undefined;

  if (occurrence.type === 'alarm') return raise(task, to, occurrence, stamp);
  const told = tell(task, to, occurrence, stamp);
  return movesStatus(occurrence.type) ? { ...told, task: move(told.task, to, occurrence, stamp.now) } : told;
}

/**
 * All steps that an occurrence leads to: whatever ends a task ends its alarms first, so that the end is told last.
 * Empty when it is no news.
 */
export function stepsAfter(task: Task, occurrence: Occurrence, nextStamp: () => Stamp): readonly Step[] {
  const step = apply(task, occurrence, nextStamp());
  if (step === undefined) return [];
  const ends = step.event.to === 'stopped' || step.event.to === 'exited';
  if (!ends || task.alarms.length === 0) return [step];
  const { cause } = occurrence;
  const over = task.alarms.map(({ alarm }): Occurrence => {
    return { type: 'alarm', cause, reason: 'the task has ended', detail: { alarm, set: false } };
  });
  return stepsOf(task, [...over, occurrence], nextStamp);
}

/** The steps of one occurrence after the other; those that are no news are passed over. */
export function stepsOf(task: Task, occurrences: readonly Occurrence[], nextStamp: () => Stamp): readonly Step[] {
  const steps: Step[] = [];
  for (const occurrence of occurrences) {
    const step = apply(steps.at(-1)?.task ?? task, occurrence, nextStamp());
    if (step) steps.push(step);
  }
  return steps;
}

function raise(task: Task, to: Status, occurrence: Occurrence, stamp: Stamp): Step | undefined {
  const after = alarmAfter(task.alarms, occurrence.detail ?? {}, stamp.eventId);
  if (after === undefined) return undefined;
  const told = tell(task, to, { ...occurrence, detail: after.detail }, stamp);
  return { ...told, task: { ...told.task, alarms: after.open } };
}

/** Numbers the event and counts it in the task; nothing else of the task changes but the epochs. */
function tell(task: Task, to: Status, occurrence: Occurrence, { now, eventId }: Stamp): Step {
  const { type, cause, reason } = occurrence;
  const seq = task.seq + 1;
  const epoch = raisesEpoch(type) ? task.epoch + 1 : task.epoch;
  const pushEpoch = occurrence.pushEpoch ?? (raisesEpoch(type) ? 0 : task.pushEpoch);
  const event: Event = {
    id: eventId,
    taskId: task.id,
    seq,
    type,
    at: now,
    epoch,
    pushEpoch,
    position: positionOf(task, occurrence),
    version: task.version,
    cause,
    from: task.status,
    to,
    reason,
    detail: detailOf(task, occurrence),
  };
  const node = occurrence.node ?? task.node;
  return { task: { ...task, seq, epoch, node, pushEpoch }, event };
}

function positionOf({ breakpoint }: Task, { position }: Occurrence): Cursor | null {
  const place = position ?? breakpoint;
  if (place === null) return null;
  const { round, index, offsetMs, repeat } = place;
  return { round, index, offsetMs, ...(repeat === undefined ? {} : { repeat }) };
}

const detailOf = (task: Task, { type, detail = {} }: Occurrence): EventDetail =>
  type === 'flowing' && task.startedAt === null ? { ...detail, first: true } : detail;

const move = (task: Task, to: Status, { type, cause, reason }: Occurrence, now: number): Task => ({
  ...task,
  status: to,
  reason: to === 'running' || to === 'scheduled' ? '' : reason,
  movedBy: type,
  cause,
  movedAt: to === task.status ? task.movedAt : now,
  startedAt: startedAtAfter(task, type, now),
  exitedAt: to === 'exited' ? (task.exitedAt ?? now) : null,
  ...(type === 'restarted' ? courseOfRestart(task) : {}),
});

/** A list that was played to its end begins anew, wherever its last run stood. */
const courseOfRestart = ({
  listVersion,
  breakpoint,
  movedBy,
}: Task): Pick<Task, 'listVersion' | 'jump' | 'breakpoint'> => ({
  listVersion: listVersion + 1,
  jump: null,
  breakpoint: movedBy === 'finished' ? null : breakpoint,
});

function startedAtAfter(task: Task, type: EventType, now: number): number | null {
  if (type === 'restarted') return null;
  return type === 'flowing' ? (task.startedAt ?? now) : task.startedAt;
}

/**
 * The task with the patch merged into its spec, one version on, and the `changed` event that names the fields.
 * Undefined when every field already has the wanted value, or the task has exited.
 */
export function applyChange(task: Task, patch: SpecChange, stamp: Stamp): Step | undefined {
  const spec = mergeSpec(task.spec, patch);
  const changed = changedFields(task.spec, spec);
  if (changed.length === 0) return undefined;
  const step = apply(task, { type: 'changed', cause: 'user', reason: '', detail: { changed } }, stamp);
  const version = task.version + 1;
  const course = changed.some(field => COURSE_FIELDS.has(field))
    ? { listVersion: task.listVersion + 1, jump: null }
    : {};
  return step && { task: { ...step.task, spec, version, ...course }, event: { ...step.event, version } };
}

/** The task with its list moved to that place, and the event that tells it; undefined where there is nothing to move. */
export function applyJump(task: Task, to: Cursor, stamp: Stamp): Step | undefined {
  const { index, round } = to;
  const occurrence = { type: 'moved', cause: 'user', reason: '', position: to, detail: { index, round } } as const;
  const step = apply(task, occurrence, stamp);
  return step && { ...step, task: { ...step.task, jump: to, listVersion: task.listVersion + 1 } };
}

/** The same with what follows from it: what was wrong with a receiver is over for who has another one. */
export function stepsAfterChange(task: Task, patch: SpecChange, nextStamp: () => Stamp): readonly Step[] {
  const step = applyChange(task, patch, nextStamp());
  if (step === undefined) return [];
  if (task.spec.callback?.url === step.task.spec.callback?.url) return [step];
  const over = step.task.alarms.filter(isAboutCallback).map(({ alarm }): Occurrence => {
    return { type: 'alarm', cause: 'user', reason: 'callbacks go elsewhere', detail: { alarm, set: false } };
  });
  return [step, ...stepsOf(step.task, over, nextStamp)];
}

const COURSE_FIELDS: ReadonlySet<string> = new Set(['source.items', 'source.startIndex', 'source.startSeconds']);
