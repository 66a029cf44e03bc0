import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AlibabaAnswer, AlibabaClient, type Pairs, type WireCall } from './lab/alibaba-client.ts';
import { ASSETS, FILES, LIVE, pairsOf, type Values, WAYS } from './lab/alibaba-wishes.ts';
import { type Api, startApi } from './lab/api.ts';
import { Place } from './lab/place.ts';
import { type Element, readXml } from './lab/xml.ts';

// What lies just within the rules, in all ways in turn and in both formats; and bytes that are no text at all.

const CREATE = 'CreateLivePullToPush';
const DESCRIBE = 'DescribeLivePullToPush';
const LIST = 'DescribeLivePullToPushList';
const CHANGING = ['Update', 'Restart', 'Stop', 'Delete'].map(verb => `${verb}LivePullToPush`);
const REGION = { Region: 'cn-shanghai' };
const MP4 = 'http://m.example/a.mp4';
const HOUR_MS = 3_600_000;
const FORM = 'application/x-www-form-urlencoded';

let place: Place;
let api: Api;
let client: AlibabaClient;
let turn = 0;

beforeAll(async () => {
  place = new Place();
  api = await startApi(place, { callsPerSecond: { alibaba: 0 } });
  client = new AlibabaClient(api.base, api.key);
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

/** Each call in another of the ways in which clients send one. */
function call(action: string, values: Values): Promise<AlibabaAnswer> {
  const ways = Object.values(WAYS);
  const sign = ways[turn++ % ways.length];
  if (sign === undefined) throw new Error('there is no way');
  return client.raw(sign(client, action, pairsOf(values)));
}

async function create(values: Values): Promise<string> {
  const { status, body } = await call(CREATE, values);
  expect([status, body.Code]).toEqual([200, undefined]);
  return body.TaskId;
}

const describeIt = async (TaskId: string) => (await call(DESCRIBE, { ...REGION, TaskId })).body;

/** The document that says the same as the JSON does. */
const asElement = (name: string, value: unknown): Element => ({
  name,
  text: typeof value === 'object' ? '' : String(value),
  children: Array.isArray(value)
    ? value.map(item => asElement(typeof item === 'object' ? `${name}Item` : name.replace(/^S/, 's'), item))
    : childrenOf(value),
});

const childrenOf = (value: unknown): Element[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).map(([name, field]) => asElement(name, field))
    : [];

async function expectSameInXml(action: string, values: Values, body: object): Promise<void> {
  const { text, headers } = await call(action, { ...values, Format: 'XML' });
  const root = readXml(text);
  const RequestId = headers['x-acs-request-id'];
  expect(root).toEqual(asElement(`${action}Response`, { ...body, RequestId }));
}

const urls = (...list: readonly string[]): Values => ({ SourceUrls: JSON.stringify(list) });
const many = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `${MP4}?${at}`);
const numbered = (list: readonly string[]): Values => ({
  SourceUrls: null,
  ...Object.fromEntries(list.map((url, at) => [`SourceUrls.${at + 1}`, url] as const).reverse()),
});
const long = (head: string, length: number): string => head + 'x'.repeat(length - head.length);

/** [what, wish, change, what TaskInfo shows of it] */
const TAKEN: readonly (readonly [what: string, wish: Values, change: Values, shown: object])[] = [
  ['parameters of the SDK', FILES, { RegionId: 'cn-x', OwnerId: 'x', ResourceOwnerAccount: '' }, {}],
  [
    'parameters of nobody',
    FILES,
    { region: 'x', RepeatTime: 'x', ['__proto__']: 'x', constructor: 'x', 'ä b': '\n' },
    {},
  ],
  ['an unknown parameter twice', FILES, { Colour: ['red', 'blue'] }, {}],
  [
    'every choice left empty',
    FILES,
    { TaskName: '', CallbackUrl: '', RepeatNumber: '', AuthKey: '', ReqAuth: '' },
    { TaskName: '' },
  ],
  [
    'a list in other spelling',
    FILES,
    { SourceUrls: ' [ "http:\\/\\/m.example\\/\\u0061.mp4"\n,\t"http://m.example/é" ] ' },
    { SourceUrls: [MP4, 'http://m.example/é'] },
  ],
  ['a list of one', FILES, urls(MP4), { SourceUrls: [MP4] }],
  ['a list of 30', FILES, urls(...many(30)), { SourceUrls: many(30) }],
  ['the same file twice', FILES, urls(MP4, MP4), { SourceUrls: [MP4, MP4] }],
  ['a bare address', FILES, { SourceUrls: MP4 }, { SourceUrls: [MP4] }],
  ['a bare address with commas', FILES, { SourceUrls: `${MP4}?a,b` }, { SourceUrls: [`${MP4}?a,b`] }],
  ['30 numbered addresses in any order', FILES, numbered(many(30)), { SourceUrls: many(30) }],
  ['numbered addresses beside an empty text', FILES, { ...numbered(many(2)), SourceUrls: '' }, { SourceUrls: many(2) }],
  ['a source of 2,048 characters', FILES, urls(long(MP4, 2048)), { SourceUrls: [long(MP4, 2048)] }],
  [
    'a source with another address in its query',
    FILES,
    urls(`${MP4}?u=http://x/&v=%20"'<`),
    { SourceUrls: [`${MP4}?u=http://x/&v=%20"'<`] },
  ],
  [
    'a destination of 2,000 characters',
    FILES,
    { DstUrl: long('rtmp://a/b/', 2000) },
    { DstUrl: long('rtmp://a/b/', 2000) },
  ],
  [
    'a destination with its key',
    FILES,
    { DstUrl: 'rtmp://a/b/c?auth_key=1-0-0-x&y=%E4' },
    { DstUrl: 'rtmp://a/b/c?auth_key=1-0-0-x&y=%E4' },
  ],
  [
    'a destination by its number',
    FILES,
    { DstUrl: 'rtmp://[2001:db8::1]:1936/b/c' },
    { DstUrl: 'rtmp://[2001:db8::1]:1936/b/c' },
  ],
  ['a name of 256 characters', FILES, { TaskName: '中'.repeat(256) }, { TaskName: '中'.repeat(256) }],
  [
    'a name of every kind',
    FILES,
    { TaskName: 'it\'s (a) *test* ~! + % & = é 😀 "<>\\ ]]> &amp; #?/' },
    { TaskName: 'it\'s (a) *test* ~! + % & = é 😀 "<>\\ ]]> &amp; #?/' },
  ],
  ['no repeats', FILES, { RepeatNumber: '-0' }, { RepeatNumber: 0 }],
  ['repeats for ever', FILES, { RepeatNumber: -1 }, { RepeatNumber: -1 }],
  ['the most repeats', FILES, { RepeatNumber: 2_147_483_647 }, { RepeatNumber: 2_147_483_647 }],
  ['zeros in front', FILES, { RepeatNumber: '007' }, { RepeatNumber: 7 }],
  [
    'the latest place to begin at',
    FILES,
    { Offset: 2_100_000_000, FileIndex: 1 },
    { Offset: 2_100_000_000, FileIndex: 1 },
  ],
  ['the place where it begins anyway', FILES, { Offset: 0, FileIndex: 0 }, { Offset: 0, FileIndex: 0 }],
  ['no tries', FILES, { RetryCount: 0, RetryInterval: 60 }, { RetryCount: 0, RetryInterval: 60 }],
  [
    'the most tries',
    FILES,
    { RetryCount: 2_147_483_647, RetryInterval: 300 },
    { RetryCount: 2_147_483_647, RetryInterval: 300 },
  ],
  ['tries that nobody chose', FILES, { RetryCount: '', RetryInterval: '' }, { RetryCount: 3, RetryInterval: 60 }],
  [
    'a leap day',
    FILES,
    { StartTime: '2092-02-29T23:59:59Z', EndTime: '2092-03-01T00:00:00Z' },
    { StartTime: '2092-02-29T23:59:59Z' },
  ],
  ['the last second there is', FILES, { EndTime: '2100-12-31T23:59:59Z' }, { EndTime: '2100-12-31T23:59:59Z' }],
  ['a start in the past', FILES, { StartTime: '2020-02-29T00:00:00Z' }, { StartTime: '2020-02-29T00:00:00Z' }],
  [
    'a span of many years',
    FILES,
    { StartTime: '2000-01-01T00:00:00Z', EndTime: '2099-01-01T00:00:00Z' },
    { EndTime: '2099-01-01T00:00:00Z' },
  ],
  ['a protocol where none is needed', FILES, { SourceProtocol: 'no such' }, { SourceProtocol: 'no such' }],
  ['a protocol in capitals', LIVE, { SourceProtocol: 'RTMP' }, { SourceProtocol: 'RTMP' }],
  ['a stream over TLS', LIVE, urls('rtmps://a/b/c'), { SourceUrls: ['rtmps://a/b/c'] }],
  ['a numbered stream', LIVE, { SourceUrls: null, 'SourceUrls.1': 'rtmp://a/b/c' }, { SourceUrls: ['rtmp://a/b/c'] }],
  [
    'settings of lists with a stream',
    LIVE,
    { RepeatNumber: 5, Offset: 7, FileIndex: 9 },
    { RepeatNumber: 5, Offset: 7, FileIndex: 9 },
  ],
  ['30 media assets', ASSETS, urls(...many(30).map((_, at) => `id-${at}`)), {}],
  [
    'media assets of any name',
    ASSETS,
    urls('a/b?c#d%20', '中文', '..', 'x'.repeat(128)),
    { SourceUrls: ['a/b?c#d%20', '中文', '..', 'x'.repeat(128)] },
  ],
  [
    'a receiver of 2,000 characters',
    FILES,
    { CallbackUrl: long('http://cb.example/', 2000) },
    { CallbackURL: long('http://cb.example/', 2000) },
  ],
  ['a key without a receiver', FILES, { AuthKey: 'A1'.repeat(32) }, { AuthKey: 'A1'.repeat(32), CallbackURL: '' }],
  [
    'a receiver that is signed for',
    FILES,
    { CallbackUrl: 'https://cb.example', AuthKey: 'a'.repeat(16), ReqAuth: 'yes' },
    { ReqAuth: 'yes' },
  ],
  ['a switch of any word', FILES, { NotifyItemSwitch: 'x'.repeat(64) }, { NotifyItemSwitch: 'x'.repeat(64) }],
];

describe('a create that is taken', () => {
  test.each(TAKEN)('with %s', async (_, wish, change, shown) => {
    const TaskId = await create({ ...wish, ...change });
    const { RequestId, ...body } = await describeIt(TaskId);
    expect(body).toMatchObject({ RetCode: 0, TaskId, TaskStatus: 0, TaskInfo: { TaskId, ...shown } });
    await expectSameInXml(DESCRIBE, { ...REGION, TaskId }, { RequestId, ...body });
    expect((await call('DeleteLivePullToPush', { ...REGION, TaskId })).status).toBe(200);
  });
});

describe('an update that is taken', () => {
  test.each(TAKEN.filter(([, wish, change]) => wish === FILES && !('SourceProtocol' in change)))(
    'with %s',
    async (_, wish, change, shown) => {
      const TaskId = await create(wish);
      const { TaskInfo: before } = await describeIt(TaskId);
      // This operation does not have these, and so ignores them.
      const { DstUrl, TaskName, RetryCount, RetryInterval } = before;
      const ignored = {
        SourceType: 'live',
        SourceProtocol: 'rtmp',
        DstUrl: 'x',
        TaskName: 'y'.repeat(999),
        RetryCount: 'z',
      };
      const { body } = await call('UpdateLivePullToPush', { ...REGION, TaskId, ...change, ...ignored });
      expect(body).toMatchObject({ RetCode: 0, Description: 'OK' });
      const { TaskInfo: after } = await describeIt(TaskId);
      expect(after).toMatchObject({ ...shown, DstUrl, TaskName, RetryCount, RetryInterval, SourceType: 'url' });
      expect(after.SourceProtocol).toBeUndefined();
      expect((await call('DeleteLivePullToPush', { ...REGION, TaskId })).status).toBe(200);
    },
  );
});

describe('a list', () => {
  let own: AlibabaClient;
  const ids: string[] = [];
  const NAMES = ['a.c', 'abc', 'a*c', '(a)', '[a]', 'a\\c', '100%', 'a_c', '$^', 'A.C', 'é😀', 'x'];
  const found = async (values: Values): Promise<AlibabaAnswer['body']> =>
    (await own.raw(own.signed(LIST, pairsOf({ ...REGION, ...values })))).body;
  const names = async (values: Values): Promise<string[]> =>
    (await found(values)).TaskList.map((task: { TaskInfo: { TaskName: string } }) => task.TaskInfo.TaskName);

  beforeAll(async () => {
    const { accessKey, secretKey } = await api.accounts.createKey({ accountId: 'lister' });
    await api.accounts.addDomain('lister.example', 'rtmp://127.0.0.1:1935', 'lister');
    own = new AlibabaClient(api.base, { accessKey, secretKey });
    for (const TaskName of NAMES) {
      const values = { ...FILES, TaskName, DstUrl: `rtmp://dst.example/live/${encodeURIComponent(TaskName)}` };
      ids.push((await own.raw(own.signed(CREATE, pairsOf(values)))).body.TaskId);
      // Newest first can be told only of tasks that are not made within one millisecond.
      api.shift(1);
    }
  });

  test.each(NAMES)('finds the text itself, whatever it would mean in a pattern: %s', async name => {
    const wanted = NAMES.filter(other => other.includes(name)).reverse();
    expect(await names({ TaskName: name, PageSize: 100 })).toEqual(wanted);
  });

  test.each(['.*', 'a?c', '^a', 'c$', '%', '(?:a)', 'a|x', '\\w', "' OR '1'='1", '\u0000', '\n'])(
    'takes no pattern: %j',
    async TaskName => {
      const wanted = NAMES.filter(name => name.includes(TaskName)).reverse();
      expect(await names({ TaskName })).toEqual(wanted);
      expect((await found({ DstUrl: TaskName === '%' ? '%%' : TaskName })).TaskList).toEqual([]);
    },
  );

  test('finds by a part of an id and of a destination, and by all of what it is given', async () => {
    const [first = ''] = ids;
    expect(await names({ TaskId: first.slice(3, -3) })).toEqual(['a.c']);
    expect(await names({ DstUrl: 'live/a' })).toEqual(['a_c', 'a%5Cc', 'a*c', 'abc', 'a.c'].map(decodeURIComponent));
    expect(await names({ DstUrl: 'rtmp://', TaskName: 'b', TaskId: ids[1] ?? '' })).toEqual(['abc']);
    expect(await names({ TaskId: first, TaskName: 'b' })).toEqual([]);
    expect(await names({ TaskId: '', TaskName: '', DstUrl: '', PageSize: 100 })).toEqual([...NAMES].reverse());
  });

  test.each([
    [{}, 1, 10, 10],
    [{ PageNumber: '', PageSize: '' }, 1, 10, 10],
    [{ PageSize: 1 }, 1, 1, 1],
    [{ PageSize: 100 }, 1, 100, 12],
    [{ PageNumber: 2 }, 2, 10, 2],
    [{ PageNumber: 12, PageSize: 1 }, 12, 1, 1],
    [{ PageNumber: 13, PageSize: 1 }, 13, 1, 0],
    [{ PageNumber: 2_147_483_647, PageSize: 100 }, 2_147_483_647, 100, 0],
    [{ PageNumber: 3, TaskName: 'a' }, 3, 10, 0],
  ])('has the page that is asked for: %j', async (values, PageNumber, PageSize, length) => {
    const Total = 'TaskName' in values ? NAMES.filter(name => name.includes('a')).length : NAMES.length;
    const body = await found(values);
    expect(body).toMatchObject({ PageNumber, PageSize, Total });
    expect(body.TaskList).toHaveLength(length);
  });

  test('tells the same in XML', async () => {
    const { text, headers } = await own.call(LIST, { ...REGION, PageSize: 100, Format: 'xml' });
    const RequestId = headers['x-acs-request-id'];
    expect(readXml(text)).toEqual(asElement(`${LIST}Response`, { ...(await found({ PageSize: 100 })), RequestId }));
  });

  test('of another region has none of them', async () => {
    expect(await found({ Region: 'cn-beijing' })).toMatchObject({ Total: 0, TaskList: [] });
  });
});

describe('a task that has exited', () => {
  test('is shown for a day and obeys nobody', async () => {
    const TaskId = await create({ ...FILES, EndTime: '2098-01-01T00:00:00Z' });
    const task = { ...REGION, TaskId };
    const at = (ms: number, action: string) => {
      api.shift(ms);
      const pairs: Pairs = pairsOf(task);
      return client.raw(client.signed(action, pairs, { now: api.now() })).finally(() => api.shift(-ms));
    };
    expect((await at(0, 'DeleteLivePullToPush')).status).toBe(200);
    expect((await at(24 * HOUR_MS - 60_000, DESCRIBE)).body).toMatchObject({
      ...{ TaskStatus: -1, TaskExitReason: 'TriggerByUser', TaskExitTime: expect.any(Number) },
    });
    for (const action of CHANGING) expect((await at(0, action)).body.Code).toBe('CodeTaskNotExist');
    expect((await at(24 * HOUR_MS + 60_000, DESCRIBE)).body.Code).toBe('CodeTaskNotExist');
    const { body } = await call(LIST, { ...REGION, TaskId });
    expect(body.TaskList).toMatchObject([{ TaskId, TaskStatus: -1 }]);
  });
});

/** Bytes that are no UTF-8, or no percent-encoding. */
const NO_TEXT = ['%ff', '%c0%80', '%ed%a0%80', '%f5%80%80%80', '%e4%b8', '%80', '%', '%2', '%zz', '%u0041'];

describe.each(['V3 GET', 'V3 form', 'classic GET', 'classic POST'])('bytes that are no text, %s', way => {
  const spoiled = ({ url, body, ...rest }: WireCall, more: string): WireCall =>
    String(body) === '' ? { ...rest, body, url: `${url}&${more}` } : { ...rest, url, body: `${body}&${more}` };

  test.each(NO_TEXT)('are refused: %s', async bytes => {
    const { total } = await api.tasks.list({ accountId: 'default', projectId: '' }, {}, { offset: 0, limit: 1 });
    const good = WAYS[way]?.(client, CREATE, pairsOf(FILES));
    if (good === undefined) throw new Error('there is no such way');
    for (const more of [`TaskName=${bytes}`, `${bytes}=x`, `SourceUrls.1=${bytes}`]) {
      const { status, body } = await client.raw(spoiled(good, more));
      expect([status, body.Code, body.Message]).toEqual([400, 'InvalidParameter', 'The request is malformed.']);
    }
    const after = await api.tasks.list({ accountId: 'default', projectId: '' }, {}, { offset: 0, limit: 1 });
    expect(after.total).toBe(total);
  });
});

describe('a form', () => {
  const send = (body: string | Buffer): Promise<AlibabaAnswer> =>
    client.raw({ method: 'POST', url: '/', headers: { 'content-type': FORM }, body });

  test('with raw bytes that are no UTF-8 is refused', async () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0x41, 0x3d, 0xe9]]) {
      const { status, body } = await send(Buffer.from(bytes));
      expect([status, body.Code]).toEqual([400, 'InvalidParameter']);
    }
  });

  test.each([
    ['100,000 addresses', JSON.stringify(Array(100_000).fill('')), 'it takes at most 30 addresses'],
    ['300,000 lists in each other', '['.repeat(300_000), 'it must be a JSON array of texts'],
    ['one address of 500 KB', JSON.stringify([long(MP4, 500_000)]), 'it takes at most 2048 characters'],
    ['a bare address of 500 KB', long(MP4, 500_000), 'it takes at most 2048 characters'],
    ['half a million tabs', '\t'.repeat(500_000), 'it takes at most 2048 characters'],
    ['an object of 50,000 keys', `[{${Array.from({ length: 50_000 }, (_, i) => `"${i}":0`).join()}}]`, 'it must be'],
  ])('is refused where it brings %s', async (_, SourceUrls, rule) => {
    // Percent-encoding would take it past the limit of bodies.
    const pairs = pairsOf({ ...FILES, SourceUrls: null });
    const body = `SourceUrls=${SourceUrls.replaceAll(/[ &+%]/g, encodeURIComponent)}`;
    const call = client.signed(CREATE, pairs, { method: 'POST', rawForm: body });
    const answer = await client.raw(call);
    expect([answer.status, answer.body.Code]).toEqual([400, 'InvalidParameter']);
    expect(answer.body.Message).toContain(rule);
  });

  test('with a thousand parameters that nobody knows is taken, and with one more refused', async () => {
    const known = pairsOf(REGION);
    const form = (count: number): Pairs => [
      ...known,
      ...Array.from({ length: count }, (_, i) => [`x${i}`, ''] as const),
    ];
    const ask = (count: number) => client.raw(client.signed(LIST, [], { method: 'POST', form: form(count) }));
    expect((await ask(999)).status).toBe(200);
    expect((await ask(1_000)).body.Code).toBe('InvalidParameter');
  });
});

test('nothing of all this was unexpected to the server', () => {
  expect(api.logged()).toContain('answered');
  expect(api.logged()).not.toContain('unexpectedly');
  expect(api.logged()).not.toContain('could not be written');
});
