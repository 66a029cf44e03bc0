import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createReceiver, type Server as Receiver } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { post } from './http.ts';
import { Dialler } from './net.ts';

const servers: Server[] = [];
const receivers: Receiver[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  for (const receiver of receivers.splice(0)) receiver.close();
});

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const lab = new Dialler({ preset: 'lab' });
const request = (url: string) => ({ url, body: '{"a":1}', contentType: 'application/json' });
const soon = { signal: new AbortController().signal, timeoutMs: 500 };

it('posts the body as it is and answers the status', async () => {
  let got = '';
  const url = await listen((req, res) => {
    req.on('data', chunk => {
      got += chunk;
    });
    req.on('end', () => res.writeHead(204).end());
  });
  expect(await post(lab, request(`${url}/hook?x=1`), soon)).toEqual({ status: 204 });
  expect(got).toBe('{"a":1}');
});

it('sends the headers that are given, and its own where they clash', async () => {
  let got: IncomingHttpHeaders = {};
  const url = await listen((req, res) => {
    got = req.headers;
    res.writeHead(204).end();
  });
  const headers = { 'X-Signature': 'abc', connection: 'keep-alive', 'content-type': 'text/plain' };
  await post(lab, { ...request(url), headers }, soon);
  expect(got).toMatchObject({ 'x-signature': 'abc', connection: 'close', 'content-type': 'application/json' });
});

it('does not follow a redirect', async () => {
  let calls = 0;
  const url = await listen((_, res) => {
    calls++;
    res.writeHead(302, { location: '/elsewhere' }).end();
  });
  expect((await post(lab, request(url), soon)).status).toBe(302);
  expect(calls).toBe(1);
});

it('takes the status of an answer whose body never ends', async () => {
  const url = await listen((_, res) => {
    res.writeHead(200);
    res.write(Buffer.alloc(80 * 1024));
  });
  expect((await post(lab, request(url), soon)).status).toBe(200);
});

/** A receiver that answers with these bytes whatever it is sent. */
async function shout(bytes: string): Promise<string> {
  const receiver = createReceiver(socket => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(bytes));
  });
  receivers.push(receiver);
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
}

it('takes the status of an answer whose body cannot be read', async () => {
  const url = await shout('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
  expect(await post(lab, request(url), soon)).toEqual({ status: 200 });
});

it('tells when it is asked to come again', async () => {
  const url = await listen((_, res) => res.writeHead(429, { 'retry-after': '120' }).end());
  expect(await post(lab, request(url), soon)).toEqual({ status: 429, retryAfter: '120' });
});

it('C6: reads a gigabyte no further than 64 KB, and takes the status', async () => {
  let sent = 0;
  const url = await listen((_, res) => {
    res.writeHead(200, { 'content-length': String(1024 ** 3) });
    const more = (): void => {
      while (sent < 1024 ** 3 && res.write(Buffer.alloc(16_384))) sent += 16_384;
    };
    res.on('drain', more);
    more();
  });
  expect(await post(lab, request(url), { ...soon, timeoutMs: 5_000 })).toEqual({ status: 200 });
  expect(sent).toBeLessThan(16 * 1024 ** 2);
});

it('C6: waits for a body that drips no longer than 2 seconds, and takes the status', async () => {
  const url = await listen((_, res) => {
    res.writeHead(200);
    const dripping = setInterval(() => res.write('.'), 50);
    res.on('close', () => clearInterval(dripping));
  });
  const began = performance.now();
  expect(await post(lab, request(url), { ...soon, timeoutMs: 15_000 })).toEqual({ status: 200 });
  expect(performance.now() - began).toBeLessThan(4_000);
});

it.each([
  ['no HTTP', 'hello\r\n\r\n'],
  ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: zz\r\n\r\n'],
  ['a status that is none', 'HTTP/1.1 1000 OK\r\n\r\n'],
  ['interim answers without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000)],
  ['headers without end', `HTTP/1.1 200 OK\r\n${`X-A: ${'b'.repeat(1000)}\r\n`.repeat(1000)}`],
  ['many small headers without end', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(100_000)}`],
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
])('fails on %s', async (_name, bytes) => {
  await expect(post(lab, request(await shout(bytes)), soon)).rejects.toMatchObject({ name: 'Fault', kind: 'lost' });
});

it('gives up on a receiver that never answers, without telling its secret', async () => {
  const url = await listen(() => {});
  const failure = await post(lab, request(`${url}/hook/s3cret?key=s3cret`), { ...soon, timeoutMs: 50 }).catch(e => e);
  expect(failure).toBeInstanceOf(Fault);
  expect(failure.message).not.toContain('s3cret');
});

it('does not reach what the policy forbids', async () => {
  const url = await listen((_, res) => res.end());
  const failure = await post(new Dialler({ preset: 'public' }), request(url), soon).catch(e => e);
  expect(failure).toMatchObject({ kind: 'policy' });
});
