import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AlibabaAnswer, AlibabaClient } from './lab/alibaba-client.ts';
import { FILES, LIVE, pairsOf, type Values } from './lab/alibaba-wishes.ts';
import { type Api, callTasks, type RawAnswer, sendRaw, startApi } from './lab/api.ts';
import type { Key } from './lab/huawei.ts';
import { Place } from './lab/place.ts';

// A task that is not one's own does not exist: each operation of both dialects answers for it, whatever its state and
// whoever made it, what it answers for an id that nobody has, and leaves it as it was.

const REGION = { Region: 'cn-shanghai' };
const ABSENT = '00000000-0000-4000-8000-000000000000';
const OWNER = 'owner';
const PASSWORD = 'correct horse';
const DOMAIN = 'push.owner.example';

let place: Place;
let api: Api;
let owner: Key;
let guests: Readonly<Record<GuestName, Guest>>;
const tasks = new Map<string, string>();

/** Somebody with keys and rights, but not to the task. */
interface Guest {
  readonly key: Key;
  readonly token: string;
}

const GUESTS = ['another account', 'another project', 'a user of another account', 'nobody much'] as const;
type GuestName = (typeof GUESTS)[number];
/** To the Alibaba dialect, all projects of an account are one. */
const ALIBABA_GUESTS = GUESTS.filter(name => name !== 'another project');

const STATES = ['waiting', 'paused', 'deleted', 'live', "of the other dialect's making", 'to a domain of its own'];

beforeAll(async () => {
  place = new Place();
  api = await startApi(place, { callsPerSecond: { alibaba: 0 } });
  owner = await api.accounts.createKey({ accountId: OWNER, region: 'cn-shanghai' });
  await api.accounts.addDomain(DOMAIN, 'rtmp://127.0.0.1:1935', OWNER);
  guests = {
    'another account': await makeGuest('stranger', 'stranger'),
    'another project': await makeGuest(OWNER, 'neighbour', 'cn-beijing'),
    'a user of another account': await makeGuest('stranger', 'visitor', 'cn-shanghai', true),
    'nobody much': await makeGuest('newcomer', 'newcomer', 'cn-shanghai'),
  };
  await makeTasks();
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

async function makeGuest(accountId: string, user: string, region = 'cn-shanghai', owned = false): Promise<Guest> {
  const first = await api.accounts.createKey({ accountId, region });
  await api.accounts.putUser(user, PASSWORD, { accountId });
  const key = owned ? await api.accounts.createKey({ accountId, region, user }) : first;
  const known = (await api.accounts.listDomains()).some(domain => domain.accountId === accountId);
  if (!known) await api.accounts.addDomain(`push.${accountId}.example`, 'rtmp://127.0.0.1:1935', accountId);
  return { key, token: await tokenOf(accountId, user, key.projectId) };
}

async function tokenOf(account: string, name: string, id: string): Promise<string> {
  const user = { name, password: PASSWORD, domain: { name: account } };
  const auth = { identity: { methods: ['password'], password: { user } }, scope: { project: { id } } };
  const { headers } = await sendRaw(api.base, {
    ...{ method: 'POST', url: '/v3/auth/tokens', body: JSON.stringify({ auth }) },
  });
  return String(headers['x-subject-token']);
}

async function makeTasks(): Promise<void> {
  const made = async (values: Values): Promise<string> => (await alibaba(owner, 'Create', values)).body.TaskId;
  const huawei = { source_type: 'PullLivePushLive', source_urls: ['rtmp://src.example/live/a'], region: 'cn-shanghai' };
  const push = async (more: object): Promise<string> =>
    (await byHuawei(owner, { method: 'POST', body: { ...huawei, ...more } })).body.task_id;
  tasks.set('waiting', await made(FILES));
  tasks.set('live', await made(LIVE));
  tasks.set('deleted', await made(FILES));
  tasks.set("of the other dialect's making", await push({ destination_url: 'rtmp://dst.example/live/b' }));
  tasks.set('to a domain of its own', await push({ domain: DOMAIN, app_name: 'live', stream_name: 'x' }));
  tasks.set('paused', await push({ destination_url: 'rtmp://dst.example/live/b' }));
  await byHuawei(owner, { method: 'PUT', body: { task_id: tasks.get('paused'), status: 'pause' } });
  await alibaba(owner, 'Delete', { ...REGION, TaskId: tasks.get('deleted') ?? '' });
}

function alibaba(key: Key, verb: string, values: Values, mode: 'v3' | 'classic' = 'v3'): Promise<AlibabaAnswer> {
  const client = new AlibabaClient(api.base, key);
  const action = verb === 'List' ? 'DescribeLivePullToPushList' : `${verb}LivePullToPush`;
  return client.raw(client.signed(action, pairsOf(values), { mode }));
}

type HuaweiCall = Parameters<typeof callTasks>[1];

const byHuawei = (key: Key, call: HuaweiCall): Promise<RawAnswer> => callTasks({ base: api.base, key }, call);

/** The same call with a token in the signature's place. */
function byToken({ key, token }: Guest, { method, query = '', body }: HuaweiCall): Promise<RawAnswer> {
  const url = `/v1/${key.projectId}/pull/stream/task${query === '' ? '' : `?${query}`}`;
  const headers = { 'x-auth-token': token, 'content-type': 'application/json' };
  return sendRaw(api.base, { method, url, headers, body: body === undefined ? '' : JSON.stringify(body) });
}

const taskOf = (state: string): string => {
  const id = tasks.get(state);
  if (id === undefined) throw new Error(`no task is ${state}`);
  return id;
};

/** What the task is to everybody who may see it, and what has happened to it. */
async function ownView(id: string): Promise<unknown> {
  const { RequestId: _, ...described } = (await alibaba(owner, 'Describe', { ...REGION, TaskId: id })).body;
  const listed = (await byHuawei(owner, { method: 'GET', query: `task_id=${id}` })).body.task_infos;
  const events = await api.store.events(id, 0, 100);
  return { described, listed, events, stored: await api.store.get(id) };
}

/** But for what names the request itself. */
const said = ({ status, body }: AlibabaAnswer | RawAnswer): unknown => {
  const { RequestId: _, Recommend: __, request_id: ___, ...rest } = body;
  return [status, rest];
};

const UPDATES: readonly Values[] = [
  {},
  { CallbackUrl: 'http://cb.example/' },
  { EndTime: '2020-01-01T00:00:00Z' },
  { StartTime: 'never', RepeatNumber: 'x' },
  { SourceUrls: '["rtmp://src.example/live/a","rtmp://src.example/live/b"]' },
  { Region: 'cn-beijing' },
  { Region: 'nowhere' },
];
const ALIBABA_CALLS: readonly (readonly [verb: string, more: Values])[] = [
  ...['Restart', 'Stop', 'Delete', 'Describe'].map(verb => [verb, {}] as const),
  ...['Restart', 'Stop', 'Delete', 'Describe'].map(verb => [verb, { Region: 'cn-beijing' }] as const),
  ...UPDATES.map(more => ['Update', more] as const),
];

describe.each(ALIBABA_GUESTS)('to %s, by the Alibaba dialect, a task', guest => {
  test.each(STATES)('that is %s is not there', async state => {
    const id = taskOf(state);
    const before = await ownView(id);
    for (const [verb, more] of ALIBABA_CALLS) {
      for (const mode of ['v3', 'classic'] as const) {
        const ask = (TaskId: string) => alibaba(guests[guest].key, verb, { ...REGION, TaskId, ...more }, mode);
        const [foreign, absent] = [await ask(id), await ask(ABSENT)];
        expect(said(foreign), `${verb} ${JSON.stringify(more)}`).toEqual(said(absent));
        expect(foreign.status).toBe(400);
        if (more.Region !== 'nowhere') expect(foreign.body.Code).toBe('CodeTaskNotExist');
      }
    }
    expect(await ownView(id)).toEqual(before);
  });

  test('is in no list, whatever is asked for', async () => {
    const id = taskOf('waiting');
    const filters: Values[] = [
      {},
      { TaskId: id },
      { TaskId: id.slice(0, 8) },
      { TaskName: 'files' },
      { DstUrl: 'rtmp' },
    ];
    for (const filter of [...filters, { PageSize: 100 }, { PageNumber: 2, PageSize: 1 }]) {
      const { status, body } = await alibaba(guests[guest].key, 'List', { ...REGION, ...filter });
      expect([status, body.Total, body.TaskList]).toEqual([200, 0, []]);
    }
  });
});

const HUAWEI_CALLS: readonly (readonly [what: string, (id: string) => HuaweiCall, status: number])[] = [
  ['list', id => ({ method: 'GET', query: `task_id=${id}` }), 404],
  ['list of its region', id => ({ method: 'GET', query: `region=cn-shanghai&task_id=${id}` }), 404],
  ['delete', id => ({ method: 'DELETE', query: `task_id=${id}` }), 404],
  ['delete of its region', id => ({ method: 'DELETE', query: `region=cn-shanghai&task_id=${id}` }), 404],
  ['delete of another region', id => ({ method: 'DELETE', query: `region=x&task_id=${id}` }), 404],
  ['pause', id => ({ method: 'PUT', body: { task_id: id, status: 'pause' } }), 400],
  ['enable', id => ({ method: 'PUT', body: { task_id: id, status: 'enable' } }), 400],
  ['modify', id => ({ method: 'PUT', body: { task_id: id, callback_events: ['TaskStart'] } }), 400],
  ['modify of nothing', id => ({ method: 'PUT', body: { task_id: id } }), 400],
  ['modify that will not do', id => ({ method: 'PUT', body: { task_id: id, end_time: 'never' } }), 400],
  ['modify of its kind', id => ({ method: 'PUT', body: { task_id: id, source_urls: ['rtmp://a/b/c', 'x'] } }), 400],
];

describe.each(GUESTS)('to %s, by the Huawei dialect, a task', guest => {
  test.each(STATES)('that is %s is not there', async state => {
    const id = taskOf(state);
    const before = await ownView(id);
    for (const [what, call, status] of HUAWEI_CALLS) {
      for (const ask of [
        (it: HuaweiCall) => byHuawei(guests[guest].key, it),
        (it: HuaweiCall) => byToken(guests[guest], it),
      ]) {
        const [foreign, absent] = [await ask(call(id)), await ask(call(ABSENT))];
        expect(said(foreign), what).toEqual(said(absent));
        expect([foreign.status, foreign.body.error_code]).toEqual([status, 'LIVE.103011019']);
      }
    }
    expect(await ownView(id)).toEqual(before);
  });

  test('is in no list, whatever is asked for', async () => {
    for (const query of ['limit=100', 'region=cn-shanghai', 'limit=1&offset=1']) {
      const { status, body } = await byHuawei(guests[guest].key, { method: 'GET', query });
      expect([status, body.total, body.task_infos]).toEqual([200, 0, []]);
    }
  });

  test('cannot be reached through the path of its own project', async () => {
    const id = taskOf('waiting');
    const before = await ownView(id);
    const thief = { key: { ...guests[guest].key, projectId: owner.projectId }, token: guests[guest].token };
    for (const [, call] of HUAWEI_CALLS) {
      for (const answer of [await byHuawei(thief.key, call(id)), await byToken(thief, call(id))]) {
        expect([answer.status, answer.body.error_code]).toEqual([401, 'LIVE.100011015']);
      }
    }
    expect(await ownView(id)).toEqual(before);
  });
});

describe('to its own account', () => {
  test('a task of any project is there by the Alibaba dialect', async () => {
    const { key } = guests['another project'];
    const { body } = await alibaba(key, 'Describe', { ...REGION, TaskId: taskOf('waiting') });
    expect(body).toMatchObject({ TaskId: taskOf('waiting'), TaskStatus: 0 });
    expect((await alibaba(key, 'List', REGION)).body.Total).toBe(STATES.length);
  });

  test('a task is there under whatever word the other dialect took for its region, and to nobody else', async () => {
    const odd = { source_type: 'PullLivePushLive', source_urls: ['rtmp://a/b/c'], destination_url: 'rtmp://a/b/d' };
    const key = await api.accounts.createKey({ accountId: OWNER, region: 'cn-shanghai' });
    const { body } = await byHuawei(key, { method: 'POST', body: { ...odd, region: 'Mitte 1' } });
    const task = { Region: 'Mitte 1', TaskId: body.task_id };
    expect((await alibaba(owner, 'Describe', task)).body.TaskInfo).toMatchObject({ TaskId: body.task_id });
    expect((await alibaba(owner, 'List', { Region: 'Mitte 1' })).body.Total).toBe(1);
    expect((await alibaba(owner, 'Update', { ...task, CallbackUrl: 'http://cb.example/' })).status).toBe(200);
    const { key: stranger } = guests['another account'];
    expect((await alibaba(stranger, 'Describe', task)).body.Code).toBe('InvalidParameter');
    expect((await alibaba(stranger, 'List', { Region: 'Mitte 1' })).body.Code).toBe('InvalidParameter');
    expect((await alibaba(owner, 'Delete', task)).status).toBe(200);
  });

  test('a deleted task is still shown by the one dialect and gone from the other', async () => {
    const id = taskOf('deleted');
    expect((await alibaba(owner, 'Describe', { ...REGION, TaskId: id })).body.TaskStatus).toBe(-1);
    expect((await byHuawei(owner, { method: 'GET', query: `task_id=${id}` })).status).toBe(404);
  });
});

describe('a key that may not, or an account that cannot,', () => {
  const NAMES = ['its own', 'foreign', 'absent'] as const;
  const VERBS = ['Update', 'Restart', 'Stop', 'Delete', 'Describe'];

  /** What each operation answers for each of the tasks. */
  async function answers(key: Key): Promise<Set<string>> {
    const ids: Readonly<Record<(typeof NAMES)[number], string>> = {
      'its own': taskOf('waiting'),
      foreign: taskOf('live'),
      absent: ABSENT,
    };
    const found = new Set<string>();
    for (const verb of VERBS) {
      for (const name of NAMES) {
        const answer = await alibaba(key, verb, { ...REGION, TaskId: ids[name] });
        found.add(`${answer.status} ${answer.body.Code}: ${answer.body.Message}`);
      }
    }
    return found;
  }

  test('is told so whatever task it asks for', async () => {
    const before = await ownView(taskOf('waiting'));
    const bound = await api.accounts.createKey({ accountId: OWNER, region: 'cn-shanghai', policies: [] });
    expect([...(await answers(bound))]).toEqual(['403 NoPermission: You are not authorized to perform this action.']);

    const bare = await api.accounts.createKey({ accountId: 'bare', region: 'cn-shanghai' });
    expect([...(await answers(bare))]).toEqual([
      '400 CodeInvalidAliUid: This aliuid does not have a live domain name.',
    ]);
    await api.accounts.setLive('bare', false);
    expect([...(await answers(bare))]).toEqual([
      '400 LiveServiceNotFound: Your account does not open Live service yet',
    ]);
    expect(await ownView(taskOf('waiting'))).toEqual(before);
  });
});

describe('a policy that says more than is understood here', () => {
  const statement = { Effect: 'Allow', Action: 'live:*', Resource: '*' };
  test.each([
    ['NotAction', { Effect: 'Allow', NotAction: 'live:Delete*', Resource: '*' }],
    ['NotResource', { Effect: 'Deny', Action: 'live:*', NotResource: 'x' }],
    ['Principal', { ...statement, Principal: { RAM: ['*'] } }],
    ['Condition', { ...statement, Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } } }],
    ['effect', { ...statement, effect: 'Deny' }],
  ])('is refused for its %s, and the one that stands goes on', async (name, bad) => {
    const put = (Statement: readonly object[]) =>
      api.accounts.policies.put('p', JSON.stringify({ Version: '1', Statement }), OWNER);
    await put([{ ...statement, Action: 'live:Describe*' }]);
    await expect(put([statement, bad])).rejects.toThrow(`Statement[1].${name} is not understood here`);
    const key = await api.accounts.createKey({ accountId: OWNER, region: 'cn-shanghai', policies: ['p'] });
    expect((await alibaba(key, 'List', REGION)).status).toBe(200);
    expect((await alibaba(key, 'Stop', REGION)).body.Code).toBe('NoPermission');
  });
});

test('nothing of all this was unexpected to the server', () => {
  expect(api.logged()).toContain('answered');
  expect(api.logged()).not.toContain('unexpectedly');
});
