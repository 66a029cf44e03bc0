import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { consoleRoutes } from './console.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-console-'));
let app: FastifyInstance;

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>the console');
  writeFileSync(join(folder, 'assets', 'index-h4sh.js'), 'let console');
  app = Fastify();
  consoleRoutes(app, folder);
  app.get('/', async () => 'the other dialect');
  await app.ready();
});
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

it('gives a browser that opens the root the console, and nothing from elsewhere may run in it', async () => {
  const { statusCode, body, headers } = await app.inject({ url: '/', headers: BROWSER });
  expect([statusCode, body, headers['content-type']]).toEqual([
    200,
    '<!doctype html>the console',
    'text/html; charset=utf-8',
  ]);
  expect(headers['content-security-policy']).toMatch(/^default-src 'self';.*frame-ancestors 'none'$/);
  expect(headers['content-security-policy']).not.toMatch(/unsafe|\*/);
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
  expect(headers['cache-control']).toBe('no-cache');
});

it.each([
  ['with a query', '/?Action=DescribeLivePullToPush', BROWSER],
  ['with a signature', '/', { ...BROWSER, authorization: 'ACS3-HMAC-SHA256 …' }],
  ['that wants no page', '/', { accept: '*/*' }],
])('leaves the root to the other dialect for a client %s', async (_, url, headers) => {
  expect((await app.inject({ url, headers })).body).toBe('the other dialect');
});

it('lets files with a hash in their names be kept for good', async () => {
  const { headers, body } = await app.inject('/assets/index-h4sh.js');
  expect([body, headers['content-type'], headers['cache-control']]).toEqual([
    'let console',
    'text/javascript; charset=utf-8',
    'public, max-age=31536000, immutable',
  ]);
});

it('sends a file packed to whoever takes that, and not at all to whoever has it', async () => {
  const asked = { 'accept-encoding': 'gzip, br' };
  const { rawPayload, headers } = await app.inject({ url: '/assets/index-h4sh.js', headers: asked });
  expect([headers['content-encoding'], gunzipSync(rawPayload).toString()]).toEqual(['gzip', 'let console']);
  const again = { ...asked, 'if-none-match': String(headers.etag) };
  expect((await app.inject({ url: '/assets/index-h4sh.js', headers: again })).statusCode).toBe(304);
  expect((await app.inject({ url: '/assets/index-h4sh.js', headers: { 'accept-encoding': 'gzip;q=0' } })).body).toBe(
    'let console',
  );
});

it('knows no file that was not built', async () => {
  for (const url of ['/assets/../index.html', '/assets/other.js', '/package.json', '/index.html']) {
    expect((await app.inject({ url, headers: BROWSER })).statusCode).toBe(404);
  }
});

it('says how to build it where it is not', async () => {
  const bare = Fastify();
  consoleRoutes(bare, join(folder, 'nothing'));
  bare.get('/', async () => 'the other dialect');
  expect((await bare.inject({ url: '/', headers: BROWSER })).body).toContain('npm start');
  await bare.close();
});
