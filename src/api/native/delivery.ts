import type { DeliveryState, Endpoint, LoggedDelivery } from '../../control/history.ts';
import { printTime, printTimeOrNull, type Redact, snake } from './event.ts';
import type { DeliveryWithBody, PrintedDelivery, PrintedEndpoint } from './log-schema.ts';

const STATES: Readonly<Record<DeliveryState, true>> = { waiting: true, delivered: true, dead: true };
export const DELIVERY_STATES: ReadonlyMap<string, DeliveryState> = new Map(
  (Object.keys(STATES) as DeliveryState[]).map(state => [state, state]),
);

/** What it is signed with is nobody's business, its owner's included: it was told elsewhere. */
export const printDelivery = (delivery: LoggedDelivery, redact: Redact): PrintedDelivery => ({
  id: delivery.id,
  cursor: String(delivery.n),
  task_id: delivery.taskId,
  project_id: delivery.projectId,
  event_id: delivery.eventId,
  event_type: snake(delivery.eventType),
  seq: delivery.seq,
  dialect: delivery.dialect,
  endpoint: delivery.endpoint,
  url: redact(delivery.url),
  state: delivery.state,
  attempts: delivery.attempts,
  next_attempt_at: delivery.state === 'waiting' ? printTime(delivery.nextAt) : null,
  last_error: delivery.lastError,
  created_at: printTime(delivery.createdAt),
  settled_at: printTimeOrNull(delivery.settledAt),
  log: delivery.log.map(({ at, tookMs, status, error }) => ({ at: printTime(at), took_ms: tookMs, status, error })),
});

export const printWithBody = (delivery: LoggedDelivery, redact: Redact): DeliveryWithBody => ({
  ...printDelivery(delivery, redact),
  content_type: delivery.contentType,
  body: delivery.body,
});

export const printEndpoint = (endpoint: Endpoint, redact: Redact): PrintedEndpoint => ({
  id: endpoint.id,
  url: redact(endpoint.url),
  failing_since: printTime(endpoint.failingSince),
  paused_at: printTimeOrNull(endpoint.pausedAt),
  last_error: endpoint.lastError,
});
