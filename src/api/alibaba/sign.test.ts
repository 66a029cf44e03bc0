import { describe, expect, test } from 'vitest';
import type { WireRequest } from '../auth.ts';
import { type Pair, readTarget } from '../target.ts';
import {
  acs3StringToSign,
  canonicalRequest,
  classicStringToSign,
  readAuthorization,
  signAcs3,
  signClassic,
} from './sign.ts';

const SOURCES = '["http://h.test/a b.mp4?x=1&y=é","http://h.test/2.flv"]';
const BUSINESS: readonly Pair[] = [
  ['DstUrl', 'rtmp://push.example.test/live/s1'],
  ['StartTime', '2026-01-02T03:00:00Z'],
  ['EndTime', '2026-01-02T04:00:00Z'],
  ['Region', 'cn-shanghai'],
  ['RepeatNumber', '-1'],
  ['SourceType', 'url'],
  ['SourceUrls', SOURCES],
  ['TaskName', "it's (a) *test* ~!"],
];
const QUERY = BUSINESS.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');

describe('the classic signature', () => {
  const common: readonly Pair[] = [
    ['AccessKeyId', 'testid'],
    ['Action', 'CreateLivePullToPush'],
    ['Format', 'JSON'],
    ['SignatureMethod', 'HMAC-SHA1'],
    ['SignatureNonce', 'n-0001'],
    ['SignatureVersion', '1.0'],
    ['Timestamp', '2026-01-02T02:00:00Z'],
    ['Version', '2016-11-01'],
  ];

  test('is the published one', () => {
    const pairs: readonly Pair[] = [
      ['AccessKeyId', 'testid'],
      ['Action', 'DescribeRegions'],
      ['Format', 'XML'],
      ['SignatureMethod', 'HMAC-SHA1'],
      ['SignatureNonce', '3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf'],
      ['SignatureVersion', '1.0'],
      ['Timestamp', '2016-02-23T12:46:24Z'],
      ['Version', '2014-05-26'],
    ];
    const text = classicStringToSign('GET', pairs);
    expect(signClassic('testsecret', text)).toBe('OLeaidS1JvxuMvnyHOwuJ+uX5qY=');
  });

  test.each([
    ['GET', 'DzQL8IR19/Uy66HM22DFuWOfu6I='],
    ['POST', 'mH07g2SFs1FcjIrBffLrbEfsVbI='],
  ])('is over every parameter but itself, and over the verb %s', (method, signature) => {
    const text = classicStringToSign(method, [...BUSINESS, ...common, ['Signature', 'whatever']]);
    expect(text).toMatch(new RegExp(`^${method}&%2F&AccessKeyId%3Dtestid%26Action%3DCreateLivePullToPush%26`));
    expect(text).toContain('%26TaskName%3Dit%2527s%2520%2528a%2529%2520%252Atest%252A%2520~%2521%26Timestamp%3D');
    expect(signClassic('testsecret', text)).toBe(signature);
  });

  test('sorts by bytes and counts a doubled name twice', () => {
    const text = classicStringToSign('GET', [
      ['b', '2'],
      ['b', '1'],
      ['B', ''],
      ['a.10', 'x'],
      ['a.2', 'y'],
    ]);
    expect(decodeURIComponent(text)).toBe('GET&/&B=&a.10=x&a.2=y&b=1&b=2');
  });
});

describe('the ACS3 signature', () => {
  const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

  function wire(method: string, url: string, headers: Record<string, string>): WireRequest {
    const target = readTarget(url);
    if (target === undefined) throw new Error('not a target');
    return {
      method,
      target,
      rawHeaders: Object.entries(headers).flat(),
      body: Buffer.alloc(0),
      remote: '',
      requestId: '',
    };
  }

  const OWN = {
    'x-acs-version': '2016-11-01',
    Host: '127.0.0.1:18080',
    'X-Acs-Date': ' 2026-01-02T02:00:00Z ',
    'x-acs-signature-nonce': 'n-0001',
    'x-acs-content-sha256': EMPTY,
  };

  const names = (headers: object): string[] =>
    Object.keys(headers)
      .map(name => name.toLowerCase())
      .sort();

  test.each([
    [
      '2023-10-26T10:22:32Z',
      '3156853299f313e23d1673dc12e1703d',
      '06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
    ],
    [
      '2023-10-26T09:01:01Z',
      'd410180a5abf7fe235dd9b74aca91fc0',
      'e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804',
    ],
  ])('is the published one of %s', (date, nonce, signature) => {
    const headers = {
      host: 'ecs.cn-shanghai.aliyuncs.com',
      'x-acs-action': 'RunInstances',
      'x-acs-content-sha256': EMPTY,
      'x-acs-date': date,
      'x-acs-signature-nonce': nonce,
      'x-acs-version': '2014-05-26',
    };
    const url = '/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai';
    const text = acs3StringToSign(canonicalRequest(wire('POST', url, headers), names(headers)));
    expect(signAcs3('YourAccessKeySecret', text)).toBe(signature);
  });

  test('is over the decoded query and the named headers', () => {
    const headers = { ...OWN, 'x-acs-action': 'CreateLivePullToPush' };
    const canonical = canonicalRequest(wire('POST', `/?${QUERY}`, headers), names(headers));
    expect(canonical.split('\n').slice(0, 4)).toEqual([
      'POST',
      '/',
      'DstUrl=rtmp%3A%2F%2Fpush.example.test%2Flive%2Fs1&EndTime=2026-01-02T04%3A00%3A00Z&Region=cn-shanghai&RepeatNumber=-1&SourceType=url&SourceUrls=%5B%22http%3A%2F%2Fh.test%2Fa%20b.mp4%3Fx%3D1%26y%3D%C3%A9%22%2C%22http%3A%2F%2Fh.test%2F2.flv%22%5D&StartTime=2026-01-02T03%3A00%3A00Z&TaskName=it%27s%20%28a%29%20%2Atest%2A%20~%21',
      'host:127.0.0.1:18080',
    ]);
    const text = acs3StringToSign(canonical);
    expect(text).toBe('ACS3-HMAC-SHA256\nd64a753f3857ee6875a47b1ca7147813b3dff1a9f608046a95f9bdfd812a2720');
    expect(signAcs3('testsecret', text)).toBe('0e8908af5b0670d28a11b588c09a1a93b9d7d86b862de9474cee66660b8ba11b');
  });

  test('covers the token of a temporary key', () => {
    const headers = {
      ...OWN,
      'x-acs-action': 'StopLivePullToPush',
      'x-acs-accesskey-id': 'testid',
      'x-acs-security-token': 'tok/en+==',
    };
    const request = wire('GET', '/?Region=cn-shanghai&TaskId=t-1', headers);
    const text = acs3StringToSign(canonicalRequest(request, names(headers)));
    expect(text).toBe('ACS3-HMAC-SHA256\n4f2e3e2e159018efc95508552dfea6c171ef0400fa6017095ca05be0a57bdce2');
    expect(signAcs3('testsecret', text)).toBe('03ee4fb3800e4c221d7dfe4bf4296b177aa822e2d514eef969b053efdee72306');
  });
});

describe('an Authorization header', () => {
  test.each([
    'ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-acs-date,Signature=ab',
    ' ACS3-HMAC-SHA256  Credential=AK, SignedHeaders=Host;x-acs-date, Signature=ab ',
  ])('is taken apart: %s', header => {
    expect(readAuthorization(header)).toEqual({
      algorithm: 'ACS3-HMAC-SHA256',
      accessKey: 'AK',
      signedHeaders: ['host', 'x-acs-date'],
      signature: 'ab',
    });
  });

  test.each([
    '',
    'ACS3-HMAC-SHA256',
    'ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host',
    'ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host,Signature=',
    'ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=,Signature=ab',
    'ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;,Signature=ab',
    'ACS3-HMAC-SHA256 Credential=AK,Credential=BK,SignedHeaders=host,Signature=ab',
    `ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=${'host;'.repeat(100)}host,Signature=ab`,
  ])('is not read where it is malformed: %s', header => {
    expect(readAuthorization(header)).toBeUndefined();
  });
});
