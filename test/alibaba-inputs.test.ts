import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AlibabaAnswer, AlibabaClient } from './lab/alibaba-client.ts';
import { ASSET_ROWS, bad, LIVE_ROWS, NO_INTEGERS, SOURCES, TIMES, TO_BOTH, TO_CREATE } from './lab/alibaba-refusals.ts';
import { ASSETS, FILES, LIVE, pairsOf, type Values, WAYS } from './lab/alibaba-wishes.ts';
import { type Api, startApi } from './lab/api.ts';
import { Place } from './lab/place.ts';
import { fieldsOf, readXml } from './lab/xml.ts';

// Bad inputs, one row each, sent in every way there is: the operation's own refusal with the parameter named, never
// 5xx, nothing stored.

const CREATE = 'CreateLivePullToPush';
const UPDATE = 'UpdateLivePullToPush';
const DESCRIBE = 'DescribeLivePullToPush';
const LIST = 'DescribeLivePullToPushList';
const ON_TASK = ['RestartLivePullToPush', 'StopLivePullToPush', 'DeleteLivePullToPush', DESCRIBE];
const REGION = { Region: 'cn-shanghai' };
const ABSENT = '00000000-0000-4000-8000-000000000000';
const UUID = /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/;

let place: Place;
let api: Api;
let client: AlibabaClient;
let live = '';
let files = '';

/** All there is to see of the account's tasks. */
async function seen(): Promise<unknown> {
  const { body } = await client.call(LIST, { ...REGION, PageSize: 100 });
  return { total: body.Total, tasks: body.TaskList };
}

beforeAll(async () => {
  place = new Place();
  api = await startApi(place, { callsPerSecond: { alibaba: 0 } });
  client = new AlibabaClient(api.base, api.key);
  live = (await client.raw(client.signed(CREATE, pairsOf(LIVE)))).body.TaskId;
  files = (await client.raw(client.signed(CREATE, pairsOf(FILES)))).body.TaskId;
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

function expectErrorShape({ body, headers }: AlibabaAnswer): void {
  const { RequestId, HostId, Code, Message, Recommend, ...more } = body;
  expect([HostId, more]).toEqual(['127.0.0.1', {}]);
  expect(Message).toMatch(/[^.]\.$/);
  expect(RequestId).toMatch(UUID);
  expect(headers['x-acs-request-id']).toBe(RequestId);
  expect(Recommend).toBe(`https://api.aliyun.com/troubleshoot?q=${Code}&product=live&requestId=${RequestId}`);
}

/** The same refusal as a document of the other format. */
async function expectSameInXml(action: string, values: Values, { body }: AlibabaAnswer): Promise<void> {
  const answer = await client.raw(client.signed(action, pairsOf({ ...values, Format: 'XML' })));
  const root = readXml(answer.text);
  const { RequestId, Recommend, ...fields } = fieldsOf(root);
  const { RequestId: _, Recommend: __, ...wanted } = body;
  expect([root.name, fields]).toEqual(['Error', wanted]);
  expect(answer.headers['x-acs-request-id']).toBe(RequestId);
  expect(Recommend).toContain(String(RequestId));
  expect(answer.headers['content-type']).toBe('text/xml;charset=utf-8');
}

/** Refused alike in every way, and nothing has come of it. */
async function expectRefused(action: string, values: Values, code: string, told: string): Promise<void> {
  const before = await seen();
  const answers = new Map<string, AlibabaAnswer>();
  for (const [way, sign] of Object.entries(WAYS))
    answers.set(way, await client.raw(sign(client, action, pairsOf(values))));
  const said = [...answers].map(([way, { status, body }]) => `${way}: ${status} ${body?.Code}: ${body?.Message}`);
  const [first] = answers.values();
  const message = String(first?.body?.Message);
  expect(said).toEqual([...answers.keys()].map(way => `${way}: 400 ${code}: ${message}`));
  expect(message).toContain(told);
  for (const answer of answers.values()) expectErrorShape(answer);
  if (first !== undefined) await expectSameInXml(action, values, first);
  expect(await seen()).toEqual(before);
}

const LIVE_ONLY = ['SourceProtocol'];
const LIST_SETTINGS = ['RepeatNumber', 'Offset', 'FileIndex'];
const CALLBACK = ['CallbackUrl', 'AuthKey', 'ReqAuth', 'NotifyItemSwitch'];
const REQUIRED_TO_CREATE = ['Region', 'StartTime', 'EndTime', 'SourceType', 'SourceUrls', 'DstUrl'];
const OF_CREATE = [
  ...[...REQUIRED_TO_CREATE, ...LIVE_ONLY, ...LIST_SETTINGS, ...CALLBACK],
  ...['TaskName', 'RetryCount', 'RetryInterval'],
];
const OF_UPDATE = ['TaskId', 'Region', 'StartTime', 'EndTime', 'SourceUrls', ...LIST_SETTINGS, ...CALLBACK];
const OF_LIST = ['Region', 'TaskId', 'TaskName', 'DstUrl', 'PageNumber', 'PageSize'];

/** By its parameters, what an operation needs to go on. */
const wishOf = (action: string): Values => {
  if (action === CREATE) return FILES;
  return action === LIST ? REGION : { ...REGION, TaskId: files };
};

describe.each([
  [CREATE, REQUIRED_TO_CREATE],
  ...[UPDATE, ...ON_TASK].map(action => [action, ['Region', 'TaskId']] as const),
  [LIST, ['Region']],
] as const)('%s', (action, names) => {
  test.each(names)('without %s is refused', async name => {
    for (const value of [null, '']) {
      await expectRefused(action, { ...wishOf(action), [name]: value }, `Missing${name}`, `${name} is mandatory for`);
    }
  });

  test('without anything is refused', async () => {
    const [first] = names;
    await expectRefused(action, {}, `Missing${first}`, `${first} is mandatory for`);
  });
});

describe.each([
  [CREATE, OF_CREATE],
  [UPDATE, OF_UPDATE],
  ...ON_TASK.map(action => [action, ['Region', 'TaskId']] as const),
  [LIST, OF_LIST],
] as const)('%s', (action, names) => {
  test.each(names)('with %s given twice is refused', async name => {
    const value = String(wishOf(action)[name] ?? '1');
    const twice = { ...wishOf(action), [name]: [value, value] };
    await expectRefused(
      action,
      twice,
      'InvalidParameter',
      `The specified ${name} is invalid: it is given more than once.`,
    );
  });

  test.each(names)('with %s in the query and in the form is refused', async name => {
    const before = await seen();
    const value = String(wishOf(action)[name] ?? '1');
    const rest = pairsOf({ ...wishOf(action), [name]: value });
    const call = client.signed(action, rest, { method: 'POST', form: [[name, value]] });
    const { status, body } = await client.raw(call);
    expect([status, body.Code]).toEqual([400, 'InvalidParameter']);
    expect(body.Message).toContain(name);
    expect(await seen()).toEqual(before);
  });
});

describe('a create that is refused', () => {
  test.each([...TO_BOTH, ...SOURCES, ...TO_CREATE])('for %s', async (_, change, told) => {
    await expectRefused(CREATE, { ...FILES, ...change }, 'InvalidParameter', told);
  });

  test.each(LIVE_ROWS)('of a stream, for %s', async (_, change, told) => {
    await expectRefused(CREATE, { ...LIVE, ...change }, 'InvalidParameter', told);
  });

  test.each(ASSET_ROWS)('of media assets, for %s', async (_, change, told) => {
    await expectRefused(CREATE, { ...ASSETS, ...change }, 'InvalidParameter', told);
  });
});

describe('an update that is refused', () => {
  test.each([...TO_BOTH, ...SOURCES])('for %s', async (_, change, told) => {
    await expectRefused(UPDATE, { ...REGION, TaskId: files, ...change }, 'InvalidParameter', told);
  });

  test.each(LIVE_ROWS.filter(([, change]) => !('SourceProtocol' in change)))(
    'of a stream, for %s',
    async (_, change, told) => {
      await expectRefused(UPDATE, { ...REGION, TaskId: live, ...change }, 'InvalidParameter', told);
    },
  );

  test('is refused as a whole where its last part will not do', async () => {
    const change = { CallbackUrl: 'http://cb.example/', RepeatNumber: 7, EndTime: 'never' };
    await expectRefused(UPDATE, { ...REGION, TaskId: files, ...change }, 'InvalidParameter', 'EndTime');
  });
});

describe('times that do not go together', () => {
  test.each(TIMES)('are refused to a create: %s', async (_, times) => {
    await expectRefused(
      CREATE,
      { ...FILES, ...times },
      'InvalidParam.CodeIllegalDuration',
      'The specified EndTime must be',
    );
  });

  test.each(TIMES)('are refused to an update: %s', async (_, times) => {
    const values = { ...REGION, TaskId: files, ...times };
    await expectRefused(UPDATE, values, 'InvalidParam.CodeIllegalDuration', 'The specified EndTime must be');
  });

  test('are those of a restart before the start', async () => {
    const values = { ...REGION, TaskId: files };
    const told = 'It is not possible to restart it before its start.';
    await expectRefused('RestartLivePullToPush', values, 'InvalidParam.CodeIllegalDuration', told);
  });
});

describe('a list that is refused', () => {
  test.each([
    ...bad('Region', ['nowhere-1', 'cn-shanghai ', 'r'.repeat(640)]),
    ...bad('PageNumber', [...NO_INTEGERS, 0, -1, 2_147_483_648]),
    ...bad('PageSize', [...NO_INTEGERS, 0, -1, 101, 1_000]),
    ...bad('TaskId', [
      '.*',
      'a b',
      'a%',
      "'--",
      'é',
      '\u0000',
      '(',
      '[a-z]',
      '$',
      'a\\',
      'x'.repeat(56),
      'x'.repeat(550),
    ]),
    ...bad('TaskName', ['n'.repeat(257), 'n'.repeat(2_560)]),
    ...bad('DstUrl', ['d'.repeat(2_001), 'd'.repeat(20_000)]),
  ])('for %s', async (_, change, told) => {
    await expectRefused(LIST, { ...REGION, ...change }, 'InvalidParameter', told);
  });
});

describe.each([UPDATE, ...ON_TASK])('a task that is not there is told to %s', action => {
  test.each([ABSENT, '..%2F..', "' OR 1=1 --", '\u0000', '\n', '😀', '*', '%', '_', 'x'.repeat(128), 'constructor'])(
    'as such: %j',
    async taskId => {
      await expectRefused(action, { ...REGION, TaskId: taskId }, 'CodeTaskNotExist', 'Task does not exist.');
    },
  );

  test.each([129, 1_280, 20_000])('as no id where it has %i characters', async length => {
    const values = { ...REGION, TaskId: 'x'.repeat(length) };
    await expectRefused(action, values, 'InvalidParameter', 'The specified TaskId is invalid');
  });

  test('as such in part of its id, or in another case', async () => {
    for (const TaskId of [files.slice(0, -1), files.toUpperCase(), ` ${files}`, `${files}\u0000`]) {
      await expectRefused(action, { ...REGION, TaskId }, 'CodeTaskNotExist', '');
    }
  });
});

test.each(ON_TASK)('a task of another region is told to %s as one that is not there', async action => {
  await expectRefused(action, { Region: 'cn-beijing', TaskId: files }, 'CodeTaskNotExist', 'Task does not exist.');
  await expectRefused(action, { Region: 'nowhere', TaskId: files }, 'InvalidParameter', 'Region');
});

test('nothing of all this was unexpected to the server', () => {
  expect(api.logged()).toContain('answered');
  expect(api.logged()).not.toContain('unexpectedly');
});
