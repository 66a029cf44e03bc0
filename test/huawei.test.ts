import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import sdk from '@huaweicloud/huaweicloud-sdk-core';
import signer from '@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js';
import builder from '@huaweicloud/huaweicloud-sdk-core/ClientBuilder.js';
import logger from '@huaweicloud/huaweicloud-sdk-core/logger/log4jLogger.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, callTasks, sendRaw, signedHeaders, startApi } from './lab/api.ts';
import type { Key } from './lab/huawei.ts';
import { Place } from './lab/place.ts';

const { BasicCredentials } = sdk;
const { AKSKSigner } = signer;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const PATH = '/v1/{project_id}/pull/stream/task';
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

let place: Place;
let api: Api;
const savedHome = process.env.HOME;

beforeAll(async () => {
  place = new Place();
  // The SDK prints every refusal, and leaves a file in the home directory.
  logger.Logger4jInstance.level = 'off';
  process.env.HOME = place.dir;
  api = await startApi(place);
});

afterAll(async () => {
  process.env.HOME = savedHome;
  await place[Symbol.asyncDispose]();
});

/** The vendor's own client, with the request forms of its generated Live client. */
function sdkClient(key: Key = api.key) {
  const credentials = new BasicCredentials().withAk(key.accessKey).withSk(key.secretKey).withProjectId(key.projectId);
  const client = new builder.ClientBuilder(it => it)
    .withEndpoint(api.base)
    // biome-ignore lint/suspicious/noExplicitAny: the SDK declares two classes of the same name
    .withCredential(credentials as any)
    .build();
  // biome-ignore lint/suspicious/noExplicitAny: the SDK types no answer
  const send = (method: string, parts: { query?: object; data?: object }): Promise<any> =>
    client.sendRequest({
      method,
      url: PATH,
      contentType: parts.data === undefined ? 'application/json' : 'application/json; charset=UTF-8',
      queryParams: parts.query ?? {},
      pathParams: {},
      headers: {},
      data: parts.data ?? {},
    });
  return {
    create: (data: object) => send('POST', { data }),
    list: (query: object = {}) => send('GET', { query }),
    modify: (data: object) => send('PUT', { data }),
    remove: (query: object) => send('DELETE', { query }),
  };
}

const show = async (taskId: string) => (await sdkClient().list({ task_id: taskId })).task_infos[0];

describe('the four operations through the vendor SDK', () => {
  test('create answers a task id and a request id, and list shows the task in every documented field', async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const created = await sdkClient().create({
      ...LIVE,
      region: 'cn-north-4',
      push_args: 'arg1=value1',
      start_time: new Date(before + 3_600_000),
      end_time: new Date(before + 7_200_000),
      callback_events: ['TaskStart', 'TaskExit'],
      callback_url: 'callback.example.com',
      backup_source_type: 'PullLivePushLive',
      backup_source_urls: ['rtmp://src.example/live/bak'],
      vod_loop_time: 'ignored on a live task',
    });
    expect(created).toMatchObject({ httpStatusCode: 200 });
    expect(created.task_id).toMatch(UUID);
    expect(created.request_id).toMatch(UUID);
    const info = await show(created.task_id);
    const print = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
    expect(Date.parse(info.create_time)).toBeGreaterThanOrEqual(before);
    expect(info.create_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(info).toEqual({
      task_id: created.task_id,
      status: 'waiting',
      create_time: info.create_time,
      region: 'cn-north-4',
      source_type: 'PullLivePushLive',
      source_urls: ['rtmp://src.example/live/a'],
      domain: '',
      app_name: '',
      stream_name: '',
      push_args: 'arg1=value1',
      destination_url: 'rtmp://dst.example/live/b',
      start_time: print(before + 3_600_000),
      end_time: print(before + 7_200_000),
      callback_events: ['TaskStart', 'TaskExit'],
      callback_url: 'http://callback.example.com',
      backup_source_type: 'PullLivePushLive',
      backup_source_urls: ['rtmp://src.example/live/bak'],
    });
  });

  test('a file task keeps its own fields, as the JSON types that strict clients want', async () => {
    const { task_id } = await sdkClient().create({
      ...VOD,
      vod_loop_time: '3',
      vod_start_video_index: 1,
      vod_start_video_time: 7,
      vod_refresh_type: 'continue_from_file_start',
    });
    expect(await show(task_id)).toMatchObject({
      source_type: 'PullVodPushLive',
      source_urls: VOD.source_urls,
      vod_loop_time: '3',
      vod_start_video_index: 1,
      vod_start_video_time: 7,
      vod_refresh_type: 'continue_from_file_start',
    });
    await sdkClient().modify({ task_id, vod_loop_time: '', vod_start_video_index: 0 });
    expect(await show(task_id)).toMatchObject({
      vod_loop_time: '-1',
      vod_start_video_index: 0,
      vod_start_video_time: 7,
    });
  });

  test('a task without times starts now and ends in seven days, in the region of the installation', async () => {
    const { task_id } = await sdkClient().create(LIVE);
    const info = await show(task_id);
    expect(Math.abs(Date.parse(info.start_time) - Date.now())).toBeLessThan(5_000);
    expect(Date.parse(info.end_time) - Date.parse(info.start_time)).toBe(7 * 86_400_000);
    expect(info).toMatchObject({ region: 'default', callback_events: [], callback_url: '', push_args: '' });
  });

  test('an ingest domain of the installation may stand for the target', async () => {
    await api.accounts.addDomain('push.example.com', 'rtmp://127.0.0.1:1935');
    const target = { domain: 'push.example.com', app_name: 'live', stream_name: 'test', destination_url: '' };
    const { task_id } = await sdkClient().create({ ...LIVE, ...target });
    expect(await show(task_id)).toMatchObject(target);
    await expect(sdkClient().create({ ...LIVE, ...target, domain: 'other.example.com' })).rejects.toMatchObject({
      httpStatusCode: 400,
      errorCode: 'LIVE.100011001',
      errorMsg: expect.stringContaining('domain'),
    });
  });

  test('pause suspends, enable resumes, and what is not given stays', async () => {
    const { task_id } = await sdkClient().create({ ...LIVE, callback_events: ['TaskExit'] });
    const untouched = await show(task_id);
    expect(await sdkClient().modify({ task_id })).toMatchObject({ task_id, httpStatusCode: 200 });
    expect(await show(task_id)).toEqual(untouched);
    await sdkClient().modify({ task_id, status: 'pause', source_urls: ['rtmp://src.example/live/c'] });
    expect(await show(task_id)).toEqual({
      ...untouched,
      status: 'suspend',
      source_urls: ['rtmp://src.example/live/c'],
    });
    await sdkClient().modify({ task_id, status: 'enable', callback_events: [] });
    expect(await show(task_id)).toMatchObject({ status: 'waiting', callback_events: [] });
  });

  test('list pages by record, newest first, and filters by region', async () => {
    const region = `r-${randomUUID()}`;
    const ids: string[] = [];
    for (let i = 0; i < 12; i++) ids.push((await sdkClient().create({ ...LIVE, region })).task_id);
    const whole = await sdkClient().list({ region, limit: 100 });
    expect(whole.total).toBe(12);
    expect(whole.task_infos.map((info: { task_id: string }) => info.task_id).toSorted()).toEqual(ids.toSorted());
    const times = whole.task_infos.map((info: { create_time: string }) => info.create_time);
    expect(times).toEqual(times.toSorted().toReversed());
    const first = await sdkClient().list({ region });
    const second = await sdkClient().list({ region, offset: 10, limit: 10 });
    expect([first.task_infos.length, second.task_infos.length, second.total]).toEqual([10, 2, 12]);
    expect([...first.task_infos, ...second.task_infos]).toEqual(whole.task_infos);
    expect(await sdkClient().list({ region: 'nowhere' })).toMatchObject({ total: 0, task_infos: [] });
    expect(await sdkClient().list({ region, offset: 1000 })).toMatchObject({ total: 12, task_infos: [] });
  });

  test('delete removes a task once, in its own region only', async () => {
    const { task_id } = await sdkClient().create({ ...LIVE, region: 'here' });
    const gone = { httpStatusCode: 404, errorCode: 'LIVE.103011019' };
    await expect(sdkClient().remove({ task_id, region: 'there' })).rejects.toMatchObject(gone);
    expect(await sdkClient().remove({ task_id, region: 'here' })).toMatchObject({ task_id, httpStatusCode: 200 });
    await expect(sdkClient().remove({ task_id })).rejects.toMatchObject(gone);
    await expect(sdkClient().list({ task_id })).rejects.toMatchObject(gone);
    await expect(sdkClient().modify({ task_id, status: 'pause' })).rejects.toMatchObject({
      ...gone,
      httpStatusCode: 400,
    });
  });

  test('a refusal carries the request id where the SDKs look for it', async () => {
    const refusal = sdkClient().create({ ...LIVE, source_type: 'x' });
    await expect(refusal).rejects.toMatchObject({
      errorCode: 'LIVE.100011001',
      requestId: expect.stringMatching(UUID),
    });
  });

  test('a foreign project sees nothing', async () => {
    const { task_id } = await sdkClient().create(LIVE);
    const stranger = await api.accounts.createKey({ accountId: 'other' });
    const gone = { errorCode: 'LIVE.103011019' };
    await expect(sdkClient(stranger).list({ task_id })).rejects.toMatchObject(gone);
    await expect(sdkClient(stranger).modify({ task_id, status: 'pause' })).rejects.toMatchObject(gone);
    await expect(sdkClient(stranger).remove({ task_id })).rejects.toMatchObject(gone);
    expect(await sdkClient(stranger).list()).toMatchObject({ total: 0 });
  });

  test('fifty parallel modifies of parts of one list undo nothing of each other', async () => {
    const { task_id } = await sdkClient().create(VOD);
    const parts = [
      { vod_loop_time: '9' },
      { vod_start_video_time: 9 },
      { vod_refresh_type: 'continue_from_break_point' },
    ];
    const changes = Array.from({ length: 50 }, (_, i) => sdkClient().modify({ task_id, ...parts[i % 3] }));
    const answers = await Promise.all(changes);
    expect(answers.every(answer => answer.httpStatusCode === 200)).toBe(true);
    expect(await show(task_id)).toMatchObject(Object.assign({}, ...parts));
  });
});

describe('the gate, tried with the vendor signer', () => {
  const request = (query: object = {}, data?: object) => ({
    endpoint: `${api.base}/v1/${api.key.projectId}/pull/stream/task`,
    method: data === undefined ? 'GET' : 'POST',
    queryParams: query,
    headers: { 'content-type': 'application/json', 'X-Project-Id': api.key.projectId } as Record<string, string>,
    ...(data === undefined ? {} : { data }),
  });
  const sign = (of: ReturnType<typeof request>, key: Key = api.key): Record<string, string> =>
    // biome-ignore lint/suspicious/noExplicitAny: the signer wants the SDK's own request class
    AKSKSigner.sign(of as any, new BasicCredentials().withAk(key.accessKey).withSk(key.secretKey));
  const send = (method: string, headers: Record<string, string>, more: { query?: string; body?: string } = {}) =>
    sendRaw(api.base, {
      method,
      url: `/v1/${api.key.projectId}/pull/stream/task${more.query ?? ''}`,
      headers,
      ...(more.body === undefined ? {} : { body: more.body }),
    });
  const refused = (error_msg: RegExp | string) => ({
    status: 401,
    body: {
      error_code: 'APIG.0301',
      error_msg: typeof error_msg === 'string' ? expect.stringContaining(error_msg) : expect.stringMatching(error_msg),
      request_id: expect.stringMatching(UUID),
    },
  });

  test('lets the signed request in', async () => {
    expect(await send('GET', sign(request({ limit: 1 })), { query: '?limit=1' })).toMatchObject({ status: 200 });
    const body = JSON.stringify(LIVE);
    expect(await send('POST', sign(request({}, LIVE)), { body })).toMatchObject({ status: 200 });
  });

  test('refuses an altered body, query, header or path, and shows what should have been signed', async () => {
    const altered = JSON.stringify({ ...LIVE, push_args: 'x=1' });
    expect(await send('POST', sign(request({}, LIVE)), { body: altered })).toMatchObject(
      refused(
        /verify aksk signature fail, canonicalRequest:POST\|\/v1\/.+\/task\/\|\|content-type:application\/json\|/,
      ),
    );
    expect(await send('GET', sign(request({ limit: 1 })), { query: '?limit=2' })).toMatchObject(
      refused('signature fail'),
    );
    expect(await send('GET', sign(request()), { query: '?limit=2' })).toMatchObject(refused('signature fail'));
    const headers = { ...sign(request()), 'content-type': 'text/plain' };
    expect(await send('GET', headers)).toMatchObject(refused('signature fail'));
    expect(await send('DELETE', sign(request()))).toMatchObject(refused('signature fail'));
    // Success in between, for six failures in a row would lock the key.
    await callTasks(api, { method: 'GET' });
  });

  test('refuses a wrong secret and an unknown key', async () => {
    const wrong = { ...api.key, secretKey: 'x'.repeat(40) };
    expect(await send('GET', sign(request(), wrong))).toMatchObject(refused('verify aksk signature fail'));
    const unknown = { ...api.key, accessKey: 'NOSUCHKEY' };
    expect(await send('GET', sign(request(), unknown))).toMatchObject(refused('ak NOSUCHKEY not exist'));
  });

  test.each([-901_000, 901_000])('refuses a date %i ms off and tells both times', async offMs => {
    const of = request();
    const date = new Date(Date.now() + offMs).toISOString();
    of.headers['X-Sdk-Date'] = date;
    const headers = sign(of);
    headers['X-Sdk-Date'] = `${date.slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    expect(await send('GET', headers)).toMatchObject(
      refused(/calc aksk signature fail:signature expired, signature time:\d{8}T\d{6}Z,server time:\d{8}T\d{6}Z/),
    );
  });

  test('refuses a project that is not the key’s, in the path or in the header', async () => {
    const other = 'f'.repeat(32);
    const url = `/v1/${other}/pull/stream/task`;
    const get = { method: 'GET', url };
    const wrong = { status: 401, body: { error_code: 'LIVE.100011015' } };
    expect(await sendRaw(api.base, { ...get, headers: signedHeaders(api.key, get) })).toMatchObject(wrong);
    expect(await callTasks(api, { method: 'GET', headers: { 'x-project-id': other } })).toMatchObject(wrong);
  });

  test('refuses a disabled key, and takes it back when it is enabled', async () => {
    const key = await api.accounts.createKey();
    await api.accounts.disableKey(key.accessKey);
    expect(await callTasks({ ...api, key }, { method: 'GET' })).toMatchObject({
      status: 403,
      body: { error_code: 'APIG.0302' },
    });
    await api.accounts.enableKey(key.accessKey);
    expect(await callTasks({ ...api, key }, { method: 'GET' })).toMatchObject({ status: 200 });
  });

  test('locks a key for five minutes after six failures in a row, for the failing address alone', async () => {
    const key = await api.accounts.createKey();
    const wrong = { ...api, key: { ...key, secretKey: 'wrong' } };
    for (let i = 0; i < 6; i++) {
      expect(await callTasks(wrong, { method: 'GET' })).toMatchObject(refused('verify aksk signature fail'));
    }
    const locked = refused('AK access failed to reach the limit,forbidden.');
    expect(await callTasks({ ...api, key }, { method: 'GET' })).toMatchObject(locked);
    expect(await callTasks(api, { method: 'GET' })).toMatchObject({ status: 200 });
    const elsewhere = await sendFrom('127.0.0.9', key);
    expect(elsewhere).toContain('HTTP/1.1 200');
    api.shift(300_001);
    const date = `${new Date(api.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    const get = { method: 'GET', url: `/v1/${key.projectId}/pull/stream/task` };
    const later = await sendRaw(api.base, { ...get, headers: signedHeaders(key, get, { date }) });
    api.shift(-300_001);
    expect(later).toMatchObject({ status: 200 });
  });

  function sendFrom(localAddress: string, key: Key): Promise<string> {
    const { hostname, port } = new URL(api.base);
    const url = `/v1/${key.projectId}/pull/stream/task`;
    const headers = Object.entries(signedHeaders(key, { method: 'GET', url })).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    // Who has no more to say may be hung up on before the answer is there.
    socket.write([`GET ${url} HTTP/1.1`, `Host: ${hostname}`, 'Connection: close', ...headers, '', ''].join('\r\n'));
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

describe('the identity service', () => {
  const login = (password: string, scope?: object, name = 'alice') =>
    sendRaw(api.base, {
      method: 'POST',
      url: '/v3/auth/tokens?nocatalog=true',
      headers: { 'content-type': 'application/json;charset=utf8' },
      body: JSON.stringify({
        auth: {
          identity: { methods: ['password'], password: { user: { name, password, domain: { name: 'default' } } } },
          ...(scope === undefined ? {} : { scope }),
        },
      }),
    });

  beforeAll(async () => {
    await api.accounts.putUser('alice', 'correct horse');
  });

  test('gives a project token for a password, and the token opens the task API for 24 hours', async () => {
    const answer = await login('correct horse', { project: { name: 'cn-north-4' } });
    expect(answer.status).toBe(201);
    expect(answer.body.token).toMatchObject({
      methods: ['password'],
      project: { id: api.key.projectId, name: 'cn-north-4', domain: { name: 'default' } },
      user: { name: 'alice', domain: { id: 'default', name: 'default' } },
      catalog: [],
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    });
    const token = String(answer.headers['x-subject-token']);
    const url = `/v1/${api.key.projectId}/pull/stream/task`;
    const get = () => sendRaw(api.base, { method: 'GET', url, headers: { 'X-Auth-Token': token } });
    expect(await get()).toMatchObject({ status: 200 });
    api.shift(86_400_001);
    const later = await get();
    api.shift(-86_400_001);
    expect(later).toMatchObject({ status: 401, body: { error_code: 'APIG.0307' } });
    await api.accounts.putUser('alice', 'correct horse');
    expect(await get()).toMatchObject({ status: 401, body: { error_code: 'APIG.0301' } });
    expect(api.logged()).not.toContain(token);
  });

  test('gives a token by project id, and an account token that opens no project', async () => {
    expect(await login('correct horse', { project: { id: api.key.projectId } })).toMatchObject({ status: 201 });
    const answer = await login('correct horse', { domain: { name: 'default' } });
    expect(answer.body.token.domain).toEqual({ id: 'default', name: 'default' });
    const headers = { 'x-auth-token': String(answer.headers['x-subject-token']) };
    const url = `/v1/${api.key.projectId}/pull/stream/task`;
    expect(await sendRaw(api.base, { method: 'GET', url, headers })).toMatchObject({
      status: 401,
      body: { error_code: 'LIVE.100011015' },
    });
  });

  test('answers in Keystone’s shape to whom it does not know, and to what it cannot read', async () => {
    const wrong = { error: { code: 401, message: 'The username or password is wrong.', title: 'Unauthorized' } };
    expect(await login('wrong', undefined, 'bob')).toMatchObject({ status: 401, body: wrong });
    expect(await login('wrong')).toMatchObject({ status: 401, body: wrong });
    expect(await login('correct horse', { project: { name: 'mars' } })).toMatchObject({ status: 404 });
    const bad = await sendRaw(api.base, { method: 'POST', url: '/v3/auth/tokens', body: '{"auth":{}}' });
    expect(bad).toMatchObject({ status: 400, body: { error: { code: 400, message: 'The request body is invalid' } } });
  });

  test('slows down whoever guesses', async () => {
    for (let i = 0; i < 6; i++) await login('wrong', undefined, 'carol');
    expect(await login('wrong', undefined, 'carol')).toMatchObject({ status: 429, body: { error: { code: 429 } } });
  });

  test('lists the projects of the key’s account by name', async () => {
    const get = { method: 'GET', url: '/v3/projects?name=cn-north-4' };
    const answer = await sendRaw(api.base, { ...get, headers: signedHeaders(api.key, get) });
    expect(answer).toMatchObject({
      status: 200,
      body: { projects: [{ id: api.key.projectId, name: 'cn-north-4', domain_id: 'default', enabled: true }] },
    });
    expect(await sendRaw(api.base, get)).toMatchObject({ status: 401, body: { error: { code: 401 } } });
  });
});
