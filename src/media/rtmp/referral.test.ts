import { describe, expect, it } from 'vitest';
import { parseAddress, rtmpTarget } from '../address.ts';
import { type Answer, Secrets } from './answer.ts';
import { asksToReconnect, referralOf } from './referral.ts';

const KEY = 'SECRETKEY?sign=SECRETSIGN';

function refer(tcUrl: string, { from = `rtmp://a.example/live/${KEY}`, description = '' } = {}) {
  const address = parseAddress(from, ['rtmp', 'rtmps']);
  const target = rtmpTarget(address);
  const answer: Answer = { level: 'status', code: '', description, redirect: undefined, tcUrl };
  return referralOf(answer, { address, target, secrets: new Secrets(address, target) });
}

describe('a referral', () => {
  it.each([
    ['', `rtmp://a.example/live/${KEY}`, true],
    ['rtmp://b.example:1936/other/app', `rtmp://b.example:1936/other/app/${KEY}`, false],
    ['rtmp://b.example/live/', `rtmp://b.example/live/${KEY}`, false],
    ['rtmps://a.example/live', `rtmps://a.example/live/${KEY}`, false],
    ['//192.0.2.1:1935/live', `rtmp://192.0.2.1/live/${KEY}`, false],
    ['/other', `rtmp://a.example/other/${KEY}`, true],
    ['other', `rtmp://a.example/other/${KEY}`, true],
    ['./a/../other', `rtmp://a.example/other/${KEY}`, true],
    ['RTMP://A.EXAMPLE:1935/live', `rtmp://a.example/live/${KEY}`, true],
  ])('to “%s” keeps the stream and its whole query', (tcUrl, url, isSameServer) => {
    expect(refer(tcUrl)).toMatchObject({ url, isSameServer });
  });

  it('keeps what belongs to the app in its place', () => {
    const from = 'rtmp://a.example/live?vhost=x/SECRETKEY';
    expect(refer('', { from }).url).toBe(from);
    expect(refer('?vhost=y', { from }).url).toBe('rtmp://a.example/live?vhost=y/SECRETKEY');
  });

  it('takes the login to the server that it was given for, and to no other', () => {
    const from = 'rtmp://me:word@a.example/live/SECRETKEY';
    expect(refer('/other', { from }).url).toBe('rtmp://me:word@a.example/other/SECRETKEY');
    expect(refer('rtmp://b.example/live', { from }).url).toBe('rtmp://b.example/live/SECRETKEY');
    expect(refer('rtmp://you:two@b.example/live', { from }).url).toBe('rtmp://you:two@b.example/live/SECRETKEY');
  });

  it.each([
    ['http://b.example/live', 'must be one of: rtmp, rtmps'],
    ['file:///etc/passwd', 'must be one of: rtmp, rtmps'],
    ['b.example:1935/live', 'must be one of: rtmp, rtmps'],
    ['rtmp://', 'followed by'],
    ['rtmp://b.example/li ve', 'must not contain whitespace'],
    ['rtmp://b.example\\@c/live', 'must not contain a backslash'],
    [`rtmp://b.example/${'x'.repeat(5_000)}`, 'must not be longer'],
    [`rtmp://b.example${'/'.repeat(60_000)}x`, 'must not be longer'],
    ['rtmp://b.example', 'must name an app'],
    ['rtmp://b.example/a/b?token=x', 'no place behind it'],
  ])('leads nowhere where it cannot be gone to, and is told without the key: %#', (tcUrl, words) => {
    const { url, words: said } = refer(tcUrl);
    expect(url).toBeUndefined();
    expect(said).toContain(words);
    expect(said).not.toMatch(/SECRET/);
  });

  it('does not leave TLS', () => {
    const from = 'rtmps://a.example/live/SECRETKEY';
    expect(refer('rtmp://a.example/live', { from })).toMatchObject({ url: undefined });
    expect(refer('//b.example/live', { from }).url).toBe('rtmps://b.example/live/SECRETKEY');
  });

  it('quotes the server without the key', () => {
    expect(refer('', { description: 'move SECRETKEY\nnow' }).words).toBe('move *** now');
  });

  it('is told by its code alone', () => {
    expect(asksToReconnect({ code: 'NetConnection.Connect.ReconnectRequest' })).toBe(true);
    expect(asksToReconnect({ code: 'NetConnection.Connect.Closed' })).toBe(false);
  });
});
