import { describe, expect, test } from 'vitest';
import {
  type AlibabaKey,
  type CallOptions,
  type Pairs,
  signClassic,
  signV3,
  type V3Options,
  type WireCall,
} from '../../../test/lab/alibaba-client.ts';
import type { AccessKey } from '../../task/account.ts';
import type { WireRequest } from '../auth.ts';
import { readTarget } from '../target.ts';
import { Gate } from './auth.ts';
import { AlibabaError } from './error.ts';
import { BoundedNonces } from './nonces.ts';
import { readParams } from './params.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const MINUTE = 60_000;
const STANDING: AccessKey = {
  ...{ accessKey: 'STANDING', secretKey: 'secret-secret', accountId: 'acme', projectId: 'p1', enabled: true },
  ...{ createdAt: 0, userId: null, policies: null, token: null, expiresAt: null },
};
const KEYS: readonly AccessKey[] = [
  STANDING,
  { ...STANDING, accessKey: 'DISABLED', enabled: false },
  { ...STANDING, accessKey: 'ORPHANED', userId: 'gone' },
  { ...STANDING, accessKey: 'TEMPORARY', token: 'tok/en+==', expiresAt: NOW + 1 },
  { ...STANDING, accessKey: 'EXPIRED', token: 'tok/en+==', expiresAt: NOW },
];
const PARAMS: Pairs = [
  ['Region', 'cn-shanghai'],
  ['TaskName', "it's (a) *test* ~! é+"],
];

function atGate(): { gate: Gate; pass(ms: number): void } {
  let now = NOW;
  const accounts = {
    findKey: async (accessKey: string) => KEYS.find(key => key.accessKey === accessKey),
    rightsOf: async ({ userId }: { userId: string | null }) => (userId === null ? () => true : undefined),
    noteUse: () => {},
  };
  const clock = (): number => now;
  return {
    gate: new Gate({ accounts, nonces: new BoundedNonces({ now: clock }), now: clock }),
    pass: ms => {
      now += ms;
    },
  };
}

/** The request as the server would have it; undefined where it would not get so far. */
function received({ method, url, headers, body }: WireCall, remote = '10.0.0.1'): WireRequest | undefined {
  const target = readTarget(url);
  const rawHeaders = Object.entries(headers).flat();
  return target && { method, target, rawHeaders, body: Buffer.from(body), remote, requestId: 'r1' };
}

/** What the gate says: the account let in, or the code of the refusal. */
async function verdict(call: WireCall, gate: Gate = atGate().gate, remote?: string): Promise<string> {
  const request = received(call, remote);
  if (request === undefined) return 'malformed';
  try {
    return (await gate.identify(request, readParams(request))).accountId;
  } catch (error) {
    if (error instanceof AlibabaError) return error.code;
    if (error instanceof Error && error.name === 'Refusal') return 'malformed';
    throw error;
  }
}

const key = (accessKey: string, more: Partial<AlibabaKey> = {}): AlibabaKey => ({
  accessKey,
  secretKey: STANDING.secretKey,
  ...more,
});
const classic = (options: CallOptions = {}, by = key('STANDING')): WireCall =>
  signClassic(by, 'StopLivePullToPush', PARAMS, { now: NOW, ...options });
const v3 = (options: V3Options = {}, by = key('STANDING')): WireCall =>
  signV3(by, 'StopLivePullToPush', PARAMS, { now: NOW, ...options });
const STS = key('TEMPORARY', { token: 'tok/en+==' });

describe('the gate lets in', () => {
  test.each<[string, WireCall]>([
    ['a classic GET', classic()],
    ['a classic POST with a form', classic({ method: 'POST' })],
    ['a classic POST with a query', classic({ method: 'POST', place: 'query' })],
    ['an ACS3 GET', v3()],
    ['an ACS3 POST without a body', v3({ method: 'POST' })],
    ['an ACS3 POST with a form', v3({ method: 'POST', form: [['TaskId', 'ü']] })],
    ['a temporary key, classic', classic({}, STS)],
    ['a temporary key, ACS3', v3({}, STS)],
    ['a header beside, unsigned', { ...v3(), headers: { ...v3().headers, accept: 'application/json' } }],
    ['an empty SignatureType', classic({ common: { SignatureType: '' } })],
  ])('%s', async (_, call) => {
    expect(await verdict(call)).toBe('acme');
  });

  test.each([
    ['classic', 31],
    ['v3', 15],
  ] as const)('%s calls up to %i minutes off', async (mode, minutes) => {
    const at = (ms: number): Promise<string> => verdict((mode === 'v3' ? v3 : classic)({ now: NOW + ms }));
    const edge = minutes * MINUTE;
    expect([await at(-edge), await at(edge)]).toEqual(['acme', 'acme']);
    const beyond = [await at(-edge - 1_000), await at(edge + 1_000)];
    expect(beyond).toEqual(['InvalidTimeStamp.Expired', 'InvalidTimeStamp.Expired']);
  });
});

describe('the gate refuses', () => {
  test.each<[string, string, WireCall]>([
    ['nothing at all', 'MissingAccessKeyId', { method: 'GET', url: '/', headers: { host: 'a' }, body: '' }],
    ['no AccessKeyId', 'MissingAccessKeyId', classic({ common: { AccessKeyId: null } })],
    ['an empty AccessKeyId', 'MissingAccessKeyId', classic({ common: { AccessKeyId: '' } })],
    ['an empty Credential', 'MissingAccessKeyId', v3({}, key(''))],
    ['a key of 65 characters', 'InvalidAccessKeyId.NotFound', classic({}, key('x'.repeat(65)))],
    ['an unknown key, classic', 'InvalidAccessKeyId.NotFound', classic({}, key('NOBODY'))],
    ['an unknown key, ACS3', 'InvalidAccessKeyId.NotFound', v3({}, key('NOBODY'))],
    ['a disabled key, classic', 'InvalidAccessKeyId.Inactive', classic({}, key('DISABLED'))],
    ['a disabled key, ACS3', 'InvalidAccessKeyId.Inactive', v3({}, key('DISABLED'))],
    ['a key whose user is gone', 'InvalidAccessKeyId.Inactive', v3({}, key('ORPHANED'))],
    ['another secret, classic', 'SignatureDoesNotMatch', classic({}, key('STANDING', { secretKey: 'other' }))],
    ['another secret, ACS3', 'SignatureDoesNotMatch', v3({}, key('STANDING', { secretKey: 'other' }))],
    ['no Signature', 'MissingSignature', classic({ common: { Signature: null } })],
    ['an empty Signature', 'MissingSignature', classic({ common: { Signature: '' } })],
    ['no SignatureMethod', 'MissingSignatureMethod', classic({ common: { SignatureMethod: null } })],
    ['HMAC-SHA256', 'InvalidSignatureMethod', classic({ common: { SignatureMethod: 'HMAC-SHA256' } })],
    ['a bearer token', 'InvalidSignatureMethod', classic({ common: { SignatureType: 'BEARERTOKEN' } })],
    ['no SignatureVersion', 'MissingSignatureVersion', classic({ common: { SignatureVersion: null } })],
    ['version 2.0', 'InvalidSignatureVersion', classic({ common: { SignatureVersion: '2.0' } })],
    ['ACS3-RSA-SHA256', 'InvalidSignatureMethod', v3({ algorithm: 'ACS3-RSA-SHA256' })],
    ['ACS3-HMAC-SM3', 'InvalidSignatureMethod', v3({ algorithm: 'ACS3-HMAC-SM3' })],
    ['ACS4-HMAC-SHA256', 'InvalidSignatureMethod', v3({ algorithm: 'ACS4-HMAC-SHA256' })],
    ['no Timestamp', 'MissingTimestamp', classic({ common: { Timestamp: null } })],
    ['no x-acs-date', 'MissingTimestamp', v3({ common: { 'x-acs-date': null } })],
    [
      'a Timestamp of another form',
      'InvalidTimeStamp.Format',
      classic({ common: { Timestamp: '2026-01-02 03:04:05' } }),
    ],
    ['an x-acs-date of another form', 'InvalidTimeStamp.Format', v3({ common: { 'x-acs-date': '20260102T030405Z' } })],
    ['a day that is not', 'InvalidTimeStamp.Format', v3({ common: { 'x-acs-date': '2026-02-30T03:04:05Z' } })],
    ['an hour too old, classic', 'InvalidTimeStamp.Expired', classic({ now: NOW - 60 * MINUTE })],
    ['an hour too old, ACS3', 'InvalidTimeStamp.Expired', v3({ now: NOW - 60 * MINUTE })],
    ['no SignatureNonce', 'MissingSignatureNonce', classic({ common: { SignatureNonce: null } })],
    ['no x-acs-signature-nonce', 'MissingSignatureNonce', v3({ common: { 'x-acs-signature-nonce': null } })],
    ['a nonce of 257 characters', 'InvalidSignatureNonce', classic({ common: { SignatureNonce: 'x'.repeat(257) } })],
    ['no x-acs-content-sha256', 'Missingx-acs-content-sha256', v3({ common: { 'x-acs-content-sha256': null } })],
    ['a hash of another body', 'SignatureDoesNotMatch', v3({ common: { 'x-acs-content-sha256': '0'.repeat(64) } })],
    ['an AccessKeyId given twice', 'InvalidParameter', withQuery(classic(), 'AccessKeyId=STANDING')],
    ['a Signature given twice', 'InvalidParameter', withQuery(classic(), 'Signature=x')],
    ['a parameter given twice', 'SignatureDoesNotMatch', withQuery(classic(), 'Region=cn-shanghai')],
    ['a parameter that was not signed, classic', 'SignatureDoesNotMatch', withQuery(classic(), 'Offset=1')],
    ['a parameter that was not signed, ACS3', 'SignatureDoesNotMatch', withQuery(v3(), 'Offset=1')],
    ['an Authorization without parts', 'IncompleteSignature', withHeader(v3(), 'authorization', 'ACS3-HMAC-SHA256')],
    ['a temporary key without its token, classic', 'MissingSecurityToken', classic({}, key('TEMPORARY'))],
    ['a temporary key without its token, ACS3', 'MissingSecurityToken', v3({}, key('TEMPORARY'))],
    ['another token, classic', 'InvalidSecurityToken.MismatchWithAccessKey', classic({}, { ...STS, token: 'tok' })],
    ['another token, ACS3', 'InvalidSecurityToken.MismatchWithAccessKey', v3({}, { ...STS, token: 'tok' })],
    [
      'a token of a key that has none',
      'InvalidSecurityToken.MismatchWithAccessKey',
      v3({}, key('STANDING', { token: 'x' })),
    ],
    ['a token that is past, classic', 'InvalidSecurityToken.Expired', classic({}, { ...STS, accessKey: 'EXPIRED' })],
    ['a token that is past, ACS3', 'InvalidSecurityToken.Expired', v3({}, { ...STS, accessKey: 'EXPIRED' })],
  ])('%s', async (_, code, call) => {
    expect(await verdict(call)).toBe(code);
  });

  test.each(['host', 'x-acs-action', 'x-acs-version', 'x-acs-date', 'x-acs-signature-nonce', 'x-acs-content-sha256'])(
    'an unsigned %s',
    async name => {
      expect(await verdict(v3({ unsigned: [name] }))).toBe('SignatureDoesNotMatch');
    },
  );

  test.each(['x-acs-security-token', 'x-acs-accesskey-id'])('an unsigned %s of a temporary key', async name => {
    expect(await verdict(v3({ unsigned: [name] }, STS))).toBe('SignatureDoesNotMatch');
  });

  test('any other x-acs header that is not signed', async () => {
    expect(await verdict(withHeader(v3(), 'X-Acs-Retry-Attempts', '1'))).toBe('SignatureDoesNotMatch');
    expect(await verdict(v3({ common: { 'x-acs-retry-attempts': '1' } }))).toBe('acme');
  });

  test('a form whose kind is not signed', async () => {
    const form: Pairs = [['TaskId', 't']];
    expect(await verdict(v3({ method: 'POST', form, unsigned: ['content-type'] }))).toBe('SignatureDoesNotMatch');
  });

  test('a call that is sent again, until its time stamp is too old', async () => {
    for (const [call, minutes] of [
      [classic(), 31],
      [v3(), 15],
    ] as const) {
      const { gate, pass } = atGate();
      expect([await verdict(call, gate), await verdict(call, gate)]).toEqual(['acme', 'SignatureNonceUsed']);
      pass(minutes * MINUTE);
      expect(await verdict(call, gate)).toBe('SignatureNonceUsed');
      pass(1);
      expect(await verdict(call, gate)).toBe('InvalidTimeStamp.Expired');
    }
  });

  test('a nonce only once it was signed for', async () => {
    const { gate } = atGate();
    const call = classic({ common: { SignatureNonce: 'n-1' } });
    expect(await verdict(withQuery(call, 'Offset=1'), gate)).toBe('SignatureDoesNotMatch');
    expect(await verdict(call, gate)).toBe('acme');
  });

  test('whoever guesses, after five failures in a row, from that address alone', async () => {
    const { gate, pass } = atGate();
    const wrong = (): WireCall => classic({}, key('STANDING', { secretKey: 'guess' }));
    for (let i = 0; i < 6; i++) expect(await verdict(wrong(), gate)).toBe('SignatureDoesNotMatch');
    expect(await verdict(classic(), gate)).toBe('InvalidAccessKeyId.Locked');
    expect(await verdict(classic(), gate, '10.0.0.2')).toBe('acme');
    pass(5 * MINUTE);
    expect(await verdict(classic(), gate)).toBe('acme');
  });
});

describe('a mismatch', () => {
  const message = async (call: WireCall): Promise<string> => {
    const request = received(call);
    if (request === undefined) throw new Error('malformed');
    const { gate } = atGate();
    return gate.identify(request, readParams(request)).then(
      () => '',
      (error: Error) => error.message,
    );
  };

  test('shows what the server would have signed, classic, but for the token', async () => {
    const text = await message(classic({ common: { SecurityToken: 'tok/en+==', Signature: 'x' } }, key('TEMPORARY')));
    expect(text).toMatch(
      /^Specified signature is not matched with our calculation\. server string to sign is:GET&%2F&AccessKeyId%3DTEMPORARY%26Action%3DStopLivePullToPush%26/,
    );
    expect(text).toContain('%26Region%3Dcn-shanghai%26SecurityToken%3D***%26SignatureMethod%3D');
    expect(text).not.toContain('tok');
  });

  test('shows the hash of what the server would have signed, ACS3', async () => {
    expect(await message(v3({}, key('STANDING', { secretKey: 'other' })))).toMatch(
      /^Specified signature does not match our calculation\. server StringToSign is \[ACS3-HMAC-SHA256\n[0-9a-f]{64}\]$/,
    );
  });
});

describe('a single character that was changed', () => {
  const SWAPS: readonly ((char: string) => string)[] = [
    char => (char === 'x' ? 'y' : 'x'),
    char => (char === '7' ? '8' : '7'),
  ];

  function changed(text: string): string[] {
    return Array.from(text).flatMap((char, at) =>
      SWAPS.map(swap => text.slice(0, at) + swap(char) + text.slice(at + char.length)).filter(other => other !== text),
    );
  }

  /** Each from an address of its own, so that no lock answers in the signature's place. */
  async function verdicts(calls: readonly WireCall[]): Promise<Set<string>> {
    const { gate } = atGate();
    const found = new Set<string>();
    for (const [index, call] of calls.entries()) found.add(await verdict(call, gate, `10.0.${index}`));
    return found;
  }

  test('is refused anywhere in a classic query or form', async () => {
    const get = classic();
    const post = classic({ method: 'POST' });
    const calls = [
      ...changed(get.url.slice(2)).map(query => ({ ...get, url: `/?${query}` })),
      ...changed(String(post.body)).map(body => ({ ...post, body })),
      { ...get, method: 'POST' },
    ];
    const found = await verdicts(calls);
    expect(calls.length).toBeGreaterThan(1_000);
    expect(found).toContain('SignatureDoesNotMatch');
    expect(found).not.toContain('acme');
    expect(found).not.toContain('InvalidAccessKeyId.Locked');
  });

  test('is refused anywhere in an ACS3 query, form or header', async () => {
    const call = v3({ method: 'POST', form: [['TaskId', 'a b']] }, STS);
    const calls = [
      ...changed(call.url.slice(2)).map(query => ({ ...call, url: `/?${query}` })),
      ...changed(String(call.body)).map(body => ({ ...call, body })),
      ...Object.entries(call.headers).flatMap(([name, value]) =>
        changed(value).map(other => ({ ...call, headers: { ...call.headers, [name]: other } })),
      ),
      { ...call, method: 'GET' },
    ];
    const found = await verdicts(calls);
    expect(calls.length).toBeGreaterThan(1_000);
    expect(found).toContain('SignatureDoesNotMatch');
    expect(found).not.toContain('acme');
    expect(found).not.toContain('InvalidAccessKeyId.Locked');
  });
});

function withQuery(call: WireCall, more: string): WireCall {
  return { ...call, url: `${call.url}&${more}` };
}

function withHeader(call: WireCall, name: string, value: string): WireCall {
  return { ...call, headers: { ...call.headers, [name]: value } };
}
