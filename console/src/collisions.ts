import type { Draft } from './draft.ts';
import type { Destination, Task } from './model.ts';
import { destinationText } from './parts/addresses.tsx';

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

const draftSpan = ({ starts, startAt, ends, endAt }: Draft): Span => ({
  from: starts === 'now' ? Date.now() : Date.parse(startAt),
  to: ends === 'never' ? Number.POSITIVE_INFINITY : Date.parse(endAt),
});

const draftDestination = ({ to, destination, domain, app, stream }: Draft): Destination =>
  to === 'url' ? { kind: 'url', url: destination.trim() } : { kind: 'ingest', domain, app, stream };

/** Tasks that push to the same name at the same time. What is masked is compared as far as it is shown. */
export function collisionsOf(draft: Draft, tasks: readonly Task[], own: string | undefined): readonly Task[] {
  const wanted = draftDestination(draft);
  const text = destinationText(wanted);
  if (text === '' || text === '//') return [];
  const span = draftSpan(draft);
  return tasks.filter(
    task =>
      task.id !== own &&
      task.enabled &&
      task.status.word !== 'exited' &&
      mayBeSame(destinationText(task.destination), text) &&
      overlaps(span, spanOf(task)),
  );
}

/** `rtmp://host/live/ab***` may be `rtmp://host/live/abcdef`. */
function mayBeSame(shown: string, typed: string): boolean {
  const [head = ''] = shown.split('*');
  return head === shown ? shown === typed : head.length > 0 && typed.startsWith(head);
}
