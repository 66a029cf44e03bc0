import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Progress } from '../store/store.ts';
import {
  type Child,
  type ChildEnd,
  dialChannel,
  type RunNews,
  type RunOrder,
  type RunReport,
  type ToWorker,
} from '../worker/channel.ts';
import { DataDirectoryInUse } from '../worker/control-socket.ts';
import { originProcess, workerProcess } from '../worker/spawn.ts';
import { type Machine, thisMachine } from './machine.ts';
import type { RunListener } from './placements.ts';
import { OriginPortTaken, Supervisor, type SupervisorOptions } from './supervisor.ts';
import { birthOf } from './survivors.ts';

const SOON = { timeout: 15_000, interval: 20 };
const now = (): number => performance.now();
const isAlive = (pid: number): boolean => birthOf(pid) !== undefined;

/** What stands for the rest of control: notes everything, and places again what was lost when told to. */
class Listener implements RunListener {
  readonly heard: RunNews[] = [];
  readonly losses: { taskId: string; epoch: number; reason: string; atMs: number }[] = [];
  readonly offered: RunReport[] = [];
  readonly stillThere: RunReport[] = [];
  readonly progresses: Progress[] = [];
  readonly reaches: Progress[] = [];
  wanted: readonly string[] = [];
  onLost: (taskId: string, epoch: number) => void = () => {};

  news(news: RunNews): void {
    this.heard.push(news);
  }

  lost(taskId: string, epoch: number, reason: string): void {
    this.losses.push({ taskId, epoch, reason, atMs: now() });
    this.onLost(taskId, epoch);
  }

  reported(): void {}

  reached(progress: Progress): void {
    this.reaches.push(progress);
  }
  progress(progress: Progress): void {
    this.progresses.push(progress);
  }

  carried(report: RunReport): void {
    this.stillThere.push(report);
  }

  adopt(reports: readonly RunReport[]): Promise<readonly string[]> {
    this.offered.push(...reports);
    return Promise.resolve(this.wanted);
  }
}

/** An order whose source nobody serves: it is tried for ever. */
const order = (taskId: string, epoch = 1): RunOrder => ({
  taskId,
  epoch,
  source: { kind: 'live', url: 'rtmp://127.0.0.1:9/live/in' },
  destination: 'rtmp://127.0.0.1:9/live/out',
});

describe('the supervisor', { timeout: 40_000 }, () => {
  let folder: string;
  let listener: Listener;
  const open: Supervisor[] = [];
  const pids = new Set<number>();

  const worker = (slot: number): Child =>
    noted(
      workerProcess({
        channel: join(folder, 'control.sock'),
        slot,
        logFolder: join(folder, 'log'),
        network: 'lab',
        orphanMs: 5_000,
      }),
    );
  const origin = (listen: string): Child =>
    noted(originProcess({ channel: join(folder, 'control.sock'), slot: 0, logFolder: join(folder, 'log'), listen }));
  const noted = (child: Child): Child => {
    if (child.pid !== undefined) pids.add(child.pid);
    return child;
  };
  const make = (options: Partial<SupervisorOptions> = {}): Supervisor => {
    const supervisor = new Supervisor({
      socketPath: join(folder, 'control.sock'),
      childrenFile: join(folder, 'children.json'),
      workers: 1,
      spawn: worker,
      listener,
      now,
      log: () => {},
      ...options,
    });
    open.push(supervisor);
    return supervisor;
  };
  const started = async (options: Partial<SupervisorOptions> = {}): Promise<Supervisor> => {
    const supervisor = make(options);
    await supervisor.start();
    return supervisor;
  };
  const reported = (supervisor: Supervisor, taskId: string, epoch = 1): Promise<void> =>
    vi.waitFor(() => expect(supervisor.report(taskId)).toMatchObject({ epoch, state: 'broken' }), SOON);
  const childPids = (): number[] => {
    const children = JSON.parse(readFileSync(join(folder, 'children.json'), 'utf8')) as { pid: number }[];
    return children.map(({ pid }) => pid);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'supervisor-'));
    listener = new Listener();
  });
  afterEach(async () => {
    for (const supervisor of open.splice(0)) await supervisor.close({ stopWorkers: true });
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    pids.clear();
    await rm(folder, { recursive: true, force: true });
  });

  it('starts its workers, gives them runs evenly, and hears of them', async () => {
    const supervisor = await started({ workers: 2 });
    expect(supervisor.ready).toBe(true);
    for (const taskId of ['a', 'b', 'c', 'd']) supervisor.place(order(taskId));
    await Promise.all(['a', 'b', 'c', 'd'].map(taskId => reported(supervisor, taskId)));
    const failed = listener.heard.find(({ taskId }) => taskId === 'a');
    expect(failed).toMatchObject({ type: 'broke', side: 'pull', epoch: 1 });
    for (const taskId of ['a', 'b']) supervisor.stop(taskId, 1);
    await vi.waitFor(() => expect(supervisor.report('a')).toBeUndefined(), SOON);
    expect(supervisor.report('c')).toBeDefined();
  });

  it.each(['before', 'behind'])('takes a stop %s the end of a run that has given up', async when => {
    const supervisor = await started();
    const news = listener.news.bind(listener);
    listener.news = one => {
      news(one);
      if (when === 'before' && one.type === 'gaveUp') supervisor.stop('a', 1);
    };
    supervisor.place({ ...order('a'), retry: { count: 0, intervalMs: 60_000, eager: true } });
    await vi.waitFor(() => expect(listener.heard.map(({ type }) => type)).toEqual(['gaveUp']), SOON);
    await vi.waitFor(() => expect(supervisor.totals.runs).toBe(0), SOON);
    supervisor.stop('a', 1);
    supervisor.place(order('a', 2));
    await reported(supervisor, 'a', 2);
    expect(listener.losses).toEqual([]);
  });

  it('loses the runs of a worker that somebody else has told to end, and that is over before its process', async () => {
    const supervisor = await started();
    supervisor.place(order('a'));
    supervisor.place(order('b'));
    await Promise.all(['a', 'b'].map(taskId => reported(supervisor, taskId)));
    supervisor.stop('b', 1);
    for (const pid of childPids()) process.kill(pid, 'SIGTERM');
    await vi.waitFor(() => expect(listener.losses).toMatchObject([{ taskId: 'a', epoch: 1 }]), SOON);
    expect(supervisor.totals.runs).toBe(0);
  });

  it('sums up how many runs there are and what they have dropped', async () => {
    const supervisor = await started();
    expect(supervisor.totals).toEqual({ runs: 0, dropped: {} });
    for (const taskId of ['a', 'b']) supervisor.place(order(taskId));
    await Promise.all(['a', 'b'].map(taskId => reported(supervisor, taskId)));
    expect(supervisor.totals).toEqual({ runs: 2, dropped: { disposable: 0, untilKey: 0, beforeKey: 0 } });
  });

  it('tells how far a list has come when its run is brought in, as it reports, and when it ends', async () => {
    const sleeper = spawn('sleep', ['60']);
    const { pid = 0 } = sleeper;
    const exited = new Promise<ChildEnd>(resolve => sleeper.once('exit', (code, signal) => resolve({ code, signal })));
    const point = (offsetMs: number) => ({ version: 1, url: 'http://f.example/a.mp4', round: 0, index: 0, offsetMs });
    const report = (offsetMs: number, epoch = 1): RunReport => ({
      ...{ taskId: 'a', epoch, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
      ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0, breakpoint: point(offsetMs) },
    });
    const life = new AbortController();
    const peer = dialChannel(
      join(folder, 'control.sock'),
      { hello: () => ({ t: 'hello', role: 'worker', slot: 0, pid, runs: [report(1)] }), message: () => {} },
      { signal: life.signal, retryMs: 50 },
    );
    listener.wanted = ['a'];
    await started({ spawn: () => noted({ pid, exited, kill: signal => void sleeper.kill(signal) }) });
    peer.send({ t: 'reports', reports: [report(2), report(99, 7)] });
    const places = [1, 7].map(epoch => ({ taskId: 'a', epoch, breakpoint: point(2) }));
    peer.send({ t: 'places', places });
    for (const offsetMs of [3, 99]) peer.send({ t: 'ended', taskId: 'a', epoch: 1, breakpoint: point(offsetMs) });
    peer.send({ t: 'news', news: { taskId: 'a', epoch: 1, type: 'flowing', side: 'run', reason: 'the last word' } });
    await vi.waitFor(() => expect(listener.heard).toHaveLength(1), SOON);
    expect(listener.progresses.map(({ breakpoint }) => breakpoint.offsetMs)).toEqual([1, 2, 3]);
    expect(listener.reaches).toEqual(places.slice(0, 1));
    life.abort();
    sleeper.kill('SIGKILL');
  });

  it('replaces a worker that was killed and tells what was lost, so that it runs again within three seconds', async () => {
    const supervisor = await started();
    supervisor.place(order('a'));
    await reported(supervisor, 'a');
    const [pid = 0] = childPids();
    listener.onLost = (taskId, epoch) => supervisor.place(order(taskId, epoch + 1));
    const killedAtMs = now();
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(listener.heard.some(({ epoch }) => epoch === 2)).toBe(true), SOON);
    expect(now() - killedAtMs).toBeLessThan(3_000);
    expect(listener.losses).toMatchObject([{ taskId: 'a', epoch: 1, reason: expect.stringContaining('SIGKILL') }]);
    expect(childPids()).not.toContain(pid);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  it('gives the runs of a lost worker to the others', async () => {
    const supervisor = await started({ workers: 2 });
    supervisor.place(order('a'));
    supervisor.place(order('b'));
    await Promise.all([reported(supervisor, 'a'), reported(supervisor, 'b')]);
    listener.onLost = (taskId, epoch) => supervisor.place(order(taskId, epoch + 1));
    process.kill(childPids()[0] ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(listener.losses).toHaveLength(1), SOON);
    await reported(supervisor, listener.losses[0]?.taskId ?? '', 2);
    await vi.waitFor(() => expect(supervisor.ready).toBe(true), SOON);
  });

  it('kills a worker that has stopped to report, within about three seconds', async () => {
    const supervisor = await started();
    supervisor.place(order('a'));
    await reported(supervisor, 'a');
    const [pid = 0] = childPids();
    const stoppedAtMs = now();
    process.kill(pid, 'SIGSTOP');
    await vi.waitFor(() => expect(listener.losses).toHaveLength(1), SOON);
    expect((listener.losses[0]?.atMs ?? 0) - stoppedAtMs).toBeLessThan(4_000);
    expect(isAlive(pid)).toBe(false);
    await vi.waitFor(() => expect(supervisor.ready).toBe(true), SOON);
  });

  it('takes over the workers of a supervisor that went away, with the runs that are still wanted', async () => {
    const former = await started({ workers: 2 });
    former.place(order('kept'));
    former.place(order('dropped'));
    await Promise.all([reported(former, 'kept'), reported(former, 'dropped')]);
    const before = childPids();
    await former.close({ stopWorkers: false });
    listener.wanted = ['kept'];
    const beganAtMs = now();
    const next = await started({ workers: 2 });
    expect(now() - beganAtMs).toBeLessThan(2_000);
    expect(childPids()).toEqual(before);
    expect(listener.offered.map(({ taskId }) => taskId).sort()).toEqual(['dropped', 'kept']);
    await reported(next, 'kept');
    await vi.waitFor(() => expect(next.report('dropped')).toBeUndefined(), SOON);
    expect(listener.losses).toEqual([]);
    next.place({ ...order('kept'), source: { kind: 'live', url: 'rtmp://127.0.0.1:9/live/other' } });
    await reported(next, 'kept');
  });

  it('takes over workers that are quicker than its own start', async () => {
    const options = {
      workers: 2,
      spawnOrigin: () => origin('127.0.0.1:0'),
      editions: { worker: 'one', origin: 'one' },
    };
    const former = await started(options);
    const before = childPids();
    await former.close({ stopWorkers: false });
    let greeted = 0;
    const listen: Machine['listen'] = async (path, accept) => {
      const door = await thisMachine.listen(path, peer => {
        const talk = accept(peer);
        return {
          message: message => {
            talk.message(message);
            greeted++;
          },
          closed: talk.closed,
        };
      });
      await vi.waitFor(() => expect(greeted).toBeGreaterThan(2), SOON);
      return door;
    };
    await started({ ...options, machine: { ...thisMachine, listen } });
    expect(childPids()).toEqual(before);
    expect(before.filter(isAlive)).toEqual(before);
  });

  it('sends no worker home that dials while it lets go of them', async () => {
    const former = await started();
    former.place(order('a'));
    await reported(former, 'a');
    const [pid = 0] = childPids();
    process.kill(pid, 'SIGSTOP');
    const left = former.close({ stopWorkers: false });
    const heard: ToWorker[] = [];
    const life = new AbortController();
    const late = Promise.withResolvers<void>();
    dialChannel(
      join(folder, 'control.sock'),
      {
        hello: () => ({ t: 'hello', role: 'worker', slot: 0, pid, runs: [] }),
        message: message => heard.push(message),
        closed: late.resolve,
      },
      { signal: life.signal, retryMs: 60_000 },
    );
    await late.promise;
    expect(heard).toEqual([]);
    life.abort();
    process.kill(pid, 'SIGCONT');
    await left;
  });

  it('tells of the loss of a run that it took over', async () => {
    const former = await started();
    former.place(order('a', 7));
    await reported(former, 'a', 7);
    await former.close({ stopWorkers: false });
    listener.wanted = ['a'];
    const next = await started();
    process.kill(childPids()[0] ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(listener.losses).toMatchObject([{ taskId: 'a', epoch: 7 }]), SOON);
    await vi.waitFor(() => expect(next.ready).toBe(true), SOON);
  });

  it('moves the runs of workers of another edition to fresh ones, and ends the old ones', async () => {
    const former = await started({ workers: 2, editions: { worker: 'one', origin: '' } });
    for (const taskId of ['a', 'b', 'c']) former.place(order(taskId));
    await Promise.all(['a', 'b', 'c'].map(taskId => reported(former, taskId)));
    const before = childPids();
    await former.close({ stopWorkers: false });
    listener.wanted = ['a', 'b', 'c'];
    const next = make({ workers: 2, editions: { worker: 'two', origin: '' } });
    listener.onLost = (taskId, epoch) => next.place(order(taskId, epoch + 1));
    await next.start();
    await Promise.all(['a', 'b', 'c'].map(taskId => reported(next, taskId, 2)));
    expect(listener.losses.map(({ taskId }) => taskId).sort()).toEqual(['a', 'b', 'c']);
    expect(new Set(listener.losses.map(({ reason }) => reason))).toEqual(new Set(['moved to another worker']));
    const [first = 0, second = 0, third = 0] = listener.losses.map(({ atMs }) => atMs);
    expect(Math.min(second - first, third - second)).toBeGreaterThan(200);
    await vi.waitFor(() => expect(before.filter(isAlive)).toEqual([]), SOON);
    await vi.waitFor(() => expect(childPids()).toHaveLength(2), SOON);
    expect(next.ready).toBe(true);
  });

  it('moves the runs of workers beyond the number that is wanted now', async () => {
    const former = await started({ workers: 3 });
    for (const taskId of ['a', 'b', 'c']) former.place(order(taskId));
    await Promise.all(['a', 'b', 'c'].map(taskId => reported(former, taskId)));
    const before = childPids();
    await former.close({ stopWorkers: false });
    listener.wanted = ['a', 'b', 'c'];
    const next = make({ workers: 1 });
    listener.onLost = (taskId, epoch) => next.place(order(taskId, epoch + 1));
    await next.start();
    await vi.waitFor(() => expect(before.filter(isAlive)).toHaveLength(1), SOON);
    expect(listener.losses).toHaveLength(2);
    await vi.waitFor(() => expect(childPids()).toEqual(before.filter(isAlive)), SOON);
  });

  it('keeps an RTMP server of the same edition, and replaces one of another at once', async () => {
    const spawnOrigin = () => origin('127.0.0.1:0');
    const former = await started({ spawnOrigin, editions: { worker: '', origin: 'one' } });
    const address = former.originAddress;
    await former.close({ stopWorkers: false });
    const second = await started({ spawnOrigin, editions: { worker: 'x', origin: 'one' } });
    expect(second.originAddress).toBe(address);
    await second.close({ stopWorkers: false });
    const third = await started({ spawnOrigin, editions: { worker: 'x', origin: 'two' } });
    expect(third.originAddress).toMatch(/^rtmp:/);
    expect(third.originAddress).not.toBe(address);
    expect(third.ready).toBe(true);
  });

  it('kills a survivor that does not introduce itself before it fills the place again', async () => {
    const former = await started();
    const [pid = 0] = childPids();
    await former.close({ stopWorkers: false });
    process.kill(pid, 'SIGSTOP');
    const next = await started();
    expect(isAlive(pid)).toBe(false);
    expect(next.ready).toBe(true);
  });

  it('leaves a stranger alone that has got the pid of a former child', async () => {
    const { pid = 0 } = spawn('sleep', ['60']);
    pids.add(pid);
    const children = [{ role: 'worker', slot: 0, pid, birth: 'another boot/1' }];
    await writeFile(join(folder, 'children.json'), JSON.stringify(children));
    await started();
    expect(childPids()).not.toContain(pid);
    expect(isAlive(pid)).toBe(true);
  });

  it('places what was ordered while a worker was away', async () => {
    const supervisor = make();
    const starting = supervisor.start();
    supervisor.place(order('early'));
    supervisor.place(order('regretted'));
    supervisor.stop('regretted', 1);
    await starting;
    await reported(supervisor, 'early');
    expect(supervisor.report('regretted')).toBeUndefined();
  });

  it('puts a newer claim where the older run is, and does not hear an older order', async () => {
    const supervisor = await started({ workers: 2 });
    supervisor.place(order('a', 3));
    await reported(supervisor, 'a', 3);
    supervisor.place(order('a', 2));
    supervisor.stop('a', 2);
    supervisor.stop('a', 3);
    supervisor.place(order('a', 4));
    await reported(supervisor, 'a', 4);
    await vi.waitFor(() => expect(listener.heard.at(-1)).toMatchObject({ epoch: 4 }), SOON);
    const epochs = listener.heard.map(({ epoch }) => epoch);
    expect(epochs).toEqual([...epochs].sort());
    expect(epochs).not.toContain(2);
  });

  it('ends its workers and leaves no process behind', async () => {
    const supervisor = await started({ workers: 2, spawnOrigin: () => origin('127.0.0.1:0') });
    const before = childPids();
    expect(before).toHaveLength(3);
    await supervisor.close({ stopWorkers: true });
    expect(before.filter(isAlive)).toEqual([]);
    expect(existsSync(join(folder, 'children.json'))).toBe(false);
    expect(listener.losses).toEqual([]);
  });

  it('kills a worker that stands still when it is to end', async () => {
    const supervisor = await started({ workers: 2 });
    const before = childPids();
    process.kill(before[0] ?? 0, 'SIGSTOP');
    const askedAtMs = now();
    await supervisor.close({ stopWorkers: true });
    expect(before.filter(isAlive)).toEqual([]);
    expect(now() - askedAtMs).toBeLessThan(8_000);
  });

  it('starts the RTMP server, knows its address, and replaces it', async () => {
    const supervisor = await started({ workers: 1, spawnOrigin: () => origin('127.0.0.1:0') });
    expect(supervisor.originAddress).toMatch(/^rtmp:\/\/127\.0\.0\.1:\d+$/);
    process.kill(childPids()[1] ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(supervisor.originAddress).toBeUndefined(), SOON);
    expect(supervisor.ready).toBe(false);
    await vi.waitFor(() => expect(supervisor.ready).toBe(true), SOON);
  });

  it('does not start where the RTMP port is taken, and leaves nothing behind', async () => {
    const holder = await started({ spawnOrigin: () => origin('127.0.0.1:0') });
    const other = await mkdtemp(join(tmpdir(), 'supervisor-'));
    const address = holder.originAddress?.replace('rtmp://', '') ?? '';
    const second = make({
      socketPath: join(other, 'control.sock'),
      childrenFile: join(other, 'children.json'),
      workers: 0,
      spawnOrigin: () =>
        noted(originProcess({ channel: join(other, 'control.sock'), slot: 0, logFolder: other, listen: address })),
    });
    await expect(second.start()).rejects.toThrow(OriginPortTaken);
    await rm(other, { recursive: true });
  });

  it('does not start beside another one', async () => {
    await started();
    await expect(make().start()).rejects.toThrow(DataDirectoryInUse);
  });

  it('calms down when a worker crashes over and over', async () => {
    let starts = 0;
    const end: ChildEnd = { code: 1, signal: null };
    const crashing = (): Child => {
      starts++;
      return { pid: undefined, exited: Promise.resolve(end), kill: () => {} };
    };
    const supervisor = await started({ spawn: crashing });
    expect(supervisor.ready).toBe(false);
    expect(starts).toBe(6);
    await vi.waitFor(() => expect(starts).toBe(7), SOON);
  });

  it('fails to start, and leaves the survivors to another one, where their runs cannot be looked up', async () => {
    const former = await started();
    former.place(order('a'));
    await reported(former, 'a');
    const before = childPids();
    await former.close({ stopWorkers: false });
    const broken = make({
      listener: {
        news: () => {},
        lost: () => {},
        carried: () => {},
        progress: () => {},
        reported: () => {},
        reached: () => {},
        adopt: () => Promise.reject(new Error('the disk is gone')),
      },
    });
    await expect(broken.start()).rejects.toThrow('the disk is gone');
    listener.wanted = ['a'];
    const next = await started();
    expect(childPids()).toEqual(before);
    await reported(next, 'a');
  });

  it('is survived by its workers for a while only', async () => {
    const supervisor = await started();
    const [pid = 0] = childPids();
    await supervisor.close({ stopWorkers: false });
    const leftAtMs = now();
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), SOON);
    expect(now() - leftAtMs).toBeGreaterThan(4_000);
  });
});
