import type { EventType } from '../task/event.ts';
import { changedFields, type TaskSpec } from '../task/spec.ts';
import type { Step, Task } from '../task/task.ts';
import { entryOf, MASKED, type Noted, type NotesOptions } from './notes.ts';

/** How an address may be seen by others. */
export type Redact = (url: string) => string;

export interface TaskAuditOptions extends Omit<NotesOptions, 'store'> {
  readonly redact: Redact;
}

/** What a user does to a task, by the event that it gave rise to. */
const VERBS: { readonly [type in EventType]?: string } = {
  created: 'create',
  stopped: 'stop',
  restarted: 'start',
  deleted: 'delete',
  moved: 'move',
};

/** What one call did to a task. */
export function taskEntry(before: Task | undefined, steps: readonly Step[], options: TaskAuditOptions) {
  const after = steps.at(-1)?.task;
  if (after === undefined) return [];
  const { id, accountId, projectId } = after;
  const action = `task.${verbOf(steps)}`;
  const sides = before === undefined ? ofNew(after, options.redact) : ofChange(before, after, options.redact);
  return [entryOf({ accountId, projectId, action, target: id, ...sides }, options)];
}

/** A change of more than its switch is told as one. */
function verbOf(steps: readonly Step[]): string {
  const types = steps.map(({ event }) => event.type);
  if (types.includes('changed')) return 'change';
  return types.map(type => VERBS[type]).findLast(verb => verb !== undefined) ?? 'change';
}

type Sides = Pick<Noted, 'before' | 'after'>;

function ofNew({ spec }: Task, redact: Redact): Sides {
  const { dialect, name, region, source, destination, startAt, endAt } = spec;
  return { after: shownFields({ dialect, name, region, source, destination, startAt, endAt }, redact) };
}

function ofChange(before: Task, after: Task, redact: Redact): Sides {
  const fields = changedFields(before.spec, after.spec);
  const sideOf = (spec: TaskSpec) =>
    shownFields(Object.fromEntries(fields.map(field => [field, fieldAt(spec, field)])), redact);
  return mark(fields, { before: sideOf(before.spec), after: sideOf(after.spec) });
}

/** What differs in what is masked only would look the same. */
function mark(fields: readonly string[], sides: Required<Sides>): Sides {
  const same = fields.filter(field => JSON.stringify(sides.before[field]) === JSON.stringify(sides.after[field]));
  const marked = Object.fromEntries(same.map(field => [field, { masked: sides.after[field], differs: true }]));
  return { before: sides.before, after: { ...sides.after, ...marked } };
}

/** By the dotted name that `changedFields` gives it. */
const fieldAt = (spec: TaskSpec, field: string): unknown =>
  field.split('.').reduce<unknown>((value, name) => (isRecord(value) ? value[name] : undefined), spec);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** What may hold a password, a signature or the name of a stream, which is a key to whoever knows it. */
const SECRETS: ReadonlySet<string> = new Set(['key', 'args', 'stream', 'password', 'user']);
const MOST_TEXT = 500;
const MOST_LISTED = 50;

const shownFields = (fields: Readonly<Record<string, unknown>>, redact: Redact): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shownOf(name, value, redact)]));

function shownOf(name: string, value: unknown, redact: Redact): unknown {
  const last = name.slice(name.lastIndexOf('.') + 1);
  if (SECRETS.has(last) || name.startsWith('echo.')) return isEmpty(value) ? value : MASKED;
  if (typeof value === 'string') return value.includes('://') ? redact(value) : value.slice(0, MOST_TEXT);
  if (Array.isArray(value)) return value.slice(0, MOST_LISTED).map(it => shownOf('', it, redact));
  return isRecord(value) ? shownFields(value, redact) : value;
}

const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === '';
