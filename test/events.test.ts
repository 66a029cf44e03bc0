import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CANARY, telling } from '../src/store/sample.ts';
import { openPathDoor, type PathCall } from './lab/alibaba-sdks.ts';
import { type Api, callTasks, type RawAnswer, sendRaw, signedHeaders, startApi } from './lab/api.ts';
import { StreamClient, type StreamedEvent } from './lab/event-stream.ts';
import { openHook } from './lab/hook.ts';
import type { Key } from './lab/huawei.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// The native API as its callers see it: what has happened, who was told, and telling it again.

const HOUR_MS = 3_600_000;
const stamp = (fromNowMs: number): string => `${new Date(Date.now() + fromNowMs).toISOString().slice(0, 19)}Z`;

type Named = { readonly base: string; readonly key: Key };

/** A task that is due in an hour: it costs its node nothing, and every call on it is an event. */
async function makeTask(node: Named, more: object = {}): Promise<string> {
  const body = {
    source_type: 'PullLivePushLive',
    source_urls: ['rtmp://127.0.0.1:9/live/a'],
    destination_url: 'rtmp://127.0.0.1:9/live/b',
    start_time: stamp(HOUR_MS),
    end_time: stamp(2 * HOUR_MS),
    ...more,
  };
  const { status, body: answer } = await callTasks(node, { method: 'POST', body });
  if (status !== 200) throw new Error(JSON.stringify(answer));
  return answer.task_id;
}

async function dropTask(node: Named, taskId: string): Promise<void> {
  const { status, body } = await callTasks(node, { method: 'DELETE', query: `task_id=${taskId}` });
  if (status !== 200) throw new Error(JSON.stringify(body));
}

interface Ask {
  readonly method?: string;
  readonly url: string;
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

const asker =
  (base: string, token: string) =>
  ({ method = 'GET', url, body, headers = {} }: Ask): Promise<RawAnswer> => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const sent = text === undefined ? {} : { body: text, headers: { 'content-type': 'application/json' } };
    const all = { authorization: `Bearer ${token}`, ...sent.headers, ...headers };
    return sendRaw(base, { method, url, ...sent, headers: all });
  };

/** All of a list that is read upwards, by its cursors. */
async function wholeLog(ask: ReturnType<typeof asker>): Promise<readonly StreamedEvent[]> {
  const events: StreamedEvent[] = [];
  for (let after = '0'; ; ) {
    const { body } = await ask({ url: `/api/v1/events?limit=1000&after=${after}` });
    events.push(...body.events);
    if (body.next === null) return events;
    after = body.next;
  }
}

describe('a node', () => {
  let place: Place;
  let millrace: Millrace;
  let node: Named;
  let token: string;
  let ask: ReturnType<typeof asker>;

  beforeAll(async () => {
    place = new Place();
    millrace = await Millrace.start(place, {
      flags: ['--workers', '1', '--rtmp', 'off', '--native-calls-per-second', '0'],
    });
    node = { base: millrace.api, key: millrace.key };
    token = JSON.parse(await millrace.command('key', 'create', '--api', '--json')).apiKey;
    ask = asker(millrace.api, token);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  /** Each way to show who calls; all of them answer with the body. */
  const DOORS: Readonly<Record<string, (call: PathCall) => Promise<RawAnswer['body']>>> = {
    'an API key': async ({ path, query, ...call }) => (await ask({ url: withQuery(path, query), ...call })).body,
    'a Huawei signature': async ({ method, path, query, body }) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const request = { method, url: withQuery(path, query), body: text };
      const headers = { 'content-type': 'application/json', ...signedHeaders(millrace.key, request) };
      return (await sendRaw(millrace.api, { ...request, headers })).body;
    },
    'an Alibaba signature': call => openPathDoor(millrace.api, millrace.key)(call),
  };
  const withQuery = (path: string, query = {}): string =>
    Object.keys(query).length === 0 ? path : `${path}?${new URLSearchParams(Object.entries<string>(query).sort())}`;

  it.each(Object.keys(DOORS))('answers every call with %s', async name => {
    const hook = await openHook(place);
    const call = (wish: PathCall) => DOORS[name]?.(wish);
    const taskId = await makeTask(node, { callback_url: `${hook.base}/?secret=${CANARY}` });
    await dropTask(node, taskId);

    const { events, next_seq } = await call({ method: 'GET', path: `/api/v1/tasks/${taskId}/events` });
    expect(events).toMatchObject([
      { seq: 1, type: 'created', task_id: taskId, project_id: millrace.key.projectId, to: 'scheduled' },
      { seq: 2, type: 'deleted', cause: 'user', from: 'scheduled', to: 'exited' },
    ]);
    expect(next_seq).toBeNull();
    const query = { task_id: taskId, type: 'deleted', status: 'exited' };
    const list = await call({ method: 'GET', path: '/api/v1/events', query });
    expect(list).toEqual({ events: [events[1]], next: null });

    const told = await until('the exit is delivered', async () => {
      const { deliveries } = await call({ method: 'GET', path: '/api/v1/deliveries', query: { task_id: taskId } });
      return deliveries[0]?.state === 'delivered' && deliveries;
    });
    expect(told).toMatchObject([
      { event_id: events[1].id, event_type: 'deleted', seq: 2, dialect: 'huawei', attempts: 1 },
    ]);
    expect(JSON.stringify(told)).not.toContain(CANARY);
    const [{ id }] = told;
    const one = await call({ method: 'GET', path: `/api/v1/deliveries/${id}` });
    expect(JSON.parse(one.body)).toEqual(hook.told[0]?.body);

    expect(await call({ method: 'POST', path: `/api/v1/deliveries/${id}/redeliver` })).toEqual({ redelivered: 1 });
    await until('it is delivered again', () => hook.told.length === 2);
    const since = events[0].time;
    const body = { since, states: ['delivered', 'waiting'], task_id: taskId };
    expect(await call({ method: 'POST', path: '/api/v1/deliveries/redeliver', body })).toEqual({ redelivered: 1 });
    await until('it is delivered a third time', () => hook.told.length === 3);
    expect(new Set(hook.told.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([events[1].id]));

    const tried = await call({ method: 'POST', path: '/api/v1/callbacks/test', body: { url: `${hook.base}/tried` } });
    expect(tried).toMatchObject({ delivered: true, status: 200, error: '' });
    expect(hook.told[3]).toMatchObject({ path: '/tried', body: { type: 'callback.test' } });
    expect(await call({ method: 'GET', path: '/api/v1/endpoints' })).toEqual({ endpoints: [] });

    const { secrets } = await call({ method: 'GET', path: '/api/v1/callbacks/secret' });
    const rotated = await call({ method: 'POST', path: '/api/v1/callbacks/secret/rotate', body: { overlap_s: 60 } });
    expect(rotated.secret).toMatch(/^whsec_/);
    const after = await call({ method: 'GET', path: '/api/v1/callbacks/secret' });
    expect(after.secrets[0].id).not.toBe(secrets[0].id);
    expect(after.secrets[1]).toEqual({ ...secrets[0], retires_at: rotated.retires_at });
    expect(JSON.stringify(after)).not.toContain(rotated.secret);
  });

  it('shows a receiver that fails, and a test of it says why', async () => {
    const taskId = await makeTask(node, { callback_url: 'http://127.0.0.1:9/gone' });
    await dropTask(node, taskId);
    const [endpoint] = await until('it has failed', async () => {
      const { body } = await ask({ url: '/api/v1/endpoints' });
      return body.endpoints.length > 0 && body.endpoints;
    });
    expect(endpoint).toMatchObject({ url: expect.stringContaining('127.0.0.1:9'), paused_at: null });
    const tried = await ask({ method: 'POST', url: '/api/v1/callbacks/test', body: { task_id: taskId } });
    expect([tried.status, tried.body.code]).toEqual([404, 'NOT_FOUND']);
    const living = await makeTask(node, { callback_url: 'http://127.0.0.1:9/gone' });
    const { status, body } = await ask({ method: 'POST', url: '/api/v1/callbacks/test', body: { task_id: living } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ delivered: false, status: null, error: expect.stringMatching(/./) });
    const resumed = await ask({ method: 'POST', url: `/api/v1/endpoints/${endpoint.id}/resume` });
    expect([resumed.status, resumed.body]).toEqual([200, { resumed: true }]);
    const unknown = await ask({ method: 'POST', url: '/api/v1/endpoints/none/resume' });
    expect(unknown).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  it('has the receivers of an account tried no more than ten times a minute', async () => {
    const other = JSON.parse(await millrace.command('key', 'create', '--api', '--json', '--account', 'busy')).apiKey;
    const url = '/api/v1/callbacks/test';
    const answers: RawAnswer[] = [];
    for (let i = 0; i < 11; i++) {
      answers.push(await asker(millrace.api, other)({ method: 'POST', url, body: { url: '127.0.0.1:9' } }));
    }
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(200), 429]);
    expect(Number(answers[10]?.headers['retry-after'])).toBeGreaterThan(30);
  });

  it('tells a stream that is cut 20 times during 5,000 events exactly the log, and nothing twice', async () => {
    const before = (await wholeLog(ask)).at(-1)?.cursor ?? '0';
    const client = new StreamClient(place, `${millrace.api}/api/v1/events/stream?after=${before}`, {
      authorization: `Bearer ${token}`,
    });
    expect(await client.open()).toBe(200);
    let made = 0;
    const life = async (): Promise<void> => {
      const taskId = await makeTask(node);
      await dropTask(node, taskId);
      made += 2;
    };
    const user = async (): Promise<void> => {
      while (made < 5_000) await life();
    };
    const cutter = async (): Promise<void> => {
      for (let at = 1; at <= 20; at++) {
        await until('there is more to cut', () => client.events.length >= at * 200, { timeoutMs: 120_000, everyMs: 1 });
        await client.cut();
      }
    };
    await Promise.all([...Array.from({ length: 16 }, user), cutter()]);
    const log = (await wholeLog(ask)).filter(({ cursor }) => Number(cursor) > Number(before));
    await until('the stream has told the last event', () => client.events.at(-1)?.cursor === log.at(-1)?.cursor);
    expect(client.events).toEqual(log);
    expect(log.length).toBeGreaterThanOrEqual(5_000);
    expect(client.cuts).toBe(20);
  });

  it('narrows a stream as it narrows a list', async () => {
    const taskId = await makeTask(node);
    const url = `${millrace.api}/api/v1/events/stream?task_id=${taskId}&type=deleted,gave_up`;
    const client = new StreamClient(place, url, { authorization: `Bearer ${token}` });
    await client.open();
    await dropTask(node, await makeTask(node));
    await dropTask(node, taskId);
    await until('it is told', () => client.events.length > 0);
    expect(client.events).toMatchObject([{ task_id: taskId, type: 'deleted' }]);
  });

  it('ends its streams when it ends, and goes on behind them when it is back', async () => {
    const url = '/api/v1/events/stream';
    const headers = { authorization: `Bearer ${token}` };
    const client = new StreamClient(place, millrace.api + url, headers);
    await client.open();
    const taskId = await makeTask(node);
    await until('the first is told', () => client.events.length === 1);
    await millrace.stop();
    await until('the stream has ended', () => !client.isOpen);
    await millrace.restart();
    node = { base: millrace.api, key: millrace.key };
    ask = asker(millrace.api, token);
    await dropTask(node, taskId);
    const again = new StreamClient(place, millrace.api + url, {
      ...headers,
      'last-event-id': client.events[0].cursor,
    });
    await again.open();
    await until('the second is told', () => again.events.length > 0);
    expect(again.events[0]).toMatchObject({ task_id: taskId, seq: 2 });
  });
});

describe('the API', () => {
  let place: Place;
  let api: Api;
  let ask: ReturnType<typeof asker>;
  let taskId: string;

  beforeAll(async () => {
    place = new Place();
    api = await startApi(place, { streams: { stallMs: 1_000 } });
    ask = asker(api.base, (await api.apiKeys.create()).token);
    taskId = await makeTask(api, { callback_url: 'http://127.0.0.1:9/x' });
    await dropTask(api, taskId);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  const EVENTS = '/api/v1/events';
  const STREAM = '/api/v1/events/stream';
  const DELIVERIES = '/api/v1/deliveries';
  const TASK = '/api/v1/tasks/any/events';
  const HUGE = '9'.repeat(20);

  const BROKEN: readonly (readonly [path: string, query: string, field: string])[] = [
    [EVENTS, 'limit=0', 'limit'],
    [EVENTS, 'limit=1001', 'limit'],
    [EVENTS, 'limit=-1', 'limit'],
    [EVENTS, 'limit=1.5', 'limit'],
    [EVENTS, 'limit=NaN', 'limit'],
    [EVENTS, 'limit=1e2', 'limit'],
    [EVENTS, 'limit=', 'limit'],
    [EVENTS, 'limit', 'limit'],
    [EVENTS, 'limit=10&limit=10', 'limit'],
    [EVENTS, `limit=${HUGE}`, 'limit'],
    [EVENTS, 'after=-1', 'after'],
    [EVENTS, 'after=x', 'after'],
    [EVENTS, 'after=', 'after'],
    [EVENTS, 'after=1.0', 'after'],
    [EVENTS, 'after=9007199254740992', 'after'],
    [EVENTS, `after=${HUGE}`, 'after'],
    [EVENTS, 'after=1&after=2', 'after'],
    [EVENTS, 'before=latest', 'before'],
    [EVENTS, 'before=%00', 'before'],
    [EVENTS, 'after=1&before=5', 'before'],
    [EVENTS, 'since=yesterday', 'since'],
    [EVENTS, 'since=2026-02-30T00:00:00Z', 'since'],
    [EVENTS, 'since=2026-11-21', 'since'],
    [EVENTS, 'since=2026-11-21T10:00:00', 'since'],
    [EVENTS, 'since=2026-11-21T10:00:00+02:00', 'since'],
    [EVENTS, 'since=-5', 'since'],
    [EVENTS, 'since=8640000000000001', 'since'],
    [EVENTS, 'until=', 'until'],
    [EVENTS, 'until=2026-11-21T25:00:00Z', 'until'],
    [EVENTS, 'since=2000&until=1000', 'until'],
    [EVENTS, 'since=1000&until=1000', 'until'],
    [EVENTS, 'type=gaveUp', 'type'],
    [EVENTS, 'type=created,', 'type'],
    [EVENTS, 'type=', 'type'],
    [EVENTS, 'type=created&type=', 'type'],
    [EVENTS, 'type=%27%20or%201=1', 'type'],
    [EVENTS, 'cause=me', 'cause'],
    [EVENTS, 'status=Running', 'status'],
    [EVENTS, 'status=dead', 'status'],
    [EVENTS, 'task_id=', 'task_id'],
    [EVENTS, 'task_id=a/b', 'task_id'],
    [EVENTS, `task_id=${'a'.repeat(65)}`, 'task_id'],
    [EVENTS, 'task_id=a&task_id=b', 'task_id'],
    [EVENTS, 'project_id=a%20b', 'project_id'],
    [EVENTS, 'projectId=a', 'projectId'],
    [EVENTS, 'offset=10', 'offset'],
    [EVENTS, '__proto__=1', '__proto__'],
    [EVENTS, 'limit%5B%5D=1', 'limit[]'],
    [TASK, 'after=-1', 'after'],
    [TASK, 'after=9007199254740993', 'after'],
    [TASK, 'limit=0', 'limit'],
    [TASK, 'before=3', 'before'],
    [TASK, 'type=created', 'type'],
    [STREAM, 'after=x', 'after'],
    [STREAM, 'before=3', 'before'],
    [STREAM, 'since=0', 'since'],
    [STREAM, 'limit=3', 'limit'],
    [STREAM, 'type=message', 'type'],
    [DELIVERIES, 'state=failed', 'state'],
    [DELIVERIES, 'state=', 'state'],
    [DELIVERIES, 'states=dead', 'states'],
    [DELIVERIES, 'event_id=%0d%0a', 'event_id'],
    [DELIVERIES, 'endpoint=http://x', 'endpoint'],
    [DELIVERIES, 'after=0&before=0', 'before'],
    [DELIVERIES, 'until=tomorrow', 'until'],
    [`${DELIVERIES}/any`, 'body=true', 'body'],
    ['/api/v1/endpoints', 'limit=10', 'limit'],
    ['/api/v1/callbacks/secret', 'show=1', 'show'],
  ];

  it.each(BROKEN)('refuses GET %s?%s, naming %s', async (path, query, field) => {
    const { status, body, headers } = await ask({ url: `${path}?${query}` });
    expect(status).toBe(400);
    expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(body).toMatchObject({ code: 'INVALID_PARAMETER', status: 400, errors: [{ field }] });
    expect(body.detail).toContain(body.errors[0].rule);
  });

  const LONG = `http://127.0.0.1/${'a'.repeat(3_000)}`;
  const BROKEN_BODIES: readonly (readonly [path: string, body: object | string, field: string])[] = [
    ['/api/v1/deliveries/redeliver', {}, 'since'],
    ['/api/v1/deliveries/redeliver', { since: null }, 'since'],
    ['/api/v1/deliveries/redeliver', { since: 'now' }, 'since'],
    ['/api/v1/deliveries/redeliver', { since: 5, until: 4 }, 'until'],
    ['/api/v1/deliveries/redeliver', { since: 5, states: ['failed'] }, 'states'],
    ['/api/v1/deliveries/redeliver', { since: 5, states: [] }, 'states'],
    ['/api/v1/deliveries/redeliver', { since: 5, state: 'dead' }, 'state'],
    ['/api/v1/deliveries/redeliver', { since: 5, task_id: 7 }, 'task_id'],
    ['/api/v1/deliveries/redeliver', { since: 5, endpoint: {} }, 'endpoint'],
    ['/api/v1/deliveries/redeliver', [], 'body'],
    ['/api/v1/deliveries/redeliver', '{"since":5', 'body'],
    ['/api/v1/deliveries/redeliver', '{"since":5,"since":6}', 'body'],
    ['/api/v1/deliveries/any/redeliver', { since: 5 }, 'since'],
    ['/api/v1/probe', {}, 'url'],
    ['/api/v1/probe', { url: 'ftp://127.0.0.1/' }, 'url'],
    ['/api/v1/probe', { url: 'rtmp://127.0.0.1/a' }, 'url'],
    ['/api/v1/probe', { url: 'rtmp://127.0.0.1:9/a/b', as: 'both' }, 'as'],
    ['/api/v1/probe', { url: 'http://127.0.0.1:9/a.flv', as: 'destination' }, 'url'],
    ['/api/v1/callbacks/test', {}, 'url'],
    ['/api/v1/callbacks/test', { url: '' }, 'url'],
    ['/api/v1/callbacks/test', { url: 7 }, 'url'],
    ['/api/v1/callbacks/test', { url: 'ftp://127.0.0.1/' }, 'url'],
    ['/api/v1/callbacks/test', { url: 'http://' }, 'url'],
    ['/api/v1/callbacks/test', { url: LONG }, 'url'],
    ['/api/v1/callbacks/test', { url: 'http://127.0.0.1/\r\nx: y' }, 'url'],
    ['/api/v1/callbacks/test', { url: 'http://127.0.0.1/', task_id: 'a' }, 'task_id'],
    ['/api/v1/callbacks/test', { uri: 'http://127.0.0.1/' }, 'uri'],
    ['/api/v1/callbacks/secret/rotate', { overlap_s: -1 }, 'overlap_s'],
    ['/api/v1/callbacks/secret/rotate', { overlap_s: '60' }, 'overlap_s'],
    ['/api/v1/callbacks/secret/rotate', { overlap_s: 1e9 }, 'overlap_s'],
    ['/api/v1/callbacks/secret/rotate', { overlap_s: 0.5 }, 'overlap_s'],
    ['/api/v1/callbacks/secret/rotate', { secret: 'whsec_mine' }, 'secret'],
    ['/api/v1/endpoints/any/resume', { now: true }, 'now'],
  ];

  it.each(BROKEN_BODIES)('refuses POST %s with %j, naming %s', async (url, body, field) => {
    const answer = await ask({ method: 'POST', url, body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_PARAMETER', errors: [{ field }] } });
  });

  it.each(['x', '-1', '1.5', HUGE, '1, 2', '9007199254740992'])('takes no Last-Event-ID of %j', async id => {
    const { status, body } = await ask({ url: `${STREAM}?type=nothing`, headers: { 'last-event-id': id } });
    expect(status).toBe(400);
    const other = await ask({ url: `${STREAM}?x=1`, headers: { 'last-event-id': id } });
    expect([body.errors[0].field, other.body.errors[0].field]).toEqual(['type', 'x']);
    const answer = await ask({ url: STREAM, headers: { 'last-event-id': id } });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'Last-Event-ID' }] } });
  });

  it('takes an empty Last-Event-ID for none', async () => {
    await using place = new Place();
    const { token } = await api.apiKeys.create();
    const url = `${api.base}${STREAM}`;
    const headers = { authorization: `Bearer ${token}`, 'last-event-id': '' };
    expect(await new StreamClient(place, url, headers).open()).toBe(200);
  });

  it.each([
    ['GET', '/api', 404, ''],
    ['GET', '/api/', 404, ''],
    ['GET', '/api/v2/events', 404, ''],
    ['GET', '/api/v1/Events', 404, ''],
    ['GET', '/api/v1/nothing', 404, ''],
    ['OPTIONS', '/api/v1/nothing', 404, ''],
    ['DELETE', '/api/v1/events', 405, 'GET, HEAD, OPTIONS'],
    ['PUT', '/api/v1/events/stream', 405, 'GET, OPTIONS'],
    ['POST', '/api/v1/tasks/x/events', 405, 'GET, HEAD, OPTIONS'],
    ['GET', '/api/v1/deliveries/x/redeliver', 405, 'POST, OPTIONS'],
    ['GET', '/api/v1/callbacks/test', 405, 'POST, OPTIONS'],
    ['POST', '/api/v1/deliveries/x', 405, 'GET, HEAD, OPTIONS'],
    ['PATCH', '/api/v1/deliveries/redeliver', 405, 'GET, HEAD, POST, OPTIONS'],
    ['GET', '/api/v1/events/%zz', 400, ''],
    ['GET', '/api/v1/tasks/%00/events', 404, ''],
    ['GET', `/api/v1/tasks/${'a'.repeat(5_000)}/events`, 404, ''],
    ['GET', `/api/v1/events?task_id=${'a'.repeat(40_000)}`, 414, ''],
  ])('answers %s %s with a problem and status %i', async (method, url, status, allow) => {
    const answer = await ask({ method, url });
    expect([answer.status, answer.headers.allow ?? '']).toEqual([status, allow]);
    expect(answer.body).toMatchObject({
      status,
      title: expect.any(String),
      request_id: answer.headers['x-request-id'],
    });
  });

  it('answers HEAD as GET without a body, and OPTIONS with what a path takes', async () => {
    const head = await ask({ method: 'HEAD', url: EVENTS });
    expect([head.status, head.body]).toEqual([200, undefined]);
    const options = await ask({ method: 'OPTIONS', url: EVENTS });
    expect([options.status, options.headers.allow]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  it('takes no body that it would not read', async () => {
    const get = await ask({ url: EVENTS, body: { limit: 3 } });
    expect(get).toMatchObject({ status: 400, body: { errors: [{ field: 'body' }] } });
    const url = '/api/v1/deliveries/redeliver';
    const form = await ask({ method: 'POST', url, body: 'since=1', headers: { 'content-type': 'text/plain' } });
    expect(form).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
    const big = await ask({ method: 'POST', url, body: { since: 5, task_id: 'a'.repeat(2_000_000) } });
    expect(big).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } });
  });

  it('lets nobody in without a key, and nobody do what no policy allows', async () => {
    const stranger = await sendRaw(api.base, { method: 'GET', url: EVENTS });
    expect(stranger).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect(stranger.headers['www-authenticate']).toBe('Bearer realm="millrace"');
    const reader = asker(api.base, (await api.apiKeys.create({ policies: ['ReadOnlyAccess'] })).token);
    for (const url of [EVENTS, DELIVERIES, '/api/v1/endpoints', '/api/v1/callbacks/secret']) {
      expect((await reader({ url })).status).toBe(200);
    }
    for (const url of ['deliveries/redeliver', 'callbacks/test', 'callbacks/secret/rotate', 'endpoints/x/resume']) {
      const refused = await reader({ method: 'POST', url: `/api/v1/${url}`, body: {} });
      expect(refused).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    }
  });

  it('translates what the other dialects have against a caller', async () => {
    const request = { method: 'GET', url: EVENTS };
    const wrong = { ...api.key, secretKey: 'x'.repeat(40) };
    const unsigned = await sendRaw(api.base, { ...request, headers: signedHeaders(wrong, request) });
    expect(unsigned).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    const token = await sendRaw(api.base, { ...request, headers: { 'x-auth-token': 'none' } });
    expect(token).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    const call = openPathDoor(api.base, wrong)({ method: 'GET', path: EVENTS });
    await expect(call).rejects.toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
    const { accessKey, secretKey, projectId } = await api.accounts.createKey({});
    const disabled = { accessKey, secretKey, projectId };
    await api.accounts.disableKey(disabled.accessKey);
    const off = await sendRaw(api.base, { ...request, headers: signedHeaders(disabled, request) });
    expect(off).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    const door = openPathDoor(api.base, disabled)({ method: 'GET', path: EVENTS });
    await expect(door).rejects.toMatchObject({ code: 'FORBIDDEN', status: 403 });
  });

  it('shows another account, and another project, nothing', async () => {
    const [delivery] = (await ask({ url: DELIVERIES })).body.deliveries;
    for (const wish of [{ accountId: 'stranger' }, { region: 'elsewhere' }]) {
      const other = asker(api.base, (await api.apiKeys.create(wish)).token);
      expect((await other({ url: EVENTS })).body).toEqual({ events: [], next: null });
      expect((await other({ url: `${EVENTS}?task_id=${taskId}&project_id=${api.key.projectId}` })).body.events).toEqual(
        [],
      );
      expect((await other({ url: DELIVERIES })).body).toEqual({ deliveries: [], next: null });
      for (const url of [`/api/v1/tasks/${taskId}/events`, `${DELIVERIES}/${delivery.id}`]) {
        expect(await other({ url })).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      }
      const one = await other({ method: 'POST', url: `${DELIVERIES}/${delivery.id}/redeliver` });
      expect(one).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      const all = await other({
        method: 'POST',
        url: `${DELIVERIES}/redeliver`,
        body: { since: 0, states: ['waiting', 'dead', 'delivered'] },
      });
      expect(all).toMatchObject({ status: 202, body: { redelivered: 0 } });
      const tried = await other({ method: 'POST', url: '/api/v1/callbacks/test', body: { task_id: taskId } });
      expect(tried.status).toBe(404);
    }
  });

  it('still has the events of a task that was deleted and is gone', async () => {
    const id = await makeTask(api);
    await dropTask(api, id);
    expect(await api.store.purge(Date.now() + HOUR_MS)).toBeGreaterThan(0);
    expect(await api.store.get(id)).toBeUndefined();
    const { body } = await ask({ url: `/api/v1/tasks/${id}/events` });
    expect(body.events.map(({ type }: StreamedEvent) => type)).toEqual(['created', 'deleted']);
    expect((await ask({ url: `${EVENTS}?task_id=${id}` })).body.events).toHaveLength(2);
  });

  it('pages through a list in both directions without a hole', async () => {
    const whole = await wholeLog(ask);
    const down: StreamedEvent[] = [];
    for (let url = `${EVENTS}?limit=3`; ; ) {
      const { body } = await ask({ url });
      down.push(...body.events);
      if (body.next === null) break;
      url = `${EVENTS}?limit=3&before=${body.next}`;
    }
    expect(down.toReversed()).toEqual(whole);
  });

  it('cuts a client that does not read its stream, while another is told everything', async () => {
    const long = 'x'.repeat(8_000);
    const id = await makeTask(api);
    const tell = () =>
      api.store.change(id, task => {
        const change = telling('alarm')(task);
        return change && { ...change, events: change.events.map(event => ({ ...event, reason: long })) };
      });
    for (let i = 0; i < 50; i++) await Promise.all(Array.from({ length: 50 }, tell));
    const { token } = await api.apiKeys.create();
    const { hostname, port } = new URL(api.base);
    const deaf = connect(Number(port), hostname);
    place.own(deaf, it => it.destroy());
    let received = 0;
    const cut = new Promise<void>(resolve => deaf.on('close', () => resolve()));
    deaf.on('error', () => {});
    deaf.pause();
    deaf.write(`GET ${STREAM}?after=0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`);
    const reader = new StreamClient(place, `${api.base}${STREAM}?after=0`, { authorization: `Bearer ${token}` });
    await reader.open();
    const total = (await wholeLog(ask)).length;
    await until('the one that reads has been told everything', () => reader.events.length === total, {
      timeoutMs: 60_000,
    });
    await until('the deaf one is cut', () => api.logged().includes('the client does not read'));
    deaf.on('data', bytes => {
      received += bytes.length;
    });
    deaf.resume();
    await cut;
    expect(received).toBeLessThan(total * long.length);
    await dropTask(api, id);
    await until('the one that reads goes on', () => reader.events.length === total + 1);
  });
});
