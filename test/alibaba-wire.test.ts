import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AlibabaAnswer,
  AlibabaClient,
  type AlibabaKey,
  type Headers,
  type Pairs,
  type V3Options,
  type WireCall,
} from './lab/alibaba-client.ts';
import { codeOf, DOORS, openDoor } from './lab/alibaba-sdks.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// What the gateway in front of the operations says, over real HTTP: every refusal has its code, status and shape.

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));
const LIST = 'DescribeLivePullToPushList';
const REGION = { Region: 'cn-shanghai' };
const PAIRS: Pairs = [['Region', 'cn-shanghai']];
const UUID = /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/;
const MINUTE = 60_000;

let place: Place;
let millrace: Millrace;
let client: AlibabaClient;
let temporary: AlibabaKey;
let disabled: AlibabaKey;
let reader: AlibabaKey;

/** A command beside the running node, on its data directory. */
function command(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(BIN, [...args, '--data', millrace.data], {
    encoding: 'utf8',
    env: millrace.variables,
  });
  if (status !== 0) throw new Error(`millrace ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

function makeKey(...flags: string[]): AlibabaKey {
  const { accessKey, secretKey, securityToken } = JSON.parse(command('key', 'create', '--json', ...flags));
  return { accessKey, secretKey, ...(securityToken === undefined ? {} : { token: securityToken }) };
}

const by = (key: AlibabaKey): AlibabaClient => new AlibabaClient(millrace.api, key);

beforeAll(async () => {
  place = new Place();
  const flags = ['--workers', '1', '--rtmp', 'off', '--alibaba-calls-per-second', '0'];
  millrace = await Millrace.start(place, { flags });
  client = by(millrace.key);
  temporary = makeKey('--temporary', '1h');
  disabled = makeKey();
  command('key', 'disable', disabled.accessKey);
  reader = makeKey('--policy', 'ReadOnlyAccess');
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

function expectRefusal(answer: AlibabaAnswer, status: number, code: string): void {
  expect(answer).toMatchObject({ status, body: { Code: code } });
  const { RequestId, HostId, Code, Message, Recommend, ...more } = answer.body;
  expect(RequestId).toMatch(UUID);
  expect([HostId, more]).toEqual(['127.0.0.1', {}]);
  expect(Message).toMatch(/\S/);
  expect(Recommend).toBe(`https://api.aliyun.com/troubleshoot?q=${Code}&product=live&requestId=${RequestId}`);
  expect(answer.headers['x-acs-request-id']).toBe(RequestId);
  expect(answer.headers['content-type']).toBe('application/json;charset=utf-8');
}

const classic = (common: Readonly<Record<string, string | null>> = {}, options: V3Options = {}): WireCall =>
  client.signed(LIST, PAIRS, { mode: 'classic', ...options, common });
const v3 = (common: Readonly<Record<string, string | null>> = {}, options: V3Options = {}): WireCall =>
  client.signed(LIST, PAIRS, { ...options, common });
const signedBy = (key: AlibabaKey, options: V3Options = {}): WireCall => by(key).signed(LIST, PAIRS, options);
const withQuery = (call: WireCall, more: string): WireCall => ({ ...call, url: `${call.url}&${more}` });
const withHeaders = (call: WireCall, more: Headers): WireCall => ({ ...call, headers: { ...call.headers, ...more } });
const plain = (url: string, method = 'GET', headers: Headers = {}, body = ''): WireCall => ({
  method,
  url,
  headers,
  body,
});
const wrongSecret = (): AlibabaKey => ({ ...millrace.key, secretKey: 'x'.repeat(40) });
const wrongToken = (): AlibabaKey => ({ ...temporary, token: 'x'.repeat(86) });
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** [what, status, code, request]. The requests are made late, for they name the keys and the host. */
const ROWS: readonly [string, number, string, () => WireCall][] = [
  ['PUT', 400, 'UnsupportedHTTPMethod', () => v3({}, { method: 'PUT' })],
  ['DELETE', 400, 'UnsupportedHTTPMethod', () => v3({}, { method: 'DELETE' })],
  ['PATCH', 400, 'UnsupportedHTTPMethod', () => plain('/', 'PATCH')],
  ['OPTIONS', 400, 'UnsupportedHTTPMethod', () => plain('/?a=b', 'OPTIONS')],
  ['nothing said', 400, 'MissingAction', () => plain('/')],
  ['nothing said in a POST', 400, 'MissingAction', () => plain('/', 'POST')],
  ['no Action', 400, 'MissingAction', () => classic({ Action: null })],
  ['an empty Action', 400, 'MissingAction', () => classic({ Action: '' })],
  [
    'an Action in a header that is not signed',
    400,
    'MissingAction',
    () => withHeaders(classic({ Action: null }), { 'x-acs-action': LIST, 'x-acs-version': '2016-11-01' }),
  ],
  ['no x-acs-action', 400, 'MissingAction', () => v3({ 'x-acs-action': null })],
  ['an unknown Action', 404, 'InvalidAction.NotFound', () => classic({ Action: 'MiguLivePullToPushStart' })],
  ['an Action in other case', 404, 'InvalidAction.NotFound', () => classic({ Action: 'describeLivePullToPushList' })],
  ['an Action that objects have anyway', 404, 'InvalidAction.NotFound', () => classic({ Action: 'constructor' })],
  ['an unknown x-acs-action', 404, 'InvalidAction.NotFound', () => v3({ 'x-acs-action': 'DescribeRegions' })],
  ['an Action of 20 KB', 404, 'InvalidAction.NotFound', () => classic({ Action: 'x'.repeat(20_000) })],
  ['an Action given twice', 400, 'InvalidParameter', () => withQuery(classic(), `Action=${LIST}`)],
  ['no Version', 400, 'MissingVersion', () => classic({ Version: null })],
  ['no x-acs-version', 400, 'MissingVersion', () => v3({ 'x-acs-version': null })],
  ['another Version', 400, 'InvalidVersion', () => classic({ Version: '2014-05-26' })],
  ['another x-acs-version', 400, 'InvalidVersion', () => v3({ 'x-acs-version': '2016-11-02' })],
  ['another Format', 400, 'InvalidParameter.Format', () => classic({ Format: 'YAML' })],
  ['a Format given twice', 400, 'InvalidParameter', () => withQuery(classic(), 'Format=JSON')],
  ['no signature at all', 400, 'MissingAccessKeyId', () => plain(`/?Action=${LIST}&Version=2016-11-01`)],
  [
    'a bearer in Authorization',
    400,
    'MissingAccessKeyId',
    () => plain(`/?Action=${LIST}&Version=2016-11-01`, 'GET', { authorization: 'Bearer x' }),
  ],
  ['no AccessKeyId', 400, 'MissingAccessKeyId', () => classic({ AccessKeyId: null })],
  ['an AccessKeyId given twice', 400, 'InvalidParameter', () => withQuery(classic(), 'AccessKeyId=x')],
  ['an unknown AccessKeyId', 404, 'InvalidAccessKeyId.NotFound', () => classic({ AccessKeyId: 'NOBODY01' })],
  [
    'an unknown Credential',
    404,
    'InvalidAccessKeyId.NotFound',
    () => signedBy({ ...millrace.key, accessKey: 'NOBODY02' }),
  ],
  ['an AccessKeyId of 20 KB', 404, 'InvalidAccessKeyId.NotFound', () => classic({ AccessKeyId: 'x'.repeat(20_000) })],
  ['a disabled AccessKeyId', 400, 'InvalidAccessKeyId.Inactive', () => signedBy(disabled, { mode: 'classic' })],
  ['a disabled Credential', 400, 'InvalidAccessKeyId.Inactive', () => signedBy(disabled)],
  ['no Signature', 400, 'MissingSignature', () => classic({ Signature: null })],
  ['a Signature given twice', 400, 'InvalidParameter', () => withQuery(classic(), 'Signature=x')],
  ['no SignatureMethod', 400, 'MissingSignatureMethod', () => classic({ SignatureMethod: null })],
  ['another SignatureMethod', 400, 'InvalidSignatureMethod', () => classic({ SignatureMethod: 'HMAC-SHA256' })],
  ['a BearerToken', 400, 'InvalidSignatureMethod', () => classic({ SignatureType: 'BEARERTOKEN', BearerToken: 'x' })],
  ['no SignatureVersion', 400, 'MissingSignatureVersion', () => classic({ SignatureVersion: null })],
  ['another SignatureVersion', 400, 'InvalidSignatureVersion', () => classic({ SignatureVersion: '2.0' })],
  ['ACS3-RSA-SHA256', 400, 'InvalidSignatureMethod', () => v3({}, { algorithm: 'ACS3-RSA-SHA256' })],
  ['ACS3-HMAC-SM3', 400, 'InvalidSignatureMethod', () => v3({}, { algorithm: 'ACS3-HMAC-SM3' })],
  [
    'an Authorization without parts',
    400,
    'IncompleteSignature',
    () => withHeaders(v3(), { authorization: 'ACS3-HMAC-SHA256' }),
  ],
  [
    'an Authorization without a signature',
    400,
    'IncompleteSignature',
    () => withHeaders(v3(), { authorization: 'ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=' }),
  ],
  [
    'an Authorization of 20 KB',
    400,
    'IncompleteSignature',
    () => withHeaders(v3(), { authorization: `ACS3-HMAC-SHA256 ${'x'.repeat(20_000)}` }),
  ],
  ['no Timestamp', 400, 'MissingTimestamp', () => classic({ Timestamp: null })],
  ['no x-acs-date', 400, 'MissingTimestamp', () => v3({ 'x-acs-date': null })],
  ['a Timestamp in seconds', 400, 'InvalidTimeStamp.Format', () => classic({ Timestamp: '1767323045' })],
  [
    'a Timestamp with milliseconds',
    400,
    'InvalidTimeStamp.Format',
    () => classic({ Timestamp: new Date().toISOString() }),
  ],
  ['a Timestamp of no day', 400, 'InvalidTimeStamp.Format', () => classic({ Timestamp: '2026-02-30T00:00:00Z' })],
  ['an x-acs-date in basic form', 400, 'InvalidTimeStamp.Format', () => v3({ 'x-acs-date': '20260102T030405Z' })],
  ['a Timestamp 32 min old', 400, 'InvalidTimeStamp.Expired', () => classic({}, { now: Date.now() - 32 * MINUTE })],
  ['a Timestamp 32 min ahead', 400, 'InvalidTimeStamp.Expired', () => classic({}, { now: Date.now() + 32 * MINUTE })],
  ['an x-acs-date 16 min old', 400, 'InvalidTimeStamp.Expired', () => v3({}, { now: Date.now() - 16 * MINUTE })],
  ['an x-acs-date 16 min ahead', 400, 'InvalidTimeStamp.Expired', () => v3({}, { now: Date.now() + 16 * MINUTE })],
  ['no SignatureNonce', 400, 'MissingSignatureNonce', () => classic({ SignatureNonce: null })],
  ['no x-acs-signature-nonce', 400, 'MissingSignatureNonce', () => v3({ 'x-acs-signature-nonce': null })],
  [
    'a SignatureNonce of 257 characters',
    400,
    'InvalidSignatureNonce',
    () => classic({ SignatureNonce: 'x'.repeat(257) }),
  ],
  ['another secret, classic', 400, 'SignatureDoesNotMatch', () => signedBy(wrongSecret(), { mode: 'classic' })],
  ['another secret, V3', 400, 'SignatureDoesNotMatch', () => signedBy(wrongSecret())],
  ['an empty secret', 400, 'SignatureDoesNotMatch', () => signedBy({ ...millrace.key, secretKey: '' })],
  ['a parameter added, classic', 400, 'SignatureDoesNotMatch', () => withQuery(classic(), 'PageSize=1')],
  ['a parameter added, V3', 400, 'SignatureDoesNotMatch', () => withQuery(v3(), 'PageSize=1')],
  ['a signed parameter given twice', 400, 'SignatureDoesNotMatch', () => withQuery(v3(), 'Region=cn-shanghai')],
  [
    'a parameter in a form that was not signed',
    400,
    'SignatureDoesNotMatch',
    () => ({ ...withHeaders(v3({}, { method: 'POST' }), FORM), body: 'PageSize=1' }),
  ],
  ['another verb, classic', 400, 'SignatureDoesNotMatch', () => ({ ...classic(), method: 'POST' })],
  ['another verb, V3', 400, 'SignatureDoesNotMatch', () => ({ ...v3(), method: 'POST' })],
  [
    'another host',
    400,
    'SignatureDoesNotMatch',
    () => withHeaders(v3({ host: 'live.aliyuncs.com' }), { host: new URL(millrace.api).host }),
  ],
  ['an unsigned host', 400, 'SignatureDoesNotMatch', () => v3({}, { unsigned: ['host'] })],
  ['an unsigned x-acs-action', 400, 'SignatureDoesNotMatch', () => v3({}, { unsigned: ['x-acs-action'] })],
  ['an unsigned x-acs-version', 400, 'SignatureDoesNotMatch', () => v3({}, { unsigned: ['x-acs-version'] })],
  ['an unsigned x-acs-date', 400, 'SignatureDoesNotMatch', () => v3({}, { unsigned: ['x-acs-date'] })],
  ['an unsigned nonce', 400, 'SignatureDoesNotMatch', () => v3({}, { unsigned: ['x-acs-signature-nonce'] })],
  ['an unsigned hash', 400, 'SignatureDoesNotMatch', () => v3({}, { unsigned: ['x-acs-content-sha256'] })],
  [
    'an unsigned header of the vendor',
    400,
    'SignatureDoesNotMatch',
    () => withHeaders(v3(), { 'x-acs-retry-attempts': '1' }),
  ],
  [
    'an unsigned token',
    400,
    'SignatureDoesNotMatch',
    () => signedBy(temporary, { unsigned: ['x-acs-security-token'] }),
  ],
  ['a hash of another body', 400, 'SignatureDoesNotMatch', () => v3({ 'x-acs-content-sha256': '0'.repeat(64) })],
  ['no hash of the body', 400, 'Missingx-acs-content-sha256', () => v3({ 'x-acs-content-sha256': null })],
  ['no token, classic', 400, 'MissingSecurityToken', () => signedBy({ ...temporary, token: '' }, { mode: 'classic' })],
  [
    'no token, V3',
    400,
    'MissingSecurityToken',
    () => signedBy({ accessKey: temporary.accessKey, secretKey: temporary.secretKey }),
  ],
  [
    'another token, classic',
    400,
    'InvalidSecurityToken.MismatchWithAccessKey',
    () => signedBy(wrongToken(), { mode: 'classic' }),
  ],
  ['another token, V3', 400, 'InvalidSecurityToken.MismatchWithAccessKey', () => signedBy(wrongToken())],
  [
    'a token of a key without one',
    400,
    'InvalidSecurityToken.MismatchWithAccessKey',
    () => signedBy({ ...millrace.key, token: 'x' }),
  ],
  ['no permission for Create', 403, 'NoPermission', () => by(reader).signed('CreateLivePullToPush', PAIRS)],
  ['no permission for Update', 403, 'NoPermission', () => by(reader).signed('UpdateLivePullToPush', PAIRS)],
  ['no permission for Restart', 403, 'NoPermission', () => by(reader).signed('RestartLivePullToPush', PAIRS)],
  ['no permission for Stop', 403, 'NoPermission', () => by(reader).signed('StopLivePullToPush', PAIRS)],
  ['no permission for Delete', 403, 'NoPermission', () => by(reader).signed('DeleteLivePullToPush', PAIRS)],
  ['a query cut in an escape', 400, 'InvalidParameter', () => withQuery(classic(), 'TaskName=%e')],
  ['a query that is not UTF-8', 400, 'InvalidParameter', () => withQuery(classic(), 'TaskName=%ff%fe')],
  ['an overlong encoding', 400, 'InvalidParameter', () => withQuery(classic(), 'TaskName=%c0%af')],
  ['a surrogate in UTF-8', 400, 'InvalidParameter', () => withQuery(classic(), 'TaskName=%ed%a0%80')],
  ['a form that is not UTF-8', 400, 'InvalidParameter', () => plain('/', 'POST', FORM, 'Action=%ff')],
  ['1,001 parameters', 400, 'InvalidParameter', () => plain(`/?${'a&'.repeat(1_001)}`)],
  ['a JSON body', 415, 'InvalidParameter', () => plain('/', 'POST', { 'content-type': 'application/json' }, '{}')],
  ['a body of no kind', 415, 'InvalidParameter', () => plain('/', 'POST', {}, 'Action=x')],
  [
    'a body of a kind that cannot be',
    415,
    'InvalidParameter',
    () => plain('/', 'POST', { 'content-type': 'x' }, 'a=b'),
  ],
  [
    'a compressed body',
    415,
    'InvalidParameter',
    () => plain('/', 'POST', { ...FORM, 'content-encoding': 'gzip' }, 'a=b'),
  ],
  ['a body of 1 MB and a byte', 413, 'InvalidParameter', () => plain('/', 'POST', FORM, 'x'.repeat(1_048_577))],
  ['a URL of 40 KB', 414, 'InvalidParameter', () => plain(`/?${'x'.repeat(40_000)}`)],
  ['a header of 40 KB', 431, 'InvalidParameter', () => plain('/', 'GET', { 'x-acs-action': 'x'.repeat(40_000) })],
];

describe('a request that will not do', () => {
  it.each(ROWS)('is told so: %s → %i %s', async (_, status, code, request) => {
    expectRefusal(await client.raw(request()), status, code);
    // Whoever is let in is no longer suspected of guessing; and the server goes on.
    expect((await client.call(LIST, REGION)).status).toBe(200);
    if (code.startsWith('InvalidSecurityToken')) expect((await by(temporary).call(LIST, REGION)).status).toBe(200);
  });

  it('is refused the second time, whichever signature it has', async () => {
    for (const call of [classic(), v3(), classic({}, { method: 'POST' })]) {
      expect((await client.raw(call)).status).toBe(200);
      expectRefusal(await client.raw(call), 400, 'SignatureNonceUsed');
    }
  });

  it('locks its key for its address after too many guesses', async () => {
    const own = makeKey();
    const guess = { ...own, secretKey: 'x'.repeat(40) };
    for (let i = 0; i < 6; i++) expectRefusal(await by(guess).call(LIST, REGION), 400, 'SignatureDoesNotMatch');
    // Nodes that share a task hear each other before the lock falls; two calls in turn ask two of them.
    const isLocked = async (): Promise<boolean> => (await by(guess).call(LIST, REGION)).status === 403;
    await until('it is locked everywhere', async () => (await isLocked()) && (await isLocked()));
    expectRefusal(await by(own).call(LIST, REGION), 403, 'InvalidAccessKeyId.Locked');
    expect((await client.call(LIST, REGION)).status).toBe(200);
  });

  it('is shown what the server would have signed, and never a token or a secret', async () => {
    const { body } = await client.raw(withQuery(classic(), 'PageSize=1'));
    expect(body.Message).toMatch(/server string to sign is:GET&%2F&AccessKeyId%3DTESTACCESSKEY0000001%26Action%3D/);
    const { body: newer } = await client.raw(withQuery(v3(), 'PageSize=1'));
    expect(newer.Message).toMatch(/server StringToSign is \[ACS3-HMAC-SHA256\n[0-9a-f]{64}\]$/);
    for (const mode of ['classic', 'v3'] as const) {
      const { text } = await client.raw(withQuery(signedBy(temporary, { mode }), 'PageSize=1'));
      expect(text).toContain('SignatureDoesNotMatch');
      expect(text).not.toContain(temporary.token);
    }
    expect(millrace.output).not.toContain(temporary.token);
    expect(millrace.output).not.toContain(millrace.key.secretKey);
  });

  it('gets XML where it asks for it', async () => {
    const { status, headers, text } = await client.raw(classic({ Format: 'XML', Timestamp: 'x' }));
    expect([status, headers['content-type']]).toEqual([400, 'text/xml;charset=utf-8']);
    expect(text).toMatch(
      /^<\?xml version="1\.0" encoding="UTF-8"\?><Error><RequestId>[0-9A-F-]{36}<\/RequestId><HostId>127\.0\.0\.1<\/HostId><Code>InvalidTimeStamp\.Format<\/Code><Message>.+<\/Message>/,
    );
  });

  it('leaves no trace in the log but its line', () => {
    expect(millrace.output).toContain('"msg":"answered"');
    expect(millrace.output).not.toContain('failed unexpectedly');
  });

  it('on another path is answered in the other dialect', async () => {
    const { status, body } = await client.raw({ ...v3(), url: '/x' });
    expect([status, body.error_code]).toEqual([404, 'APIG.0101']);
  });
});

describe('a request that will do', () => {
  const EMPTY = { PageNumber: 1, PageSize: 10, Total: 0, TaskList: [] };

  it.each<[string, () => Promise<AlibabaAnswer>]>([
    ['V3 GET', () => client.call(LIST, REGION)],
    ['V3 POST', () => client.call(LIST, REGION, { method: 'POST' })],
    ['V3 POST with a form', () => client.call(LIST, {}, { method: 'POST', form: PAIRS })],
    ['classic GET', () => client.call(LIST, REGION, { mode: 'classic' })],
    ['classic POST', () => client.call(LIST, REGION, { mode: 'classic', method: 'POST' })],
    ['classic POST with a query', () => client.call(LIST, REGION, { mode: 'classic', method: 'POST', place: 'query' })],
    ['a temporary key, V3', () => by(temporary).call(LIST, REGION)],
    ['a temporary key, classic', () => by(temporary).call(LIST, REGION, { mode: 'classic' })],
    ['a policy that allows it', () => by(reader).call(LIST, REGION)],
    ['parameters nobody knows', () => client.call(LIST, { ...REGION, OwnerId: 1, RegionId: 'x', 'a b': 'é*~' })],
    ['no Format', () => client.call(LIST, REGION, { mode: 'classic', common: { Format: null } })],
    [
      'a chunked form',
      () => {
        const call = client.signed(LIST, [], { method: 'POST', form: PAIRS });
        return client.raw(withHeaders(call, { 'transfer-encoding': 'chunked' }));
      },
    ],
  ])('is answered: %s', async (_, call) => {
    const { status, headers, body } = await call();
    expect([status, body]).toEqual([200, { RequestId: expect.stringMatching(UUID), ...EMPTY }]);
    expect(headers['x-acs-request-id']).toBe(body.RequestId);
    expect(headers['content-type']).toBe('application/json;charset=utf-8');
  });

  it('has a RequestId of its own', async () => {
    const ids = await Promise.all([1, 2, 3].map(async () => (await client.call(LIST, REGION)).body.RequestId));
    expect(new Set(ids).size).toBe(3);
  });

  it('gets XML where it asks for it', async () => {
    const { status, headers, text } = await client.call(LIST, REGION, { mode: 'classic', common: { Format: 'xml' } });
    expect([status, headers['content-type']]).toEqual([200, 'text/xml;charset=utf-8']);
    expect(text).toContain(`<${LIST}Response><RequestId>`);
    expect(text).toContain('<TaskList></TaskList>');
  });

  it('of a permitted action goes on to its parameters', async () => {
    expectRefusal(await client.call('StopLivePullToPush', REGION), 400, 'MissingTaskId');
    expectRefusal(await by(reader).call('DescribeLivePullToPush', REGION), 400, 'MissingTaskId');
  });
});

describe.each(DOORS)("the vendor's client as it comes, %s", name => {
  const through = (key: AlibabaKey) => openDoor(name, millrace.api, key);

  it('gets through, with a temporary key too', async () => {
    for (const key of [millrace.key, temporary]) {
      expect(await through(key)(LIST, REGION)).toMatchObject({ Total: 0, TaskList: [] });
    }
  });

  it('understands every refusal of the gateway', async () => {
    const call = through(millrace.key);
    expect(await codeOf(call('NoSuchAction', REGION))).toBe('InvalidAction.NotFound');
    expect(await codeOf(call(LIST, {}))).toBe('MissingRegion');
    expect(await codeOf(through({ ...millrace.key, accessKey: 'NOBODY03' })(LIST, REGION))).toBe(
      'InvalidAccessKeyId.NotFound',
    );
    expect(await codeOf(through(wrongSecret())(LIST, REGION))).toBe('SignatureDoesNotMatch');
    expect(await codeOf(through(wrongToken())(LIST, REGION))).toBe('InvalidSecurityToken.MismatchWithAccessKey');
    expect(await codeOf(through(reader)('StopLivePullToPush', REGION))).toBe('NoPermission');
    await call(LIST, REGION);
  });

  it('carries every character of a parameter', async () => {
    const TaskName = 'it\'s (a) *test* ~! + % & = é 😀 "<>\\ /?#';
    expect(await through(millrace.key)(LIST, { ...REGION, TaskName, DstUrl: 'rtmp://h/a b?c=1&d=%20' })).toMatchObject({
      Total: 0,
    });
  });
});
