import type { Destination, ListSource, LiveSource, Task, TaskChange, TaskWish } from '../client/task-words.ts';

/** A task in a file: what its owner wants, without what is so where nothing is said. */
export interface WrittenTask extends Omit<TaskWish, 'project_id'> {
  /** By its name. */
  readonly project?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** In the order in which they are written. */
export const TASK_FIELDS = [
  ...(['id', 'project', 'name', 'tags', 'region', 'source', 'standby', 'destination', 'start_at', 'end_at'] as const),
  ...(['enabled', 'callback', 'retry', 'delay_s', 'slate'] as const),
] as const;

/** What stands where a file says nothing. Region and start have no such value: they stay, or are chosen by the node. */
const USUAL: Fields = {
  name: '',
  tags: [],
  standby: [],
  end_at: null,
  enabled: true,
  callback: null,
  retry: null,
  delay_s: null,
  slate: null,
};

const USUAL_LIST: Fields = {
  rounds: 1,
  start_index: 0,
  start_s: 0,
  boundary: 'inline',
  silence: false,
  on_change: 'breakpoint',
};

/** The task as a file has it, always with its fields in the same order. */
export function written(task: Task, project: string | undefined): WrittenTask {
  const { source, destination, callback } = task;
  const all: Fields = {
    ...task,
    project,
    source: source.kind === 'live' ? source : { kind: source.kind, items: source.items, ...listFields(source) },
    destination: writtenDestination(destination),
    callback: callback && { url: callback.url, ...(callback.events?.length ? { events: callback.events } : {}) },
  };
  const fields = TASK_FIELDS.filter(name => all[name] !== undefined && !isSame(all[name], USUAL[name]));
  return inOrder(all, fields) as unknown as WrittenTask;
}

function listFields(source: ListSource): Fields {
  const all: Fields = { ...source };
  return inOrder(
    all,
    Object.keys(USUAL_LIST).filter(name => all[name] !== undefined && !isSame(all[name], USUAL_LIST[name])),
  );
}

/** An empty query is none. */
function writtenDestination(destination: Destination): Destination {
  if (destination.kind === 'url') return destination;
  const { kind, domain, app, stream, args = '', tls } = destination;
  return { kind, domain, app, stream, ...(args === '' ? {} : { args }), ...(tls === undefined ? {} : { tls }) };
}

const inOrder = (all: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(names.map(name => [name, all[name]]));

/** The wish of a file with nothing left out, as a node is to be told. */
export function wholeWish(task: WrittenTask, projectId: string | undefined): TaskWish {
  const { project: _, ...wish } = task;
  return {
    ...USUAL,
    ...wish,
    source: wholeSource(task.source),
    ...(projectId === undefined ? {} : { project_id: projectId }),
  };
}

const wholeSource = (source: LiveSource | ListSource): LiveSource | ListSource =>
  source.kind === 'list' ? { ...USUAL_LIST, ...source } : source;

/** What of a task that stands is to be otherwise. */
export interface Difference {
  readonly change: TaskChange;
  /** Fields that no change can carry. */
  readonly fixed: readonly string[];
}

const CHANGEABLE = TASK_FIELDS.filter(name => !['id', 'project', 'destination'].includes(name));

export function differenceOf(standing: Task, wanted: WrittenTask): Difference {
  const before = comparable(wholeWish(written(standing, undefined), undefined));
  const wish = wholeWish(wanted, undefined);
  const after = comparable(wish);
  const differs = (name: string) => after[name] !== undefined && !isSame(before[name], after[name]);
  const fields: Fields = { ...wish };
  return {
    change: inOrder(fields, CHANGEABLE.filter(differs)),
    fixed: [
      ...(differs('destination') ? ['destination'] : []),
      ...(standing.source.kind === wish.source?.kind ? [] : ['source.kind']),
    ],
  };
}

/** With one form for what can be written in several. */
function comparable(wish: TaskWish): Fields {
  const { destination, start_at, end_at, callback } = wish;
  return {
    ...wish,
    start_at: start_at === undefined ? undefined : moment(start_at),
    end_at: moment(end_at),
    destination: destination?.kind === 'ingest' ? lowered(writtenDestination(destination)) : destination,
    callback: callback && { ...callback, events: callback.events ?? [] },
  };
}

const lowered = (destination: Destination): Destination =>
  destination.kind === 'ingest' ? { ...destination, domain: String(destination.domain).toLowerCase() } : destination;

/** Times with any offset and any number of decimals are the same moment. What is none is left to the node to refuse. */
function moment(time: unknown): unknown {
  const at = typeof time === 'string' ? Date.parse(time) : typeof time === 'number' ? time : Number.NaN;
  return Number.isNaN(at) ? time : at;
}

/** Whether it has come to its end, so that nothing can be done with it any more. */
export const isOver = ({ end_at: end }: Pick<TaskWish, 'end_at'>, now: number): boolean => {
  const at = moment(end);
  return typeof at === 'number' && at <= now;
};

/** Of data: texts, numbers, switches, in lists and in objects whose order does not count. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [new Map(Object.entries(one)), new Map(Object.entries(other))];
  return left.size === right.size && [...left].every(([name, value]) => isSame(value, right.get(name)));
}
