import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import type { Task } from '../task/task.ts';
import type { RunReport } from '../worker/channel.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

const INGEST = { kind: 'ingest', domain: 'push.example', app: 'live', stream: 'a', args: 'k=1' } as const;

let room: Rehearsal;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(() => room.close());

const stored = (task: Task) => room.tasks.get(OWNER, task.id);
const alarmsOf = async (task: Task) =>
  (await room.store.events(task.id, 0, 100)).filter(({ type }) => type === 'alarm').map(({ detail }) => detail.alarm);

/** Started, with nothing heard from its run yet. */
async function opening(change?: Parameters<Rehearsal['spec']>[0]): Promise<Task> {
  const { id } = await room.tasks.create(OWNER, room.spec(change));
  await room.scheduler.tick();
  return room.tasks.get(OWNER, id);
}

const report = (task: Task, state: RunReport['state'], epoch = task.epoch): RunReport => ({
  ...{ taskId: task.id, epoch, state, reason: 'seen meanwhile', pushEpoch: 1, pullEpoch: 1 },
  ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
});

describe('a claimed task', () => {
  it('is placed with its source, its whole destination and its epoch', async () => {
    const destination = { kind: 'url', url: 'rtmp://dst.example/live/b', args: '?token=1' } as const;
    const task = await opening({ destination });
    await vi.waitFor(() =>
      expect(room.orders).toEqual([
        {
          taskId: task.id,
          epoch: 1,
          source: { kind: 'live', url: 'rtmp://src.example/live/a' },
          destination: 'rtmp://dst.example/live/b?token=1',
        },
      ]),
    );
  });

  it('is placed with whom to believe of its source and of its destination', async () => {
    const pin = (letter: string) => ({ pins: [`sha256/${letter.repeat(43)}=`] });
    await opening({
      source: { kind: 'live', url: 'rtmps://src.example/live/a', tls: pin('A') },
      destination: { kind: 'url', url: 'rtmps://dst.example/live/b', args: '', tls: pin('B') },
    });
    await vi.waitFor(() => expect(room.orders).toMatchObject([{ source: { tls: pin('A') }, tls: pin('B') }]));
  });

  it('pushes to where the domains table points when the run starts', async () => {
    await room.store.putDomain({ name: 'push.example', target: 'rtmp://127.0.0.1:1935', accountId: 'acme' });
    await opening({ destination: INGEST });
    await vi.waitFor(() => expect(room.orders[0]?.destination).toBe('rtmp://127.0.0.1:1935/live/a?k=1'));
  });

  it('waits with a reason while its domain is not in the table, and starts when it is', async () => {
    const task = await opening({ destination: INGEST });
    await vi.waitFor(async () =>
      expect(await stored(task)).toMatchObject({
        status: 'recovering',
        reason: 'the ingest domain push.example is not in the domains table',
      }),
    );
    expect(await alarmsOf(task)).toEqual(['PushStreamFailed']);
    await room.store.putDomain({ name: 'push.example', target: 'rtmp://127.0.0.1:1935', accountId: 'acme' });
    for (let tick = 0; tick < 8; tick += 1) await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(1));
    expect(room.orders[0]?.epoch).toBe(task.epoch);
  });

  it('is not placed when it was paused while the cluster was still deciding', async () => {
    await room.close();
    const asked: ((won: boolean) => void)[] = [];
    const claim: Cluster['claim'] = () => new Promise(resolve => asked.push(resolve));
    room = await rehearse({ cluster: { claim, release: async () => undefined } });
    const task = await opening();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    asked[0]?.(true);
    await room.tasks.change(OWNER, task.id, { enabled: true });
    await room.scheduler.tick();
    asked[1]?.(true);
    await vi.waitFor(() => expect(room.orders.map(({ epoch }) => epoch)).toEqual([3]));
    expect(room.stops).toEqual([{ taskId: task.id, epoch: 1 }]);
  });

  it('is placed with the source it was given while the cluster was still deciding', async () => {
    await room.close();
    const asked: ((won: boolean) => void)[] = [];
    const claim: Cluster['claim'] = () => new Promise(resolve => asked.push(resolve));
    room = await rehearse({ cluster: { claim, release: async () => undefined } });
    const task = await opening();
    const source = { kind: 'live', url: 'rtmp://src.example/live/late' } as const;
    await room.tasks.change(OWNER, task.id, { source });
    asked[0]?.(true);
    await vi.waitFor(() => expect(room.orders.map(order => order.source)).toEqual([source]));
  });

  it('does not wait for a claim that hangs beside it, and tries that again after its deadline', async () => {
    await room.close();
    let hangs = true;
    const claim: Cluster['claim'] = () => (hangs ? new Promise(() => undefined) : Promise.resolve(true));
    room = await rehearse({ cluster: { claim, release: async () => undefined } });
    const slow = await opening();
    hangs = false;
    const quick = await opening();
    await vi.waitFor(() => expect(room.orders.map(({ taskId }) => taskId)).toEqual([quick.id]));
    await room.clock.pass(10_000, 1000);
    await vi.waitFor(async () => expect(await stored(slow)).toMatchObject({ status: 'recovering' }));
    for (let tick = 0; tick < 8; tick += 1) await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders.map(({ taskId }) => taskId)).toEqual([quick.id, slow.id]));
  });
});

describe('what a run reports', () => {
  it('is told with the reason of the moment, in times of the wall', async () => {
    const task = await room.onAir();
    expect(room.claims.runOf(task.id)).toBeUndefined();
    const health = { stateForMs: 2_000, attempt: 2, retryInMs: 5_000, faults: { 'pull.closed': 2 } };
    room.claims.reported({ ...report(task, 'broken'), health });
    expect(room.claims.runOf(task.id)).toMatchObject({
      since: room.clock.now() - 2_000,
      nextRetryAt: room.clock.now() + 5_000,
      reason: expect.stringMatching(/^seen meanwhile \(2 tries have failed, the next try is at /),
    });
  });

  it('is not heard of a run of another epoch, and forgotten with the task', async () => {
    const task = await room.onAir();
    room.claims.reported(report(task, 'flowing', task.epoch + 1));
    expect(room.claims.runOf(task.id)).toBeUndefined();
    room.claims.reported(report(task, 'flowing'));
    expect(room.claims.runOf(task.id)).toBeDefined();
    await room.tasks.delete(OWNER, task.id);
    expect(room.claims.runOf(task.id)).toBeUndefined();
  });
});

describe('what a run says', () => {
  it('is told with the tries that have failed and the time of the next one', async () => {
    const task = await opening();
    await room.say(task, { type: 'broke', reason: 'gone', failure: { kind: 'closed', attempt: 3, retryInMs: 1_000 } });
    const at = new Date(room.clock.now() + 1_000).toISOString().slice(0, 19);
    const said = `gone (3 tries have failed, the next try is at ${at}Z)`;
    expect((await stored(task)).reason).toBe(said);
    expect(room.events.filter(({ type }) => type === 'alarm').map(({ reason }) => reason)).toEqual([said]);
  });

  it('makes the task run, and says the first time that it is the first', async () => {
    const task = await room.onAir();
    await room.say(task, { type: 'broke' });
    await room.say(task, { type: 'flowing' });
    const flowing = room.events.filter(({ type }) => type === 'flowing');
    expect(flowing.map(({ detail }) => detail.first ?? false)).toEqual([true, false]);
    expect(await stored(task)).toMatchObject({ status: 'running', reason: '' });
  });

  it('stops the task when it gives up', async () => {
    const task = await room.onAir();
    await room.say(task, { type: 'gaveUp', side: 'run', reason: 'too many bugs' });
    expect(await stored(task)).toMatchObject({ status: 'stopped', movedBy: 'gaveUp', reason: 'too many bugs' });
    expect(room.stops).toHaveLength(1);
  });

  it('is told again when the store could not take it', async () => {
    await room.close();
    let isFull = false;
    const full = () => Promise.reject(new Error('disk full'));
    room = await rehearse({
      store: store => ({ ...store, change: (id, decide) => (isFull ? full() : store.change(id, decide)) }),
    });
    const task = await room.onAir();
    isFull = true;
    await room.say(task, { type: 'broke' });
    isFull = false;
    await room.scheduler.tick();
    expect(await stored(task)).toMatchObject({ status: 'recovering' });
  });
});

describe('a lost run', () => {
  it('is claimed again under a higher epoch and placed again', async () => {
    const task = await room.onAir();
    room.claims.lost(task.id, task.epoch, 'its worker died');
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
    expect(room.orders[1]).toMatchObject({ taskId: task.id, epoch: task.epoch + 1 });
    expect(await stored(task)).toMatchObject({ status: 'recovering', reason: 'its worker died' });
  });

  it('is claimed again when it had not flowed yet', async () => {
    const task = await opening();
    room.claims.lost(task.id, task.epoch, 'its worker died');
    await vi.waitFor(() => expect(room.orders.map(({ epoch }) => epoch)).toEqual([1, 2]));
  });

  it('is not claimed again for an older epoch, nor after a pause', async () => {
    const task = await room.onAir();
    room.claims.lost(task.id, task.epoch - 1, 'an echo');
    const paused = room.tasks.change(OWNER, task.id, { enabled: false });
    room.claims.lost(task.id, task.epoch, 'its worker died');
    await paused;
    await room.store.checkWritable();
    await room.scheduler.tick();
    expect(await stored(task)).toMatchObject({ status: 'stopped' });
    expect(room.orders).toHaveLength(1);
  });

  it('still counts as the same start', async () => {
    const task = await room.onAir();
    room.claims.lost(task.id, task.epoch, 'its worker died');
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
    await room.say(await stored(task), { type: 'flowing' });
    expect(room.events.at(-1)).toMatchObject({ type: 'flowing', detail: {} });
  });

  it('is claimed again on a later tick when the store could not take it', async () => {
    await room.close();
    let isFull = false;
    const full = () => Promise.reject(new Error('disk full'));
    room = await rehearse({
      store: store => ({ ...store, change: (id, decide) => (isFull ? full() : store.change(id, decide)) }),
    });
    const task = await room.onAir();
    isFull = true;
    room.claims.lost(task.id, task.epoch, 'its worker died');
    await vi.waitFor(() => expect(room.logs).toHaveLength(1));
    isFull = false;
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
  });
});

describe('a run whose tries are counted', () => {
  const retry = { count: 3, intervalMs: 60_000 };

  it('is told them, and whether it may try in between', async () => {
    await room.onAir({ retry });
    expect(room.orders).toEqual([expect.objectContaining({ retry: { ...retry, eager: true } })]);
  });

  it('is told others at once', async () => {
    const task = await room.onAir({ retry });
    await room.tasks.change(OWNER, task.id, { retry: { ...retry, count: 5 } });
    await room.tasks.change(OWNER, task.id, { retry: null });
    expect(room.orders.map(order => order.retry?.count)).toEqual([3, 5, undefined]);
    expect(new Set(room.orders.map(({ epoch }) => epoch)).size).toBe(1);
  });

  it.each([
    ['pull', 'source'],
    ['push', 'destination'],
  ] as const)('stops its task when it has given its %s side up', async (side, cause) => {
    const task = await room.onAir({ retry });
    await room.say(task, { type: 'broke', side });
    await room.say(task, { type: 'gaveUp', side, reason: 'gave up' });
    expect(await stored(task)).toMatchObject({ status: 'stopped', movedBy: 'gaveUp', cause, reason: 'gave up' });
    expect(room.stops).toEqual([{ taskId: task.id, epoch: task.epoch }]);
    await room.scheduler.tick();
    expect(room.orders).toHaveLength(1);
  });

  it('stops its task also when it had never been on air', async () => {
    const task = await opening({ retry: { ...retry, count: 0 } });
    await room.say(task, { type: 'gaveUp', side: 'pull' });
    expect(await stored(task)).toMatchObject({ status: 'stopped', startedAt: null });
  });

  it('has all of them again in the run that follows a killed worker, and is not heard any more itself', async () => {
    const task = await room.onAir({ retry });
    await room.say(task, { type: 'broke' });
    room.claims.lost(task.id, task.epoch, 'its worker died');
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
    expect(room.orders[1]).toMatchObject({ epoch: task.epoch + 1, retry: { ...retry, eager: true } });
    await room.say(task, { type: 'gaveUp' });
    expect(await stored(task)).toMatchObject({ status: 'recovering' });
  });

  it('starts over when its user says so behind its giving up', async () => {
    const task = await room.onAir({ retry });
    await room.say(task, { type: 'gaveUp' });
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await room.tasks.change(OWNER, task.id, { enabled: true });
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
    expect(room.orders[1]?.epoch).toBeGreaterThan(task.epoch);
  });
});

describe('a run whose worker was out of reach for a moment', () => {
  const report = (task: Task, state: RunReport['state']): RunReport => ({
    ...{ taskId: task.id, epoch: task.epoch, state, reason: 'the source is gone', pushEpoch: 1, pullEpoch: 1 },
    ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
  });

  it('is told as it stands now', async () => {
    const task = await room.onAir();
    room.claims.carried(report(task, 'broken'));
    await vi.waitFor(async () => expect(await stored(task)).toMatchObject({ status: 'recovering' }));
    room.claims.carried(report(task, 'flowing'));
    await vi.waitFor(async () => expect(await stored(task)).toMatchObject({ status: 'running' }));
  });

  it('is no news where nothing has changed, or where the claim is another by now', async () => {
    const task = await room.onAir();
    const { length } = room.events;
    room.claims.carried(report(task, 'flowing'));
    room.claims.carried({ ...report(task, 'broken'), epoch: task.epoch - 1 });
    await room.scheduler.tick();
    expect(room.events).toHaveLength(length);
  });
});

describe('a run whose task is started over', () => {
  it('ends, and another follows under a higher epoch', async () => {
    const task = await room.onAir();
    await room.record.tell(task.id, { type: 'restarted', cause: 'user', reason: 'started over' });
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
    expect(room.stops).toEqual([{ taskId: task.id, epoch: task.epoch }]);
    expect(room.orders[1]?.epoch).toBeGreaterThan(task.epoch + 1);
  });
});

describe('a closed room', () => {
  it('hears no more of the runs that end with it', async () => {
    const task = await room.onAir();
    room.claims.close();
    room.claims.lost(task.id, task.epoch, 'its worker was told to go');
    await room.say(task, { type: 'broke' });
    expect(await stored(task)).toEqual(task);
  });
});

describe('after a restart of the control process', () => {
  it('a run that a worker brings back is kept, and its order said again', async () => {
    const task = await room.onAir();
    room = await room.again();
    expect(await room.claims.adopt([report(task, 'flowing')])).toEqual([task.id]);
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(1));
    expect(room.orders[0]).toMatchObject({ taskId: task.id, epoch: task.epoch });
    expect(await stored(task)).toEqual(task);
  });

  it('a run is claimed again when no worker brings it back', async () => {
    const task = await room.onAir();
    const early = await opening();
    room = await room.again();
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
    expect(await stored(task)).toMatchObject({ status: 'recovering', epoch: task.epoch + 1 });
    expect(await stored(early)).toMatchObject({ status: 'scheduled', epoch: early.epoch + 1 });
    await room.scheduler.tick();
    expect(room.orders).toHaveLength(2);
  });

  it('a run that its user starts over before it is known to be gone is claimed again all the same', async () => {
    const task = await room.onAir();
    const { promise: isOver, resolve: goOn } = Promise.withResolvers<void>();
    const slow = async (store: Rehearsal['store']) => {
      const holdings = await store.holdings();
      await isOver;
      return holdings;
    };
    room = await room.again({ store: store => ({ ...store, holdings: () => slow(store) }) });
    const ticked = room.scheduler.tick();
    await room.tasks.restart(OWNER, task.id);
    goOn();
    await ticked;
    await vi.waitFor(() => expect(room.orders).toMatchObject([{ taskId: task.id, epoch: task.epoch + 2 }]));
  });

  it('what was missed is taken from the state of the run', async () => {
    const [came, went] = [await opening(), await room.onAir()];
    room = await room.again();
    await room.claims.adopt([report(came, 'flowing'), report(went, 'broken')]);
    expect(await stored(came)).toMatchObject({ status: 'running' });
    expect(await stored(went)).toMatchObject({ status: 'recovering', reason: 'seen meanwhile' });
  });

  it('runs of an older epoch, of stopped tasks and of none are not kept', async () => {
    const [old, stopped] = [await room.onAir(), await room.onAir()];
    await room.tasks.change(OWNER, stopped.id, { enabled: false });
    room = await room.again();
    const strange = { ...report(old, 'flowing'), taskId: 'none' };
    const reports = [report(old, 'flowing', old.epoch - 1), report(stopped, 'flowing'), strange];
    expect(await room.claims.adopt(reports)).toEqual([]);
  });

  it('a kept run goes on although its domain has left the table', async () => {
    await room.store.putDomain({ name: 'push.example', target: 'rtmp://127.0.0.1:1935', accountId: 'acme' });
    const task = await room.onAir({ destination: INGEST });
    await room.store.removeDomain('push.example');
    room = await room.again();
    await room.claims.adopt([report(task, 'flowing')]);
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.logs).toHaveLength(1));
    expect(await stored(task)).toEqual(task);
  });

  it('a run that is moved before its order could be said again is ordered under its next claim alone', async () => {
    const task = await room.onAir();
    const asked: ((won: boolean) => void)[] = [];
    const claim: Cluster['claim'] = () => new Promise(resolve => asked.push(resolve));
    room = await room.again({ cluster: { claim, release: async () => undefined } });
    await room.claims.adopt([report(task, 'flowing')]);
    await room.scheduler.tick();
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    room.claims.lost(task.id, task.epoch, 'moved to another worker');
    asked[0]?.(true);
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    asked[1]?.(true);
    await vi.waitFor(() => expect(room.orders).toHaveLength(1));
    expect(room.orders[0]).toMatchObject({ taskId: task.id, epoch: task.epoch + 1 });
  });

  it('a change of a task while its run is moved is in the order of the next claim', async () => {
    const task = await room.onAir();
    const source = { kind: 'live', url: 'rtmp://src.example/live/other' } as const;
    await room.tasks.change(OWNER, task.id, { source });
    room.claims.lost(task.id, task.epoch, 'moved to another worker');
    await vi.waitFor(() => expect(room.orders.at(-1)).toMatchObject({ epoch: task.epoch + 1, source }));
  });

  it('a run whose pause comes while it is being adopted is stopped', async () => {
    const task = await room.onAir();
    room = await room.again();
    await room.claims.adopt([report(task, 'flowing')]);
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await room.scheduler.tick();
    const stop = { taskId: task.id, epoch: task.epoch };
    expect(room.stops).toEqual([stop, stop]);
    expect(room.orders).toEqual([]);
  });
});
