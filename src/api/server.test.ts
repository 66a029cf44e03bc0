import { createHash, createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { Accounts } from '../control/accounts.ts';
import { buildServer, type ServerOptions } from './server.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const KEY = {
  accessKey: 'AK01',
  secretKey: 'secret-secret',
  accountId: 'default',
  projectId: 'p1',
  enabled: true,
  createdAt: 0,
  userId: null,
  policies: null,
  token: null,
  expiresAt: null,
};

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(
  options: Partial<ServerOptions> = {},
): Promise<{ base: string; port: number; logged: unknown[] }> {
  const logged: unknown[] = [];
  const log = (...facts: unknown[]): void => {
    logged.push(facts);
  };
  const unexpected = async (): Promise<never> => {
    throw new Error('a CANARY cause');
  };
  let ids = 0;
  const app = buildServer({
    tasks: {
      create: unexpected,
      change: unexpected,
      restart: unexpected,
      move: unexpected,
      delete: unexpected,
      get: unexpected,
      getEvenDeleted: unexpected,
      list: unexpected,
      position: () => ({ round: 0, index: 0, offsetMs: 0 }),
    },
    accounts: {
      findKey: async () => KEY,
      rightsOf: async () => () => true,
      standing: async () => 'ready',
      noteUse: () => {},
    } as unknown as Accounts,
    checkUrl: () => undefined,
    now: () => NOW,
    newId: () => `id-${++ids}`,
    region: 'default',
    throttles: { alibaba: { take: () => 0 }, huawei: { take: () => 0 }, native: { take: () => 0 } },
    alibaba: { regions: ['cn-shanghai'], endMovesOnAir: false },
    native: {
      history: { eventLog: unexpected, onEvent: () => () => {} } as unknown as ServerOptions['native']['history'],
      apiKeys: { find: async () => undefined } as unknown as ServerOptions['native']['apiKeys'],
      ...NOBODY,
      callbacks: { test: unexpected, resume: unexpected },
      secrets: { signersOf: unexpected, rotate: unexpected },
      redact: url => url,
      directory: { find: unexpected },
      fareOf: () => ({ health: undefined, onAir: null }),
      node: 'n1',
      version: 'test',
      testThrottle: { take: () => 0 },
      probe: async () => ({ ok: true, found: {} }),
      plans: { plan: unexpected },
      diagnose: unexpected,
      monotonic: () => NOW,
    },
    log: { info: log, error: log },
    health: { facts: () => ({}), reasons: async () => [] },
    ...options,
  });
  closers.push(() => app.close());
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  return { base, port: Number(new URL(base).port), logged };
}

/** No test here signs in, or looks at who may do what. */
const NOBODY = {} as Pick<
  ServerOptions['native'],
  'assets' | 'audit' | 'signIns' | 'setup' | 'nodes' | 'signals' | 'show'
>;

function signed(path: string): Record<string, string> {
  const date = '20260102T030405Z';
  const empty = createHash('sha256').update('').digest('hex');
  const canonical = `GET\n${path}/\n\nx-sdk-date:${date}\n\nx-sdk-date\n${empty}`;
  const hash = createHash('sha256').update(canonical).digest('hex');
  const signature = createHmac('sha256', KEY.secretKey).update(`SDK-HMAC-SHA256\n${date}\n${hash}`).digest('hex');
  return {
    'x-sdk-date': date,
    authorization: `SDK-HMAC-SHA256 Access=AK01, SignedHeaders=x-sdk-date, Signature=${signature}`,
  };
}

test('an unexpected failure is answered without its cause and logged with the request id', async () => {
  const { base, logged } = await listen();
  const path = '/v1/p1/pull/stream/task';
  const response = await fetch(base + path, { headers: signed(path) });
  const body = await response.json();
  expect(response.status).toBe(500);
  expect(body).toEqual({ error_code: 'LIVE.100011005', error_msg: 'Internal server error.', request_id: 'id-1' });
  expect(response.headers.get('x-request-id')).toBe('id-1');
  expect(logged).toContainEqual([
    { requestId: 'id-1', err: expect.objectContaining({ message: 'a CANARY cause' }) },
    'a request failed unexpectedly',
  ]);
});

test('readiness tells its reasons, and asks at most once a second', async () => {
  let asked = 0;
  let now = NOW;
  const reasons = async (): Promise<string[]> => {
    asked++;
    return asked === 1 ? ['the store is not writable'] : [];
  };
  const { base } = await listen({ now: () => now, health: { facts: () => ({}), reasons } });
  const ready = async (): Promise<[number, unknown]> => {
    const response = await fetch(`${base}/readyz`);
    return [response.status, await response.json()];
  };
  const notReady = [503, { status: 'not ready', reasons: ['the store is not writable'] }];
  expect(await ready()).toEqual(notReady);
  expect((await fetch(`${base}/readyz`, { method: 'HEAD' })).status).toBe(503);
  expect(await ready()).toEqual(notReady);
  now += 1000;
  expect(await ready()).toEqual([200, { status: 'ready' }]);
  expect(asked).toBe(2);
});

test('a node that only relays answers for its health and its metrics alone', async () => {
  const { base } = await listen({ isMute: true });
  const statusOf = async (path: string, headers = {}): Promise<number> =>
    (await fetch(`${base}${path}`, { headers })).status;
  expect(await Promise.all(['/healthz', '/readyz'].map(path => statusOf(path)))).toEqual([200, 200]);
  expect(await statusOf('/metrics')).not.toBe(404);
  for (const path of ['/console/', '/api/v1/tasks', '/api/v1/openapi.json', '/v1/p1/pull/stream/task'])
    expect([400, 404, 405], path).toContain(await statusOf(path, { 'x-millrace-node': 'x' }));
});

test('a readiness check that throws is a reason, not a crash', async () => {
  const reasons = async (): Promise<never> => {
    throw new Error('no answer');
  };
  const { base } = await listen({ health: { facts: () => ({}), reasons } });
  expect(await (await fetch(`${base}/readyz`)).json()).toEqual({ status: 'not ready', reasons: ['Error: no answer'] });
});

test('a client that goes away in the middle of its body leaves no unexpected failure', async () => {
  let ids = 0;
  const { port, logged } = await listen({ newId: () => `id-${++ids}` });
  const socket = connect({ host: '127.0.0.1', port });
  socket.write('POST /v1/p1/pull/stream/task HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc');
  await vi.waitFor(() => expect(ids).toBe(1));
  socket.destroy();
  const { status } = await fetch(`http://127.0.0.1:${port}/nowhere`);
  expect(status).toBe(404);
  expect(logged).toEqual([[expect.objectContaining({ status: 404 }), 'answered']]);
});
