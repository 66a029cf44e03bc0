import Type, { type StaticDecode } from 'typebox';
import type { DeliveryQuery, EventQuery, LogPage } from '../../control/history.ts';
import { DELIVERY_STATES } from './delivery.ts';
import { type BrokenRule, invalid } from './error.ts';
import { EVENT_CAUSES, EVENT_STATUSES, EVENT_TYPES } from './event.ts';
import { anyOf, cursor, id, integer, text, time, words } from './params.ts';
import { oneOf } from './schema.ts';

const MOST_LISTED = 1_000;
const DEFAULT_LISTED = 100;
const MOST_SEQ = Number.MAX_SAFE_INTEGER;
const DAY_S = 86_400;
const MOST_OVERLAP_S = 30 * DAY_S;
const MOST_URL = 2_048;

const projectId = text(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"');

export const PAGE = { limit: integer(1, MOST_LISTED), after: cursor, before: cursor };
export const SPAN = { since: time, until: time };
export const EVENTS_BY = {
  task_id: id,
  project_id: projectId,
  type: words(EVENT_TYPES),
  cause: words(EVENT_CAUSES),
  status: words(EVENT_STATUSES),
};
export const EVENTS = anyOf({ ...EVENTS_BY, ...SPAN, ...PAGE });
export const STREAMED = anyOf({ ...EVENTS_BY, after: cursor });
export const EVENTS_BEHIND = anyOf({ after: integer(0, MOST_SEQ), limit: integer(1, MOST_LISTED) });
const DELIVERIES_BY = {
  task_id: id,
  project_id: projectId,
  event_id: id,
  endpoint: id,
  state: words(DELIVERY_STATES),
};
export const DELIVERIES = anyOf({ ...DELIVERIES_BY, ...SPAN, ...PAGE });
export const REDELIVER = Type.Object(
  {
    since: time,
    until: Type.Optional(time),
    task_id: Type.Optional(id),
    endpoint: Type.Optional(id),
    states: Type.Optional(words(DELIVERY_STATES)),
  },
  { additionalProperties: false },
);
const address = text(new RegExp(`^[^]{1,${MOST_URL}}$`), `must have at most ${MOST_URL} characters`);
export const TEST = anyOf({ url: address, task_id: id });
export const PROBE = Type.Object(
  { url: address, as: Type.Optional(oneOf('source', 'destination')) },
  { additionalProperties: false },
);
export const ROTATE = anyOf({ overlap_s: integer(0, MOST_OVERLAP_S) });

interface PageWish {
  readonly limit?: number | undefined;
  readonly after?: number | undefined;
  readonly before?: number | undefined;
}

export interface Span {
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

export type TestWish = StaticDecode<typeof TEST>;

export const limitOf = ({ limit = DEFAULT_LISTED }: Pick<PageWish, 'limit'>): number => limit;

export function pageOf({ limit, after, before }: PageWish): LogPage {
  if (after !== undefined && before !== undefined) refuse('before', 'must not stand beside after');
  return { limit: limitOf({ ...(limit === undefined ? {} : { limit }) }), after, before };
}

export function spanOf({ since, until }: Span): Span {
  if (since !== undefined && until !== undefined && until <= since) refuse('until', 'must be behind since');
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}

export const eventQueryOf = ({
  task_id,
  project_id,
  type,
  cause,
  status,
}: StaticDecode<typeof STREAMED>): EventQuery => ({
  taskId: task_id,
  projectId: project_id,
  types: type,
  causes: cause,
  to: status,
});

export const deliveryQueryOf = ({
  task_id,
  project_id,
  event_id,
  endpoint,
  state,
}: StaticDecode<typeof DELIVERIES>): DeliveryQuery => ({
  taskId: task_id,
  projectId: project_id,
  eventId: event_id,
  endpoint,
  states: state,
});

export function refuse(field: BrokenRule['field'], rule: BrokenRule['rule']): never {
  throw invalid([{ field, rule }]);
}
