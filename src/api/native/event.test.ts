import { expect, test } from 'vitest';
import type { LoggedDelivery, LoggedEvent } from '../../control/history.ts';
import type { Task } from '../../task/task.ts';
import { renderNative, renderTest } from './callback.ts';
import { printDelivery, printEndpoint, printWithBody } from './delivery.ts';
import { EVENT_CAUSES, EVENT_STATUSES, EVENT_TYPES, printLogged, snake } from './event.ts';

const AT = Date.UTC(2026, 10, 21, 10, 0, 0, 7);
const redact = (url: string): string => url.replace(/\?.*/, '?***');

const EVENT: LoggedEvent = {
  n: 42,
  id: 'e1',
  taskId: 't1',
  accountId: 'default',
  projectId: 'p1',
  seq: 3,
  type: 'itemStarted',
  at: AT,
  epoch: 2,
  pushEpoch: 1,
  position: { round: 0, index: 2, offsetMs: 1_500, repeat: 0 },
  version: 4,
  cause: 'run',
  from: 'running',
  to: 'running',
  reason: '',
  detail: { url: 'http://files.example/a.mp4?key=secret', index: 2, round: 0, durationMs: 9_000 },
};

const PRINTED = {
  id: 'e1',
  task_id: 't1',
  project_id: 'p1',
  seq: 3,
  type: 'item_started',
  time: '2026-11-21T10:00:00.007Z',
  cause: 'run',
  from: 'running',
  to: 'running',
  reason: '',
  epoch: 2,
  push_epoch: 1,
  position: { round: 0, index: 2, offset_ms: 1_500 },
  version: 4,
  detail: { url: 'http://files.example/a.mp4?***', index: 2, round: 0, duration_ms: 9_000 },
};

test('an event is printed in snake_case, with its place in the log and without anything secret', () => {
  expect(printLogged(EVENT, redact)).toEqual({ ...PRINTED, cursor: '42' });
});

test('what an alarm and a change say is in the words of this dialect', () => {
  const alarm = { ...EVENT, position: null, detail: { alarm: 'NoSource', alarmId: 'a1', set: true } };
  expect(printLogged(alarm, redact)).toMatchObject({
    position: null,
    detail: { alarm: 'NoSource', alarm_id: 'a1', set: true },
  });
  const change = { ...EVENT, detail: { changed: ['endAt', 'source.startIndex', 'callback'] } };
  expect(printLogged(change, redact).detail).toEqual({ changed: ['end_at', 'source.start_index', 'callback'] });
});

test('each type, cause and status has its word', () => {
  expect(EVENT_TYPES.get('gave_up')).toBe('gaveUp');
  expect([...EVENT_TYPES].every(([word, type]) => word === snake(type))).toBe(true);
  expect([EVENT_TYPES.size, EVENT_CAUSES.size, EVENT_STATUSES.size]).toEqual([15, 6, 5]);
});

const TASK = (callback: Task['spec']['callback']): Task => ({ projectId: 'p1', spec: { callback } }) as Task;

test('a callback has the envelope of Standard Webhooks around the event, which has no place in the log yet', () => {
  const rendered = renderNative({ redact })(EVENT, TASK({ url: 'http://cb.example/', events: [] }));
  expect(rendered?.contentType).toBe('application/json');
  expect(JSON.parse(rendered?.body ?? '')).toEqual({
    type: 'task.item_started',
    timestamp: '2026-11-21T10:00:00.007Z',
    data: PRINTED,
  });
});

test('nobody is called back who is not there, or did not ask for the event', () => {
  const render = renderNative({ redact });
  expect(render(EVENT, TASK(null))).toBeUndefined();
  expect(render(EVENT, TASK({ url: '', events: [] }))).toBeUndefined();
  expect(render(EVENT, TASK({ url: 'http://cb.example/', events: ['alarm'] }))).toBeUndefined();
  expect(render(EVENT, TASK({ url: 'http://cb.example/', events: ['item_started'] }))).toBeDefined();
});

test('a receiver is tried with an event of its own type', () => {
  expect(JSON.parse(renderTest(AT, 't1').body)).toEqual({
    type: 'callback.test',
    timestamp: '2026-11-21T10:00:00.007Z',
    data: { task_id: 't1' },
  });
});

const DELIVERY: LoggedDelivery = {
  n: 9,
  id: 'd1',
  taskId: 't1',
  accountId: 'default',
  projectId: 'p1',
  eventId: 'e1',
  eventType: 'gaveUp',
  seq: 3,
  dialect: 'alibaba',
  endpoint: 'r1',
  url: 'http://cb.example/?token=secret',
  key: 'what it is signed with',
  contentType: 'application/json',
  body: '{"as":"sent"}',
  createdAt: AT,
  attempts: 2,
  nextAt: AT + 30_000,
  state: 'waiting',
  lastError: 'the receiver answered with status 500',
  holdsUntil: AT,
  settledAt: null,
  log: [{ at: AT, tookMs: 12, status: 500, error: 'the receiver answered with status 500' }],
};

test('a delivery is printed without its key, its address without anything secret', () => {
  const printed = printDelivery(DELIVERY, redact);
  expect(printed).toEqual({
    id: 'd1',
    cursor: '9',
    task_id: 't1',
    project_id: 'p1',
    event_id: 'e1',
    event_type: 'gave_up',
    seq: 3,
    dialect: 'alibaba',
    endpoint: 'r1',
    url: 'http://cb.example/?***',
    state: 'waiting',
    attempts: 2,
    next_attempt_at: '2026-11-21T10:00:30.007Z',
    last_error: 'the receiver answered with status 500',
    created_at: '2026-11-21T10:00:00.007Z',
    settled_at: null,
    log: [{ at: '2026-11-21T10:00:00.007Z', took_ms: 12, status: 500, error: 'the receiver answered with status 500' }],
  });
  expect(printWithBody(DELIVERY, redact)).toEqual({
    ...printed,
    content_type: 'application/json',
    body: '{"as":"sent"}',
  });
});

test('what is settled is not tried again', () => {
  const dead = printDelivery({ ...DELIVERY, state: 'dead', settledAt: AT }, redact);
  expect(dead).toMatchObject({ next_attempt_at: null, settled_at: '2026-11-21T10:00:00.007Z' });
});

test('a receiver that fails says since when', () => {
  const facts = { accountId: 'default', failingSince: AT, pausedAt: null, lastError: 'no answer' };
  expect(printEndpoint({ id: 'r1', url: DELIVERY.url, ...facts }, redact)).toEqual({
    id: 'r1',
    url: 'http://cb.example/?***',
    failing_since: '2026-11-21T10:00:00.007Z',
    paused_at: null,
    last_error: 'no answer',
  });
});
