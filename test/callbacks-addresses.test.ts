import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../src/media/fault.ts';
import { post } from '../src/media/http.ts';
import { Dialler } from '../src/media/net.ts';
import type { Preset } from '../src/media/policy.ts';
import { AlibabaClient } from './lab/alibaba-client.ts';
import { LIVE, pairsOf } from './lab/alibaba-wishes.ts';
import { type Api, callTasks, sendRaw, startApi } from './lab/api.ts';
import { openHook } from './lab/hook.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// Where callbacks may go: what is refused when a task is made, and what is refused when it is dialled.

const REFUSED: readonly (readonly [what: string, url: string])[] = [
  ['of another scheme', 'ftp://hooks.example/in'],
  ['of a file', 'file:///etc/passwd'],
  ['of a stream', 'rtmp://hooks.example/live/a'],
  ['of a script', 'javascript:alert(1)'],
  ['of data', 'data:text/plain,x'],
  ['of a socket', 'unix:/run/hook'],
  ['of another protocol', 'gopher://hooks.example/_x'],
  ['with nothing behind its scheme', 'http://'],
  ['with a scheme left out by halves', '//hooks.example/in'],
  ['without a host', 'http:///in'],
  ['of 3,000 characters', `http://hooks.example/${'a'.repeat(3_000)}`],
  ['with a line break in it', 'http://hooks.example/in\r\nX-Injected: 1'],
  ['with an encoded line break in its host', 'http://hooks%0d%0a.example/in'],
  ['with a NUL in it', 'http://hooks.example/in\u0000'],
  ['with a tab in its host', 'http://ho\tst.example/in'],
  ['with a blank in it', 'http://hooks.example/a b'],
  ['with a backslash', 'http://hooks.example\\@127.0.0.1/in'],
  ['with two at signs', 'http://a@b@hooks.example/in'],
  ['with a host for a user name', 'http://127.0.0.1%2f@hooks.example/in'],
  ['with port 0', 'http://hooks.example:0/in'],
  ['with a port beyond all', 'http://hooks.example:65536/in'],
  ['with a word for a port', 'http://hooks.example:x/in'],
  ['with an empty label', 'http://hooks..example/in'],
  ['with a label that is too long', `http://${'a'.repeat(64)}.example/in`],
  ['that is no IPv4 address', 'http://300.1.2.3/in'],
  ['with a zone', 'http://[fe80::1%25eth0]/in'],
];

const TAKEN: readonly (readonly [given: string, kept: string])[] = [
  ['hooks.example/in', 'http://hooks.example/in'],
  ['hooks.example:8080/in?key=a%0d%0ab', 'http://hooks.example:8080/in?key=a%0d%0ab'],
  ['https://hooks.example/in', 'https://hooks.example/in'],
  ['HTTPS://Hooks.Example/In', 'HTTPS://Hooks.Example/In'],
  ['https://user:pass@hooks.example/in', 'https://user:pass@hooks.example/in'],
];

describe('a callback address, when a task is made,', () => {
  let place: Place;
  let api: Api;
  let token: string;
  beforeAll(async () => {
    place = new Place();
    api = await startApi(place, { callsPerSecond: { alibaba: 0 } });
    ({ token } = await api.apiKeys.create({ name: 'test' }));
  });
  afterAll(() => place[Symbol.asyncDispose]());

  let made = 0;
  const huawei = async (url: string) => {
    const body = {
      source_type: 'PullLivePushLive',
      source_urls: ['rtmp://src.example/live/a'],
      destination_url: `rtmp://dst.example/live/${made++}`,
      start_time: '2090-01-01T00:00:00Z',
      end_time: '2090-01-02T00:00:00Z',
      callback_url: url,
    };
    return callTasks(api, { method: 'POST', body });
  };
  const alibaba = (url: string) => {
    const client = new AlibabaClient(api.base, api.key);
    const wish = { ...LIVE, DstUrl: `rtmp://dst.example/live/${made++}`, CallbackUrl: url };
    return client.raw(client.signed('CreateLivePullToPush', pairsOf(wish)));
  };
  const native = (url: string) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return sendRaw(api.base, { method: 'POST', url: '/api/v1/callbacks/test', body: JSON.stringify({ url }), headers });
  };

  it.each(REFUSED)('%s is refused, with the name of the field', async (_, url) => {
    const [one, other, third] = [await huawei(url), await alibaba(url), await native(url)];
    expect([one.status, other.status, third.status]).toEqual([400, 400, 400]);
    // A NUL is refused before anybody asks whose it is.
    expect(one.body.error_msg).toMatch(/callback_url|a string holds NUL/);
    expect(other.body.Message).toContain('CallbackUrl');
    expect(third.body.errors).toMatchObject([{ field: expect.stringMatching(/^(url|body)$/) }]);
  });

  it.each(TAKEN)('%s is taken', async (given, kept) => {
    const [one, other] = [await huawei(given), await alibaba(given)];
    expect([one.status, other.status]).toEqual([200, 200]);
    const urlOf = async (id: string) => (await api.store.get(id))?.spec.callback?.url;
    expect([await urlOf(one.body.task_id), await urlOf(other.body.TaskId)]).toEqual([kept, kept]);
  });

  it('never stands in the log with what is secret in it', async () => {
    await huawei('https://user:canary@hooks.example/canary?key=canary');
    await huawei('ftp://user:canary@hooks.example/canary?key=canary');
    expect(api.logged()).not.toContain('canary');
  });
});

/** What each preset must not dial, in the spellings that fool other parsers. */
const LOOPBACK = [
  ...['127.0.0.1', '127.1', '0x7f.1', '0177.0.0.1', '017700000001', '2130706433', '①②⑦.⓪.⓪.①', '127。0。0。1'],
  ...['[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[::127.0.0.1]'],
];
const PRIVATE = [
  ...['10.0.0.1', '10.1', '0xa.1', '012.0.0.1', '167772161', '①⓪.⓪.⓪.①', '10。0。0。1', '172.16.0.1'],
  ...['192.168.1.1', '[fd00::1]', '[64:ff9b::a00:1]'],
];
const METADATA = [
  ...['169.254.169.254', '169.254.43518', '0xa9.254.169.254', '0251.254.169.254', '2852039166', '[fe80::1]'],
  ...['①⑥⑨.②⑤④.①⑥⑨.②⑤④', '169。254。169。254', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]'],
  ...['[64:ff9b::a9fe:a9fe]', '100.100.100.200', '[fd00:ec2::254]'],
];
const FORBIDDEN: Readonly<Record<Preset, readonly string[]>> = {
  public: [...LOOPBACK, ...PRIVATE, ...METADATA],
  lan: [...LOOPBACK, ...METADATA],
  lab: METADATA,
};

const ask = (dialler: Dialler, host: string) =>
  post(
    dialler,
    { url: `http://${host}/in`, body: '{}', contentType: 'application/json' },
    { signal: new AbortController().signal, timeoutMs: 2_000 },
  ).catch((error: unknown) => error);

describe('a callback address, when it is dialled,', () => {
  const cases = Object.entries(FORBIDDEN) as [Preset, readonly string[]][];

  it.each(cases)('C12: is refused under the preset "%s" in each of its spellings', async (preset, hosts) => {
    const dialler = new Dialler({ preset });
    for (const host of hosts) expect([host, await ask(dialler, host)]).toMatchObject([host, { kind: 'policy' }]);
  });

  it.each(cases)('C12: is refused under the preset "%s" where its name turns out to mean it', async (preset, hosts) => {
    const plain = hosts.filter(host => /^[0-9.]{7,}$/.test(host) && host.split('.').length === 4);
    for (const address of plain) {
      const dialler = new Dialler({ preset, lookup: async () => [address] });
      expect([address, await ask(dialler, 'hooks.example')]).toMatchObject([address, { kind: 'policy' }]);
    }
  });

  it('C12: is refused once its name flips to a forbidden address between two tries', async () => {
    await using place = new Place();
    const hook = await openHook(place);
    const { port } = new URL(hook.base);
    let address = '127.0.0.1';
    const dialler = new Dialler({ preset: 'lab', lookup: async () => [address] });
    expect(await ask(dialler, `hooks.example:${port}`)).toEqual({ status: 200 });
    address = '169.254.169.254';
    const refused = await ask(dialler, `hooks.example:${port}`);
    expect(refused).toBeInstanceOf(Fault);
    expect(refused).toMatchObject({ kind: 'policy' });
    address = '127.0.0.1';
    expect(await ask(dialler, `hooks.example:${port}`)).toEqual({ status: 200 });
    expect(hook.told).toHaveLength(2);
  });
});

it('C12: a node that may not dial a receiver any more tells of it as an event of the task', async () => {
  await using place = new Place();
  const hook = await openHook(place);
  const millrace = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
  const token = JSON.parse(await millrace.command('key', 'create', '--api', '--json')).apiKey;
  const wish = {
    source_type: 'PullVodPushLive',
    source_urls: ['http://files.example/a.mp4'],
    destination_url: 'rtmp://dst.example/live/b',
    start_time: '2090-01-01T00:00:00Z',
    end_time: '2090-01-02T00:00:00Z',
    callback_url: `${hook.base}/canary`,
  };
  const { body } = await millrace.huawei.call({ method: 'POST', body: wish });
  const change = (day: number) =>
    millrace.huawei.call({ method: 'PUT', body: { task_id: body.task_id, end_time: `2090-01-0${day}T00:00:00Z` } });
  expect((await change(3)).status).toBe(200);
  await until('the change is told', () => hook.told.length === 1);
  await millrace.killControl();
  await millrace.restart('--network', 'public');
  expect((await change(4)).status).toBe(200);
  const headers = { authorization: `Bearer ${token}` };
  const get = async (url: string) => (await sendRaw(millrace.api, { method: 'GET', url, headers })).body;
  const alarm = await until('it is told', async () => (await get('/api/v1/events?type=alarm')).events[0]);
  expect(alarm).toMatchObject({ task_id: body.task_id, detail: { alarm: 'CallbackBlocked', set: true } });
  expect(alarm.reason).toBe(`the network policy "public" does not allow the address of ${new URL(hook.base).host}`);
  const { deliveries } = await get('/api/v1/deliveries?state=waiting');
  expect(deliveries.at(-1)).toMatchObject({ last_error: alarm.reason, log: [{ status: null, error: alarm.reason }] });
  expect(JSON.stringify([alarm, deliveries])).not.toContain('canary');
  expect(hook.told).toHaveLength(1);
});
