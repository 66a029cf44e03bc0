import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KeyWish } from '../src/control/accounts.ts';
import { AlibabaClient } from './lab/alibaba-client.ts';
import { type Api, startApi } from './lab/api.ts';
import { Place } from './lab/place.ts';

const HOUR_MS = 3_600_000;
const REGION = { Region: 'cn-shanghai' };
const TASK_VERBS = ['Update', 'Restart', 'Stop', 'Delete', 'Describe'] as const;
const ACTIONS = [...['Create', ...TASK_VERBS].map(verb => `${verb}LivePullToPush`), 'DescribeLivePullToPushList'];

let place: Place;
let api: Api;
let made = 0;

beforeAll(async () => {
  place = new Place();
  api = await startApi(place);
});

afterAll(() => place[Symbol.asyncDispose]());

/** An account of its own for each test, so that the limit of calls a second is its own too. */
class Tenant {
  readonly accountId = `account-${++made}`;
  #own: AlibabaClient | undefined;

  /** Calls by the account's own key. */
  async own(): Promise<AlibabaClient> {
    if (this.#own === undefined) {
      this.#own = await this.key();
      await api.accounts.addDomain(`${this.accountId}.example`, 'rtmp://127.0.0.1:1935', this.accountId);
    }
    return this.#own;
  }

  async key(wish: KeyWish = {}): Promise<AlibabaClient> {
    const { accessKey, secretKey, token } = await api.accounts.createKey({ ...wish, accountId: this.accountId });
    return new AlibabaClient(api.base, { accessKey, secretKey, ...(token === null ? {} : { token }) });
  }

  async user(name: string, ...Statement: object[]): Promise<AlibabaClient> {
    const { accountId } = this;
    await this.own();
    await api.accounts.policies.put('p', JSON.stringify({ Version: '1', Statement }), accountId);
    await api.accounts.putUser(name, 'correct horse', { accountId, policies: ['p'] });
    return this.key({ user: name });
  }

  async task(): Promise<string> {
    const { body } = await (await this.own()).call('CreateLivePullToPush', createParams());
    return body.TaskId;
  }
}

const printTime = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

const createParams = () => ({
  ...REGION,
  TaskName: 'a task',
  SourceType: 'url',
  SourceUrls: '["http://h.example/a.mp4"]',
  DstUrl: 'rtmp://dst.example/live/b',
  StartTime: printTime(Date.now()),
  EndTime: printTime(Date.now() + HOUR_MS),
});

/** A call of the operation; one that names a task names this one. */
async function call(client: AlibabaClient, action: string, taskId: string): Promise<string> {
  const changed = action === 'UpdateLivePullToPush' ? { CallbackUrl: 'http://cb.example/' } : {};
  const params = action.startsWith('Create') ? createParams() : { ...REGION, TaskId: taskId, ...changed };
  const { status, body } = await client.call(action, params);
  return status === 200 ? '200' : `${status} ${body.Code}`;
}

const allow = (...Action: string[]) => ({ Effect: 'Allow', Action, Resource: '*' });
const deny = (...Action: string[]) => ({ Effect: 'Deny', Action, Resource: '*' });

describe.each(ACTIONS)('%s', action => {
  const name = `live:${action}`;
  const others = ACTIONS.filter(it => it !== action).map(it => `live:${it}`);
  const reading = action.startsWith('Describe') ? '200' : '403 NoPermission';

  test.each<[says: string, statements: object[], answer: string]>([
    ['its operation', [allow(name)], '200'],
    ['its operation in another case', [allow(name.toLowerCase())], '200'],
    ['a pattern of it', [allow(`${name.slice(0, 8)}*`)], '200'],
    ['every operation of the service', [allow('live:*')], '200'],
    ['all other operations', [allow(...others)], '403 NoPermission'],
    ['the actions of the other cloud', [allow('live:stream:*')], '403 NoPermission'],
    ['everything and its denial', [allow('*'), deny(name)], '403 NoPermission'],
    ['everything and the denial of a pattern', [deny('live:*Push*'), allow('*')], '403 NoPermission'],
    ['reading alone', [allow('live:Describe*')], reading],
  ])('under a policy of %s answers', async (_, statements, answer) => {
    const tenant = new Tenant();
    const client = await tenant.user('ann', ...statements);
    expect(await call(client, action, await tenant.task())).toBe(answer);
  });

  test('of a disabled user is refused until the user is enabled', async () => {
    const tenant = new Tenant();
    const client = await tenant.user('ann', allow('*'));
    const taskId = await tenant.task();
    await api.accounts.setUserEnabled('ann', false, tenant.accountId);
    expect(await call(client, action, taskId)).toBe('400 InvalidAccessKeyId.Inactive');
    await api.accounts.setUserEnabled('ann', true, tenant.accountId);
    expect(await call(client, action, taskId)).toBe('200');
  });

  test('of a temporary key is bound by what narrows it', async () => {
    const tenant = new Tenant();
    const taskId = await tenant.task();
    const narrowed = await tenant.key({ lifeMs: HOUR_MS, policies: ['ReadOnlyAccess'] });
    expect(await call(narrowed, action, taskId)).toBe(reading);
    expect(await call(await tenant.key({ lifeMs: HOUR_MS }), action, taskId)).toBe('200');
  });

  test('of an account without a domain, or without the live service, is refused', async () => {
    const tenant = new Tenant();
    const client = await tenant.key();
    expect(await call(client, action, 'none')).toBe('400 CodeInvalidAliUid');
    await tenant.own();
    await api.accounts.setLive(tenant.accountId, false);
    expect(await call(client, action, 'none')).toBe('400 LiveServiceNotFound');
    await api.accounts.setLive(tenant.accountId, true);
    expect(await call(client, action, await tenant.task())).toBe('200');
  });
});

describe('a task of another account', () => {
  test.each(TASK_VERBS)('is answered to %sLivePullToPush as if it were not there', async verb => {
    const [owner, stranger] = [new Tenant(), new Tenant()];
    const taskId = await owner.task();
    const client = await stranger.own();
    const action = `${verb}LivePullToPush`;
    expect(await call(client, action, taskId)).toBe('400 CodeTaskNotExist');
    expect(await call(client, action, '00000000-0000-4000-8000-000000000000')).toBe('400 CodeTaskNotExist');
    expect(await call(await owner.own(), 'DescribeLivePullToPush', taskId)).toBe('200');
  });

  test('is in no list of others', async () => {
    const [owner, stranger] = [new Tenant(), new Tenant()];
    await owner.task();
    const { body } = await (await stranger.own()).call('DescribeLivePullToPushList', REGION);
    expect(body).toMatchObject({ Total: 0, TaskList: [] });
  });
});
