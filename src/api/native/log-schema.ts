import Type, { type Static } from 'typebox';
import { oneOf, orNull, strict } from './schema.ts';

/** What has happened and who was told of it, as this dialect prints it. */

const moment = Type.String({ format: 'date-time' });
const count = Type.Integer({ minimum: 0 });
const status = oneOf('scheduled', 'running', 'recovering', 'stopped', 'exited');
const attempts = Type.Array(
  strict({ at: moment, took_ms: count, status: orNull(Type.Integer()), error: Type.String() }),
);

export const EVENT = strict(
  {
    id: Type.String(),
    cursor: Type.String(),
    task_id: Type.String(),
    project_id: Type.String(),
    seq: count,
    type: Type.String(),
    time: moment,
    cause: oneOf('user', 'schedule', 'run', 'source', 'destination', 'system'),
    from: status,
    to: status,
    reason: Type.String(),
    epoch: count,
    push_epoch: count,
    position: orNull(strict({ round: count, index: count, offset_ms: Type.Number() })),
    version: count,
    detail: Type.Record(Type.String(), Type.Unknown()),
  },
  'Event',
);

const delivery = {
  id: Type.String(),
  cursor: Type.String(),
  task_id: Type.String(),
  project_id: Type.String(),
  event_id: Type.String(),
  event_type: Type.String(),
  seq: count,
  dialect: Type.String(),
  endpoint: Type.String(),
  url: Type.String(),
  state: oneOf('waiting', 'delivered', 'dead'),
  attempts: count,
  next_attempt_at: orNull(moment),
  last_error: Type.String(),
  created_at: moment,
  settled_at: orNull(moment),
  log: attempts,
};

export const DELIVERY = strict(delivery, 'Delivery');
export const DELIVERY_WITH_BODY = strict(
  { ...delivery, content_type: Type.String(), body: Type.String() },
  'DeliveryWithBody',
);

export const ENDPOINT = strict(
  {
    id: Type.String(),
    url: Type.String(),
    failing_since: moment,
    paused_at: orNull(moment),
    last_error: Type.String(),
  },
  'Endpoint',
);

export const EVENT_LIST = strict({ events: Type.Array(EVENT), next: orNull(Type.String()) }, 'EventList');
export const TASK_EVENT_LIST = strict({ events: Type.Array(EVENT), next_seq: orNull(count) }, 'TaskEventList');
export const DELIVERY_LIST = strict({ deliveries: Type.Array(DELIVERY), next: orNull(Type.String()) }, 'DeliveryList');
export const REDELIVERED = strict({ redelivered: count });
export const ENDPOINT_LIST = strict({ endpoints: Type.Array(ENDPOINT) }, 'EndpointList');
export const RESUMED = strict({ resumed: Type.Literal(true) });
export const TEST_OUTCOME = strict(
  {
    delivered: Type.Boolean(),
    status: orNull(Type.Integer()),
    took_ms: Type.Number(),
    error: Type.String(),
  },
  'TestOutcome',
);
export const SECRET_LIST = strict(
  {
    secrets: Type.Array(strict({ id: Type.String(), created_at: moment, retires_at: orNull(moment) })),
  },
  'SecretList',
);
export const ROTATION = strict({ id: Type.String(), secret: Type.String(), retires_at: orNull(moment) }, 'Rotation');
/** What is found depends on what there is: told in full by the document of the API's page. */
export const PROBED = Type.Union([
  Type.Object({ ok: Type.Literal(true) }),
  strict({ ok: Type.Literal(false), kind: Type.String(), error: Type.String() }),
]);

export type PrintedEvent = Static<typeof EVENT>;
export type PrintedDelivery = Static<typeof DELIVERY>;
export type DeliveryWithBody = Static<typeof DELIVERY_WITH_BODY>;
export type PrintedEndpoint = Static<typeof ENDPOINT>;
