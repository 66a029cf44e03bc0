import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CountedStream } from '../../test/lab/counted-stream.ts';
import { flvOf, type Kept, keep } from '../../test/lab/packets.ts';
import { until } from '../../test/lab/wait.ts';
import { Fault } from './fault.ts';
import { Dialler } from './net.ts';
import { openSource } from './open.ts';
import { Batch, type Source } from './packet.ts';
import { acceptOf } from './ws-framing.ts';

const stream = new CountedStream();
const SENT: Kept[] = [
  { kind: 'videoHeader', dtsMs: 0, body: stream.videoHeader },
  { kind: 'audioHeader', dtsMs: 0, body: stream.audioHeader },
  ...stream.between(0, 400),
];
const FLV = flvOf(SENT);
const lab = new Dialler({ preset: 'lab' });
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Served {
  readonly port: number;
  readonly requests: string[];
  readonly sockets: Set<net.Socket>;
}

/** A server that says whatever it likes to a request. */
async function serve(answer: (socket: net.Socket, request: string) => void): Promise<Served> {
  const sockets = new Set<net.Socket>();
  const requests: string[] = [];
  const server = net.createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', bytes => {
      requests.push(bytes.toString('latin1'));
      answer(socket, requests.at(-1) ?? '');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as net.AddressInfo).port, requests, sockets };
}

interface Opening {
  readonly path?: string;
  readonly scheme?: string;
  readonly dialler?: Dialler;
  readonly openMs?: number;
}

async function open({ port }: Served, opening: Opening = {}): Promise<Source> {
  const { path = '/live/s3cret.flv?sign=s3cret', scheme = 'http', dialler = lab, openMs = 2_000 } = opening;
  const options = { dialler, signal: new AbortController().signal, openMs };
  const source = await openSource(`${scheme}://127.0.0.1:${port}${path}`, options);
  closing.push(() => source.close());
  return source;
}

async function failing(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(
    () => expect.fail('it succeeded'),
    (fault: unknown) => fault,
  );
  expect(error).toBeInstanceOf(Fault);
  expect((error as Fault).message).not.toContain('s3cret');
  return error as Fault;
}

/** Everything up to the end of the stream, and the fault that is its end. */
async function readAll(source: Source): Promise<{ kept: Kept[]; fault: Fault }> {
  const kept: Kept[] = [];
  const batch = new Batch();
  const fault = await until('the stream ends', () => {
    try {
      batch.clear();
      source.read(batch);
    } catch (error) {
      return error as Fault;
    }
    for (const packet of batch.packets.slice(0, batch.count)) kept.push(keep(packet));
    return undefined;
  });
  return { kept, fault };
}

const head = (fields: readonly string[] = []): string =>
  ['HTTP/1.1 200 OK', 'Content-Type: video/x-flv', ...fields, '', ''].join('\r\n');

function chunksOf(bytes: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

describe('FLV over HTTP', () => {
  it.each([
    ['without a length', '', FLV],
    ['of a known length', `Content-Length: ${FLV.length}`, Buffer.concat([FLV, Buffer.from('more')])],
    ['in chunks of a tag or so', 'Transfer-Encoding: chunked', chunksOf(FLV, 700)],
    ['in chunks of a byte', 'Transfer-Encoding: chunked', chunksOf(FLV, 1)],
  ])('is relayed %s', async (_, field, body) => {
    const server = await serve(socket => {
      socket.write(head(field === '' ? [] : [field]));
      socket.end(body);
    });
    const source = await open(server);
    const { kept, fault } = await readAll(source);
    expect(kept).toEqual(SENT);
    expect(fault).toMatchObject({ kind: 'closed', side: 'pull' });
    expect(fault.message).not.toContain('s3cret');
    expect(source.bytesIn).toBeGreaterThanOrEqual(FLV.length);
  });

  it('asks for it as it is', async () => {
    const server = await serve(socket => socket.write(head() + FLV.toString('latin1'), 'latin1'));
    await open(server);
    expect(server.requests[0]).toMatch(
      /^GET \/live\/s3cret\.flv\?sign=s3cret HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/,
    );
    expect(server.requests[0]).toContain('Accept-Encoding: identity\r\n');
  });

  it('comes a byte at a time', async () => {
    const body = FLV.subarray(0, 1_400);
    const server = await serve(async socket => {
      for (const byte of Buffer.concat([Buffer.from(head()), body])) {
        socket.write(Buffer.of(byte));
        await new Promise(resolve => setImmediate(resolve));
      }
      socket.end();
    });
    const { kept } = await readAll(await open(server));
    expect(kept).toEqual(SENT.slice(0, kept.length));
    expect(kept.length).toBeGreaterThan(2);
  });

  it('is given up at the byte where it is damaged', async () => {
    const broken = Buffer.from(FLV);
    broken.fill(0xee, 1_000, 3_000);
    const server = await serve(socket => socket.write(Buffer.concat([Buffer.from(head()), broken])));
    const { fault } = await readAll(await open(server));
    expect(fault).toMatchObject({ kind: 'garbage' });
    expect(fault.message).toMatch(/no FLV tag stands at byte \d+/);
  });

  it('leaves nothing open when it is closed', async () => {
    const server = await serve(socket => socket.write(Buffer.concat([Buffer.from(head()), FLV])));
    const source = await open(server);
    source.close();
    source.close();
    await until('the connection is gone', () => server.sockets.size === 0);
  });

  it.each([
    [
      'a page',
      `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html>`,
      'garbage',
      /neither FLV .*text\/html/,
    ],
    ['nothing', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'garbage', /neither FLV/],
    ['compressed bytes', 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b', 'unsupported', /compressed/],
    ['a part', 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\n\r\n', 'lost', /HTTP 206/],
    ['a refusal', 'HTTP/1.1 403 Forbidden\r\n\r\n', 'refused', /HTTP 403 Forbidden/],
    ['that nothing is there', 'HTTP/1.1 404 Not Found\r\n\r\n', 'refused', /HTTP 404/],
    ['that it is out of order', 'HTTP/1.1 503 Busy\r\n\r\n', 'lost', /HTTP 503/],
    ['something else than HTTP', 'RTSP/1.0 200 OK\r\n\r\n', 'garbage', /status line/],
    [
      'endless zeros',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n${'\0'.repeat(9_999)}`,
      'garbage',
      /neither/,
    ],
    ['chunks that are none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n', 'garbage', /chunk/],
    ['a storm of interim answers', 'HTTP/1.1 102 Wait\r\n\r\n'.repeat(100), 'garbage', /interim/],
    ['a megabyte of headers', `HTTP/1.1 200 OK\r\na: ${'b'.repeat(1 << 20)}`, 'garbage', /larger than 64 KB/],
    ['a thousand headers', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(1_000)}\r\n`, 'garbage', /more than 100 fields/],
  ])('is not there where the answer is %s', async (_, answer, kind, sentence) => {
    const server = await serve(socket => socket.end(answer, 'latin1'));
    const fault = await failing(open(server));
    expect(fault).toMatchObject({ kind, side: 'pull' });
    expect(fault.message).toMatch(sentence);
    await until('the connection is gone', () => server.sockets.size === 0);
  });

  it('is closed at once where the server hangs up', async () => {
    const server = await serve(socket => socket.destroy());
    expect(await failing(open(server))).toMatchObject({ kind: 'closed' });
  });

  it.each([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-'],
    ['a head alone', head()],
  ])('is not waited for behind %s', async (_, text) => {
    const server = await serve(socket => socket.write(text));
    expect(await failing(open(server, { openMs: 150 }))).toMatchObject({ kind: 'timeout' });
    await until('the connection is gone', () => server.sockets.size === 0);
  });

  it('is not waited for behind a head that drips', async () => {
    const server = await serve(socket => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('a: b\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await failing(open(server, { openMs: 300 }))).toMatchObject({ kind: 'timeout' });
  });
});

describe('FLV over HTTP that is elsewhere', () => {
  const redirect = (socket: net.Socket, location: string): void => {
    socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
  };

  it('is found behind five redirects, relative ones too', async () => {
    const server = await serve((socket, request) => {
      const hop = Number(/hop=(\d)/.exec(request)?.[1] ?? 0);
      if (hop < 5) redirect(socket, `?hop=${hop + 1}`);
      else socket.end(Buffer.concat([Buffer.from(head()), FLV]));
    });
    const { kept } = await readAll(await open(server));
    expect([kept.length, server.requests.length]).toEqual([SENT.length, 6]);
  });

  it.each([
    ['six redirects', (n: number) => `?hop=${n}`, 'refused', /more than 5 times/],
    ['a circle', () => '/live/s3cret.flv?sign=s3cret', 'refused', /circle/],
    ['another scheme', () => 'file:///etc/passwd', 'policy', /redirects to where/],
    ['a scheme of media', () => 'rtmp://127.0.0.1/live/s3cret', 'policy', /redirects to where/],
    ['nowhere', () => 'http://', 'policy', /redirects to where/],
    ['the metadata of a cloud', () => 'http://169.254.169.254/latest/s3cret', 'policy', /does not allow/],
  ])('is not looked for behind %s', async (_, location, kind, sentence) => {
    let hops = 0;
    const server = await serve(socket => redirect(socket, location(++hops)));
    const fault = await failing(open(server));
    expect(fault).toMatchObject({ kind });
    expect(fault.message).toMatch(sentence);
  });
});

describe('FLV over a WebSocket', () => {
  const keyOf = (request: string): string => /Sec-WebSocket-Key: (\S+)/.exec(request)?.[1] ?? '';
  const upgraded = (request: string, accept = acceptOf(keyOf(request))): string =>
    `HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;

  function framesOf(bytes: Buffer, size: number): Buffer {
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      const part = bytes.subarray(at, at + size);
      parts.push(Buffer.of(0x82, 126, part.length >> 8, part.length & 255), part);
    }
    return Buffer.concat(parts);
  }

  it('is relayed, pings between its frames answered', async () => {
    const heard: Buffer[] = [];
    const server = await serve((socket, request) => {
      socket.on('data', bytes => heard.push(bytes));
      const frames = framesOf(FLV, 500);
      socket.write(upgraded(request));
      socket.write(Buffer.concat([Buffer.of(0x89, 2, 0x68, 0x69), frames]));
    });
    const source = await open(server, { scheme: 'ws' });
    const batch = new Batch();
    const kept: Kept[] = [];
    await until('all of it is here', () => {
      batch.clear();
      source.read(batch);
      for (const packet of batch.packets.slice(0, batch.count)) kept.push(keep(packet));
      return kept.length >= SENT.length;
    });
    expect(kept).toEqual(SENT);
    await until('the ping is answered', () => heard.length > 0);
    expect(Buffer.concat(heard).toString('hex')).toBe('8a82000000006869');
    source.close();
    await until('a good-bye is said', () =>
      Buffer.concat(heard)
        .toString('hex')
        .endsWith('888200000000' + '03e8'),
    );
  });

  it('ends where the server says so', async () => {
    const server = await serve((socket, request) => {
      socket.write(upgraded(request));
      socket.write(Buffer.concat([framesOf(FLV, 500), Buffer.of(0x88, 0)]));
    });
    const { kept, fault } = await readAll(await open(server, { scheme: 'ws' }));
    expect([kept.length, fault.kind]).toEqual([SENT.length, 'closed']);
  });

  it.each([
    ['no WebSocket', () => `${head()}FLV`, 'refused', /no WebSocket/],
    ['a refusal', () => 'HTTP/1.1 403 No\r\n\r\n', 'refused', /HTTP 403/],
    ['another hand', (request: string) => upgraded(request, 'bm90IHRoZSBrZXk='), 'garbage', /shake hands/],
    ['text', (request: string) => `${upgraded(request)}\x81\x01x`, 'garbage', /text/],
    ['no FLV', (request: string) => `${upgraded(request)}\x82\x0b0123456789a`, 'garbage', /no FLV/],
  ])('is not there where the answer is %s', async (_, answer, kind, sentence) => {
    const server = await serve((socket, request) => socket.end(answer(request), 'latin1'));
    const fault = await failing(open(server, { scheme: 'ws' }));
    expect(fault).toMatchObject({ kind });
    expect(fault.message).toMatch(sentence);
  });
});
