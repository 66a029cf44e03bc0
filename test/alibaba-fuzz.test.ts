import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AlibabaClient, type Pairs, type WireCall } from './lab/alibaba-client.ts';
import { ASSETS, FILES, LIVE, pairsOf, type Values, WAYS } from './lab/alibaba-wishes.ts';
import { type Api, startApi } from './lab/api.ts';
import { dice } from './lab/films.ts';
import { Place } from './lab/place.ts';
import { configuration } from './lab/shared-servers.ts';

// Nonsense of every kind, by the thousand: parameters of chance in calls that are rightly signed, and right calls whose
// bytes were spoiled on the way. MILLRACE_TEST_SEED repeats a run that has failed.

const CALLS = 3_000;
const AT_ONCE = 12;
/** Half a request is answered only once it is clear that no more will come. */
const HANG_UP_MS = 500;
const SLOWEST_MS = 2_000;
const LOCK_MS = 5 * 60_000;
const SEED = Number(process.env.MILLRACE_TEST_SEED ?? Date.now() % 1_000_000_007);
const REGION = { Region: 'cn-shanghai' };

let place: Place;
let api: Api;
let client: AlibabaClient;
let taskId = '';

const roll = dice(SEED);
function pick<T>(list: readonly T[]): T {
  const item = list[roll(list.length)];
  if (item === undefined) throw new Error('there is nothing to pick');
  return item;
}

beforeAll(async () => {
  place = new Place();
  api = await startApi(place, { callsPerSecond: { alibaba: 0 } });
  client = new AlibabaClient(api.base, api.key);
  taskId = (await client.raw(client.signed('CreateLivePullToPush', pairsOf(FILES)))).body.TaskId;
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

const CHARS = [
  '\u0000',
  '\n',
  '\r\n',
  '\u007f',
  '"',
  '\\',
  '%',
  '&',
  '=',
  '+',
  ';',
  ' ',
  '[',
  '{',
  '<',
  '😀',
  '中',
  '\uFEFF',
  '\u202e',
  '\uffff',
];
const NAMES = [
  ...['Action', 'Version', 'Format', 'AccessKeyId', 'Signature', 'Timestamp', 'SignatureNonce', 'SecurityToken'],
  ...['Region', 'TaskId', 'TaskName', 'StartTime', 'EndTime', 'SourceType', 'SourceProtocol', 'SourceUrls', 'DstUrl'],
  ...[
    'SourceUrls.1',
    'SourceUrls.2',
    'SourceUrls.x',
    'RepeatNumber',
    'Offset',
    'FileIndex',
    'RetryCount',
    'RetryInterval',
  ],
  ...['CallbackUrl', 'AuthKey', 'ReqAuth', 'NotifyItemSwitch', 'PageNumber', 'PageSize', 'RegionId', 'OwnerId'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'region', 'Colour'],
];
const VALUES = [
  ...['', ' ', '0', '-1', '1', '1.5', '1e9', '-0', '2147483647', '2147483648', '9'.repeat(40), 'NaN', 'true', 'null'],
  ...[
    'yes',
    'no',
    'live',
    'vod',
    'url',
    'rtmp',
    'RTMP',
    'hls',
    'constructor',
    '__proto__',
    'cn-shanghai',
    'cn-beijing',
  ],
  ...[
    '2090-01-01T00:00:00Z',
    '2092-02-29T00:00:00Z',
    '2090-02-30T00:00:00Z',
    '1969-01-01T00:00:00Z',
    '9999-99-99T99:99:99Z',
  ],
  ...[
    'rtmp://a/b/c',
    'http://a/b.mp4',
    'rtmp://[::1]:1/a/b',
    'http://user:pw@a/',
    'file:///etc/passwd',
    'rtmp://a',
    'http://xn--/',
  ],
  ...[
    '[]',
    '[""]',
    '[null]',
    '["rtmp://a/b/c"]',
    '["http://a/b.mp4","http://a/c.mp4"]',
    '["film"]',
    '[[[[',
    '{"a":1}',
    '"x"',
  ],
  ...[
    'abcdefgh12345678',
    'x'.repeat(300),
    'x'.repeat(3_000),
    '../..',
    "' OR 1=1",
    '<a>&amp;',
    'a'.repeat(64),
    '\u0000',
  ],
];

/** A value of the list, or one that was never thought of. */
function anyValue(): string {
  const value = pick(VALUES);
  if (roll(4) > 0) return value;
  const at = roll(value.length + 1);
  return value.slice(0, at) + pick(CHARS).repeat(1 + roll(3)) + value.slice(at);
}

const WISHES: readonly (readonly [action: string, values: () => Values])[] = [
  ...[FILES, LIVE, ASSETS].map(wish => ['CreateLivePullToPush', () => wish] as const),
  ...['Update', 'Restart', 'Stop', 'Describe'].map(
    verb => [`${verb}LivePullToPush`, () => ({ ...REGION, TaskId: taskId })] as const,
  ),
  ['DeleteLivePullToPush', () => ({ ...REGION, TaskId: 'none' })],
  ['DescribeLivePullToPushList', () => REGION],
];

/** Parameters with some left out, some changed, some added and some doubled. */
function soup(values: Values): Pairs {
  const pairs = [...pairsOf(values)].filter(() => roll(12) > 0);
  for (let more = roll(5); more > 0; more--) {
    const name = pick(NAMES);
    const at = pairs.findIndex(pair => pair[0] === name);
    if (at >= 0 && roll(6) > 0) pairs[at] = [name, anyValue()];
    else pairs.splice(roll(pairs.length + 1), 0, [name, anyValue()]);
  }
  return pairs;
}

const signed = (pairsOfWish: (values: Values) => Pairs): WireCall => {
  const [action, values] = pick(WISHES);
  return pick(Object.values(WAYS))(client, action, pairsOfWish(values()));
};

/** The request as bytes; the client ends its side, so that the server never waits for more. */
function bytesOf({ method, url, headers, body }: WireCall): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const length = body.length === 0 && method === 'GET' ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  const head = `${[`${method} ${url} HTTP/1.1`, ...lines, ...length].join('\r\n')}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]);
}

const SPOILINGS: readonly ((bytes: Buffer) => Buffer)[] = [
  bytes => changed(bytes, at => (bytes[at] ?? 0) ^ (1 << roll(8))),
  bytes => changed(bytes, () => roll(256)),
  bytes => changed(bytes, () => (pick(CHARS).codePointAt(0) ?? 0) & 0xff),
  bytes => cut(bytes, (from, to) => [bytes.subarray(0, from), bytes.subarray(to)]),
  bytes => cut(bytes, (from, to) => [bytes.subarray(0, to), bytes.subarray(from)]),
  bytes =>
    cut(bytes, from => [bytes.subarray(0, from), Buffer.from(pick(CHARS).repeat(1 + roll(40))), bytes.subarray(from)]),
  bytes => bytes.subarray(0, roll(bytes.length)),
  bytes => Buffer.concat([bytes, bytes.subarray(0, roll(bytes.length))]),
];

function changed(bytes: Buffer, byte: (at: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = 1 + roll(4); count > 0; count--) {
    const at = roll(bytes.length);
    copy[at] = byte(at);
  }
  return copy;
}

function cut(bytes: Buffer, parts: (from: number, to: number) => Buffer[]): Buffer {
  const from = roll(bytes.length);
  return Buffer.concat(parts(from, Math.min(bytes.length, from + 1 + roll(40))));
}

interface Outcome {
  /** Of every answer that came on the connection; none where it was closed without one. */
  readonly statuses: readonly number[];
  readonly text: string;
  readonly ms: number;
}

function send(bytes: Buffer): Promise<Outcome> {
  const { hostname, port } = new URL(api.base);
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host: hostname, port: Number(port) });
    socket.setTimeout(SLOWEST_MS, () =>
      socket.destroy(new Error(`no end after ${SLOWEST_MS} ms: ${text.slice(0, 200)}`)),
    );
    socket.on('data', chunk => {
      text += chunk;
      socket.end();
    });
    // What is written behind the end of a request that was refused may be answered with a reset.
    socket.on('error', error =>
      'code' in error && /ECONNRESET|EPIPE/.test(String(error.code)) ? undefined : reject(error),
    );
    socket.on('close', () => {
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(match => Number(match[1]));
      resolve({ statuses, text, ms: performance.now() - startedAt });
    });
    // Who has hung up is told nothing any more where the answer has to wait for a database.
    if (configuration() === 'alone') socket.end(bytes);
    else {
      socket.write(bytes);
      const hangUp = setTimeout(() => socket.end(), HANG_UP_MS);
      socket.once('close', () => clearTimeout(hangUp));
    }
  });
}

/** What a call came to, in a word. */
async function outcome(bytes: Buffer): Promise<string> {
  const { statuses, text, ms } = await send(bytes);
  const told = `seed ${SEED}, the request ${JSON.stringify(bytes.toString('latin1'))}, the answer ${text.slice(0, 400)}`;
  if (ms > SLOWEST_MS) throw new Error(`an answer took ${ms} ms: ${told}`);
  if (statuses.some(status => status >= 500)) throw new Error(`the server failed: ${told}`);
  const code = /"Code":"([^"]*)"|<Code>([^<]*)<|"error_code":"([^"]*)"/
    .exec(text)
    ?.slice(1)
    .find(it => it !== undefined);
  if (code === 'InvalidAccessKeyId.Locked') await unlock();
  return `${statuses[0] ?? 'none'} ${code ?? ''}`.trim();
}

/** What was spoiled may look like guessing, and nothing more is learned from a locked door. */
async function unlock(): Promise<void> {
  api.shift(LOCK_MS + 1);
  await client.raw(client.signed('StopLivePullToPush', [], { now: api.now() }));
  api.shift(-LOCK_MS - 1);
}

/** Half of the calls are rightly signed, and half of the rest were right before they were spoiled. */
function nonsense(): Buffer {
  if (roll(2) === 0) return bytesOf(signed(soup));
  const call = bytesOf(signed(roll(2) === 0 ? pairsOf : soup));
  return pick(SPOILINGS)(call);
}

test('nonsense is refused, and the server goes on', { timeout: 120_000 }, async () => {
  const startedAt = performance.now();
  const tally = new Map<string, number>();
  // Made in one row, so that the seed alone says what is sent.
  for (let made = 0; made < CALLS; made += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, nonsense);
    for (const word of await Promise.all(some.map(outcome))) tally.set(word, (tally.get(word) ?? 0) + 1);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const rows = [...tally].sort((a, b) => b[1] - a[1]).map(([word, count]) => `${count} ${word}`);
  console.log(`${CALLS} calls in ${seconds.toFixed(1)} s from the seed ${SEED}: ${rows.join(', ')}`);

  expect(api.logged(), `seed ${SEED}`).not.toContain('unexpectedly');
  expect(api.logged(), `seed ${SEED}`).not.toContain('could not be written');
  // The nonsense got far enough to mean something.
  expect([...tally.keys()], `seed ${SEED}`).toEqual(
    expect.arrayContaining(['200', '400 InvalidParameter', '400 SignatureDoesNotMatch', '400 MissingRegion']),
  );
  const { body } = await client.raw(client.signed('CreateLivePullToPush', pairsOf(FILES)));
  const shown = await client.call('DescribeLivePullToPush', { ...REGION, TaskId: body.TaskId });
  expect(shown.body, `seed ${SEED}`).toMatchObject({ TaskId: body.TaskId, TaskStatus: 0 });
});
