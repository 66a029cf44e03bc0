import type { Draft } from './draft.ts';
import type { Task } from './model.ts';

/** From when until when a task wants to be on air, in milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export const spanOf = ({ start_at: startAt, end_at: endAt }: Pick<Task, 'start_at' | 'end_at'>): Span => ({
  from: startAt === null ? Number.NEGATIVE_INFINITY : Date.parse(startAt),
  to: endAt === null ? Number.POSITIVE_INFINITY : Date.parse(endAt),
});

export const overlaps = (one: Span, other: Span): boolean => one.from < other.to && other.from < one.to;

/** What tells one destination from another; undefined where that is not known. */
export type PlaceOf = (task: Task) => string | undefined;

const draftSpan = ({ starts, startAt, ends, endAt }: Draft): Span => ({
  from: starts === 'now' ? Date.now() : Date.parse(startAt),
  to: ends === 'never' ? Number.POSITIVE_INFINITY : Date.parse(endAt),
});

const draftPlace = ({ to, destination, domain, app, stream }: Draft): string =>
  to === 'url' ? destination.trim() : `${domain}/${app}/${stream}`;

export interface Others {
  readonly tasks: readonly Task[];
  readonly placeOf: PlaceOf;
  /** The task that is being changed. */
  readonly own: string | undefined;
}

/** Tasks that push to the same name at the same time. */
export function collisionsOf(draft: Draft, { tasks, placeOf, own }: Others): readonly Task[] {
  const place = draftPlace(draft);
  if (place === '' || place === '//') return [];
  const span = draftSpan(draft);
  return tasks.filter(
    task => task.id !== own && wantsAir(task) && placeOf(task) === place && overlaps(span, spanOf(task)),
  );
}

export const wantsAir = ({ enabled, status }: Task): boolean => enabled && status.word !== 'exited';
