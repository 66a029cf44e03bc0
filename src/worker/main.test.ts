import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ChannelListener,
  type Child,
  type FromWorker,
  listenChannel,
  type Peer,
  type RunOrder,
  type ToWorker,
} from './channel.ts';
import { workerProcess } from './spawn.ts';

const SOON = { timeout: 8_000, interval: 20 };
const order = (epoch: number): RunOrder => ({
  taskId: 'a',
  epoch,
  source: { kind: 'live', url: 'rtmp://127.0.0.1:9/live/secretkey?token=secrettoken' },
  destination: 'rtmp://127.0.0.1:9/live/out',
});
/** Files that nobody serves: they fail one after the other. */
const URLS = Array.from({ length: 30 }, (_, at) => `http://127.0.0.1:9/${at}.mp4`);
const listOrder: RunOrder = {
  ...order(1),
  source: {
    kind: 'list',
    version: 1,
    list: { items: URLS.map(url => ({ url })), rounds: 1, startIndex: 0, startSeconds: 0, refresh: 'newSource' },
    from: { round: 0, index: 0, offsetMs: 0 },
  },
};

describe('a worker process', () => {
  let folder: string;
  let channel: ChannelListener;
  let child: Child;
  let peer: Peer<ToWorker> | undefined;
  const heard: FromWorker[] = [];

  const listen = async (): Promise<void> => {
    channel = await listenChannel(join(folder, 'control.sock'), dialled => {
      peer = dialled;
      return { message: message => heard.push(message), closed: () => {} };
    });
  };
  const of = <T extends FromWorker['t']>(t: T): Extract<FromWorker, { t: T }>[] =>
    heard.filter((message): message is Extract<FromWorker, { t: T }> => message.t === t);
  const failed = () => of('news').flatMap(({ news }) => (news.type === 'itemFailed' ? (news.item?.index ?? -1) : []));

  beforeEach(async () => {
    heard.length = 0;
    folder = await mkdtemp(join(tmpdir(), 'worker-'));
    await listen();
    child = workerProcess({
      channel: join(folder, 'control.sock'),
      slot: 3,
      logFolder: folder,
      network: 'lab',
      orphanMs: 1_500,
    });
    await vi.waitFor(() => expect(of('hello')).toHaveLength(1), SOON);
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await child.exited;
    await channel.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('introduces itself, reports without having runs, and ends when it is told to', async () => {
    expect(of('hello')).toEqual([{ t: 'hello', role: 'worker', slot: 3, pid: child.pid, runs: [] }]);
    await vi.waitFor(() => expect(of('reports')).toContainEqual(expect.objectContaining({ reports: [] })), SOON);
    peer?.send({ t: 'start', order: order(1) });
    await vi.waitFor(() => expect(of('news')).not.toEqual([]), SOON);
    peer?.send({ t: 'exit' });
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(of('ended')).toEqual([{ t: 'ended', taskId: 'a', epoch: 1, leaving: true }]);
  });

  it('answers a stop, of a run that it does not have too', async () => {
    peer?.send({ t: 'start', order: order(2) });
    peer?.send({ t: 'stop', taskId: 'a', epoch: 1 });
    peer?.send({ t: 'stop', taskId: 'b', epoch: 1 });
    await vi.waitFor(() => expect(of('ended')).toEqual([{ t: 'ended', taskId: 'b', epoch: 1 }]), SOON);
    peer?.send({ t: 'stop', taskId: 'a', epoch: 2 });
    await vi.waitFor(() => expect(of('ended')).toHaveLength(2), SOON);
  });

  it('begins a newer claim only when the former run has ended, and does not hear an older one', async () => {
    for (const epoch of [2, 1, 5, 4]) peer?.send({ t: 'start', order: order(epoch) });
    await vi.waitFor(() => expect(of('news').some(({ news }) => news.epoch === 5)).toBe(true), SOON);
    const ended = heard.findIndex(message => message.t === 'ended' && message.epoch === 2);
    const begun = heard.findIndex(message => message.t === 'news' && message.news.epoch === 5);
    expect(ended).toBeGreaterThanOrEqual(0);
    expect(begun).toBeGreaterThan(ended);
    expect(of('news').map(({ news }) => news.epoch)).not.toContain(4);
  });

  it('introduces itself with its runs to the next control process', async () => {
    peer?.send({ t: 'start', order: order(1) });
    await vi.waitFor(() => expect(of('news')).not.toEqual([]), SOON);
    await channel.close();
    heard.length = 0;
    await listen();
    await vi.waitFor(() => expect(of('hello')).toHaveLength(1), SOON);
    expect(of('hello')[0]).toMatchObject({ pid: child.pid, runs: [{ taskId: 'a', epoch: 1 }] });
  });

  it('tells the next control process what its runs have seen meanwhile, behind the introduction', async () => {
    peer?.send({ t: 'start', order: listOrder });
    await vi.waitFor(() => expect(failed()).not.toEqual([]), SOON);
    await channel.close();
    const before = failed().length;
    // Files fail at one a second: at least one does so before the next control process listens.
    await new Promise(resolve => setTimeout(resolve, 1_200));
    const helloAt = heard.length;
    await listen();
    await vi.waitFor(() => expect(failed().length).toBeGreaterThan(before + 1), SOON);
    expect(heard[helloAt]?.t).toBe('hello');
    expect(failed()).toEqual(failed().map((_, at) => at));
  });

  it('ends by itself when no control process comes back', async () => {
    await channel.close();
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(readFileSync(join(folder, 'worker-3.log'), 'utf8')).toContain('no control process');
  });

  it('leaves a Ctrl-C to control, and ends cleanly on SIGTERM', async () => {
    child.kill('SIGINT');
    peer?.send({ t: 'start', order: order(1) });
    await vi.waitFor(() => expect(of('news')).not.toEqual([]), SOON);
    child.kill('SIGTERM');
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(of('ended')).toHaveLength(1);
  });

  it('never names a stream key', async () => {
    peer?.send({ t: 'start', order: order(1) });
    peer?.send({ t: 'start', order: { ...order(1), destination: 'nonsense://user:secretkey@h/secretkey' } });
    await vi.waitFor(() => expect(of('reports').some(({ reports }) => reports.length > 0)).toBe(true), SOON);
    expect(JSON.stringify(heard)).not.toMatch(/secretkey|secrettoken/);
    expect(readFileSync(join(folder, 'worker-3.log'), 'utf8')).not.toMatch(/secretkey|secrettoken/);
  });
});
