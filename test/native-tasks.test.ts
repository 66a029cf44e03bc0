import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Api, callTasks, startApi } from './lab/api.ts';
import { type NativeAsk, nativeAsk } from './lab/native.ts';
import { Place } from './lab/place.ts';

// Tasks over the native API: what is written is what is read, what is wrong is told by its field, and what a task does
// not allow is said so.

const LIVE = { kind: 'live', url: 'rtmp://origin.example/live/morning-show?sign=abcdef' };
const FILES = ['http://files.example/film/opening.mp4', 'http://files.example/film/ending.mp4'];
const LIST = { kind: 'list', items: FILES.map(url => ({ url })) };
const TO = { kind: 'url', url: 'rtmp://push.example/live/news-key-1?secret=s3cr3t' };
const STANDBY = ['rtmp://standby.example/live/one', 'rtmp://standby.example/live/two'];
const LATER = '2099-01-01T00:00:00.000Z';

let place: Place;
let api: Api;
let ask: NativeAsk;

beforeAll(async () => {
  place = new Place();
  api = await startApi(place);
  ask = nativeAsk(api.base, (await api.apiKeys.create()).token);
});
afterAll(() => place[Symbol.asyncDispose]());

const make = async (wish: object = {}) => {
  const answer = await ask('tasks', { body: { source: LIVE, destination: TO, ...wish } });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body;
};
const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
  ask(`tasks/${id}`, { method: 'PATCH', body, headers });
const fieldsOf = (body: { errors: readonly { field: string }[] }) => [...new Set(body.errors.map(it => it.field))];

describe('a task', () => {
  test('is made of a source and a destination alone', async () => {
    const task = await make();
    expect(task).toMatchObject({
      dialect: 'native',
      ...{ name: '', tags: [], region: 'default', standby: [], enabled: true, callback: null, retry: null },
      ...{ end_at: null, delay_s: null, slate: null, version: 1, on_air: null },
      source: { kind: 'live', url: 'rtmp://origin.example/live/mo***?***' },
      destination: { kind: 'url', url: 'rtmp://push.example/live/ne***?***' },
      status: {
        word: 'scheduled',
        reason: '',
        side: null,
        attempt: 0,
        next_retry_at: null,
        last_error: null,
        alarms: [],
      },
    });
    expect((await ask(`tasks/${task.id}`)).body).toEqual(task);
  });

  const wish = {
    ...{ name: 'News', tags: ['a', '<b>'], region: 'cn-north-4', enabled: false, delay_s: 2.5, slate: 'hold' },
    source: {
      kind: 'list',
      items: [{ url: FILES[0], in_s: 1.5, out_s: 20, repeats: 2, video_track: 1, audio_track: 2 }, { url: FILES[1] }],
      ...{ rounds: 'endless', start_index: 1, start_s: 3.25, boundary: 'republish', silence: true },
      on_change: 'file_start',
    },
    standby: STANDBY,
    destination: { kind: 'url', url: 'rtmps://push.example/live/k', tls: { server_name: 'push.example' } },
    ...{ start_at: LATER, end_at: '2099-02-01T00:00:00.000Z' },
    callback: { url: 'http://hook.example/', events: ['flowing', 'gave_up'] },
    retry: { count: 3, interval_s: 60 },
  };

  test('shows all that was said of it, and takes back what it shows', async () => {
    const { id } = await make(wish);
    const { body: shown } = await ask(`tasks/${id}?reveal=true`);
    expect(shown).toMatchObject(wish);
    const { source, standby, callback, retry, slate, tags, start_at, end_at, delay_s } = shown;
    const again = await patch(id, { source, standby, callback, retry, slate, tags, start_at, end_at, delay_s });
    expect(again).toMatchObject({ status: 200, body: { version: 1 } });
  });

  test('shows nothing of what is secret unless it is asked to', async () => {
    await api.accounts.addDomain('ingest.example', 'rtmp://127.0.0.1:1935');
    const destination = {
      kind: 'ingest',
      domain: 'ingest.example',
      app: 'live',
      stream: 'canary-key-1',
      args: 'k=canary',
    };
    const { id } = await make({ destination, standby: ['rtmp://user:canary@s.example/live/canary-2'] });
    expect(JSON.stringify((await ask(`tasks/${id}`)).body)).not.toMatch(/canary-|k=|:canary/);
    expect((await ask(`tasks/${id}?reveal=true`)).body.destination).toEqual(destination);
    const reader = nativeAsk(api.base, (await api.apiKeys.create({ policies: ['ReadOnlyAccess'] })).token);
    expect((await reader(`tasks/${id}?reveal=true`)).status).toBe(403);
    expect((await reader(`tasks/${id}`)).status).toBe(200);
  });

  test('is changed by what is sent, and by nothing else', async () => {
    const { id } = await make({ name: 'a', standby: STANDBY, end_at: LATER });
    const changed = await patch(id, { name: 'b', end_at: null, retry: { count: 1, interval_s: 2 } });
    expect(changed.body).toMatchObject({ name: 'b', end_at: null, version: 2, retry: { count: 1, interval_s: 2 } });
    expect(changed.headers.etag).toBe('"2"');
    expect((await patch(id, { retry: null })).body).toMatchObject({ retry: null, name: 'b' });
    expect((await ask(`tasks/${id}?reveal=true`)).body.standby).toEqual(STANDBY);
  });

  test('keeps of a list what is not said of it', async () => {
    const { id } = await make({ source: { ...LIST, rounds: 7, boundary: 'reject' } });
    await patch(id, { source: { kind: 'list', items: [LIST.items[1]] } });
    expect((await ask(`tasks/${id}`)).body.source).toMatchObject({ rounds: 7, boundary: 'reject', items: [{}] });
  });

  test('is changed only at the version that its reader has seen', async () => {
    const { id } = await make();
    expect((await patch(id, { name: 'b' }, { 'if-match': '"1"' })).status).toBe(200);
    const late = await patch(id, { name: 'c' }, { 'if-match': '"1"' });
    expect(late).toMatchObject({ status: 412, body: { code: 'VERSION_MISMATCH' }, headers: { etag: '"2"' } });
    expect((await patch(id, { name: 'd' }, { 'if-match': '*' })).status).toBe(200);
    for (const bad of ['1', 'W/"1"', '"x"', '"1", "2"', '']) {
      expect(fieldsOf((await patch(id, { name: 'e' }, { 'if-match': bad })).body), bad).toEqual(['If-Match']);
    }
    expect((await ask(`tasks/${id}`)).body.name).toBe('d');
  });

  test('is stopped, started and deleted', async () => {
    const { id } = await make({ start_at: LATER });
    expect((await ask(`tasks/${id}/stop`, { method: 'POST' })).body.status.word).toBe('stopped');
    expect((await ask(`tasks/${id}/start`, { method: 'POST' })).body).toMatchObject({
      enabled: true,
      status: { word: 'scheduled' },
    });
    expect((await ask(`tasks/${id}/restart`, { method: 'POST' })).body.code).toBe('WRONG_STATUS');
    expect(await ask(`tasks/${id}`, { method: 'DELETE' })).toMatchObject({ status: 200, body: { deleted: true } });
    for (const path of [`tasks/${id}`, `tasks/${id}/events?x`]) expect((await ask(path)).status).toBeGreaterThan(399);
    expect((await ask(`tasks/${id}/start`, { method: 'POST' })).status).toBe(404);
  });
});

describe('a creation that is sent again', () => {
  const again = (key: string, body: object) =>
    ask('tasks', { body: { source: LIVE, destination: TO, ...body }, headers: { 'idempotency-key': key } });

  test('is answered with the task that it has made', async () => {
    const [one, other] = [await again('order-1', { name: 'once' }), await again('order-1', { name: 'once' })];
    expect(other).toMatchObject({ status: 201, body: { id: one.body.id } });
    const at_once = await Promise.all(Array.from({ length: 8 }, () => again('order-2', { name: 'at once' })));
    expect(new Set(at_once.map(({ body }) => body.id)).size).toBe(1);
    expect((await ask('tasks?text=at%20once')).body.total).toBe(1);
  });

  test('is refused where it wants something else, and forgotten after a day', async () => {
    const first = await again('order-3', { name: 'x' });
    expect(await again('order-3', { name: 'y' })).toMatchObject({ status: 409, body: { code: 'KEY_REUSED' } });
    const other = await api.apiKeys.create({ accountId: 'another' });
    const theirs = await nativeAsk(api.base, other.token)('tasks', {
      body: { source: LIVE, destination: TO },
      headers: { 'idempotency-key': 'order-3' },
    });
    expect(theirs.status).toBe(201);
    api.shift(86_400_001);
    const later = await again('order-3', { name: 'y' });
    api.shift(-86_400_001);
    expect(later.status).toBe(201);
    expect(later.body.id).not.toBe(first.body.id);
  });

  test('is another one for a key of another project', async () => {
    const first = await again('order-4', { name: 'x' });
    const { token } = await api.apiKeys.create({ projectId: 'north' });
    const wish = { body: { source: LIVE, destination: TO, name: 'x' }, headers: { 'idempotency-key': 'order-4' } };
    const theirs = await nativeAsk(api.base, token)('tasks', wish);
    expect(theirs).toMatchObject({ status: 201, body: { project_id: 'north' } });
    expect(theirs.body.id).not.toBe(first.body.id);
    expect((await nativeAsk(api.base, token)('tasks', wish)).body.id).toBe(theirs.body.id);
  });

  test('is known again under an id of its maker`s choice', async () => {
    const id = randomUUID();
    const answers = [await again('order-5', { id }), await again('order-5', { id }), await again('order-6', { id })];
    expect(answers).toMatchObject([{ status: 201, body: { id } }, { status: 201, body: { id } }, { status: 409 }]);
    expect(answers[2]?.body).toMatchObject({ code: 'CONFLICT', errors: [{ field: 'id' }] });
  });

  test('has a key of printable characters', async () => {
    for (const key of ['', 'a b', 'x'.repeat(256)]) {
      expect(fieldsOf((await again(key, {})).body), key).toEqual(['Idempotency-Key']);
    }
  });
});

const WRONG: readonly unknown[] = [
  null,
  true,
  7.5,
  -1,
  '',
  'x',
  '\u0007',
  [],
  [null],
  {},
  { kind: 'other' },
  1e21,
  'x'.repeat(3_000),
];

/** What each field may be of those. */
const RIGHT: Readonly<Record<string, readonly unknown[]>> = {
  name: ['', 'x', '\u0007'],
  tags: [[]],
  region: ['x'],
  source: [],
  standby: [[]],
  destination: [],
  start_at: [],
  end_at: [null],
  enabled: [true],
  callback: [null],
  retry: [null],
  delay_s: [null, 7.5],
  slate: [null],
  project_id: [],
};

describe('what cannot be', () => {
  const cases = Object.entries(RIGHT).flatMap(([field, right]) =>
    WRONG.filter(
      value => !right.includes(value) && !(Array.isArray(value) && value.length === 0 && right.some(Array.isArray)),
    ).map(value => [field, JSON.stringify(value).slice(0, 20), value] as const),
  );

  test.each(cases)('as %s: %s, is told by its field', async (field, _, value) => {
    const answer = await ask('tasks', { body: { source: LIVE, destination: TO, [field]: value } });
    expect(answer.status, JSON.stringify(answer.body)).toBe(400);
    expect(
      fieldsOf(answer.body).every(it => it.startsWith(field)),
      JSON.stringify(answer.body),
    ).toBe(true);
  });

  test.each([
    [{ destination: TO }, ['source']],
    [{ source: LIVE }, ['destination']],
    [{ source: LIVE, destination: TO, colour: 1, delay: 1 }, ['colour', 'delay']],
    [{ source: { ...LIVE, items: [] }, destination: TO }, ['source.items']],
    [{ source: { kind: 'list', items: [] }, destination: TO }, ['source.items']],
    [{ source: { ...LIST, items: [{ url: FILES[0], in_s: -1 }] }, destination: TO }, ['source.items[0].in_s']],
    [
      { source: { ...LIST, items: [{ url: FILES[0], in_s: 5, out_s: 5 }] }, destination: TO },
      ['source.items[0].out_s'],
    ],
    [{ source: { ...LIST, items: [{ url: FILES[0], inn: 5 }] }, destination: TO }, ['source.items[0].inn']],
    [{ source: { ...LIST, rounds: 0 }, destination: TO }, ['source.rounds']],
    [{ source: { ...LIST, rounds: 'forever' }, destination: TO }, ['source.rounds']],
    [{ source: { ...LIST, start_index: 2 }, destination: TO }, ['source.start_index']],
    [{ source: { ...LIST, boundary: 'x', on_change: 'y' }, destination: TO }, ['source.boundary', 'source.on_change']],
    [{ source: { kind: 'live', url: 'ftp://a.example/b' }, destination: TO }, ['source.url']],
    [{ source: { kind: 'live', url: 'rtmp://a.example/live/ab***' }, destination: TO }, ['source.url']],
    [{ source: { ...LIVE, tls: { pins: [] } }, destination: TO }, ['source.tls', 'source.tls.pins']],
    [{ source: LIVE, destination: { kind: 'url', url: 'https://a.example/b' } }, ['destination.url']],
    [
      { source: LIVE, destination: { kind: 'ingest', domain: 'nobody.example', app: 'a', stream: 's' } },
      ['destination.domain'],
    ],
    [
      { source: LIVE, destination: { kind: 'ingest', domain: 'd', app: 'a/b', stream: '..', args: '#' } },
      ['destination.app', 'destination.stream', 'destination.args'],
    ],
    [{ source: LIVE, destination: TO, standby: ['rtmp://a.example/live/b', 'x'] }, ['standby[1]']],
    [{ source: LIVE, destination: TO, tags: ['a', 'a'] }, ['tags']],
    [{ source: LIVE, destination: TO, tags: Array.from({ length: 17 }, (_, at) => `t${at}`) }, ['tags']],
    [{ source: LIVE, destination: TO, slate: 'http://a.example/s.mp4' }, ['slate']],
    [{ source: LIVE, destination: TO, delay_s: 31 }, ['delay_s']],
    [{ source: LIVE, destination: TO, retry: { count: 1, interval_s: 0.5 } }, ['retry.interval_s']],
    [
      { source: LIVE, destination: TO, callback: { url: 'http://h.example', events: ['TaskStart'] } },
      ['callback.events'],
    ],
    [{ source: LIVE, destination: TO, callback: { url: 'rtmp://h.example' } }, ['callback.url']],
    [{ source: LIVE, destination: TO, end_at: '2020-01-01T00:00:00Z' }, ['end_at']],
    [{ source: LIVE, destination: TO, start_at: '2026-02-30T00:00:00Z' }, ['start_at']],
    [{ source: LIVE, destination: TO, project_id: 'nobodys' }, ['project_id']],
  ])('%j is refused with all its fields', async (body, fields) => {
    const answer = await ask('tasks', { body });
    expect(answer.status, JSON.stringify(answer.body)).toBe(400);
    expect(fieldsOf(answer.body)).toEqual(fields);
  });

  test('a change is held to the same, and leaves the task as it was', async () => {
    const { id } = await make();
    for (const [body, fields] of [
      [{ source: LIST }, ['source.kind']],
      [{ destination: TO }, ['destination']],
      [{ name: 1, tags: 'x', nothing: 1 }, ['name', 'tags', 'nothing']],
      [{ end_at: '2001-01-01T00:00:00Z' }, ['end_at']],
    ] as const) {
      const answer = await patch(id, body);
      expect(answer.status).toBe(400);
      expect(fieldsOf(answer.body).sort()).toEqual([...fields].sort());
    }
    expect((await ask(`tasks/${id}`)).body.version).toBe(1);
  });

  test.each([
    'status=on',
    'limit=0',
    'limit=1001',
    'after=x',
    'tag=',
    'reveal=yes',
    'dialect=tencent',
    'what=1',
    'text=a&text=b',
  ])('a list by %s is refused', async query => {
    expect(fieldsOf((await ask(`tasks?${query}`)).body)).toEqual([query.split('=')[0]]);
  });
});

describe('by hand', () => {
  const post = (path: string, body?: object) => ask(path, { method: 'POST', ...(body === undefined ? {} : { body }) });

  test('a live task is kept at one of its sources', async () => {
    const { id } = await make({ standby: STANDBY });
    expect((await post(`tasks/${id}/switch`, { to: 2 })).body.version).toBe(2);
    expect((await post(`tasks/${id}/switch`, { to: 2 })).body.version).toBe(2);
    expect((await post(`tasks/${id}/switch`, { to: 'auto' })).body.version).toBe(3);
    for (const to of [3, -1, 'primary', null, 1.5]) {
      expect(fieldsOf((await post(`tasks/${id}/switch`, { to })).body), String(to)).toEqual(['to']);
    }
    const { body } = await ask(`tasks/${id}/events`);
    expect(body.events.map(({ detail }: { detail: object }) => detail)).toContainEqual({ changed: ['pin'] });
    expect((await post(`tasks/${id}/skip`)).body).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
    expect((await post(`tasks/${id}/jump`, { index: 0 })).status).toBe(409);
  });

  test('a list goes on elsewhere', async () => {
    const { id } = await make({ start_at: LATER, source: { ...LIST, rounds: 2 } });
    expect((await post(`tasks/${id}/skip`)).status).toBe(200);
    expect((await post(`tasks/${id}/jump`, { index: 1, round: 1, offset_s: 2.5 })).status).toBe(200);
    expect((await post(`tasks/${id}/skip`)).body).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
    const { body } = await ask(`tasks/${id}/events`);
    const moves = body.events.filter(({ type }: { type: string }) => type === 'moved');
    expect(moves.map(({ position }: { position: object }) => position)).toEqual([
      { round: 0, index: 1, offset_ms: 0 },
      { round: 1, index: 1, offset_ms: 2_500 },
    ]);
    for (const [wish, field] of [
      [{ index: 2 }, 'index'],
      [{ index: 0, round: 2 }, 'round'],
      [{ index: 0, offset_s: -1 }, 'offset_s'],
      [{}, 'index'],
    ] as const) {
      const answer = await post(`tasks/${id}/jump`, wish);
      expect(answer.status).toBe(400);
      expect(fieldsOf(answer.body)).toEqual([field]);
    }
    expect((await post(`tasks/${id}/switch`, { to: 0 })).status).toBe(409);
    await post(`tasks/${id}/stop`);
    expect((await post(`tasks/${id}/jump`, { index: 0 })).body.code).toBe('WRONG_STATUS');
  });
});

describe('a list of tasks', () => {
  let mine: NativeAsk;
  let own: Api;

  beforeEach(async () => {
    own ??= await startApi(place.own(new Place(), it => it[Symbol.asyncDispose]()));
    mine = nativeAsk(own.base, (await own.apiKeys.create()).token);
    if ((await mine('tasks')).body.total > 0) return;
    for (let at = 0; at < 25; at++) {
      const tags = at % 2 === 0 ? ['even'] : [];
      const source = at % 5 === 0 ? LIST : { kind: 'live', url: `rtmp://camera-${at}.example/live/hidden-name-${at}` };
      const wish = {
        source,
        destination: TO,
        name: `Channel ${at}`,
        tags,
        enabled: at > 3,
        region: at < 5 ? 'a' : 'b',
      };
      expect((await mine('tasks', { body: wish })).status).toBe(201);
    }
  });

  test('is read through by its cursors, the newest first, each once', async () => {
    const names: string[] = [];
    for (let after = ''; ; ) {
      const { body } = await mine(`tasks?limit=7${after}`);
      expect(body.total).toBe(25);
      names.push(...body.tasks.map(({ name }: { name: string }) => name));
      if (body.next === null) break;
      after = `&after=${body.next}`;
    }
    expect(names).toEqual(Array.from({ length: 25 }, (_, at) => `Channel ${24 - at}`));
  });

  test.each([
    ['status=stopped', 4],
    ['status=stopped,scheduled', 25],
    ['tag=even', 13],
    ['tag=even&status=stopped', 2],
    ['region=a', 5],
    ['dialect=huawei', 0],
    ['text=channel%201', 11],
    ['text=CAMERA-7', 1],
    ['text=even', 13],
    ['text=hidden-name-11', 1],
    ['text=opening.mp4', 5],
    ['text=nothing', 0],
  ])('is narrowed by %s', async (query, count) => {
    const { body } = await mine(`tasks?${query}&limit=3`);
    expect(body.total).toBe(count);
    expect(body.tasks).toHaveLength(Math.min(3, count));
  });

  test('does not find by secrets for who may not see them', async () => {
    const reader = nativeAsk(own.base, (await own.apiKeys.create({ policies: ['ReadOnlyAccess'] })).token);
    expect((await reader('tasks?text=hidden-name')).body.total).toBe(0);
    expect((await reader('tasks?text=s3cr3t')).body.total).toBe(0);
    expect((await reader('tasks?text=camera-7')).body.total).toBe(1);
  });

  test('follows what becomes of its tasks', async () => {
    const { body } = await mine('tasks?text=channel%2024');
    const [{ id }] = body.tasks;
    await mine(`tasks/${id}`, { method: 'PATCH', body: { name: 'Renamed', tags: ['new'] } });
    expect((await mine('tasks?text=renamed&tag=new')).body.total).toBe(1);
    await mine(`tasks/${id}/stop`, { method: 'POST' });
    expect((await mine('tasks?text=renamed&status=stopped')).body.total).toBe(1);
    await mine(`tasks/${id}`, { method: 'PATCH', body: { name: 'Channel 24', tags: ['even'] } });
    await mine(`tasks/${id}/start`, { method: 'POST' });
    const { body: made } = await mine('tasks', { body: { source: LIVE, destination: TO, name: 'passing' } });
    expect((await mine('tasks?text=passing')).body.total).toBe(1);
    await mine(`tasks/${made.id}`, { method: 'DELETE' });
    expect((await mine('tasks?text=passing')).body.total).toBe(0);
  });
});

describe('a stranger', () => {
  test.each(['another account', 'another project'])('of %s finds nothing', async who => {
    const { id } = await make({ project_id: (await api.accounts.createKey({ region: 'cn-north-1' })).projectId });
    const wish = who === 'another account' ? { accountId: 'stranger' } : { region: 'cn-south-1' };
    const stranger = nativeAsk(api.base, (await api.apiKeys.create(wish)).token);
    const calls = [
      [`tasks/${id}`, {}],
      [`tasks/${id}`, { method: 'PATCH', body: { name: 'mine' } }],
      [`tasks/${id}`, { method: 'DELETE' }],
      ...['start', 'stop', 'restart', 'skip'].map(deed => [`tasks/${id}/${deed}`, { method: 'POST' }] as const),
      [`tasks/${id}/switch`, { body: { to: 0 } }],
      [`tasks/${id}/jump`, { body: { index: 0 } }],
    ] as const;
    for (const [path, call] of calls) {
      expect(await stranger(path, call), path).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
    expect((await stranger('tasks?limit=1000')).body.tasks.some((task: { id: string }) => task.id === id)).toBe(false);
    expect((await ask(`tasks/${id}`)).body).toMatchObject({ version: 1, name: '', status: { word: 'scheduled' } });
  });
});

describe('a task of another dialect', () => {
  const made = async () => {
    const body = {
      source_type: 'PullVodPushLive',
      source_urls: FILES,
      destination_url: 'rtmp://push.example/live/x',
      callback_url: 'http://h.example/',
      callback_events: ['TaskStart'],
    };
    return String((await callTasks(api, { method: 'POST', body })).body.task_id);
  };
  const inItsWords = async (id: string) =>
    (await callTasks(api, { method: 'GET', query: `task_id=${id}` })).body.task_infos[0];

  test('is shown, and changed as its own dialect could', async () => {
    const id = await made();
    expect((await ask(`tasks/${id}`)).body).toMatchObject({
      dialect: 'huawei',
      source: { kind: 'list', rounds: 'endless', on_change: 'new_source' },
      callback: { events: ['TaskStart'] },
    });
    const source = { ...LIST, rounds: 3, on_change: 'breakpoint' };
    expect((await patch(id, { source, name: 'ours', tags: ['x'] })).status).toBe(200);
    expect(await inItsWords(id)).toMatchObject({ vod_loop_time: '3', vod_refresh_type: 'continue_from_break_point' });
  });

  test.each([
    [{ delay_s: 1 }, ['delay_s']],
    [{ slate: 'hold', retry: { count: 1, interval_s: 60 } }, ['retry', 'slate']],
    [
      { source: { ...LIST, items: [{ url: FILES[0], in_s: 2 }], silence: true } },
      ['source.items[0]', 'source.silence'],
    ],
    [{ callback: { url: 'http://h.example/', events: ['flowing'] } }, ['callback.events']],
  ])('takes no %j, for which that one has no words', async (body, fields) => {
    const id = await made();
    const before = await inItsWords(id);
    const answer = await patch(id, body);
    expect(answer).toMatchObject({ status: 409, body: { code: 'NOT_SAYABLE' } });
    expect(fieldsOf(answer.body)).toEqual(fields);
    expect(await inItsWords(id)).toEqual(before);
  });

  test('is bound by the limits of that one', async () => {
    const id = await made();
    expect(fieldsOf((await patch(id, { end_at: null })).body)).toEqual(['end_at']);
    const items = Array.from({ length: 31 }, () => ({ url: FILES[0] }));
    expect(fieldsOf((await patch(id, { source: { kind: 'list', items } })).body)).toEqual(['source.items']);
  });
});
