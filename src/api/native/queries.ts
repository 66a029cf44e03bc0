import type { DeliveryQuery, DeliveryState, EventQuery, LogPage } from '../../control/history.ts';
import { isProjectId } from '../../task/account.ts';
import type { Cause, EventType } from '../../task/event.ts';
import type { Status } from '../../task/status.ts';
import { DELIVERY_STATES } from './delivery.ts';
import { type BrokenRule, invalid } from './error.ts';
import { EVENT_CAUSES, EVENT_STATUSES, EVENT_TYPES } from './event.ts';
import { cursor, type Field, id, integer, type Shape, single, text, time, words } from './params.ts';
import type { ProbedAs } from './probe.ts';

const MOST_LISTED = 1_000;
const DEFAULT_LISTED = 100;
const MOST_SEQ = Number.MAX_SAFE_INTEGER;
const DAY_S = 86_400;
const MOST_OVERLAP_S = 30 * DAY_S;
const MOST_URL = 2_048;

const projectId: Field<string> = single('must be 1 to 64 letters, digits, "-" or "_"', given =>
  isProjectId(given) ? given : undefined,
);

export interface PageWish {
  readonly limit?: number;
  readonly after?: number;
  readonly before?: number;
}

export interface Span {
  readonly since?: number;
  readonly until?: number;
}

export interface EventWish {
  readonly task_id?: string;
  readonly project_id?: string;
  readonly type?: readonly EventType[];
  readonly cause?: readonly Cause[];
  readonly status?: readonly Status[];
}

export interface DeliveryWish {
  readonly task_id?: string;
  readonly project_id?: string;
  readonly event_id?: string;
  readonly endpoint?: string;
  readonly state?: readonly DeliveryState[];
}

export interface RedeliverWish extends Span {
  readonly task_id?: string;
  readonly endpoint?: string;
  readonly states?: readonly DeliveryState[];
}

export interface TestWish {
  readonly url?: string;
  readonly task_id?: string;
}

export const PAGE: Shape<PageWish> = { limit: integer(1, MOST_LISTED), after: cursor, before: cursor };
export const SPAN: Shape<Span> = { since: time, until: time };
export const EVENTS_BY: Shape<EventWish> = {
  task_id: id,
  project_id: projectId,
  type: words(EVENT_TYPES),
  cause: words(EVENT_CAUSES),
  status: words(EVENT_STATUSES),
};
export const STREAMED_FROM: Shape<{ readonly after?: number }> = { after: cursor };
export const EVENTS_BEHIND: Shape<{ readonly after?: number; readonly limit?: number }> = {
  after: integer(0, MOST_SEQ),
  limit: integer(1, MOST_LISTED),
};
export const DELIVERIES_BY: Shape<DeliveryWish> = {
  task_id: id,
  project_id: projectId,
  event_id: id,
  endpoint: id,
  state: words(DELIVERY_STATES),
};
export const REDELIVER: Shape<RedeliverWish> = {
  ...SPAN,
  task_id: id,
  endpoint: id,
  states: words(DELIVERY_STATES),
};
export const TEST: Shape<TestWish> = {
  url: text(new RegExp(`^.{1,${MOST_URL}}$`, 'su'), `must have at most ${MOST_URL} characters`),
  task_id: id,
};
export const PROBE: Shape<{ readonly url?: string; readonly as?: readonly ProbedAs[] }> = {
  url: TEST.url,
  as: {
    ...words(
      new Map<string, ProbedAs>([
        ['source', 'source'],
        ['destination', 'destination'],
      ]),
    ),
    repeats: false,
  },
};
export const ROTATE: Shape<{ readonly overlap_s?: number }> = { overlap_s: integer(0, MOST_OVERLAP_S) };

export const limitOf = ({ limit = DEFAULT_LISTED }: Pick<PageWish, 'limit'>): number => limit;

export function pageOf({ limit, after, before }: PageWish): LogPage {
  if (after !== undefined && before !== undefined) refuse('before', 'must not stand beside after');
  return { limit: limitOf({ ...(limit === undefined ? {} : { limit }) }), after, before };
}

export function spanOf({ since, until }: Span): Span {
  if (since !== undefined && until !== undefined && until <= since) refuse('until', 'must be behind since');
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}

export const eventQueryOf = ({ task_id, project_id, type, cause, status }: EventWish): EventQuery => ({
  taskId: task_id,
  projectId: project_id,
  types: type,
  causes: cause,
  to: status,
});

export const deliveryQueryOf = ({ task_id, project_id, event_id, endpoint, state }: DeliveryWish): DeliveryQuery => ({
  taskId: task_id,
  projectId: project_id,
  eventId: event_id,
  endpoint,
  states: state,
});

export function refuse(field: BrokenRule['field'], rule: BrokenRule['rule']): never {
  throw invalid([{ field, rule }]);
}
