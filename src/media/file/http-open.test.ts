import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { parseAddress } from '../address.ts';
import { Fault } from '../fault.ts';
import { Dialler } from '../net.ts';
import type { HttpFile } from './http-file.ts';
import type { HttpLimits } from './http-limits.ts';
import { openHttpFile } from './http-open.ts';
import { FileServer, type FileServerOptions, patternBytes } from './scripted-file-server.ts';

const MB = 1024 * 1024;
const lab = new Dialler({ preset: 'lab' });
const never = new AbortController().signal;
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(options: FileServerOptions): Promise<FileServer> {
  const server = await FileServer.listen(options);
  closing.push(() => server.close());
  return server;
}

/** A server that says whatever it likes, byte by byte. */
async function serveRaw(answer: (socket: net.Socket) => void): Promise<{ url: string; sockets: Set<net.Socket> }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', () => answer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/live/s3cret.flv`, sockets };
}

interface Opening {
  readonly limits?: Partial<HttpLimits>;
  readonly signal?: AbortSignal;
  readonly dialler?: Dialler;
}

async function open(url: string, { limits = {}, signal = never, dialler = lab }: Opening = {}): Promise<HttpFile> {
  const file = await openHttpFile(parseAddress(url, ['http', 'https']), { dialler, signal, limits });
  closing.push(() => file.close());
  return file;
}

const failing = (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => (error instanceof Fault ? error : Promise.reject(error)),
  );

it.each([[403], [404], [410], [500], [503], [304], [204]])('tells HTTP %i as it is, without the key', async status => {
  const server = await serve({
    size: 0,
    script: (_, response) => {
      response.writeHead(status).end();
      return true;
    },
  });
  const fault = await failing(open(server.url));
  expect(fault.message).toContain(`HTTP ${status}`);
  expect(fault.message).toContain('/films/');
  expect(fault.message).not.toContain('s3cret');
  expect(fault.kind).toBe(status >= 400 && status < 500 ? 'refused' : 'lost');
  await vi.waitFor(() => expect(server.sockets.size).toBe(0));
});

it('refuses compressed bytes', async () => {
  const server = await serve({
    size: 0,
    script: (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('xyz');
      return true;
    },
  });
  expect(await failing(open(server.url))).toMatchObject({ kind: 'unsupported' });
});

it('sends the credentials of the URL and names in any letters', async () => {
  let seen = '';
  const server = await serve({
    size: 10,
    script: request => {
      seen = `${request.headers.authorization} ${request.url}`;
      return false;
    },
  });
  await open(`http://user:pass@127.0.0.1:${server.port}/视频/a%20b.mp4?x=é#part`);
  expect(seen).toBe(`Basic ${Buffer.from('user:pass').toString('base64')} /%E8%A7%86%E9%A2%91/a%20b.mp4?x=%C3%A9`);
});

it('follows five redirects, relative ones too', async () => {
  const server = await serve({
    size: 1000,
    script: (request, response) => {
      const hop = Number(/hop=(\d)/.exec(request.url ?? '')?.[1] ?? 0);
      if (hop === 5) return false;
      response.writeHead([301, 302, 303, 307, 308][hop] ?? 302, { location: `?hop=${hop + 1}` }).end('moved');
      return true;
    },
  });
  const file = await open(server.url);
  expect(await file.read(0, 1000, never)).toEqual(patternBytes(0, 1000));
  expect(server.asked).toHaveLength(6);
});

it.each([
  ['without end', (n: number) => `/${n}`, 'more than 5 times'],
  ['in a circle', () => '/films/s3cret.mp4?sign=s3cret', 'in a circle'],
  ['to a file of this machine', () => 'file:///etc/passwd', 'must be one of: http, https'],
  ['to the media directory', () => 'media://other.mp4', 'must be one of: http, https'],
  ['to no proper URL', () => 'http://[nowhere', 'not written correctly'],
])('does not follow redirects %s', async (_, location, told) => {
  let hops = 0;
  const server = await serve({
    size: 0,
    script: (_, response) => {
      response.writeHead(302, { location: location(hops++) }).end();
      return true;
    },
  });
  const fault = await failing(open(server.url));
  expect(fault.message).toContain(told);
  expect(fault.message).not.toContain('s3cret');
  await vi.waitFor(() => expect(server.sockets.size).toBe(0));
});

it('does not follow a redirect to an address that the policy forbids', async () => {
  const inner = await serve({ size: 1000 });
  const outer = await serve({
    size: 0,
    script: (_, response) => {
      response.writeHead(302, { location: inner.url }).end();
      return true;
    },
  });
  const guarded = new Dialler({ preset: 'lab', forbidden: [`127.0.0.1:${inner.port}`] });
  expect((await failing(open(outer.url, { dialler: guarded }))).kind).toBe('policy');
  expect((await failing(open(outer.url, { dialler: new Dialler({ preset: 'public' }) }))).kind).toBe('policy');
  expect(inner.connections).toBe(0);
});

it('gives up on a server that says nothing', async () => {
  const server = await serveRaw(() => undefined);
  const fault = await failing(open(server.url, { limits: { firstByteMs: 60 } }));
  expect(fault).toMatchObject({ kind: 'timeout', message: expect.stringContaining('did not answer') });
  await vi.waitFor(() => expect(server.sockets.size).toBe(0));
});

it('gives up on headers that drip without end', async () => {
  const server = await serveRaw(socket => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket.write('x: y\r\n'), 10);
    socket.once('close', () => clearInterval(timer));
  });
  const fault = await failing(open(server.url, { limits: { headersMs: 150 } }));
  expect(fault).toMatchObject({ kind: 'timeout', message: expect.stringContaining('did not end its headers') });
  await vi.waitFor(() => expect(server.sockets.size).toBe(0));
});

it('gives up on preliminary answers that never end', async () => {
  const server = await serveRaw(socket => {
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10);
    socket.once('close', () => clearInterval(timer));
  });
  expect((await failing(open(server.url, { limits: { headersMs: 150 } }))).kind).toBe('timeout');
});

it.each([
  ['headers of a megabyte', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(MB)}\r\n\r\n`, 'garbage'],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', 'garbage'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n', 'garbage'],
  ['another protocol', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 'closed'],
])('does not take %s', async (_, text, kind) => {
  const server = await serveRaw(socket => socket.end(text));
  const fault = await failing(open(server.url));
  expect(fault.kind).toBe(kind);
  expect(fault.message).not.toContain('s3cret');
  await vi.waitFor(() => expect(server.sockets.size).toBe(0));
});

it('tells a body that is longer than its length from one that is shorter', async () => {
  const longer = await serveRaw(socket =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/9 garbage'),
  );
  expect((await (await open(longer.url)).read(0, 9, never)).toString()).toBe('hello');
  const shorter = await serveRaw(socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello'));
  const fault = await failing((await open(shorter.url)).read(0, 9, never));
  expect(fault).toMatchObject({ kind: 'closed', message: expect.stringContaining('3 attempts to go on failed') });
});

it('leaves no socket when it is called off before the answer', async () => {
  const server = await serveRaw(() => undefined);
  const off = new AbortController();
  const opening = failing(open(server.url, { signal: off.signal }));
  await vi.waitFor(() => expect(server.sockets.size).toBe(1));
  off.abort();
  expect((await opening).kind).toBe('closed');
  await vi.waitFor(() => expect(server.sockets.size).toBe(0));
});
