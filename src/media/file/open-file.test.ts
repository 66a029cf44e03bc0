import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Dialler } from '../net.ts';
import { openFile } from './open-file.ts';
import { patternBytes } from './scripted-file-server.ts';

const never = new AbortController().signal;
const lab = new Dialler({ preset: 'lab' });
let folder: string;
let credentials: { key: string; cert: string };
const servers: https.Server[] = [];

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-file-'));
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=files.test', '-addext', 'subjectAltName=DNS:files.test'];
  execFileSync('openssl', ['req', ...made, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  credentials = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  writeFileSync(path.join(folder, 'film.mp4'), 'film');
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

async function listen(
  answer: https.ServerOptions & { on: (path: string) => [number, Record<string, string>, Buffer] },
) {
  const server = https.createServer(credentials, (request, response) => {
    const [status, headers, body] = answer.on(request.url ?? '');
    response.writeHead(status, headers).end(body);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `https://files.test:${(server.address() as net.AddressInfo).port}`;
}

const trusting = () => new Dialler({ preset: 'lab', lookup: async () => ['127.0.0.1'], ca: credentials.cert });

it('opens a file of the media directory by its scheme', async () => {
  const file = await openFile('MEDIA://film.mp4', { dialler: lab, mediaDir: folder, signal: never });
  expect((await file.read(0, 10, never)).toString()).toBe('film');
  file.close();
});

it('opens a file over TLS', async () => {
  const url = await listen({ on: () => [200, { 'content-length': '5000' }, patternBytes(0, 5000)] });
  const file = await openFile(`${url}/a.mp4`, { dialler: trusting(), signal: never });
  expect(await file.read(10, 5000, never)).toEqual(patternBytes(10, 5000));
  file.close();
});

it('does not follow a redirect from https to http', async () => {
  const url = await listen({ on: () => [302, { location: 'http://files.test/a.mp4' }, Buffer.alloc(0)] });
  await expect(openFile(`${url}/a.mp4`, { dialler: trusting(), signal: never })).rejects.toMatchObject({
    kind: 'policy',
    message: expect.stringContaining('from https to plain http'),
  });
});

it.each([
  'file:///etc/passwd',
  'data:text/plain,hello',
  'ftp://host/a',
  'rtmp://host/a/b',
  '/etc/passwd',
  'concat:a',
  '',
])('opens nothing else: %s', async url => {
  await expect(openFile(url, { dialler: lab, mediaDir: '/', signal: never })).rejects.toMatchObject({
    side: 'pull',
    kind: 'unsupported',
    retryable: false,
  });
});

it('does not open what is no proper URL, and does not repeat it', async () => {
  const opening = openFile('http://host:99999/s3cret', { dialler: lab, signal: never });
  await expect(opening).rejects.toMatchObject({ message: expect.not.stringContaining('s3cret') });
});
