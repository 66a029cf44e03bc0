import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AlibabaAnswer,
  AlibabaClient,
  type AlibabaKey,
  type V3Options,
  type WireCall,
} from './lab/alibaba-client.ts';
import { type Api, startApi } from './lab/api.ts';
import { Place } from './lab/place.ts';

// What the gateway answers around the moments and spellings that a client cannot help: edges of windows, nonces, hosts,
// chunks. Every refusal by itself is in alibaba-wire.test.ts.

const LIST = 'DescribeLivePullToPushList';
const REGION = [['Region', 'cn-shanghai']] as const;
const MINUTE_MS = 60_000;
const MODES = ['classic', 'v3'] as const;
const WINDOWS = { classic: 31 * MINUTE_MS, v3: 15 * MINUTE_MS } as const;
/** As long as a call may be under way while the clock goes on. */
const LEEWAY_MS = 3_000;

let place: Place;
let api: Api;
let key: AlibabaKey;
let client: AlibabaClient;

beforeAll(async () => {
  place = new Place();
  api = await startApi(place, { callsPerSecond: { alibaba: 0 } });
  key = api.key;
  client = new AlibabaClient(api.base, key);
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

const list = (options: V3Options = {}, by: AlibabaKey = key): WireCall =>
  new AlibabaClient(api.base, by).signed(LIST, REGION, { now: api.now(), ...options });
const said = ({ status, body }: AlibabaAnswer): string => (status === 200 ? '200' : `${status} ${body.Code}`);
const ask = async (call: WireCall): Promise<string> => said(await client.raw(call));
const freshKey = async (lifeMs?: number): Promise<AlibabaKey> => {
  const { accessKey, secretKey, token } = await api.accounts.createKey(lifeMs === undefined ? {} : { lifeMs });
  return { accessKey, secretKey, ...(token === null ? {} : { token }) };
};

/** Sets the server's clock, which goes on from there. */
const moveTo = (at: number): void => api.shift(at - api.now());

describe.each(MODES)('a %s time stamp', mode => {
  const windowMs = WINDOWS[mode];

  test('is taken to the last moment of its window and not one beyond', async () => {
    const stampAt = Math.ceil(api.now() / 1000) * 1000;
    const call = (): WireCall => list({ mode, now: stampAt });
    moveTo(stampAt + windowMs - LEEWAY_MS);
    expect(await ask(call())).toBe('200');
    moveTo(stampAt + windowMs + 1);
    expect(await ask(call())).toBe('400 InvalidTimeStamp.Expired');
  });

  test('is taken from the first moment of its window and not one before', async () => {
    const stampAt = Math.ceil(api.now() / 1000) * 1000 + 2 * windowMs;
    const call = (): WireCall => list({ mode, now: stampAt });
    moveTo(stampAt - windowMs - LEEWAY_MS);
    expect(await ask(call())).toBe('400 InvalidTimeStamp.Expired');
    moveTo(stampAt - windowMs);
    expect(await ask(call())).toBe('200');
  });

  test.each(['0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '1970-01-01T00:00:00Z'])('of %s is past', async stamp => {
    const common = mode === 'v3' ? { 'x-acs-date': stamp } : { Timestamp: stamp };
    expect(await ask(list({ mode, common }))).toBe('400 InvalidTimeStamp.Expired');
  });
});

describe('a nonce', () => {
  const withNonce = (nonce: string, mode: 'v3' | 'classic' = 'v3', by?: AlibabaKey): WireCall =>
    list({ mode, common: { [mode === 'v3' ? 'x-acs-signature-nonce' : 'SignatureNonce']: nonce } }, by);

  test('is used once by a key, whatever the call and the signature', async () => {
    expect(await ask(withNonce('n-1'))).toBe('200');
    expect(await ask(withNonce('n-1'))).toBe('400 SignatureNonceUsed');
    expect(await ask(withNonce('n-1', 'classic'))).toBe('400 SignatureNonceUsed');
    const stop = client.signed('StopLivePullToPush', REGION, {
      now: api.now(),
      common: { 'x-acs-signature-nonce': 'n-1' },
    });
    expect(await ask(stop)).toBe('400 SignatureNonceUsed');
  });

  test('of one key is not one of another', async () => {
    const other = await freshKey();
    expect(await ask(withNonce('n-2'))).toBe('200');
    expect(await ask(withNonce('n-2', 'v3', other))).toBe('200');
  });

  test('is used up by a call that is refused behind the gateway, and by none that is refused there', async () => {
    const nonce = { 'x-acs-signature-nonce': 'n-3' };
    const refused = () => client.signed(LIST, [], { now: api.now(), common: nonce });
    expect(await ask({ ...refused(), url: '/?PageSize=1' })).toBe('400 SignatureDoesNotMatch');
    expect(await ask(client.signed(LIST, [], { now: 0, common: nonce }))).toBe('400 InvalidTimeStamp.Expired');
    expect(await ask(refused())).toBe('400 MissingRegion');
    expect(await ask(refused())).toBe('400 SignatureNonceUsed');
  });

  test.each(['0', ' ', 'é', '\u2028', '%', 'x'.repeat(256), '__proto__'])(
    'may be any text, classic: %j',
    async nonce => {
      expect(await ask(withNonce(nonce, 'classic'))).toBe('200');
      expect(await ask(withNonce(nonce, 'classic'))).toBe('400 SignatureNonceUsed');
    },
  );

  test('cannot be used again at the end of its window', async () => {
    const stampAt = Math.ceil(api.now() / 1000) * 1000;
    const call = list({ now: stampAt + WINDOWS.v3 });
    moveTo(stampAt);
    expect(await ask(call)).toBe('200');
    moveTo(stampAt + 2 * WINDOWS.v3 - LEEWAY_MS);
    expect(await ask(call)).toBe('400 SignatureNonceUsed');
    moveTo(stampAt + 2 * WINDOWS.v3 + 1);
    expect(await ask(call)).toBe('400 InvalidTimeStamp.Expired');
  });
});

describe.each(MODES)('a temporary key, %s', mode => {
  test('lives to its last moment and is told to have expired behind it', async () => {
    const temporary = await freshKey(15 * MINUTE_MS);
    const madeAt = api.now();
    expect(await ask(list({ mode }, temporary))).toBe('200');
    moveTo(madeAt + 15 * MINUTE_MS - LEEWAY_MS);
    expect(await ask(list({ mode }, temporary))).toBe('200');
    moveTo(madeAt + 15 * MINUTE_MS + 1);
    expect(await ask(list({ mode }, temporary))).toBe('400 InvalidSecurityToken.Expired');
  });

  test('is told apart from nobody`s by no other token', async () => {
    const temporary = await freshKey(15 * MINUTE_MS);
    const token = temporary.token ?? '';
    for (const wrong of [token.slice(1), `${token}x`, token.toLowerCase(), ` ${token}x`, 'é']) {
      const code = await ask(list({ mode }, { ...temporary, token: wrong }));
      expect(code).toBe('400 InvalidSecurityToken.MismatchWithAccessKey');
    }
  });
});

describe('who is not known', () => {
  test('is answered the same whatever else is wrong', async () => {
    const nobody = { accessKey: 'NOBODYATALL', secretKey: 'x' };
    const answers = [];
    for (const mode of MODES) {
      for (const by of [nobody, { ...nobody, secretKey: key.secretKey }, { ...nobody, token: 'x' }]) {
        const { status, body } = await client.raw(list({ mode, now: api.now() - MINUTE_MS }, by));
        answers.push([status, body.Code, body.Message]);
      }
    }
    const answer = [404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.'];
    expect(answers).toEqual(Array(6).fill(answer));
    // So many in a row are a guess.
    expect(await ask(list({}, nobody))).toBe('403 InvalidAccessKeyId.Locked');
  });
});

describe('the host', () => {
  const named = (host: string): Promise<AlibabaAnswer> => client.raw(list({ host }));

  test.each([
    ['live.aliyuncs.com', 'live.aliyuncs.com'],
    ['live.aliyuncs.com:443', 'live.aliyuncs.com'],
    ['LIVE.example:18080', 'LIVE.example'],
    ['127.0.0.1:1', '127.0.0.1'],
    ['[::1]:18080', 'live.aliyuncs.com'],
    ['a b', 'live.aliyuncs.com'],
    ['<x>', 'live.aliyuncs.com'],
    [`${'h'.repeat(300)}.example`, 'live.aliyuncs.com'],
  ])('is whatever the client has signed, and shown where it is one: %s', async (host, shown) => {
    expect(said(await named(host))).toBe('200');
    const { body } = await client.raw({ ...list({ host }), url: '/?Region=x' });
    expect([body.Code, body.HostId]).toEqual(['SignatureDoesNotMatch', shown]);
    expect(await ask(list())).toBe('200');
  });

  test.each([':80', '.', '\t'])('may not be another by %j', async more => {
    const { host } = new URL(api.base);
    const call = list();
    const answer = await ask({ ...call, headers: { ...call.headers, host: `${host}${more}` } });
    expect(answer).toBe(more === '\t' ? '200' : '400 SignatureDoesNotMatch');
  });
});

describe('a form in chunks', () => {
  const chunked = (call: WireCall): WireCall => ({
    ...call,
    headers: { ...call.headers, 'transfer-encoding': 'chunked' },
  });
  const form = () => client.signed(LIST, [], { method: 'POST', form: REGION, now: api.now() });
  const classic = () => list({ mode: 'classic', method: 'POST' });

  test('is read as one that has a length', async () => {
    expect(await ask(chunked(form()))).toBe('200');
    expect(await ask(chunked(classic()))).toBe('200');
  });

  test('is held to its signature', async () => {
    for (const call of [form(), classic()]) {
      const body = String(call.body).replace('cn-shanghai', 'cn-beijing');
      expect(await ask(chunked({ ...call, body }))).toBe('400 SignatureDoesNotMatch');
      expect(await ask(chunked({ ...call, body: `${call.body}&PageSize=1` }))).toBe('400 SignatureDoesNotMatch');
    }
    expect(await ask(chunked({ ...form(), body: '' }))).toBe('400 SignatureDoesNotMatch');
    expect(await ask(list())).toBe('200');
  });

  test('is bounded as any other', async () => {
    const { status, body } = await client.raw(chunked({ ...form(), body: 'x'.repeat(1_048_577) }));
    expect([status, body.Code]).toEqual([413, 'InvalidParameter']);
  });
});

describe('a header that stands twice', () => {
  test.each([
    ['x-acs-action', 'InvalidParameter'],
    ['x-acs-version', 'InvalidParameter'],
    ['x-acs-date', 'InvalidParameter'],
    ['x-acs-signature-nonce', 'InvalidParameter'],
    ['x-acs-content-sha256', 'InvalidParameter'],
    ['authorization', 'IncompleteSignature'],
  ])('is refused: %s', async (name, code) => {
    expect(said(await client.raw(list(), name))).toBe(`400 ${code}`);
    expect(await ask(list())).toBe('200');
  });
});
