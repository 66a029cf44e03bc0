import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Fault } from './fault.ts';
import { asWire, eventWire, pollWire, type Wire, type WireOptions } from './wire.ts';

type Make = (socket: net.Socket, side: 'pull' | 'push', options?: WireOptions) => Wire;

interface Pair {
  readonly near: net.Socket;
  readonly far: net.Socket;
}

const open: net.Socket[] = [];
const servers: net.Server[] = [];

afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

/** A connection as it is after a negotiation: paused, nobody listening. */
async function connect(): Promise<Pair> {
  const server = net.createServer({ noDelay: true });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const near = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  await once(near, 'connect');
  const [far] = (await accepted) as [net.Socket];
  open.push(near, far);
  far.on('error', () => undefined);
  near.pause();
  return { near, far };
}

/** Reads until `count` bytes have come. */
async function readBytes(wire: Wire, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  const into = Buffer.alloc(64 * 1024);
  let bytes = 0;
  await vi.waitFor(
    () => {
      let got = 1;
      while (got > 0 && bytes < count) {
        got = wire.read(into);
        bytes += got;
        parts.push(Buffer.from(into.subarray(0, got)));
      }
      expect(bytes).toBeGreaterThanOrEqual(count);
    },
    { timeout: 5000, interval: 2 },
  );
  return Buffer.concat(parts);
}

async function faultOf(act: () => unknown): Promise<Fault> {
  let fault: unknown;
  await vi.waitFor(
    () => {
      try {
        act();
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(Fault);
    },
    { timeout: 5000, interval: 2 },
  );
  return fault as Fault;
}

const into = Buffer.alloc(1024);

describe.each<[string, Make]>([
  ['a polled wire', pollWire],
  ['an event wire', eventWire],
])('%s', (_, make) => {
  it('reads what comes and writes what it is given', async () => {
    const { near, far } = await connect();
    const wire = make(near, 'pull');
    far.write('hello');
    expect((await readBytes(wire, 5)).toString()).toBe('hello');
    expect(wire.write(Buffer.from('..world..'), 2, 7)).toBe(5);
    expect(String((await once(far, 'data'))[0])).toBe('world');
  });

  it('loses nothing at the hand-over: leftover, what the stream holds, what the kernel holds', async () => {
    const { near, far } = await connect();
    near.resume();
    far.write('one ');
    const [first] = await once(near, 'data');
    near.pause();
    far.write('two ');
    near.read(0);
    await vi.waitFor(() => expect(near.readableLength).toBe(4), { interval: 2 });
    const wire = make(near, 'pull', { leftover: first as Buffer });
    far.write('three');
    expect((await readBytes(wire, 13)).toString()).toBe('one two three');
  });

  it('goes on reading after a long silence', async () => {
    const { near, far } = await connect();
    const wire = make(near, 'pull');
    for (let i = 0; i < 20; i++) expect(wire.read(into)).toBe(0);
    for (const word of ['one', 'two', 'six']) {
      far.write(word);
      expect((await readBytes(wire, 3)).toString()).toBe(word);
      for (let i = 0; i < 20; i++) expect(wire.read(into)).toBe(0);
    }
  });

  it('reads all before it tells the end', async () => {
    const { near, far } = await connect();
    const wire = make(near, 'pull');
    far.end('the end');
    expect((await readBytes(wire, 7)).toString()).toBe('the end');
    const fault = await faultOf(() => wire.read(into));
    expect(fault).toMatchObject({ side: 'pull', kind: 'closed' });
    expect(fault.message).toContain('closed the connection');
    expect(() => wire.read(into)).toThrow(fault);
  });

  it('tells a reset, and no error escapes', async () => {
    const { near, far } = await connect();
    const wire = make(near, 'push');
    far.resetAndDestroy();
    expect((await faultOf(() => wire.write(into, 0, 1))).kind).toBe('closed');
    expect(() => wire.read(into)).toThrow(Fault);
  });

  it('takes no more than the peer does, and all of it in order', async () => {
    const { near, far } = await connect();
    const wire = make(near, 'push');
    const bytes = randomBytes(16 * 1024 * 1024);
    let at = wire.write(bytes, 0, bytes.length);
    expect(at).toBeGreaterThan(0);
    at += wire.write(bytes, at, bytes.length);
    expect(at).toBeLessThan(bytes.length);
    const parts: Buffer[] = [];
    far.on('data', part => parts.push(part));
    await vi.waitFor(
      () => {
        at += wire.write(bytes, at, bytes.length);
        expect(at).toBe(bytes.length);
      },
      { timeout: 8000, interval: 1 },
    );
    await vi.waitFor(() => expect(parts.reduce((sum, part) => sum + part.length, 0)).toBe(bytes.length), {
      timeout: 5000,
    });
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  });

  it('does not overtake what the stream has yet to write', async () => {
    const { near, far } = await connect();
    const first = Buffer.alloc(16 * 1024 * 1024, 'a');
    near.write(first);
    const wire = make(near, 'push');
    expect(wire.pending).toBeGreaterThan(0);
    expect(wire.write(Buffer.from('b'), 0, 1)).toBe(0);
    const parts: Buffer[] = [];
    far.on('data', part => parts.push(part));
    await vi.waitFor(() => expect(wire.write(Buffer.from('b'), 0, 1)).toBe(1), { timeout: 5000, interval: 2 });
    await vi.waitFor(() => expect(Buffer.concat(parts).length).toBe(first.length + 1), { timeout: 5000 });
    expect(Buffer.concat(parts).indexOf('b')).toBe(first.length);
  });

  it('gives inbound bytes to whom it is told to', async () => {
    const { near, far } = await connect();
    const heard: string[] = [];
    make(near, 'push', { leftover: Buffer.from('one '), onData: chunk => heard.push(chunk.toString()) });
    far.write('two');
    await vi.waitFor(() => expect(heard.join('')).toBe('one two'), { interval: 2 });
  });

  it('ends with what its listener throws', async () => {
    const { near, far } = await connect();
    const refused = new Fault('push', 'refused', 'no');
    const wire = make(near, 'push', {
      onData: () => {
        throw refused;
      },
    });
    far.write('x');
    expect(await faultOf(() => wire.write(into, 0, 1))).toBe(refused);
  });

  it('says good-bye behind what was written', async () => {
    const { near, far } = await connect();
    const wire = make(near, 'push');
    const parts: Buffer[] = [];
    far.on('data', part => parts.push(part));
    const ended = once(far, 'end');
    wire.write(Buffer.from('bye'), 0, 3);
    await Promise.all([wire.end(2000), ended]);
    expect(Buffer.concat(parts).toString()).toBe('bye');
    expect(near.destroyed).toBe(true);
  });

  it('does not wait longer for a good-bye than it is told to', async () => {
    const { near, far } = await connect();
    far.pause();
    const wire = make(near, 'push');
    await wire.end(30);
    expect(near.destroyed).toBe(true);
  });

  it('is closed more than once without complaint, and is of no use then', async () => {
    const { near } = await connect();
    const wire = make(near, 'push');
    wire.close();
    wire.close();
    await wire.end(10);
    expect(() => wire.write(into, 0, 1)).toThrow(Fault);
    expect(() => wire.read(into)).toThrow(Fault);
  });

  it('tells who the peer is', async () => {
    const { near, far } = await connect();
    expect(make(near, 'push').remote).toBe(`127.0.0.1:${far.localPort}`);
  });
});

describe('a polled wire', () => {
  it('leaves the socket to the event loop while nothing comes, and only then', async () => {
    const { near, far } = await connect();
    const wire = pollWire(near, 'pull');
    for (let i = 0; i < 2; i++) wire.read(into);
    far.write('seen by polling');
    expect((await readBytes(wire, 15)).toString()).toBe('seen by polling');
    for (let i = 0; i < 3; i++) wire.read(into);
    const woken = once(near, 'data');
    far.write('seen by the event loop');
    await woken;
    expect(wire.read(into)).toBe(22);
  });

  it('refuses a socket whose descriptor is not to be had', () => {
    expect(() => pollWire(new net.Socket(), 'pull')).toThrow(/descriptor/);
  });
});

describe('an event wire', () => {
  it('does not buffer without bound', async () => {
    const { near, far } = await connect();
    const wire = eventWire(near, 'pull');
    far.write(Buffer.alloc(32 * 1024 * 1024));
    await vi.waitFor(() => expect(near.isPaused()).toBe(true), { timeout: 5000, interval: 2 });
    expect(far.writableLength).toBeGreaterThan(0);
    expect((await readBytes(wire, 32 * 1024 * 1024)).length).toBe(32 * 1024 * 1024);
  });
});

describe('a TLS connection', () => {
  it('carries a wire as well', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-wire-'));
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x'];
    execFileSync('openssl', ['req', ...made, '-keyout', key, '-out', cert], { stdio: 'pipe' });
    const server = tls.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, socket => {
      open.push(socket);
      socket.on('error', () => undefined).pipe(socket);
    });
    rmSync(folder, { recursive: true });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const near = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    open.push(near);
    await once(near, 'secureConnect');
    const wire = asWire(near, 'push');
    const scratch = Buffer.alloc(300_000, 'm');
    expect(wire.write(scratch, 0, scratch.length)).toBe(scratch.length);
    scratch.fill('-');
    const echo = await readBytes(wire, scratch.length);
    expect(echo.equals(Buffer.alloc(300_000, 'm'))).toBe(true);
  });
});
