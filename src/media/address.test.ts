import { describe, expect, it } from 'vitest';
import { checkUrl, parseAddress, redactUrl, rtmpTarget, urlOf } from './address.ts';

const RTMP = ['rtmp', 'rtmps'];
const ALL = [...RTMP, 'http', 'https', 'rtsp'];
const parse = (url: string) => parseAddress(url, ALL);
const host = (url: string): string => parse(url).host;

describe('a URL', () => {
  it.each([
    ['rtmp://h/a/b', 1935],
    ['rtmps://h/a/b', 443],
    ['http://h/', 80],
    ['https://h/', 443],
    ['rtmp://h:19350/a/b', 19_350],
  ])('%s has port %i', (url, port) => {
    expect(parse(url).port).toBe(port);
  });

  it.each([
    ['rtmp://EXAMPLE.com./a/b', 'example.com'],
    ['rtmp://bücher.example/a/b', 'xn--bcher-kva.example'],
    ['rtmp://127.1/a/b', '127.0.0.1'],
    ['rtmp://0x7f.1/a/b', '127.0.0.1'],
    ['rtmp://0177.0.0.1/a/b', '127.0.0.1'],
    ['rtmp://017700000001/a/b', '127.0.0.1'],
    ['rtmp://2130706433/a/b', '127.0.0.1'],
    ['rtmp://0/a/b', '0.0.0.0'],
    ['rtmp://①②⑦.0.0.1/a/b', '127.0.0.1'],
    ['rtmp://1.2.3.4./a/b', '1.2.3.4'],
    ['rtmp://[::FFFF:127.0.0.1]:1/a/b', '::ffff:127.0.0.1'],
  ])('%s names the host %s', (url, name) => {
    expect(host(url)).toBe(name);
  });

  it.each([
    ['//host/a/b', /scheme/],
    ['rtmp:a/b', /"\/\/"/],
    ['rtmp:///a/b', /host .* missing/],
    ['rtmp://./a/b', /not a valid name/],
    ['rtmp://a..b/c/d', /empty label/],
    ['rtmp://ho\tst/a\r\nb', /control characters/],
    ['rtmp://h/a/b\u0000', /control characters/],
    ['rtmp://h/a b/c', /whitespace/],
    ['rtmp://h/a\u00a0b/c', /control characters|whitespace/],
    ['rtmp://h\\@evil/a/b', /backslash/],
    ['rtmp://a%2eb/c/d', /percent/],
    ['http://a@b@c/', /more than one "@"/],
    ['rtmp://user@h/a/b', /must come with a password/],
    ['rtmp://:pass@h/a/b', /must come with a password/],
    ['http://127.0.0.1%2f@evil/', /user name/],
    ['rtmp://h:0/a/b', /port/],
    ['rtmp://h:65536/a/b', /port/],
    ['rtmp://h:abc/a/b', /port/],
    ['rtmp://h:/a/b', /port/],
    ['rtmp://h:1:2/a/b', /not written correctly|port/],
    ['rtmp://[::1/a/b', /not written correctly/],
    ['rtmp://[fe80::1%25eth0]/a/b', /zone/],
    ['rtmp://[1.2.3.4]/a/b', /IPv6/],
    ['rtmp://1.2.3.4.5/a/b', /IPv4|valid name/],
    ['rtmp://256.1.1.1/a/b', /IPv4|valid name/],
    ['rtmp://08.1.1.1/a/b', /IPv4|valid name/],
    ['rtmp://4294967296/a/b', /IPv4|valid name/],
    [`rtmp://${'a'.repeat(64)}.de/a/b`, /63/],
    [`rtmp://${'abcdefgh.'.repeat(30)}de/a/b`, /253|valid name/],
    ['rtmp://_bad/a/b', /letters/],
    [`rtmp://h/a/${'b'.repeat(2048)}`, /2048/],
    ['file:///etc/passwd', /one of: rtmp/],
    ['javascript:alert(1)', /one of: rtmp/],
    ['concat:rtmp://h/a/b', /one of: rtmp/],
    ['', /scheme/],
  ])('%j is refused', (url, rule) => {
    expect(() => parse(url)).toThrow(rule);
  });

  it('is never quoted in the error', () => {
    const bad = ['rtmp://h:0/live/SECRET', 'rtmp://u:SECRET@h/SECRET', 'SECRET', 'rtmp://SECRET_/a/SECRET?SECRET'];
    for (const url of bad) expect(checkUrl(url, { schemes: RTMP, policy: 'lab' })).not.toMatch(/SECRET/i);
  });

  it('of an SRT listener names a port that this node was given', () => {
    const check = (url: string, listens?: { from: number; to: number }) =>
      checkUrl(url, { schemes: ['srt'], policy: 'public', listens });
    const url = 'srt://0.0.0.0:9000?mode=listener';
    expect(check(url)).toContain('may listen at no port');
    expect(check(url, { from: 9_001, to: 9_009 })).toContain('the ports 9001 to 9009');
    expect(check(url, { from: 9_000, to: 9_000 })).toBeUndefined();
    expect(check('srt://8.8.8.8:9000?mode=listener', { from: 9_000, to: 9_000 })).toContain('srt://0.0.0.0:PORT');
  });

  it('keeps its path and query byte for byte', () => {
    const url = 'rtmp://h/live/s%00%0d%0a+x;?b=2&a=1;c#streamKey';
    expect(urlOf(parse(url))).toBe(url);
  });
});

describe('an RTMP target', () => {
  it.each([
    ['rtmp://h/live/s', 'rtmp://h/live', 'live', 's'],
    ['rtmp://h:1936/live/s', 'rtmp://h:1936/live', 'live', 's'],
    ['rtmps://h/a/b/c/s', 'rtmps://h/a/b/c', 'a/b/c', 's'],
    ['rtmp://h/live/s?k=1/2&e=3', 'rtmp://h/live', 'live', 's?k=1/2&e=3'],
    ['rtmp://h/rtmp/95?s_ps=1&a=Abw#x', 'rtmp://h/rtmp', 'rtmp', '95?s_ps=1&a=Abw#x'],
    ['rtmp://h/live?vhost=v.com/s', 'rtmp://h/live?vhost=v.com', 'live?vhost=v.com', 's'],
    ['rtmp://[::1]:1/live/s', 'rtmp://[::1]:1/live', 'live', 's'],
    ['rtmp://h/live-bvc/?streamname=a&key=b', 'rtmp://h/live-bvc', 'live-bvc', '?streamname=a&key=b'],
  ])('of %s', (url, tcUrl, app, streamName) => {
    expect(rtmpTarget(parse(url))).toEqual({ tcUrl, app, streamName });
  });

  it.each([
    'rtmp://h',
    'rtmp://h/',
    'rtmp://h/live',
    'rtmp://h/live/',
    'rtmp://h/live/?',
    'rtmp://h?a/b',
    'rtmp://h#a/b',
  ])('is missing in %s', url => {
    expect(() => rtmpTarget(parse(url))).toThrow(/stream/);
  });
});

describe('checking a URL', () => {
  const locals = ['127.0.0.1', 'localhost', 'LOCALHOST.', 'x.localhost', '127.1', '0x7f.1', '0', '①②⑦.0.0.1', '[::1]'];

  it.each(locals)('finds this host behind %s', name => {
    for (const scheme of ALL) {
      const url = `${scheme}://${name}:8080/a/b`;
      expect(checkUrl(url, { schemes: ALL, policy: 'public' })).toMatch(/network policy "public"/);
      expect(checkUrl(url, { schemes: ALL, policy: 'lan' })).toMatch(/network policy "lan"/);
      expect(checkUrl(url, { schemes: ALL, policy: 'lab' })).toBeUndefined();
    }
  });

  it('finds nothing wrong with an ordinary destination', () => {
    const url = 'rtmp://a.rtmp.example.com/live2/abcd-efgh?x=1';
    expect(checkUrl(url, { schemes: RTMP, policy: 'public' })).toBeUndefined();
  });

  it('finds a stream that is missing, and a port that is not allowed', () => {
    expect(checkUrl('rtmp://example.com/live', { schemes: RTMP, policy: 'public' })).toMatch(/stream/);
    expect(checkUrl('http://example.com:6379/', { schemes: ALL, policy: 'public' })).toMatch(/port 6379/);
    const way = 'rtsp://example.com/ch1#transport=';
    expect(checkUrl(`${way}udp`, { schemes: ['rtsp'], policy: 'public' })).toBeUndefined();
    expect(checkUrl(`${way}dove`, { schemes: ['rtsp'], policy: 'public' })).toMatch(/one of: tcp, udp, http/);
  });
});

describe('a URL in a log', () => {
  it.each([
    ['rtmp://host/live/abcdefgh', 'rtmp://host/live/ab***'],
    ['rtmp://host:1936/a/b/abcdefgh?sign=1', 'rtmp://host:1936/a/b/ab***?***'],
    ['rtmp://host/live/key', 'rtmp://host/live/***'],
    ['rtmp://host/live-bvc/?streamname=live_1&key=2', 'rtmp://host/li***?***'],
    ['rtmp://host/live/abcdefgh/', 'rtmp://host/live/ab***'],
    ['rtmp://host/live/abcdefgh#frag/ment', 'rtmp://host/live/ab***#***'],
    ['rtmp://host/abcdefgh', 'rtmp://host/ab***'],
    ['rtsp://user:pass@host/cam', 'rtsp://***@host/***'],
    ['rtsp://us@er:pass@host/cam', 'rtsp://***@host/***'],
    ['https://host/live?vhost=x/streamkey', 'https://host/***?***'],
    ['rtmp://host/li\nve/abcdefgh', 'rtmp://host/li ve/ab***'],
    ['no url at all', '***'],
    ['', '***'],
  ])('%j becomes %s', (url, safe) => {
    expect(redactUrl(url)).toBe(safe);
  });

  it('is bounded', () => {
    expect(redactUrl(`rtmp://${'h'.repeat(1e6)}/a/b`).length).toBeLessThanOrEqual(300);
  });

  it('is soon there, however many slashes a peer has put into it', () => {
    const slashes = '/'.repeat(100_000);
    expect(redactUrl(`rtmp://host${slashes}key${slashes}`)).toBe(`rtmp://host${slashes}`.slice(0, 300));
  });
});
