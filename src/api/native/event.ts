import type { LoggedEvent } from '../../control/history.ts';
import type { Cause, Event, EventDetail, EventType } from '../../task/event.ts';
import type { Status } from '../../task/status.ts';

/** The address without anything secret. */
export type Redact = (url: string) => string;

/** Names of the model are camelCase, those of this dialect snake_case: `source.endAt` is `source.end_at`. */
export const snake = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

export const printTime = (at: number): string => new Date(at).toISOString();

export const printTimeOrNull = (at: number | null): string | null => (at === null ? null : printTime(at));

/** Each once: the compiler sees to it that none is forgotten. */
const TYPES: Readonly<Record<EventType, true>> = {
  claimed: true,
  flowing: true,
  broke: true,
  gaveUp: true,
  finished: true,
  stopped: true,
  restarted: true,
  expired: true,
  deleted: true,
  created: true,
  changed: true,
  moved: true,
  itemStarted: true,
  itemFinished: true,
  alarm: true,
};
const CAUSES: Readonly<Record<Cause, true>> = {
  user: true,
  schedule: true,
  run: true,
  source: true,
  destination: true,
  system: true,
};
const STATUSES: Readonly<Record<Status, true>> = {
  scheduled: true,
  running: true,
  recovering: true,
  stopped: true,
  exited: true,
};

const wordsOf = <Word extends string>(known: Readonly<Record<Word, true>>): ReadonlyMap<string, Word> =>
  new Map((Object.keys(known) as Word[]).map(word => [snake(word), word]));

/** The words of this dialect and what they mean in the model. */
export const EVENT_TYPES = wordsOf(TYPES);
export const EVENT_CAUSES = wordsOf(CAUSES);
export const EVENT_STATUSES = wordsOf(STATUSES);

export interface PrintedEvent {
  readonly id: string;
  readonly task_id: string;
  readonly project_id: string;
  readonly seq: number;
  readonly type: string;
  readonly time: string;
  readonly cause: Cause;
  readonly from: Status;
  readonly to: Status;
  readonly reason: string;
  readonly epoch: number;
  readonly push_epoch: number;
  readonly position: { readonly round: number; readonly index: number; readonly offset_ms: number } | null;
  readonly version: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface LoggedAsPrinted extends PrintedEvent {
  readonly cursor: string;
}

/** An event in the log, which has a place among those of all tasks. */
export function printLogged(event: LoggedEvent, redact: Redact): LoggedAsPrinted {
  const { id, ...rest } = printEvent(event, { projectId: event.projectId, redact });
  return { id, cursor: String(event.n), ...rest };
}

export function printEvent(
  event: Event,
  { projectId, redact }: { readonly projectId: string; readonly redact: Redact },
): PrintedEvent {
  const { position } = event;
  return {
    id: event.id,
    task_id: event.taskId,
    project_id: projectId,
    seq: event.seq,
    type: snake(event.type),
    time: printTime(event.at),
    cause: event.cause,
    from: event.from,
    to: event.to,
    reason: event.reason,
    epoch: event.epoch,
    push_epoch: event.pushEpoch,
    position: position && { round: position.round, index: position.index, offset_ms: position.offsetMs },
    version: event.version,
    detail: printDetail(event.detail, redact),
  };
}

function printDetail(detail: EventDetail, redact: Redact): Readonly<Record<string, unknown>> {
  const { changed, url } = detail;
  const told = {
    ...detail,
    ...(changed === undefined ? {} : { changed: changed.map(snake) }),
    ...(url === undefined ? {} : { url: redact(url) }),
  };
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [snake(name), value]));
}
