import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ChannelListener, type FromWorker, listenChannel } from './channel.ts';
import { dialTap } from './tap-line.ts';

let folder: string;
let path: string;
let channel: ChannelListener | undefined;
let tapped: { readonly id: string; readonly bytes: Readable }[];
let heard: FromWorker[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tap-'));
  path = join(folder, 'control.sock');
  tapped = [];
  heard = [];
  channel = await listenChannel(path, () => ({
    message: message => heard.push(message),
    tapped: (id, bytes) => tapped.push({ id, bytes }),
    closed: () => {},
  }));
});
afterEach(async () => {
  for (const { bytes } of tapped) bytes.destroy();
  await channel?.close();
  await rm(folder, { recursive: true, force: true });
});

async function read(bytes: Readable | undefined): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of bytes ?? []) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const first = () => vi.waitFor(() => tapped[0] ?? Promise.reject(new Error('nobody has dialled')));

it('hands on the bytes behind the line that says whose they are', async () => {
  const line = await dialTap(path, 'seven');
  const sent = Buffer.alloc(300_000, 'a\nb{');
  line.end(sent);
  const { id, bytes } = await first();
  expect(id).toBe('seven');
  expect((await read(bytes)).equals(sent)).toBe(true);
  expect(heard).toEqual([]);
});

it('loses none that come with the line, nor takes them for another', async () => {
  const socket = createConnection(path);
  socket.end('{"t":"tap","id":"one"}\n{"t":"tap","id":"two"}\nFLV');
  const { bytes } = await first();
  expect((await read(bytes)).toString()).toBe('{"t":"tap","id":"two"}\nFLV');
  expect(tapped).toHaveLength(1);
});

it('is told when the reader has gone', async () => {
  const line = await dialTap(path, 'seven');
  const closed = new Promise(resolve => line.once('close', resolve));
  line.on('error', () => {}).resume();
  (await first()).bytes.destroy();
  await closed;
});

it('takes no line for a tap that has no id', async () => {
  const socket = createConnection(path);
  socket.end('{"t":"tap","id":7}\n');
  await vi.waitFor(() => expect(heard).toHaveLength(1));
  expect(tapped).toEqual([]);
});

it('cannot dial where nobody listens', async () => {
  await channel?.close();
  await expect(dialTap(path, 'seven')).rejects.toMatchObject({ code: 'ENOENT' });
});

it('outlives a listener that hangs up as soon as it is dialled', async () => {
  const gruff = createServer(socket => socket.destroy()).listen(join(folder, 'gruff.sock'));
  await once(gruff, 'listening');
  const line = await dialTap(join(folder, 'gruff.sock'), 'seven');
  if (!line.closed) await new Promise(resolve => line.once('close', resolve));
  gruff.close();
});
