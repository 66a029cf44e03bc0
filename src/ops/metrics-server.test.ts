import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLog } from './log.ts';
import { type MetricsServer, serveMetrics } from './metrics-server.ts';

const log = createLog({ level: 'silent', human: false, write: () => {} });
let isBroken: boolean;
let server: MetricsServer;
const ask = (path: string, method = 'GET'): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.port}${path}`, { method });

beforeEach(async () => {
  isBroken = false;
  const text = async (): Promise<string> => {
    if (isBroken) throw new Error('no store');
    return 'up 1\n';
  };
  server = await serveMetrics({ metrics: { text, contentType: 'text/plain' }, host: '127.0.0.1', port: 0, log });
});
afterEach(() => server.close());

it('tells the figures to whoever asks', async () => {
  const answer = await ask('/metrics');
  expect([answer.status, await answer.text()]).toEqual([200, 'up 1\n']);
});

it('has nothing else to tell', async () => {
  expect((await ask('/api/v1/tasks')).status).toBe(404);
});

it('takes nothing', async () => {
  expect((await ask('/metrics', 'POST')).status).toBe(405);
});

it('says so when they cannot be read', async () => {
  isBroken = true;
  expect((await ask('/metrics')).status).toBe(500);
});

it('closes twice without complaint', async () => {
  await server.close();
  await expect(server.close()).resolves.toBeUndefined();
});
