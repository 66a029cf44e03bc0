import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callTasks, signedHeaders } from './lab/api.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

// Raw bytes against a running node: each is answered in the shape of the API or cut off, and nobody else notices.

let place: Place;
let millrace: Millrace;
let path = '';

beforeAll(async () => {
  place = new Place();
  millrace = await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] });
  path = `/v1/${millrace.key.projectId}/pull/stream/task`;
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

/** A connection whose incoming text is kept. */
class Client {
  text = '';
  closed = false;
  readonly socket: Socket;

  constructor() {
    this.socket = connect({ host: '127.0.0.1', port: Number(new URL(millrace.api).port) });
    this.socket.on('data', bytes => {
      this.text += bytes.toString('latin1');
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    place.own(this.socket, socket => socket.destroy());
  }
}

/** Sends the bytes and answers what comes back, once an answer is whole or the connection has ended. */
async function exchange(bytes: string | Buffer): Promise<string> {
  const client = new Client();
  client.socket.write(bytes);
  await until('an answer', () => client.closed || isWhole(client.text), { timeoutMs: 5_000, everyMs: 2 });
  client.socket.destroy();
  return client.text;
}

function isWhole(text: string): boolean {
  const [head = '', ...rest] = text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '').split('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  return length !== undefined && rest.join('\r\n\r\n').length >= Number(length);
}

const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** How long the node takes to answer somebody else. */
async function otherCallMs(): Promise<number> {
  const from = performance.now();
  expect((await millrace.huawei.call({ method: 'GET' })).status).toBe(200);
  return performance.now() - from;
}

const post = (headers: string, body = ''): string => `POST ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;
const get = (headers: string, target = path): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n`;

/** [what, bytes, status, error code]. The bytes are made late, for they name the project. */
const ROWS: [string, () => string | Buffer, number, string][] = [
  ['the method CONNECT', () => 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'LIVE.100011011'],
  ['an upgrade', () => get('Connection: Upgrade\r\nUpgrade: websocket'), 401, 'APIG.0301'],
  ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'APIG.0201'],
  ['TLS', () => Buffer.from('160301020001000001fc0303', 'hex'), 400, 'APIG.0201'],
  ['HTTP/0.9', () => 'GET /x\r\n\r\n', 400, 'APIG.0201'],
  ['HTTP/3.7', () => 'GET / HTTP/3.7\r\nHost: a\r\n\r\n', 400, 'APIG.0201'],
  ['a whole URL as target', () => get('', 'http://evil/'), 400, 'APIG.0201'],
  ['an asterisk as target', () => 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'APIG.0201'],
  ['NUL in the path', () => get('', '/v1/\0/x'), 400, 'APIG.0201'],
  ['an encoded NUL in the path', () => get('', '/v1/%00/pull/stream/task'), 401, 'APIG.0301'],
  ['raw UTF-8 in the path', () => Buffer.from(get('', '/v1/é/pull/stream/task')), 400, 'APIG.0201'],
  ['an expectation met', () => post('Expect: 100-continue\r\nContent-Length: 2', '{}'), 401, 'APIG.0301'],
  ['an expectation unknown', () => post('Expect: foo\r\nContent-Length: 2', '{}'), 401, 'APIG.0301'],
  ['coding gzip, chunked', () => post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'), 400, 'APIG.0201'],
  ['coding xchunked', () => post('Transfer-Encoding: xchunked', '0\r\n\r\n'), 400, 'APIG.0201'],
  ['coding chunked, identity', () => post('Transfer-Encoding: chunked, identity', '0\r\n\r\n'), 400, 'APIG.0201'],
  ['a space before the colon', () => post('Transfer-Encoding : chunked', '0\r\n\r\n'), 400, 'APIG.0201'],
  ['a coding behind VT', () => post('Transfer-Encoding: \x0bchunked', '0\r\n\r\n'), 400, 'APIG.0201'],
  ['both lengths', () => post('Content-Length: 3\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), 400, 'APIG.0201'],
  ['two equal lengths', () => post('Content-Length: 2\r\nContent-Length: 2', '{}'), 400, 'APIG.0201'],
  ...['+5', '-1', '1e3', '0x5', '5,5', '99999999999999999999'].map((length): (typeof ROWS)[number] => [
    `the length ${length}`,
    () => post(`Content-Length: ${length}`, 'hello'),
    400,
    'APIG.0201',
  ]),
  ['a chunk beyond 2^64', () => post('Transfer-Encoding: chunked', 'ffffffffffffffffff\r\n'), 400, 'APIG.0201'],
  ['a chunk of no size', () => post('Transfer-Encoding: chunked', 'zz\r\n{}\r\n0\r\n\r\n'), 400, 'APIG.0201'],
  [
    'a chunk extension of 100 KB',
    () => post('Transfer-Encoding: chunked', `2;${'x'.repeat(100_000)}`),
    400,
    'APIG.0201',
  ],
  [
    'trailers of 300 KB',
    () => post('Transfer-Encoding: chunked', `2\r\n{}\r\n0\r\nX: ${'x'.repeat(300_000)}\r\n\r\n`),
    431,
    'APIG.0201',
  ],
  ['10,000 headers', () => get(Array.from({ length: 10_000 }, (_, i) => `A${i}: b`).join('\r\n')), 431, 'APIG.0201'],
  ['NUL in a header', () => get('X: a\0b'), 400, 'APIG.0201'],
  ['a bare CR in a header', () => get('X: a\rb'), 400, 'APIG.0201'],
  ['a header without a colon', () => get('Xfoo'), 400, 'APIG.0201'],
  ['a header without a name', () => get(': x'), 400, 'APIG.0201'],
  ['a folded header', () => get('X: a\r\n b'), 400, 'APIG.0201'],
  ['two hosts', () => get('Host: b'), 400, 'APIG.0201'],
  ['bare line feeds', () => 'GET / HTTP/1.1\nHost: a\n\n', 400, 'APIG.0201'],
  ['a URL of 40 KB', () => get('', `${path}?${'x'.repeat(40_000)}`), 414, 'APIG.0201'],
  ['a header of 40 KB', () => get(`X: ${'x'.repeat(40_000)}`), 494, 'APIG.0201'],
  ['a body of 1 MB and a byte', () => post('Content-Length: 1048577', 'x'.repeat(1_048_577)), 413, 'APIG.0201'],
  ['a body of 17 MB', () => post(`Content-Length: ${17 << 20}`, ' '.repeat(17 << 20)), 413, 'APIG.0201'],
  [
    'names of ours for a key',
    () =>
      get(
        'X-Sdk-Date: 20260101T000000Z\r\nAuthorization: SDK-HMAC-SHA256 Access=__proto__, SignedHeaders=x-sdk-date, Signature=00',
      ),
    401,
    'APIG.0301',
  ],
];

describe('a request that is not as it should be', () => {
  it.each(ROWS)('%s', async (_what, bytes, status, code) => {
    const text = await exchange(bytes());
    const answer = text.slice(text.lastIndexOf('HTTP/1.1 '));
    expect(answer.slice(9, 12)).toBe(String(status));
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Record<string, string>;
    expect(Object.keys(body)).toEqual(['error_code', 'error_msg', 'request_id']);
    expect(body.error_code).toBe(code);
    expect(answer).toMatch(new RegExp(`^x-request-id: ${body.request_id}\\r$`, 'im'));
    expect(body.error_msg).not.toMatch(/\n|node:|\.ts\b|Error:/);
    expect(await otherCallMs()).toBeLessThan(1_000);
  });

  it('does not smuggle a second request behind a refused one', async () => {
    const hidden = `GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`;
    const both = await exchange(post('Content-Length: 3\r\nTransfer-Encoding: chunked', `0\r\n\r\n${hidden}`));
    const large = await exchange(post('Content-Length: 1048577', 'x'.repeat(1_048_577) + hidden));
    for (const text of [both, large]) expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });
});

describe('a client that wears the node out', () => {
  it('gets no further by pouring requests in without waiting for answers', async () => {
    const before = rssMb(millrace.pid);
    const flood = Buffer.from(get('', '/nope').repeat(20_000));
    const clients = Array.from({ length: 4 }, () => new Client());
    for (const { socket } of clients) socket.write(flood);
    await until('they are cut off', () => clients.every(client => client.closed));
    expect(await otherCallMs()).toBeLessThan(1_000);
    expect(rssMb(millrace.pid) - before).toBeLessThan(128);
  });

  it('may ask for a few things at once', async () => {
    const client = new Client();
    client.socket.write(get('', '/nope').repeat(10));
    await until('ten answers', () => client.text.match(/HTTP\/1\.1 404/g)?.length === 10);
  });

  it('is told to go after 10 s of a request that does not end', async () => {
    const clients = Array.from({ length: 60 }, () => new Client());
    const drips = clients.map((client, i) => {
      if (i % 3 > 0) client.socket.write('GET / HTTP/1.1\r\n');
      return i % 3 > 1 ? setInterval(() => client.socket.write('X: y\r\n'), 500) : undefined;
    });
    expect(await otherCallMs()).toBeLessThan(1_000);
    await until('they are cut off', () => clients.every(client => client.closed), { timeoutMs: 15_000 });
    for (const drip of drips) clearInterval(drip);
    for (const { text } of clients) expect(text).toMatch(/^HTTP\/1\.1 408 [\s\S]*"error_code":"APIG\.0201"/);
  });
});

/** The text with one bit of one character turned over, for each character; never the bit that only changes the case. */
function turned(text: string): string[] {
  const bits = [1, 2, 4, 8, 16, 64];
  return Array.from(text, (char, i) => {
    const other = String.fromCharCode(char.charCodeAt(0) ^ (bits[i % bits.length] ?? 1));
    return text.slice(0, i) + other + text.slice(i + 1);
  });
}

describe('a signed request', () => {
  const BODY = JSON.stringify({
    source_type: 'PullLivePushLive',
    source_urls: ['rtmp://127.0.0.1:1/live/a'],
    destination_url: 'rtmp://127.0.0.1:1/live/b',
    start_time: '2090-01-01T00:00:00Z',
  });

  it('is refused with any bit of what was signed turned over', async () => {
    const api = { base: millrace.api, key: millrace.key };
    const request = { method: 'POST', url: path, body: BODY };
    const signed = signedHeaders(millrace.key, request, { extra: { 'content-type': 'application/json', host: 'a' } });
    const whole = (target: string, headers: Record<string, string>, body: string): string => {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return `POST ${target} HTTP/1.1\r\nContent-Length: ${body.length}\r\n${lines.join('')}\r\n${body}`;
    };
    expect(await exchange(whole(path, signed, BODY))).toMatch(/^HTTP\/1\.1 200 /);
    const altered = [
      ...turned(path).map(target => whole(target, signed, BODY)),
      ...turned(BODY).map(body => whole(path, signed, body)),
      ...Object.entries(signed).flatMap(([name, value]) =>
        turned(value).map(text => whole(path, { ...signed, [name]: text }, BODY)),
      ),
    ];
    expect(altered.length).toBeGreaterThan(400);
    const taken: string[] = [];
    for (const [i, bytes] of altered.entries()) {
      const text = await exchange(Buffer.from(bytes, 'latin1'));
      if (!text.startsWith('HTTP/1.1 4')) taken.push(`${text.slice(0, 12)} ${bytes}`);
      // A good call in between, for failures in a row lock the key.
      if (i % 4 === 0) expect((await callTasks(api, { method: 'GET' })).status).toBe(200);
    }
    expect(taken).toEqual([]);
  });
});
