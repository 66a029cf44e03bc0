import { describe, expect, test } from 'vitest';
import type { WireRequest } from '../auth.ts';
import { readTarget } from '../target.ts';
import { canonicalRequest, printSdkDate, readAuthorization, readSdkDate, sign } from './sign.ts';

const PROJECT = '0123456789abcdef0123456789abcdef';

function wire(method: string, url: string, headers: Record<string, string>, body = ''): WireRequest {
  const target = readTarget(url);
  if (target === undefined) throw new Error('not a target');
  const rawHeaders = Object.entries(headers).flat();
  return { method, target, rawHeaders, body: Buffer.from(body), remote: '127.0.0.1', requestId: 'r1' };
}

const HEADERS = {
  'Content-Type': 'application/json',
  Host: 'relay.example:8080',
  'X-Project-Id': PROJECT,
  'X-Sdk-Date': '20260102T030405Z',
};
const SIGNED = ['content-type', 'host', 'x-project-id', 'x-sdk-date'];
const PATH = `/v1/${PROJECT}/pull/stream/task`;
const signed = (request: WireRequest, names = SIGNED, secret = 'example-secret-key', date = '20260102T030405Z') =>
  sign(secret, date, canonicalRequest(request, names) ?? '');

describe('the canonical request and its signature', () => {
  const body =
    '{"source_type":"PullLivePushLive","source_urls":["rtmp://src.example/live/a"],"destination_url":"rtmp://dst.example/live/b"}';

  test('are those of vector A: a POST with a body', () => {
    const request = wire('POST', PATH, HEADERS, body);
    expect(canonicalRequest(request, SIGNED)).toBe(
      [
        'POST',
        `${PATH}/`,
        '',
        'content-type:application/json',
        'host:relay.example:8080',
        `x-project-id:${PROJECT}`,
        'x-sdk-date:20260102T030405Z',
        '',
        'content-type;host;x-project-id;x-sdk-date',
        '5d051ddf13f83a0f07eb3d268afb61ee89b125dd4a156173e9b6ee4c3f97cc56',
      ].join('\n'),
    );
    expect(signed(request)).toBe('e0b644eeaf51bfa4ec741b218de33c420df245437d69ef7837ced2b716a3c641');
  });

  test.each([
    'region=cn-north-4&offset=0&limit=10&task_id=a%20b%2Bc%2F%C3%A9~*',
    'task_id=a+b%2bc%2f%c3%a9%7E%2A&limit=10&&offset=0&region=cn-north-4',
  ])('are those of vector B however the query is written: %s', query => {
    expect(signed(wire('GET', `${PATH}?${query}`, HEADERS))).toBe(
      '48ee2d104005ab2c8216b27a65ca4be58f7b631f16f5cbf177ad337630fb080c',
    );
  });

  test.each([
    ['GET', '/path?limit=1', '', '5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624'],
    [
      'POST',
      '/path?key=value',
      '{"Name":"test","Id":1}\n',
      'cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59',
    ],
  ])('are those of vector C with nothing but the date signed: %s %s', (method, url, text, signature) => {
    const request = wire(method, url, { 'X-Sdk-Date': '20060102T150405Z' }, text);
    expect(signed(request, ['x-sdk-date'], 'SecretKey', '20060102T150405Z')).toBe(signature);
  });

  test('sort repeated parameters by value and keep the equals sign of an empty one', () => {
    const canonical = canonicalRequest(wire('GET', '/a%20b/%2F?b=2&b=1&a', { 'X-Sdk-Date': 'x' }), ['x-sdk-date']);
    expect(canonical?.split('\n').slice(1, 3)).toEqual(['/a%20b/%2F/', 'a=&b=1&b=2']);
  });

  test('take header values without the blanks around them', () => {
    const headers = { ...HEADERS, 'Content-Type': '  application/json ' };
    expect(signed(wire('POST', PATH, headers, body))).toBe(
      'e0b644eeaf51bfa4ec741b218de33c420df245437d69ef7837ced2b716a3c641',
    );
  });

  test('do not exist where a signed header did not come', () => {
    expect(canonicalRequest(wire('GET', PATH, HEADERS), [...SIGNED, 'user-agent'])).toBeUndefined();
  });
});

describe('an Authorization header', () => {
  const signature = 'a'.repeat(64);

  test('is taken apart', () => {
    const header = `SDK-HMAC-SHA256 Access=AK01, SignedHeaders=Host;x-sdk-date, Signature=${signature}`;
    expect(readAuthorization(header)).toEqual({
      algorithm: 'SDK-HMAC-SHA256',
      accessKey: 'AK01',
      signedHeaders: ['host', 'x-sdk-date'],
      signature,
    });
  });

  test.each([
    '',
    'SDK-HMAC-SHA256',
    `SDK-HMAC-SHA256 Access=AK01, SignedHeaders=host`,
    `SDK-HMAC-SHA256 Access=AK01, SignedHeaders=host, Signature=${signature.toUpperCase()}`,
    `SDK-HMAC-SHA256 Access=AK 01, SignedHeaders=host, Signature=${signature}`,
    `SDK-HMAC-SHA256 Access=AK01, SignedHeaders=, Signature=${signature}`,
    `SDK-HMAC-SHA256 Access=AK01, SignedHeaders=${'host;'.repeat(100)}host, Signature=${signature}`,
  ])('is not read where it is malformed: %s', header => {
    expect(readAuthorization(header)).toBeUndefined();
  });
});

describe('an X-Sdk-Date', () => {
  test('reads back what it prints', () => {
    expect(readSdkDate('20260102T030405Z')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(printSdkDate(Date.UTC(2026, 0, 2, 3, 4, 5, 999))).toBe('20260102T030405Z');
  });

  test.each(['20260230T000000Z', '20260102T240000Z', '2026-01-02T03:04:05Z', '20260102T030405', ''])(
    'is refused as %j',
    text => {
      expect(readSdkDate(text)).toBeUndefined();
    },
  );
});
