import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { Guest } from '../media/rtmp/origin-guest.ts';
import { type ChannelListener, type FromWorker, listenChannel, type Peer, type ToWorker } from './channel.ts';

const ENTRY = fileURLToPath(new URL('./origin.ts', import.meta.url));

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function channelPath(): string {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-origin-'));
  undo.push(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'control.sock');
}

/** The control side of the channel: what it heard, and the peer of the last hello. */
class Control {
  readonly heard: FromWorker[] = [];
  peer: Peer<ToWorker> | undefined;
  #listener: ChannelListener | undefined;

  static async at(path: string): Promise<Control> {
    const control = new Control();
    control.#listener = await listenChannel(path, peer => {
      control.peer = peer;
      return { message: message => control.heard.push(message), closed: () => undefined };
    });
    undo.push(() => control.close());
    return control;
  }

  async hello(): Promise<Extract<FromWorker, { t: 'hello' }>> {
    const find = () => this.heard.find(message => message.t === 'hello');
    await expect.poll(find, { timeout: 5_000 }).toBeDefined();
    return find() as Extract<FromWorker, { t: 'hello' }>;
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  /** Exit code and signal. */
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;
}

function startOrigin(channel: string, env: Record<string, string> = {}): Started {
  const settings = { MILLRACE_CHANNEL: channel, MILLRACE_SLOT: '3', MILLRACE_LISTEN: '127.0.0.1:0', ...env };
  const child = spawn(process.execPath, [ENTRY], {
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr?.on('data', data => {
    text += data;
  });
  const ended = once(child, 'close') as Started['ended'];
  undo.push(() => (child.exitCode === null && child.signalCode === null ? child.kill('SIGKILL') && ended : undefined));
  return { child, stderr: () => text, ended };
}

it('introduces itself with the address it serves, and exits when it is told to', async () => {
  const path = channelPath();
  const control = await Control.at(path);
  const { child, ended, stderr } = startOrigin(path);
  const hello = await control.hello();
  expect(hello).toMatchObject({ role: 'origin', slot: 3, pid: child.pid, runs: [] });
  const guest = await Guest.arrive(hello.address ?? '', 'live');
  control.peer?.send({ t: 'exit' });
  expect(await ended).toEqual([0, null]);
  await guest.until(() => guest.ended);
  expect(stderr()).toBe('');
});

it('says who left and why, without the name of the stream', async () => {
  const path = channelPath();
  const control = await Control.at(path);
  const { stderr } = startOrigin(path);
  const { address = '' } = await control.hello();
  const guest = await Guest.publisher(address, 'live/SECRETKEY');
  guest.socket.destroy();
  const lines = (): string[] => stderr().split('\n');
  await expect.poll(lines).toContainEqual(expect.stringContaining('the publisher at 127.0.0.1 of live/*** left: '));
  expect(stderr()).not.toContain('SECRETKEY');
});

it('gives a sign of life every second', async () => {
  const path = channelPath();
  const control = await Control.at(path);
  startOrigin(path);
  await control.hello();
  await expect.poll(() => control.heard.some(({ t }) => t === 'reports'), { timeout: 3_000 }).toBe(true);
});

it('goes on serving while control is dead, and introduces itself to the next one', async () => {
  const path = channelPath();
  const first = await Control.at(path);
  const { child } = startOrigin(path);
  const { address = '' } = await first.hello();
  const publisher = await Guest.publisher(address, 'live/s1');
  undo.push(() => publisher.close());
  await first.close();
  const second = await Control.at(path);
  expect(await second.hello()).toMatchObject({ pid: child.pid, address });
  expect(publisher.ended).toBe(false);
});

it('exits by itself when no control comes', async () => {
  const { ended } = startOrigin(channelPath(), { MILLRACE_ORPHAN_MS: '300' });
  expect(await ended).toEqual([0, null]);
});

it('closes on SIGTERM and does not hear Ctrl-C', async () => {
  const path = channelPath();
  const control = await Control.at(path);
  const { child, ended } = startOrigin(path);
  const { address = '' } = await control.hello();
  child.kill('SIGINT');
  const guest = await Guest.arrive(address, 'live');
  undo.push(() => guest.close());
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

it('says in one line that its port is taken, and exits with 6', async () => {
  const squatter: Server = createServer().listen(0, '127.0.0.1');
  undo.push(() => squatter.close());
  await once(squatter, 'listening');
  const bound = squatter.address();
  const port = typeof bound === 'object' ? bound?.port : undefined;
  const { ended, stderr } = startOrigin(channelPath(), { MILLRACE_LISTEN: `127.0.0.1:${port}` });
  expect(await ended).toEqual([6, null]);
  expect(stderr()).toMatch(/^millrace origin: the RTMP port is taken: .*EADDRINUSE.*\n$/);
});

it('says what is wrong with its settings', async () => {
  const { ended, stderr } = startOrigin(channelPath(), { MILLRACE_LISTEN: 'nonsense' });
  expect(await ended).toEqual([1, null]);
  expect(stderr()).toBe('millrace origin: MILLRACE_LISTEN is not HOST:PORT: nonsense\n');
});
