import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseAddress } from './address.ts';
import type { Fault } from './fault.ts';
import { Dialler, type DiallerOptions } from './net.ts';

const sockets: net.Socket[] = [];
const servers: net.Server[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

async function listen(server = net.createServer(), host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  server.on('connection', socket => {
    sockets.push(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

interface Tries extends Partial<DiallerOptions> {
  readonly signal?: AbortSignal;
}

async function dial(
  url: string,
  { signal = new AbortController().signal, ...options }: Tries = {},
): Promise<net.Socket> {
  const socket = await new Dialler({ preset: 'lab', ...options }).dial(address(url), { signal, side: 'push' });
  sockets.push(socket);
  return socket;
}

const address = (url: string) => parseAddress(url, ['rtmp', 'rtmps']);

function failing(dialling: Promise<unknown>): Promise<Fault> {
  return dialling.then(
    () => {
      throw new Error('it succeeded');
    },
    (fault: Fault) => fault,
  );
}

const answering =
  (...addresses: string[]) =>
  async () =>
    addresses;
const broken = (code: string) => async (): Promise<string[]> => {
  throw Object.assign(new Error(code), { code });
};

describe('the dialler', () => {
  it('dials the address that the name stands for', async () => {
    const port = await listen();
    const socket = await dial(`rtmp://media.test:${port}/a/b`, { lookup: answering('127.0.0.1') });
    expect(socket.remoteAddress).toBe('127.0.0.1');
  });

  it('knows localhost without asking anybody', async () => {
    const port = await listen();
    expect((await dial(`rtmp://localhost:${port}/a/b`)).remotePort).toBe(port);
  });

  it('tries the addresses in turn', async () => {
    const port = await listen();
    const lookup = answering('127.0.0.3', '::1', '127.0.0.1');
    expect((await dial(`rtmp://media.test:${port}/a/b`, { lookup })).remoteAddress).toBe('127.0.0.1');
  });

  it('drops the addresses that the policy denies, and fails when none is left', async () => {
    const lookup = answering('127.0.0.1', '10.0.0.1', '::1', '169.254.169.254');
    const fault = await failing(dial('rtmp://media.test/a/b', { preset: 'public', lookup }));
    expect(fault).toMatchObject({ side: 'push', kind: 'policy', message: expect.stringContaining('media.test') });
  });

  it('judges literal addresses like names', async () => {
    for (const host of ['127.0.0.1', '[::1]', '2130706433']) {
      expect((await failing(dial(`rtmp://${host}/a/b`, { preset: 'public' }))).kind).toBe('policy');
    }
  });

  it('does not reach our own listeners, by whatever address of this host', async () => {
    const port = await listen(net.createServer(), '0.0.0.0');
    const own = [...Object.values(os.networkInterfaces()).flatMap(list => list ?? [])].map(({ address: ip }) => ip);
    for (const ip of ['127.0.0.1', '127.9.9.9', '0.0.0.0', '::ffff:127.0.0.1', ...own.filter(ip => net.isIPv4(ip))]) {
      const host = net.isIPv6(ip) ? `[${ip}]` : ip;
      const fault = await failing(dial(`rtmp://${host}:${port}/a/b`, { forbidden: [`0.0.0.0:${port}`] }));
      expect(fault.kind).toBe('policy');
    }
  });

  it('tells a refused connection', async () => {
    const fault = await failing(dial('rtmp://127.0.0.1:1/a/SECRET'));
    expect(fault).toMatchObject({ kind: 'unreachable', message: 'cannot connect to 127.0.0.1:1: connection refused' });
  });

  it('does not blame the policy for a peer that hangs up at once', async () => {
    // In a thread of its own it may do so before we have looked at who it is.
    const hangsUp = `
      const { parentPort } = require('node:worker_threads');
      const server = require('node:net').createServer(socket => socket.resetAndDestroy());
      server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;
    const thread = new Worker(hangsUp, { eval: true });
    const [port] = await once(thread, 'message');
    const kinds = new Set<string>();
    for (let i = 0; i < 300; i++) {
      kinds.add(
        await dial(`rtmp://127.0.0.1:${port}/live/a`).then(
          () => 'connected',
          (fault: Fault) => fault.kind,
        ),
      );
    }
    await thread.terminate();
    expect(kinds).not.toContain('policy');
  });

  it('tells a name that nobody knows', async () => {
    const fault = await failing(dial('rtmp://nobody.test/a/b', { lookup: broken('ENOTFOUND') }));
    expect(fault).toMatchObject({ kind: 'name', message: expect.stringContaining('no such name') });
  });

  it('gives up a resolver that does not answer', async () => {
    const fault = await failing(
      dial('rtmp://slow.test/a/b', { lookup: () => new Promise(() => undefined), dnsTimeoutMs: 30 }),
    );
    expect(fault).toMatchObject({ kind: 'name', message: expect.stringContaining('was not resolved within') });
  });

  it('gives up at once when nobody wants the connection any more', async () => {
    const control = new AbortController();
    const lookup = () => new Promise<string[]>(() => undefined);
    const dialling = failing(dial('rtmp://slow.test/a/b', { lookup, signal: control.signal }));
    control.abort();
    expect((await dialling).kind).toBe('closed');
    expect((await failing(dial('rtmp://127.0.0.1:1/a/b', { signal: control.signal }))).kind).toBe('closed');
  });

  it('goes by the last good answer while the resolver is out of order, for an hour', async () => {
    const port = await listen();
    let nowMs = 0;
    let lookup: () => Promise<string[]> = answering('127.0.0.1');
    const dialler = new Dialler({ preset: 'lab', now: () => nowMs, lookup: () => lookup() });
    const again = async (): Promise<void> => {
      const options = { signal: new AbortController().signal, side: 'pull' } as const;
      sockets.push(await dialler.dial(address(`rtmp://media.test:${port}/a/b`), options));
    };
    await again();
    lookup = broken('ESERVFAIL');
    nowMs = 3_600_000;
    await again();
    nowMs = 3_600_001;
    expect((await failing(again())).kind).toBe('name');
    nowMs = 10;
    lookup = broken('ENOTFOUND');
    expect((await failing(again())).kind).toBe('name');
  });
});

describe('TLS', () => {
  let folder = '';
  let credentials = { key: '', cert: '' };

  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-tls-'));
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=media.test', '-addext', 'subjectAltName=DNS:media.test'];
    const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', ...made, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' });
    credentials = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const lookup = answering('127.0.0.1');

  it('says the name it wants, and checks that it is there', async () => {
    const names: unknown[] = [];
    const server = tls.createServer(credentials, socket => names.push(socket.servername));
    const port = await listen(server);
    const socket = await dial(`rtmps://media.test:${port}/a/b`, { lookup, ca: credentials.cert });
    expect(socket).toBeInstanceOf(tls.TLSSocket);
    expect((socket as tls.TLSSocket).authorized).toBe(true);
    await expect.poll(() => names).toEqual(['media.test']);
  });

  it('refuses a certificate that nobody vouches for, and one for another name', async () => {
    const port = await listen(tls.createServer(credentials));
    const unknown = await failing(dial(`rtmps://media.test:${port}/a/b`, { lookup }));
    expect(unknown).toMatchObject({ kind: 'tls', message: expect.stringContaining('self-signed') });
    const other = await failing(dial(`rtmps://other.test:${port}/a/b`, { lookup, ca: credentials.cert }));
    expect(other).toMatchObject({ kind: 'tls', message: expect.stringContaining('another name') });
  });

  it('gives up a server that does not shake hands, and closes the connection', async () => {
    const server = net.createServer();
    const port = await listen(server);
    const closed = new Promise(resolve => server.once('connection', socket => socket.resume().once('close', resolve)));
    const fault = await failing(dial(`rtmps://media.test:${port}/a/b`, { lookup, connectTimeoutMs: 50 }));
    expect(fault).toMatchObject({ kind: 'timeout', message: expect.stringContaining('TLS handshake') });
    await closed;
  });

  it('tells a server that speaks no TLS', async () => {
    const server = net.createServer(socket => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n'));
    const port = await listen(server);
    expect((await failing(dial(`rtmps://media.test:${port}/a/b`, { lookup }))).kind).toBe('tls');
  });
});
