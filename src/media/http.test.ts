import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { post } from './http.ts';
import { Dialler } from './net.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
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
