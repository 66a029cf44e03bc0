import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, callTasks, type RawAnswer, sendRaw, signedHeaders, startApi } from './lab/api.ts';
import { Place } from './lab/place.ts';

// Bad inputs, one row each: the dialect's own refusal with the field named, never 5xx, nothing stored.

const LIVE = {
  source_type: 'PullLivePushLive',
  source_urls: ['rtmp://src.example/live/a'],
  destination_url: 'rtmp://dst.example/live/b',
};
const VOD = {
  ...LIVE,
  source_type: 'PullVodPushLive',
  source_urls: ['https://m.example/a.mp4', 'https://m.example/b.mp4'],
};
const TRIO = {
  source_type: 'PullLivePushLive',
  source_urls: ['rtmp://src.example/live/a'],
  domain: 'push.example.com',
  app_name: 'live',
  stream_name: 'one',
};
const HOUR = 3_600_000;
const at = (ms: number): string => new Date(Date.now() + ms).toISOString();

let place: Place;
let api: Api;
let live = '';
let vod = '';

const create = (body: unknown) => callTasks(api, { method: 'POST', body });
const total = async (): Promise<number> => (await callTasks(api, { method: 'GET' })).body.total;

beforeAll(async () => {
  place = new Place();
  api = await startApi(place);
  await api.accounts.addDomain('push.example.com', 'rtmp://127.0.0.1:1935');
  live = (await create(LIVE)).body.task_id;
  vod = (await create(VOD)).body.task_id;
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

function expectRefusal(answer: RawAnswer, status: number, code: string, text: string): void {
  expect(answer).toMatchObject({
    status,
    body: { error_code: code, error_msg: expect.stringContaining(text), request_id: answer.headers['x-request-id'] },
  });
}

/** [what, change of a body that would do, field named]. */
const CREATES: [string, object, object, string][] = [
  ['33 source_urls as text', LIVE, { source_urls: 'rtmp://a/b' }, 'source_urls'],
  ['33 a number for a text', LIVE, { region: 1 }, 'region'],
  ['33 a text for a number', VOD, { vod_start_video_time: '7' }, 'vod_start_video_time'],
  ['34 source_type unknown', LIVE, { source_type: 'Pull' }, 'source_type: must be one of PullLivePushLive, PullVod'],
  ['34 source_type in other case', LIVE, { source_type: 'pulllivepushlive' }, 'source_type'],
  ['34 source_type missing', LIVE, { source_type: null }, 'source_type'],
  ['35 source_urls missing', LIVE, { source_urls: null }, 'source_urls'],
  ['35 source_urls empty', LIVE, { source_urls: [] }, 'source_urls'],
  ['35 31 source_urls', VOD, { source_urls: Array(31).fill('https://m.example/a.mp4') }, 'source_urls'],
  ['35 null in source_urls', LIVE, { source_urls: [null] }, 'source_urls'],
  ['35 "" in source_urls', LIVE, { source_urls: [''] }, 'source_urls'],
  ['35 an array in source_urls', LIVE, { source_urls: [['rtmp://a/b']] }, 'source_urls'],
  ['36 two live sources', LIVE, { source_urls: ['rtmp://a/b/c', 'rtmp://a/b/d'] }, 'source_urls'],
  ['37 a source of 2,049 characters', LIVE, { source_urls: [`rtmp://a/${'x'.repeat(2040)}`] }, 'source_urls'],
  [
    '37 a destination of 2,049 characters',
    LIVE,
    { destination_url: `rtmp://a/${'x'.repeat(2040)}` },
    'destination_url',
  ],
  ['37 a source of 900 KB', LIVE, { source_urls: [`rtmp://a/${'x'.repeat(900_000)}`] }, 'source_urls'],
  ['38 both targets', LIVE, { domain: 'push.example.com' }, 'destination_url'],
  ['38 no target', LIVE, { destination_url: '' }, 'destination_url'],
  ['38 no stream_name', TRIO, { stream_name: '' }, 'stream_name'],
  ['38 no app_name', TRIO, { app_name: null }, 'app_name'],
  ['38 no domain', TRIO, { domain: '' }, 'domain'],
  ['39 domain of 256 characters', TRIO, { domain: 'a'.repeat(256) }, 'domain'],
  ['39 domain _bad', TRIO, { domain: '_bad.example.com' }, 'domain'],
  ['39 domain with a trailing dot', TRIO, { domain: 'push.example.com.' }, 'domain'],
  ['39 an address with a port', TRIO, { domain: '127.0.0.1:1935' }, 'domain'],
  ['39 domain not in the table', TRIO, { domain: 'other.example.com' }, 'domain'],
  ['40 app_name of 129 characters', TRIO, { app_name: 'a'.repeat(129) }, 'app_name'],
  ['40 stream_name of 513 characters', TRIO, { stream_name: 'a'.repeat(513) }, 'stream_name'],
  ...['a/b', 'a b', 'a?b', 'a#b', 'a\tb', 'a\\b', 'é', '..'].flatMap((bad): [string, object, object, string][] => [
    [`40 app_name ${JSON.stringify(bad)}`, TRIO, { app_name: bad }, 'app_name'],
    [`40 stream_name ${JSON.stringify(bad)}`, TRIO, { stream_name: bad }, 'stream_name'],
  ]),
  ['41 push_args with line ends', LIVE, { push_args: 'a=1\r\nb' }, 'push_args'],
  ['41 push_args of 8 KB', LIVE, { push_args: 'a'.repeat(8192) }, 'push_args'],
  ...['0', '-2', '1.5', '1e9', ' 3', '03', '+3', '99999999999999999999', 3, -1].map(
    (bad): [string, object, object, string] => [
      `42 vod_loop_time ${JSON.stringify(bad)}`,
      VOD,
      { vod_loop_time: bad },
      'vod_loop_time',
    ],
  ),
  ...[-1, 2, 2 ** 31, 1.5, '0'].map((bad): [string, object, object, string] => [
    `44 vod_start_video_index ${JSON.stringify(bad)}`,
    VOD,
    { vod_start_video_index: bad },
    'vod_start_video_index',
  ]),
  ...[-1, 2_100_000_001, 0.5].map((bad): [string, object, object, string] => [
    `45 vod_start_video_time ${bad}`,
    VOD,
    { vod_start_video_time: bad },
    'vod_start_video_time',
  ]),
  ['46 vod_refresh_type unknown', VOD, { vod_refresh_type: 'now' }, 'vod_refresh_type'],
  ['48 callback_events unknown', LIVE, { callback_events: ['TaskBegin'] }, 'callback_events'],
  ['48 callback_events in other case', LIVE, { callback_events: ['taskstart'] }, 'callback_events'],
  ['48 1,000 callback_events', LIVE, { callback_events: Array(1000).fill('TaskStart') }, 'callback_events'],
  ['49 31 standbys', LIVE, { backup_source_urls: Array(31).fill('rtmp://a/b/c') }, 'backup_source_urls'],
  ['49 backup_source_type unknown', LIVE, { backup_source_type: 'PullVodPushLive' }, 'backup_source_type'],
  ['50 region empty', LIVE, { region: '' }, 'region'],
  ['50 region of 65 characters', LIVE, { region: '中'.repeat(65) }, 'region'],
  ['56 end before start', LIVE, { start_time: at(2 * HOUR), end_time: at(HOUR) }, 'end_time'],
  ['56 end at start', LIVE, { start_time: '2090-01-01T00:00:00Z', end_time: '2090-01-01T00:00:00Z' }, 'end_time'],
  [
    '57 seven days and a second',
    LIVE,
    { start_time: '2090-01-01T00:00:00Z', end_time: '2090-01-08T00:00:01Z' },
    '7 days',
  ],
  ['58 end in the past', LIVE, { start_time: at(-2 * HOUR), end_time: at(-HOUR) }, 'end_time'],
  ...[
    '2090-02-30T00:00:00Z',
    '2090-13-01T00:00:00Z',
    '2090-01-01T24:00:00Z',
    '2090-12-31T23:59:60Z',
    '2090-01-01T00:00:00z',
    '2090-01-01 00:00:00Z',
    '90-01-01T00:00:00Z',
    '1999-01-01T00:00:00Z',
    '9999-01-01T00:00:00Z',
    '10000-01-01T00:00:00Z',
    '',
    3_786_912_000,
  ].map((bad): [string, object, object, string] => [
    `59-61 start_time ${JSON.stringify(bad)}`,
    LIVE,
    { start_time: bad },
    'start_time',
  ]),
  ['65 a scheme that is not allowed', LIVE, { source_urls: ['file:///etc/passwd'] }, 'source_urls'],
  ['66 a destination without a scheme', LIVE, { destination_url: '//host/a' }, 'destination_url'],
  ['85 a callback address that is none', LIVE, { callback_url: 'javascript:alert(1)' }, 'callback_url'],
];

describe('a create that is refused', () => {
  test.each(CREATES)('%s', async (_name, base, change, text) => {
    const before = await total();
    expectRefusal(await create({ ...base, ...change }), 400, 'LIVE.100011001', text);
    expect(await total()).toBe(before);
  });
});

describe('a create that is taken', () => {
  test.each<[string, object, object, object]>([
    ['32 an unknown field', LIVE, { colour: 'red' }, {}],
    ['35 the same file twice', VOD, { source_urls: ['https://m.example/a.mp4', 'https://m.example/a.mp4'] }, {}],
    ['37 URLs of 2,048 characters', LIVE, { source_urls: [`rtmp://a/b/${'x'.repeat(2037)}`] }, {}],
    ['40 the longest names', TRIO, { app_name: 'a'.repeat(128), stream_name: 's'.repeat(512) }, {}],
    ['41 push_args with a mark in front', LIVE, { push_args: '?a=1' }, {}],
    ['42 vod_loop_time ""', VOD, { vod_loop_time: '' }, { vod_loop_time: '-1' }],
    ['44 the last index', VOD, { vod_start_video_index: 1 }, { vod_start_video_index: 1 }],
    ['45 an offset that may lie behind the end', VOD, { vod_start_video_time: 2_100_000_000 }, {}],
    [
      '46 continue_* on create',
      VOD,
      { vod_refresh_type: 'continue_from_break_point' },
      { vod_refresh_type: 'continue_from_break_point' },
    ],
    ['47 file fields on a live task', LIVE, { vod_loop_time: 3, vod_start_video_index: 'x' }, {}],
    [
      '48 events twice',
      LIVE,
      { callback_events: ['TaskExit', 'TaskExit', 'VodSourceFileStart'] },
      { callback_events: ['TaskExit', 'VodSourceFileStart'] },
    ],
    [
      '49 a standby on a live task',
      LIVE,
      { backup_source_urls: LIVE.source_urls },
      { backup_source_urls: LIVE.source_urls },
    ],
    ['50 a region of 64 characters', LIVE, { region: '中'.repeat(64) }, { region: '中'.repeat(64) }],
    [
      '57 exactly seven days, in other zones',
      LIVE,
      { start_time: '2090-01-01T00:00:00+08:00', end_time: '2090-01-07T16:00:00' },
      { start_time: '2089-12-31T16:00:00Z', end_time: '2090-01-07T16:00:00Z' },
    ],
    ['58 a start in the past', LIVE, { start_time: at(-HOUR) }, {}],
    ['62 a start 26 days ahead', LIVE, { start_time: at(26 * 24 * HOUR) }, { status: 'waiting' }],
    [
      'null for everything that is optional',
      LIVE,
      { region: null, end_time: null, callback_url: null, domain: null },
      {},
    ],
  ])('%s', async (_name, base, change, shown) => {
    const created = await create({ ...base, ...change });
    expect(created).toMatchObject({ status: 200 });
    const listed = await callTasks(api, { method: 'GET', query: `task_id=${created.body.task_id}` });
    expect(listed.body.task_infos[0]).toMatchObject(shown);
    const isLive = listed.body.task_infos[0].source_type === 'PullLivePushLive';
    expect('vod_loop_time' in listed.body.task_infos[0]).toBe(!isLive);
  });
});

describe('a body that is refused', () => {
  test.each<[string, string | Buffer, string]>([
    ['19 empty', '', 'object expected'],
    ['19 null', 'null', 'object expected'],
    ['19 []', '[]', 'object expected'],
    ['19 "x"', '"x"', 'object expected'],
    ['19 1', '1', 'object expected'],
    ['20 truncated', '{"source_type":', 'at byte 15'],
    ['20 trailing comma', '{"a":1,}', 'at byte 7'],
    ['20 two documents', '{} {}', 'at byte 3'],
    ['20 NaN', '{"a":NaN}', 'at byte 5'],
    ['20 comments', '{/**/}', 'at byte 1'],
    ['21 duplicate keys', `{"region":"a","region":"b",${JSON.stringify(LIVE).slice(1)}`, 'twice'],
    ['23 nested 10,000 deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'nested deeper'],
    ['23 100,000 keys', `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join(',')}}`, 'more than'],
    ['26 invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'at byte 2'],
    ['26 half a surrogate', '{"region":"\\ud800"}', 'surrogate'],
    ['NUL', '{"region":"\\u0000"}', 'NUL'],
  ])('%s', async (_name, raw, text) => {
    expectRefusal(await callTasks(api, { method: 'POST', raw }), 400, 'LIVE.100011001', text);
    expectRefusal(await callTasks(api, { method: 'PUT', raw }), 400, 'LIVE.100011001', text);
  });

  test('22 __proto__ and its like are unknown fields', async () => {
    const raw = `{"__proto__":{"region":"x"},"constructor":{},"prototype":1,${JSON.stringify(LIVE).slice(1)}`;
    expect(await callTasks(api, { method: 'POST', raw })).toMatchObject({ status: 200 });
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('26 a byte order mark is tolerated', async () => {
    const raw = `\uFEFF${JSON.stringify(LIVE)}`;
    expect(await callTasks(api, { method: 'POST', raw })).toMatchObject({ status: 200 });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=gbk', ';;;', ''])(
    '18 content type %j',
    async type => {
      const raw = JSON.stringify(LIVE);
      const answer = await callTasks(api, { method: 'POST', raw, headers: { 'content-type': type } });
      expectRefusal(answer, 400, 'LIVE.100011012', 'media type');
    },
  );

  test('18 no content type', async () => {
    const request = { method: 'POST', url: `/v1/${api.key.projectId}/pull/stream/task`, body: JSON.stringify(LIVE) };
    const answer = await sendRaw(api.base, { ...request, headers: signedHeaders(api.key, request) });
    expectRefusal(answer, 400, 'LIVE.100011012', 'media type');
  });

  test('24 1 MB and a byte', async () => {
    const raw = Buffer.alloc(1024 * 1024 + 1, ' ');
    expectRefusal(await callTasks(api, { method: 'POST', raw }), 413, 'APIG.0201', 'too large');
  });

  test('25 a content encoding', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const answer = await callTasks(api, { method: 'POST', body: LIVE, headers });
    expectRefusal(answer, 415, 'LIVE.100011012', 'encoding');
    expect(
      await callTasks(api, { method: 'POST', body: LIVE, headers: { 'content-encoding': 'identity' } }),
    ).toMatchObject({
      status: 200,
    });
  });
});

describe('a list that is refused', () => {
  test.each([
    'limit=0',
    'limit=101',
    'limit=-1',
    'limit=ten',
    'limit=',
    'limit=1.0',
    'offset=-1',
    'offset=2147483648',
    'offset=1e9',
    'limit=1&limit=2',
    'task_id=',
    `task_id=${'x'.repeat(10_000)}`,
    `region=${'x'.repeat(65)}`,
  ])('52 %s', async query => {
    const field = query.split('=', 1)[0] ?? '';
    expectRefusal(await callTasks(api, { method: 'GET', query }), 400, 'LIVE.100011001', field);
  });

  test.each(['..%2F..%2Fx', '%00', '%27--', '%F0%9F%98%80', '%0A', '%25', '_'])(
    '31 and 54 task_id=%s is not found',
    async id => {
      const query = `task_id=${id}`;
      expectRefusal(await callTasks(api, { method: 'GET', query }), 404, 'LIVE.103011019', 'task_id');
      expectRefusal(await callTasks(api, { method: 'DELETE', query }), 404, 'LIVE.103011019', 'task_id');
    },
  );
});

describe('a modify or delete that is refused', () => {
  test.each<[string, () => object, string]>([
    ['30 task_id missing', () => ({ status: 'pause' }), 'task_id'],
    ['30 task_id empty', () => ({ task_id: '' }), 'task_id'],
    ['30 task_id a number', () => ({ task_id: 1 }), 'task_id'],
    ['30 task_id of 10 KB', () => ({ task_id: 'x'.repeat(10_000) }), 'task_id'],
    [
      '36 two sources for a live task',
      () => ({ task_id: live, source_urls: ['rtmp://a/b/c', 'rtmp://a/b/d'] }),
      'source_urls',
    ],
    ['35 no sources', () => ({ task_id: vod, source_urls: [] }), 'source_urls'],
    [
      '44 an index that the new list has not',
      () => ({ task_id: vod, vod_start_video_index: 5 }),
      'vod_start_video_index',
    ],
    ['51 status stop', () => ({ task_id: live, status: 'stop' }), 'status'],
    ['51 status ENABLE', () => ({ task_id: live, status: 'ENABLE' }), 'status'],
    ['56 end before start', () => ({ task_id: live, start_time: '2090-01-01T00:00:00Z' }), 'end_time'],
    ['63 end in the past', () => ({ task_id: live, end_time: at(-1000) }), 'end_time'],
    ['48 events unknown', () => ({ task_id: live, callback_events: ['x'] }), 'callback_events'],
  ])('%s', async (_name, body, text) => {
    const query = `task_id=${live}`;
    const before = (await callTasks(api, { method: 'GET', query })).body.task_infos;
    expectRefusal(await callTasks(api, { method: 'PUT', body: body() }), 400, 'LIVE.100011001', text);
    expect((await callTasks(api, { method: 'GET', query })).body.task_infos).toEqual(before);
  });

  test('51 nothing of a modify is applied when a part of it will not do', async () => {
    const body = { task_id: live, status: 'pause', end_time: 'never' };
    expectRefusal(await callTasks(api, { method: 'PUT', body }), 400, 'LIVE.100011001', 'end_time');
    const { body: listed } = await callTasks(api, { method: 'GET', query: `task_id=${live}` });
    expect(listed.task_infos[0].status).toBe('waiting');
  });

  test('87 an unknown task', async () => {
    const body = { task_id: '00000000-0000-0000-0000-000000000000' };
    expectRefusal(await callTasks(api, { method: 'PUT', body }), 400, 'LIVE.103011019', 'task_id');
    expectRefusal(
      await callTasks(api, { method: 'DELETE', query: `task_id=${body.task_id}` }),
      404,
      'LIVE.103011019',
      '',
    );
    expectRefusal(await callTasks(api, { method: 'DELETE' }), 400, 'LIVE.100011001', 'task_id');
  });

  test('89 enabling after the end is a matter of state', async () => {
    const { body } = await create({ ...LIVE, end_time: at(HOUR) });
    await callTasks(api, { method: 'PUT', body: { task_id: body.task_id, status: 'pause' } });
    api.shift(2 * HOUR);
    const url = `/v1/${api.key.projectId}/pull/stream/task`;
    const request = { method: 'PUT', url, body: JSON.stringify({ task_id: body.task_id, status: 'enable' }) };
    const date = `${new Date(api.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    const headers = { 'content-type': 'application/json', ...signedHeaders(api.key, request, { date }) };
    const answer = await sendRaw(api.base, { ...request, headers });
    api.shift(-2 * HOUR);
    expectRefusal(answer, 400, 'LIVE.103011022', '');
  });
});

describe('an envelope that is refused', () => {
  const path = (): string => `/v1/${api.key.projectId}/pull/stream/task`;
  const get = () => ({ method: 'GET', url: path() });
  const gate = (answer: RawAnswer, text: string) => expectRefusal(answer, 401, 'APIG.0301', text);
  const sendSigned = (options: Parameters<typeof signedHeaders>[2], headers: Record<string, string | string[]> = {}) =>
    sendRaw(api.base, { ...get(), headers: { ...signedHeaders(api.key, get(), options), ...headers } });

  test('1 no credentials', async () => {
    gate(await sendRaw(api.base, get()), 'not found');
  });

  test.each(['20200101T000000Z', '2090-01-01T00:00:00Z', 'now'])('4 and 5 date %s', async date => {
    gate(await sendSigned({ date }), 'calc aksk signature fail');
  });

  test('5 date missing or twice', async () => {
    const { 'x-sdk-date': date, ...rest } = signedHeaders(api.key, get());
    gate(await sendRaw(api.base, { ...get(), headers: rest }), 'X-Sdk-Date');
    gate(
      await sendRaw(api.base, { ...get(), headers: { ...rest, 'x-sdk-date': [date ?? '', date ?? ''] } }),
      'X-Sdk-Date',
    );
  });

  test('7 the date is not among the signed headers', async () => {
    const headers = signedHeaders(api.key, get());
    const authorization = headers.authorization?.replace('SignedHeaders=x-sdk-date', 'SignedHeaders=host') ?? '';
    gate(await sendRaw(api.base, { ...get(), headers: { ...headers, authorization } }), 'x-sdk-date must be signed');
  });

  test('8 an unsigned payload, or a hash that is not the body’s', async () => {
    gate(await sendSigned({ extra: { 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' } }), 'X-Sdk-Content-Sha256');
    gate(await sendSigned({}, { 'x-sdk-content-sha256': '0'.repeat(64) }), 'X-Sdk-Content-Sha256');
    expect(await sendSigned({})).toMatchObject({ status: 200 });
  });

  test.each(['V11-HMAC-SHA256', 'SDK-HMAC-SM3', 'none', 'Basic'])('9 algorithm %s', async algorithm => {
    gate(await sendSigned({ algorithm }), 'SDK-HMAC-SHA256');
  });

  test('11 a token that is garbage', async () => {
    gate(await sendRaw(api.base, { ...get(), headers: { 'x-auth-token': 'x'.repeat(20_000) } }), 'decrypt token fail');
  });

  test.each(['', '%', `${'x'.repeat(2000)}`, '..', '%2e%2e', "'--"])('12 project %j', async project => {
    const answer = await sendRaw(api.base, { method: 'GET', url: `/v1/${project}/pull/stream/task` });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body.error_code).toMatch(/^(APIG|LIVE)\./);
  });

  test.each(['/v1', '/v2/x/pull/stream/task', '/v1/x/pull/stream', '/etc/passwd', '/v1/x/pull/stream/task/y'])(
    '16 path %s',
    async url => {
      expectRefusal(await sendRaw(api.base, { method: 'GET', url }), 404, 'APIG.0101', '');
      expectRefusal(await sendRaw(api.base, { method: 'POST', url, body: '{}' }), 404, 'APIG.0101', '');
    },
  );

  test.each(['PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'LINK'])('17 method %s', async method => {
    expectRefusal(await sendRaw(api.base, { method, url: path() }), 400, 'LIVE.100011011', 'method');
  });

  test('17 method HEAD', async () => {
    expect(await sendRaw(api.base, { method: 'HEAD', url: path() })).toMatchObject({ status: 400 });
  });

  test('24 URL and headers that are too long', async () => {
    const url = `${path()}?region=${'x'.repeat(32 * 1024)}`;
    expectRefusal(await sendRaw(api.base, { method: 'GET', url }), 414, 'APIG.0201', '');
    const long = (bytes: number) => sendRaw(api.base, { ...get(), headers: { 'user-agent': 'x'.repeat(bytes) } });
    expectRefusal(await long(32 * 1024 + 1), 494, 'APIG.0201', '');
    expectRefusal(await long(32 * 1024), 401, 'APIG.0301', '');
    expectRefusal(await long(300 * 1024), 431, 'APIG.0201', '');
  });

  test('a URL that does not decode', async () => {
    for (const query of ['?a=%', '?a=%ff', '?a=%e9%80']) {
      expectRefusal(await sendRaw(api.base, { method: 'GET', url: path() + query }), 400, 'APIG.0201', '');
    }
  });

  test.each<[string, string]>([
    [
      '27 both lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['27 two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
    ['27 obs-fold', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\nBad\r\n\r\n'],
    ['27 two hosts', 'GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'],
    ['27 no host', 'GET /x HTTP/1.1\r\n\r\n'],
    ['27 bare LF', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc'],
  ])('%s is answered 400 and the connection ends', async (_name, bytes) => {
    expect(await exchange(bytes)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"error_code":"APIG\.0201"/);
  });

  test('28 HTTP/1.0 and chunk extensions are served', async () => {
    expect(await exchange('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    const chunked = 'Host: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2;x=y\r\n{}\r\n0\r\n\r\n';
    expect(await exchange(`POST /v3/auth/tokens HTTP/1.1\r\n${chunked}`)).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*body is invalid/,
    );
  });

  function exchange(bytes: string): Promise<string> {
    const { hostname, port } = new URL(api.base);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(bytes, 'latin1');
    return new Promise((resolve, reject) => {
      let text = '';
      socket.on('data', chunk => {
        text += chunk;
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
    });
  }
});

describe('the server beside the dialect', () => {
  test('says that it lives and that it is ready', async () => {
    expect(await sendRaw(api.base, { method: 'GET', url: '/healthz' })).toMatchObject({
      status: 200,
      body: { status: 'ok', version: 'test' },
    });
    expect(await sendRaw(api.base, { method: 'GET', url: '/readyz' })).toMatchObject({ status: 200 });
  });

  test('takes a body on GET and an empty JSON body on DELETE', async () => {
    expect(await callTasks(api, { method: 'GET', raw: '{"ignored":' })).toMatchObject({ status: 200 });
    const { body } = await create(LIVE);
    expect(await callTasks(api, { method: 'DELETE', query: `task_id=${body.task_id}` })).toMatchObject({ status: 200 });
  });

  test('logs every call without a URL or body, and shows no cause of what it did not expect', async () => {
    await create({ ...LIVE, destination_url: 'rtmp://dst.example/live/CANARY', push_args: 'CANARY=1' });
    await callTasks(api, { method: 'GET', query: 'region=CANARY' });
    expect(api.logged()).toContain('answered');
    expect(api.logged()).not.toContain('CANARY');
    expect(api.logged()).not.toContain('failed unexpectedly');
  });
});
