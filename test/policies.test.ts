import sdk from '@huaweicloud/huaweicloud-sdk-core';
import builder from '@huaweicloud/huaweicloud-sdk-core/ClientBuilder.js';
import logger from '@huaweicloud/huaweicloud-sdk-core/logger/log4jLogger.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, callTasks, type RawAnswer, sendRaw, signedHeaders, startApi } from './lab/api.ts';
import type { Key } from './lab/huawei.ts';
import { Place } from './lab/place.ts';

const HOUR_MS = 3_600_000;
const LIVE = {
  source_type: 'PullLivePushLive',
  source_urls: ['rtmp://src.example/live/a'],
  destination_url: 'rtmp://dst.example/live/b',
};
const PASSWORD = 'correct horse';

const OPERATIONS = ['create', 'list', 'modify', 'delete'] as const;
type Operation = (typeof OPERATIONS)[number];
const ACTION: Readonly<Record<Operation, string>> = {
  create: 'live:stream:createPullTask',
  list: 'live:stream:listPullTask',
  modify: 'live:stream:modifyPullTask',
  delete: 'live:stream:deletePullTask',
};

let place: Place;
let api: Api;
let made = 0;

const savedHome = process.env.HOME;

beforeAll(async () => {
  place = new Place();
  // The vendor's client prints, and leaves a file in the home directory.
  logger.Logger4jInstance.level = 'off';
  process.env.HOME = place.dir;
  api = await startApi(place);
});

afterAll(async () => {
  process.env.HOME = savedHome;
  await place[Symbol.asyncDispose]();
});

/** A call of the operation on the task, by whoever holds the key. */
function call(operation: Operation, taskId: string, key: Key = api.key, headers: Record<string, string> = {}) {
  const by = { base: api.base, key };
  const query = `task_id=${taskId}`;
  const calls: Readonly<Record<Operation, Parameters<typeof callTasks>[1]>> = {
    create: { method: 'POST', body: LIVE },
    list: { method: 'GET', query },
    modify: { method: 'PUT', body: { task_id: taskId, callback_events: ['TaskStart'] } },
    delete: { method: 'DELETE', query },
  };
  return callTasks(by, { ...calls[operation], headers });
}

async function ownTask(): Promise<string> {
  const { body } = await callTasks(api, { method: 'POST', body: LIVE });
  return body.task_id;
}

const said = ({ status, body }: RawAnswer): string => (status === 200 ? '200' : `${status} ${body.error_code}`);

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
}
const allow = (...Action: string[]): Statement => ({ Effect: 'Allow', Action });
const deny = (...Action: string[]): Statement => ({ Effect: 'Deny', Action });

/** A user whose one policy has these statements. */
async function userWith(...Statement: Statement[]): Promise<string> {
  const name = `user-${++made}`;
  await api.accounts.policies.put(`policy-${made}`, JSON.stringify({ Version: '1.1', Statement }));
  await api.accounts.putUser(name, PASSWORD, { policies: [`policy-${made}`] });
  return name;
}

const keyOf = (user: string) => api.accounts.createKey({ region: 'cn-north-4', user });

/** A project token of the user, in the header that carries it. */
async function tokenOf(name: string): Promise<Record<string, string>> {
  const user = { name, password: PASSWORD, domain: { name: 'default' } };
  const scope = { project: { id: api.key.projectId } };
  const body = JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } }, scope } });
  const { headers } = await sendRaw(api.base, { method: 'POST', url: '/v3/auth/tokens', body });
  return { 'x-auth-token': String(headers['x-subject-token']) };
}

describe.each(OPERATIONS)('%s', operation => {
  const action = ACTION[operation];
  const covering = operation === 'modify' ? [action, ACTION.create] : [action];
  const others = Object.values(ACTION).filter(it => !covering.includes(it));
  const reading = operation === 'list' ? '200' : '403 APIG.0302';

  test.each<[says: string, statements: Statement[], answer: string]>([
    ['its action', [allow(action)], '200'],
    ['its action in another case', [allow(action.toUpperCase().replace('LIVE', 'Live'))], '200'],
    ['every action of the service', [allow('live:*')], '200'],
    ['every action', [allow('*')], '200'],
    ['a pattern of it', [allow(`live:*:${action.slice(12, 15)}*Task`)], '200'],
    ['all other actions', [allow(...others)], '403 APIG.0302'],
    ['the actions of the other cloud', [allow('live:*PullToPush*')], '403 APIG.0302'],
    ['everything and its denial', [allow('*'), deny(action)], '403 APIG.0302'],
    ['everything and the denial of the others', [allow('*'), deny(...others)], '200'],
    ['everything and the denial of a pattern', [deny('live:stream:*'), allow('*')], '403 APIG.0302'],
  ])('under a policy of %s answers', async (_, statements, answer) => {
    const key = await keyOf(await userWith(...statements));
    expect(said(await call(operation, await ownTask(), key))).toBe(answer);
  });

  test.each<[policies: string[] | undefined, answer: string]>([
    [undefined, '200'],
    [['FullAccess'], '200'],
    [['ReadOnlyAccess'], reading],
    [[], '403 APIG.0302'],
  ])('for a user with the policies %j answers', async (policies, answer) => {
    const name = `user-${++made}`;
    await api.accounts.putUser(name, PASSWORD, policies === undefined ? {} : { policies });
    const taskId = await ownTask();
    const byToken = { ...api.key, accessKey: 'none' };
    expect(said(await call(operation, taskId, byToken, await tokenOf(name)))).toBe(answer);
    const fresh = await ownTask();
    expect(said(await call(operation, fresh, await keyOf(name)))).toBe(answer);
  });

  test('of a key that is narrowed is refused though its account may do everything', async () => {
    const key = await api.accounts.createKey({ region: 'cn-north-4', policies: ['ReadOnlyAccess'] });
    expect(said(await call(operation, await ownTask(), key))).toBe(reading);
  });

  test('follows a policy and its user without delay', async () => {
    const name = await userWith(allow('live:stream:none'));
    const key = await keyOf(name);
    expect(said(await call(operation, await ownTask(), key))).toBe('403 APIG.0302');
    await api.accounts.policies.put(`policy-${made}`, JSON.stringify({ Version: '1.1', Statement: [allow(action)] }));
    expect(said(await call(operation, await ownTask(), key))).toBe('200');
    await api.accounts.setPolicies(name, []);
    expect(said(await call(operation, await ownTask(), key))).toBe('403 APIG.0302');
  });

  test('of a disabled user is refused by key and by token, and taken again by key when the user is enabled', async () => {
    const name = await userWith(allow('*'));
    const key = await keyOf(name);
    const token = await tokenOf(name);
    await api.accounts.setUserEnabled(name, false);
    const taskId = await ownTask();
    expect(said(await call(operation, taskId, key))).toBe('403 APIG.0302');
    expect(said(await call(operation, taskId, api.key, token))).toBe('401 APIG.0301');
    await api.accounts.setUserEnabled(name, true);
    expect(said(await call(operation, taskId, api.key, token))).toBe('401 APIG.0301');
    expect(said(await call(operation, taskId, key))).toBe('200');
  });

  test('of a removed user is refused by key and by token', async () => {
    const name = await userWith(allow('*'));
    const key = await keyOf(name);
    const token = await tokenOf(name);
    await api.accounts.removeUser(name);
    const taskId = await ownTask();
    expect(said(await call(operation, taskId, key))).toBe('401 APIG.0301');
    expect(said(await call(operation, taskId, api.key, token))).toBe('401 APIG.0301');
  });

  test('of a temporary key is taken with its token until it expires', async () => {
    const key = await api.accounts.createKey({ region: 'cn-north-4', lifeMs: HOUR_MS });
    const token = { 'x-security-token': key.token ?? '' };
    const taskId = await ownTask();
    expect(said(await call(operation, taskId, key))).toBe('401 APIG.0301');
    expect(said(await call(operation, taskId, key, { 'x-security-token': `${key.token}x` }))).toBe('401 APIG.0301');
    expect(said(await call(operation, taskId, api.key, token))).toBe('401 APIG.0301');
    expect(said(await call(operation, taskId, key, token))).toBe('200');
    // Expired, yet signed in time.
    await api.store.removeAccessKey(key.accessKey);
    await api.store.addAccessKey({ ...key, expiresAt: api.now() });
    expect(said(await call(operation, await ownTask(), key, token))).toBe('401 APIG.0307');
  });

  test('of a temporary key may do no more than its user', async () => {
    const user = await userWith(allow(...others));
    const key = await api.accounts.createKey({ region: 'cn-north-4', user, policies: ['FullAccess'], lifeMs: HOUR_MS });
    const headers = { 'x-security-token': key.token ?? '' };
    expect(said(await call(operation, await ownTask(), key, headers))).toBe('403 APIG.0302');
  });

  test('of an account without the live service is refused until it has it', async () => {
    const accountId = `account-${++made}`;
    const key = await api.accounts.createKey({ accountId });
    const { body } = await call('create', '', key);
    await api.accounts.setLive(accountId, false);
    expect(said(await call(operation, body.task_id, key))).toBe('401 LIVE.100011003');
    await api.accounts.setLive(accountId, true);
    expect(said(await call(operation, body.task_id, key))).toBe('200');
  });

  test('through the project of another account is refused', async () => {
    const stranger = await api.accounts.createKey({ accountId: 'strangers' });
    const thief = { ...stranger, projectId: api.key.projectId };
    expect(said(await call(operation, await ownTask(), thief))).toBe('401 LIVE.100011015');
  });
});

describe('a task of another account', () => {
  test.each(['list', 'modify', 'delete'] as const)('is answered to %s as if it were not there', async operation => {
    const stranger = await api.accounts.createKey({ accountId: 'strangers' });
    const taskId = await ownTask();
    const foreign = await call(operation, taskId, stranger);
    const absent = await call(operation, '00000000-0000-4000-8000-000000000000', stranger);
    expect(said(foreign)).toBe(operation === 'modify' ? '400 LIVE.103011019' : '404 LIVE.103011019');
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...absent.body, request_id: '' });
    expect(said(await call('list', taskId))).toBe('200');
  });

  test('is in no list of others', async () => {
    const stranger = await api.accounts.createKey({ accountId: 'strangers' });
    await ownTask();
    const { body } = await callTasks({ base: api.base, key: stranger }, { method: 'GET' });
    expect(body).toMatchObject({ total: 0, task_infos: [] });
  });

  test('has a domain that nobody else can push to', async () => {
    const stranger = await api.accounts.createKey({ accountId: 'strangers' });
    await api.accounts.addDomain('push.example', 'rtmp://127.0.0.1:1935');
    const push = (domain: string, key: Key) => {
      const body = { ...LIVE, destination_url: '', domain, app_name: 'live', stream_name: 'a' };
      return callTasks({ base: api.base, key }, { method: 'POST', body });
    };
    expect(said(await push('push.example', api.key))).toBe('200');
    const foreign = await push('push.example', stranger);
    const absent = await push('nowhere.example', stranger);
    expect(said(foreign)).toBe('400 LIVE.100011001');
    expect(foreign.body.error_msg).toBe(absent.body.error_msg);
  });
});

test('the vendor`s own client sends a temporary key as it is wanted', async () => {
  const { accessKey, secretKey, projectId, token } = await api.accounts.createKey({ lifeMs: HOUR_MS });
  const credentials = new sdk.BasicCredentials()
    .withAk(accessKey)
    .withSk(secretKey)
    .withProjectId(projectId)
    .withSecurityToken(token ?? '');
  const client = new builder.ClientBuilder(it => it)
    .withEndpoint(api.base)
    // biome-ignore lint/suspicious/noExplicitAny: the SDK declares two classes of the same name
    .withCredential(credentials as any)
    .build();
  const request = { method: 'GET', url: '/v1/{project_id}/pull/stream/task', contentType: 'application/json' };
  const answer = await client.sendRequest({ ...request, queryParams: {}, pathParams: {}, headers: {}, data: {} });
  expect(answer).toMatchObject({ httpStatusCode: 200, total: 0 });
});

test('a refusal names the action and no secret', async () => {
  const key = await api.accounts.createKey({ region: 'cn-north-4', lifeMs: HOUR_MS, policies: [] });
  const request = { method: 'GET', url: `/v1/${key.projectId}/pull/stream/task` };
  const extra = { 'x-security-token': key.token ?? '' };
  const send = (by: Key) => sendRaw(api.base, { ...request, headers: signedHeaders(by, request, { extra }) });
  expect((await send(key)).body.error_msg).toContain(ACTION.list);
  const wrong = await send({ ...key, secretKey: 'wrong' });
  expect(wrong.body.error_msg).toContain('x-security-token:***');
  expect(`${JSON.stringify(wrong.body)}${api.logged()}`).not.toContain(key.token);
});
