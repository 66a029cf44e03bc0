import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createReceiver } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connections } from './connections.ts';
import { post } from './http.ts';
import { Dialler } from './net.ts';

const closing: (() => unknown)[] = [];
let connections: Connections;
let dials: number;

beforeEach(() => {
  connections = new Connections();
  closing.push(() => connections.close());
  dials = 0;
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Counts the times that a connection is opened. */
const dialler = new (class extends Dialler {
  override dial(...args: Parameters<Dialler['dial']>): ReturnType<Dialler['dial']> {
    dials += 1;
    return super.dial(...args);
  }
})({ preset: 'lab' });

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, answer);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const send = (url: string, body = '{}', timeoutMs = 2_000) =>
  post(
    dialler,
    { url, body, contentType: 'application/json' },
    { signal: new AbortController().signal, timeoutMs, connections },
  );

describe('a connection', () => {
  it('serves the next request to the same peer, whichever its path', async () => {
    const bodies: string[] = [];
    const url = await listen(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      bodies.push(`${request.url} ${body}`);
      response.end('thank you');
    });
    for (let at = 0; at < 5; at++) expect(await send(`${url}/${at}`, `body ${at}`)).toEqual({ status: 200 });
    expect(bodies).toEqual([0, 1, 2, 3, 4].map(at => `/${at} body ${at}`));
    expect(dials).toBe(1);
  });

  it('carries one request at a time', async () => {
    const url = await listen((_, response) => void setTimeout(() => response.end(), 20));
    await Promise.all([send(url), send(url), send(url)]);
    expect(dials).toBe(3);
    await Promise.all([send(url), send(url), send(url)]);
    expect(dials).toBe(3);
  });

  it.each([
    ['failed', (response: ServerResponse) => response.writeHead(500).end()],
    ['was redirected', (response: ServerResponse) => response.writeHead(302, { location: '/' }).end()],
    ['was told to close it', (response: ServerResponse) => response.writeHead(200, { connection: 'close' }).end()],
    ['was answered with more than is read', (response: ServerResponse) => response.write(Buffer.alloc(100_000))],
  ])('is not kept where the request %s', async (_, answer) => {
    const url = await listen((_request, response) => void answer(response));
    for (let times = 0; times < 3; times++) await send(url);
    expect(dials).toBe(3);
  });

  it('that its peer has closed meanwhile is opened anew, unseen', async () => {
    let served = 0;
    const url = await listen((request, response) => {
      served += 1;
      if (served === 2) request.socket.destroy();
      else response.end();
    });
    await send(url);
    expect(await send(url)).toEqual({ status: 200 });
    expect(dials).toBe(2);
  });

  it('that was just opened and is closed without an answer is a failure', async () => {
    const url = await listen(request => void request.socket.destroy());
    await expect(send(url)).rejects.toMatchObject({ name: 'Fault', kind: 'lost' });
    expect(dials).toBe(1);
  });

  it('on which a peer speaks unasked is not used again', async () => {
    const receiver = createReceiver(socket => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        setImmediate(() => socket.write('HTTP/1.1 204 No Content\r\n\r\n'));
      });
    });
    await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve));
    closing.push(() => receiver.close());
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    expect(await send(url)).toEqual({ status: 200 });
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(await send(url)).toEqual({ status: 200 });
    expect(dials).toBe(2);
  });

  it('is dialled by the policy, and one of another peer is none of its business', async () => {
    const [one, other] = [await listen((_, response) => response.end()), await listen((_, response) => response.end())];
    await send(one);
    await send(other);
    expect(dials).toBe(2);
  });
});

describe('a receiver behind TLS', () => {
  /** Vouches for hooks.test and for nobody else. */
  function selfSigned(): { readonly key: string; readonly cert: string } {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=hooks.test', '-addext', 'subjectAltName=DNS:hooks.test'];
    execFileSync('openssl', ['req', ...made, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  }

  async function listenSecurely(): Promise<{ readonly port: number; readonly ca: string; handshakes: () => number }> {
    const credentials = selfSigned();
    let handshakes = 0;
    const server = createSecureServer({ ...credentials, keepAliveTimeout: 60_000 }, (_, response) => response.end());
    server.on('secureConnection', () => {
      handshakes += 1;
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, ca: credentials.cert, handshakes: () => handshakes };
  }

  const lookup = async () => ['127.0.0.1'];
  const sendTo = (host: string, options: ConstructorParameters<typeof Dialler>[0]) =>
    post(
      new Dialler(options),
      { url: `https://${host}/in`, body: '{}', contentType: 'application/json' },
      { signal: new AbortController().signal, timeoutMs: 2_000, connections },
    );

  it('C7: whose certificate nobody vouches for, or is for another name, is not told; the failure says why', async () => {
    const { port, ca } = await listenSecurely();
    const unknown = await sendTo(`hooks.test:${port}`, { preset: 'lab', lookup }).catch(error => error);
    expect(unknown).toMatchObject({ kind: 'tls', message: expect.stringContaining('the certificate is self-signed') });
    const other = await sendTo(`other.test:${port}`, { preset: 'lab', lookup, ca }).catch(error => error);
    expect(other).toMatchObject({
      kind: 'tls',
      message: expect.stringContaining('the certificate is for another name'),
    });
  });

  it('C7: is told over one handshake while it takes callbacks', async () => {
    const { port, ca, handshakes } = await listenSecurely();
    for (let times = 0; times < 5; times++) {
      expect(await sendTo(`hooks.test:${port}`, { preset: 'lab', lookup, ca })).toEqual({ status: 200 });
    }
    expect(handshakes()).toBe(1);
  });
});
