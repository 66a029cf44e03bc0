import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ChannelListener,
  dialChannel,
  type FromWorker,
  listenChannel,
  type Peer,
  type ToWorker,
} from './channel.ts';
import { DataDirectoryInUse } from './control-socket.ts';

const HELLO: FromWorker = { t: 'hello', role: 'worker', slot: 0, pid: 4711, runs: [] };

/** The control end, noting all it is told. */
class Control {
  readonly heard: FromWorker[] = [];
  readonly peers: Peer<ToWorker>[] = [];
  closed = 0;
  #listener: ChannelListener | undefined;

  async listen(path: string): Promise<void> {
    this.#listener = await listenChannel(path, peer => {
      this.peers.push(peer);
      return { message: message => this.heard.push(message), closed: () => this.closed++ };
    });
  }

  close(): Promise<void> {
    return this.#listener?.close() ?? Promise.resolve();
  }
}

describe('the channel', () => {
  let folder: string;
  let path: string;
  let control: Control;
  let life: AbortController;
  const sockets: Socket[] = [];

  const dial = (message: (message: ToWorker) => void = () => {}): Peer<FromWorker> =>
    dialChannel(path, { hello: () => HELLO, message }, { signal: life.signal, retryMs: 20 });
  const rawDial = (): Socket => {
    const socket = createConnection(path);
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'channel-'));
    path = join(folder, 'control.sock');
    control = new Control();
    life = new AbortController();
  });
  afterEach(async () => {
    life.abort();
    for (const socket of sockets.splice(0)) socket.destroy();
    await control.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('introduces the worker and carries messages both ways', async () => {
    await control.listen(path);
    const got: ToWorker[] = [];
    const worker = dial(message => got.push(message));
    await vi.waitFor(() => expect(control.heard).toEqual([HELLO]));
    worker.send({ t: 'ended', taskId: 'ü', epoch: 3 });
    control.peers[0]?.send({ t: 'stop', taskId: 'a\nb', epoch: 1 });
    await vi.waitFor(() => expect(control.heard).toContainEqual({ t: 'ended', taskId: 'ü', epoch: 3 }));
    await vi.waitFor(() => expect(got).toEqual([{ t: 'stop', taskId: 'a\nb', epoch: 1 }]));
  });

  it('dials until somebody listens, and says hello anew to a control process that came back', async () => {
    dial();
    await control.listen(path);
    await vi.waitFor(() => expect(control.heard).toEqual([HELLO]));
    await control.close();
    control = new Control();
    await control.listen(path);
    await vi.waitFor(() => expect(control.heard).toEqual([HELLO]));
  });

  it('drops what is sent while away', async () => {
    const worker = dial();
    worker.send({ t: 'reports', reports: [] });
    await control.listen(path);
    await vi.waitFor(() => expect(control.heard).toEqual([HELLO]));
  });

  it('sends what is queued before it closes, and dials no more', async () => {
    await control.listen(path);
    const worker = dial();
    await vi.waitFor(() => expect(control.heard).toHaveLength(1));
    for (let epoch = 0; epoch < 1000; epoch++) worker.send({ t: 'ended', taskId: 'x'.repeat(500), epoch });
    worker.close();
    worker.close();
    await vi.waitFor(() => expect(control.closed).toBe(1));
    expect(control.heard).toHaveLength(1001);
    expect(control.peers).toHaveLength(1);
  });

  it('hears what is on its way when it closes, and tells the worker before that could say more', async () => {
    const said: number[] = [];
    let isClosed = false;
    await control.listen(path);
    const worker = dialChannel(
      path,
      { hello: () => HELLO, message: () => {}, closed: () => (isClosed = true) },
      { signal: life.signal, retryMs: 10_000 },
    );
    await vi.waitFor(() => expect(control.heard).toHaveLength(1));
    for (let epoch = 0; epoch < 1000; epoch++) worker.send({ t: 'ended', taskId: 'x'.repeat(500), epoch });
    const closing = control.close();
    for (let epoch = 1000; !isClosed; epoch++) {
      worker.send({ t: 'ended', taskId: 'a', epoch });
      said.push(epoch);
      await new Promise(setImmediate);
    }
    await closing;
    expect(control.heard).toHaveLength(1001 + said.length);
  });

  it.each([
    ['what is not JSON', 'good morning\n'],
    ['what is no message', '"hello"\n'],
    ['a line beyond 8 MB', 'x'.repeat(8 * 1024 * 1024 + 1)],
    ['a whole line beyond 8 MB', `{"t":"${'x'.repeat(8 * 1024 * 1024)}"}\n`],
  ])('closes a peer that says %s', async (_, text) => {
    await control.listen(path);
    rawDial().write(text);
    await vi.waitFor(() => expect(control.closed).toBe(1));
    expect(control.heard).toEqual([]);
  });

  it('takes a message that comes in pieces, and several in one piece', async () => {
    await control.listen(path);
    const socket = rawDial();
    const line = Buffer.from(`${JSON.stringify({ t: 'ended', taskId: 'ü', epoch: 1 })}\n`);
    for (const byte of line) {
      socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    socket.write(Buffer.concat([line, line]));
    await vi.waitFor(() => expect(control.heard).toHaveLength(3));
    expect(control.heard[0]).toEqual({ t: 'ended', taskId: 'ü', epoch: 1 });
  });

  it('closes a peer that does not read', async () => {
    await control.listen(path);
    rawDial().pause();
    await vi.waitFor(() => expect(control.peers).toHaveLength(1));
    const long: ToWorker = { t: 'stop', taskId: 'x'.repeat(500_000), epoch: 1 };
    for (let i = 0; i < 40; i++) control.peers[0]?.send(long);
    await vi.waitFor(() => expect(control.closed).toBe(1));
  });

  it('lets nobody but the owner reach the socket', async () => {
    await control.listen(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('refuses a data directory that another live process serves, naming it', async () => {
    await control.listen(path);
    const second = new Control();
    const refusal = second.listen(path);
    await expect(refusal).rejects.toThrow(DataDirectoryInUse);
    await expect(refusal).rejects.toThrow(`another control process (${process.pid}) serves this data directory`);
    dial();
    await vi.waitFor(() => expect(control.heard).toEqual([HELLO]));
  });

  it('lets exactly one of several that start at once have the directory, a dead one behind them', async () => {
    await leaveStaleSocket(path);
    const several = [control, new Control(), new Control(), new Control()];
    const outcomes = await Promise.allSettled(several.map(one => one.listen(path)));
    expect(outcomes.filter(one => one.status === 'fulfilled')).toHaveLength(1);
    dial();
    await vi.waitFor(() => expect(several.flatMap(one => one.heard)).toEqual([HELLO]));
    await Promise.all(several.map(one => one.close()));
  });

  it('takes over the socket that a dead process left', async () => {
    await leaveStaleSocket(path);
    await control.listen(path);
    dial();
    await vi.waitFor(() => expect(control.heard).toEqual([HELLO]));
  });

  it('leaves nothing dialable behind when it is closed', async () => {
    await control.listen(path);
    await control.close();
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('uses a short private folder where the path is too long for a socket, the same one next time', async () => {
    const deep = join(folder, 'd'.repeat(90));
    await mkdir(deep);
    path = join(deep, 'control.sock');
    await control.listen(path);
    dial();
    await vi.waitFor(() => expect(control.heard).toEqual([HELLO]));
    const address = await readFile(join(deep, 'control.path'), 'utf8');
    expect((await stat(dirname(address))).mode & 0o777).toBe(0o700);
    await control.close();
    control = new Control();
    await control.listen(path);
    expect(await readFile(join(deep, 'control.path'), 'utf8')).toBe(address);
    await rm(dirname(address), { recursive: true });
  });

  it('does not use a noted short folder that others may write to', async () => {
    const deep = join(folder, 'd'.repeat(90));
    const shared = join(folder, 'shared');
    await mkdir(deep);
    await mkdir(shared, { mode: 0o755 });
    await writeFile(join(deep, 'control.path'), join(shared, 'control.sock'));
    path = join(deep, 'control.sock');
    await control.listen(path);
    const address = await readFile(join(deep, 'control.path'), 'utf8');
    expect(dirname(address)).not.toBe(shared);
    await rm(dirname(address), { recursive: true });
  });
});

/** A socket file that nobody listens at, as kill -9 leaves it: a listener's name moved away before it closes. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(`${path}.dying`, resolve));
  await rename(`${path}.dying`, path);
  await new Promise<void>(resolve => server.close(() => resolve()));
}
