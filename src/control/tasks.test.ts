import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InvalidTask, UnknownTask, WrongStatus } from '../task/error.ts';
import { destinationUrl, type ListSource } from '../task/spec.ts';
import { DAY, HOUR, NOON, OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';
import { Tasks } from './tasks.ts';

const LIST: ListSource = {
  kind: 'list',
  items: [{ url: 'http://files.example/a.mp4' }],
  rounds: 'endless',
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};

let room: Rehearsal;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(() => room.close());

const typesOf = async (taskId: string) => (await room.store.events(taskId, 0, 100)).map(({ type }) => type);

describe('creating a task', () => {
  it('stores it scheduled and tells that once', async () => {
    const task = await room.tasks.create(OWNER, room.spec());
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'scheduled', seq: 1, reason: '' });
    expect(await typesOf(task.id)).toEqual(['created']);
  });

  it('refuses a broken spec with every problem, and stores nothing', async () => {
    const spec = room.spec({ endAt: NOON - 1, source: { kind: 'live', url: '' } });
    const refusal = await room.tasks.create(OWNER, spec).catch(error => error);
    expect(refusal).toBeInstanceOf(InvalidTask);
    expect(refusal.problems.map(({ field }: { field: string }) => field)).toContain('source.url');
    expect((await room.tasks.list(OWNER, {}, { offset: 0, limit: 10 })).total).toBe(0);
  });

  it('refuses a certificate that only looks like one, and names its field', async () => {
    const tls = { ca: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----' };
    const source = { kind: 'live', url: 'rtmps://src.example/live/a', tls } as const;
    const destination = { kind: 'url', url: 'rtmps://dst.example/live/b', args: '', tls } as const;
    await expect(room.tasks.create(OWNER, room.spec({ source, destination }))).rejects.toMatchObject({
      problems: [{ field: 'source.tls.ca' }, { field: 'destination.tls.ca' }],
    });
  });

  it('makes a task that is switched off stopped, and starts it when it is switched on', async () => {
    const task = await room.tasks.create(OWNER, room.spec({ enabled: false }));
    await room.scheduler.tick();
    expect(room.orders).toEqual([]);
    await room.tasks.change(OWNER, task.id, { enabled: true });
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(1));
  });

  it('allows two tasks with the same destination', async () => {
    await room.tasks.create(OWNER, room.spec());
    await expect(room.tasks.create(OWNER, room.spec())).resolves.toMatchObject({ status: 'scheduled' });
  });

  it('refuses a second task of one destination where it is so wished, until the first has ended', async () => {
    const tasks = new Tasks({
      ...room,
      ...room.clock,
      breakpoints: { latest: () => undefined },
      newId: randomUUID,
      reserve: async (_, spec) => destinationUrl(spec.destination, undefined),
    });
    const { id } = await tasks.create(OWNER, room.spec());
    await expect(tasks.create(OWNER, room.spec())).rejects.toMatchObject({
      problems: [{ field: 'destination.url', rule: 'is pushed to by another task that has not ended' }],
    });
    await tasks.delete(OWNER, id);
    await expect(tasks.create(OWNER, room.spec())).resolves.toMatchObject({ status: 'scheduled' });
  });
});

describe('a stranger', () => {
  it.each([
    { accountId: 'acme', projectId: 'south' },
    { accountId: 'other', projectId: 'north' },
  ])('of $accountId/$projectId is told that there is no such task', async stranger => {
    const { id } = await room.tasks.create(OWNER, room.spec());
    await expect(room.tasks.get(stranger, id)).rejects.toBeInstanceOf(UnknownTask);
    await expect(room.tasks.change(stranger, id, { enabled: false })).rejects.toBeInstanceOf(UnknownTask);
    await expect(room.tasks.delete(stranger, id)).rejects.toBeInstanceOf(UnknownTask);
    expect(await room.tasks.get(OWNER, id)).toMatchObject({ status: 'scheduled' });
  });

  it('is told the same of a task that never was', async () => {
    await expect(room.tasks.get(OWNER, 'none')).rejects.toBeInstanceOf(UnknownTask);
    await expect(room.tasks.change(OWNER, 'none', {})).rejects.toBeInstanceOf(UnknownTask);
    await expect(room.tasks.delete(OWNER, 'none')).rejects.toBeInstanceOf(UnknownTask);
  });
});

describe('changing a task', () => {
  it('pauses a running one: stopped by the user, its run ended', async () => {
    const task = await room.onAir();
    const paused = await room.tasks.change(OWNER, task.id, { enabled: false });
    expect(paused).toMatchObject({ status: 'stopped', reason: 'paused', movedBy: 'stopped' });
    expect(paused.spec.enabled).toBe(false);
    expect(room.stops).toEqual([{ taskId: task.id, epoch: task.epoch }]);
    expect(room.events.at(-1)).toMatchObject({ type: 'stopped', cause: 'user' });
  });

  it('pauses only once', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    const { seq } = await room.tasks.change(OWNER, task.id, { enabled: false });
    expect((await typesOf(task.id)).filter(type => type === 'stopped')).toHaveLength(1);
    expect(seq).toBe(4);
  });

  it('starts a paused one again under a higher epoch', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    const enabled = await room.tasks.change(OWNER, task.id, { enabled: true });
    expect(enabled).toMatchObject({ status: 'scheduled', startedAt: null });
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
    expect(room.orders[1]?.epoch).toBeGreaterThan(task.epoch);
  });

  it('starts a given-up one again', async () => {
    const task = await room.onAir();
    await room.say(task, { type: 'gaveUp' });
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'stopped', movedBy: 'gaveUp' });
    expect(await room.tasks.change(OWNER, task.id, { enabled: true })).toMatchObject({ status: 'scheduled' });
  });

  it('waits with an enabled one until its start has come', async () => {
    const task = await room.tasks.create(OWNER, room.spec({ startAt: NOON + HOUR, endAt: NOON + 2 * HOUR }));
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await room.tasks.change(OWNER, task.id, { enabled: true });
    await room.scheduler.tick();
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'scheduled', movedBy: 'restarted' });
    await room.clock.pass(HOUR, HOUR);
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(1));
  });

  it('takes enabling and a new source as one change', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    const source = { kind: 'live', url: 'rtmp://src.example/live/other' } as const;
    await room.tasks.change(OWNER, task.id, { enabled: true, source });
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders.at(-1)?.source).toEqual(source));
    expect((await typesOf(task.id)).slice(-3)).toEqual(['changed', 'restarted', 'claimed']);
  });

  it('refuses to enable after the end, and any change after the exit', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await room.clock.pass(HOUR, HOUR);
    await expect(room.tasks.change(OWNER, task.id, { enabled: true })).rejects.toBeInstanceOf(WrongStatus);
    await room.scheduler.tick();
    await expect(room.tasks.change(OWNER, task.id, { endAt: NOON + DAY })).rejects.toBeInstanceOf(WrongStatus);
  });

  it('enables after the end when the end is moved with it', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await room.clock.pass(HOUR, HOUR);
    const moved = await room.tasks.change(OWNER, task.id, { enabled: true, endAt: NOON + 2 * HOUR });
    expect(moved.status).toBe('scheduled');
  });

  it('refuses a patch that breaks a rule, whole', async () => {
    const task = await room.onAir();
    const patch = { enabled: false, endAt: NOON - HOUR };
    await expect(room.tasks.change(OWNER, task.id, patch)).rejects.toBeInstanceOf(InvalidTask);
    expect(await room.tasks.get(OWNER, task.id)).toEqual(task);
  });

  it('refuses to make a list of files out of a stream', async () => {
    const task = await room.onAir();
    await expect(room.tasks.change(OWNER, task.id, { source: LIST })).rejects.toBeInstanceOf(InvalidTask);
  });

  it('is no event when nothing changes', async () => {
    const task = await room.onAir();
    expect(await room.tasks.change(OWNER, task.id, {})).toEqual(task);
    expect(await room.tasks.change(OWNER, task.id, { endAt: task.spec.endAt, enabled: true })).toEqual(task);
    expect(await typesOf(task.id)).toEqual(['created', 'claimed', 'flowing']);
  });

  it('gives the run on air its new source under the same epoch', async () => {
    const task = await room.onAir();
    const source = { kind: 'live', url: 'rtmp://src.example/live/other' } as const;
    await room.tasks.change(OWNER, task.id, { source });
    const destination = 'rtmp://dst.example/live/b';
    expect(room.orders.at(-1)).toEqual({ taskId: task.id, epoch: task.epoch, source, destination });
    expect(room.orders).toHaveLength(2);
    expect(room.stops).toEqual([]);
  });

  it('leaves the run on air alone when its start is moved', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { startAt: NOON + HOUR / 2 });
    await room.scheduler.tick();
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'running', epoch: task.epoch });
    expect([room.orders.length, room.stops.length]).toEqual([1, 0]);
  });

  it('moves the start of one that waits', async () => {
    const task = await room.tasks.create(OWNER, room.spec({ startAt: NOON + HOUR, endAt: NOON + 3 * HOUR }));
    await room.tasks.change(OWNER, task.id, { startAt: NOON + 2 * HOUR });
    await room.clock.pass(HOUR, HOUR);
    await room.scheduler.tick();
    expect(room.orders).toEqual([]);
    await room.clock.pass(HOUR, HOUR);
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(1));
  });

  it('ends one at its new end at once', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { endAt: NOON + 1000 });
    await room.clock.pass(1000, 1000);
    await room.scheduler.tick();
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'exited', movedBy: 'expired' });
    expect(room.stops).toHaveLength(1);
  });

  it('takes 50 at once one after the other, none lost', async () => {
    const task = await room.onAir();
    const ends = Array.from({ length: 50 }, (_, at) => NOON + HOUR + (at + 1) * 1000);
    await Promise.all(ends.map(endAt => room.tasks.change(OWNER, task.id, { endAt })));
    const events = await room.store.events(task.id, 0, 100);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 53 }, (_, at) => at + 1));
    expect((await room.tasks.get(OWNER, task.id)).version).toBe(51);
    expect(room.events.map(({ seq }) => seq)).toEqual(events.map(({ seq }) => seq));
  });

  it('lets exactly one of 50 pauses stop the task', async () => {
    const task = await room.onAir();
    await Promise.all(Array.from({ length: 50 }, () => room.tasks.change(OWNER, task.id, { enabled: false })));
    expect((await typesOf(task.id)).filter(type => type === 'stopped')).toHaveLength(1);
    expect(room.stops).toHaveLength(1);
  });
});

describe('restarting a task', () => {
  it('cuts a run on air and begins another with the latest settings', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { source: { kind: 'live', url: 'rtmp://src.example/live/b' } });
    const restarted = await room.tasks.restart(OWNER, task.id);
    expect(restarted).toMatchObject({ status: 'recovering', epoch: task.epoch + 1, cause: 'user' });
    expect(room.stops).toEqual([{ taskId: task.id, epoch: task.epoch }]);
    await vi.waitFor(() => expect(room.orders.at(-1)?.epoch).toBeGreaterThan(task.epoch));
    expect(room.orders.at(-1)?.source).toEqual({ kind: 'live', url: 'rtmp://src.example/live/b' });
  });

  it('starts one that its user has stopped', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    const restarted = await room.tasks.restart(OWNER, task.id);
    expect(restarted).toMatchObject({ status: 'scheduled', spec: { enabled: true } });
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
  });

  it('leaves one that is just starting to it', async () => {
    const task = await room.tasks.create(OWNER, room.spec());
    expect(await room.tasks.restart(OWNER, task.id)).toMatchObject({ status: 'scheduled', seq: 1 });
  });

  it.each([
    ['before its start', { startAt: NOON + HOUR, endAt: NOON + 2 * HOUR }],
    ['before its start, though stopped', { startAt: NOON + HOUR, endAt: NOON + 2 * HOUR, enabled: false }],
  ])('is refused %s', async (_, change) => {
    const task = await room.tasks.create(OWNER, room.spec(change));
    await expect(room.tasks.restart(OWNER, task.id)).rejects.toBeInstanceOf(WrongStatus);
    expect(await typesOf(task.id)).toEqual(['created']);
  });

  it('is refused after its end', async () => {
    const task = await room.onAir();
    await room.clock.pass(HOUR, HOUR);
    await room.scheduler.tick();
    await expect(room.tasks.restart(OWNER, task.id)).rejects.toBeInstanceOf(WrongStatus);
  });

  it('tells a stranger that there is no such task', async () => {
    const task = await room.onAir();
    const stranger = { ...OWNER, accountId: 'other' };
    await expect(room.tasks.restart(stranger, task.id)).rejects.toBeInstanceOf(UnknownTask);
    await expect(room.tasks.restart(OWNER, 'nobody')).rejects.toBeInstanceOf(UnknownTask);
  });
});

describe('deleting a task', () => {
  it('leaves it to be seen by who asks for deleted ones', async () => {
    const task = await room.onAir();
    await room.tasks.delete(OWNER, task.id);
    expect(await room.tasks.getEvenDeleted(OWNER, task.id)).toMatchObject({ status: 'exited', movedBy: 'deleted' });
    const stranger = { ...OWNER, accountId: 'other' };
    await expect(room.tasks.getEvenDeleted(stranger, task.id)).rejects.toBeInstanceOf(UnknownTask);
  });

  it('stops its run and takes it out of sight', async () => {
    const task = await room.onAir();
    await room.tasks.delete(OWNER, task.id);
    expect(room.stops).toEqual([{ taskId: task.id, epoch: task.epoch }]);
    await expect(room.tasks.get(OWNER, task.id)).rejects.toBeInstanceOf(UnknownTask);
    expect((await room.tasks.list(OWNER, {}, { offset: 0, limit: 10 })).total).toBe(0);
  });

  it('is told once, however often it is asked', async () => {
    const task = await room.onAir();
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => room.tasks.delete(OWNER, task.id)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await typesOf(task.id)).filter(type => type === 'deleted')).toHaveLength(1);
  });

  it('works while the run is recovering, with exactly one exit', async () => {
    const task = await room.onAir();
    await room.say(task, { type: 'broke' });
    await Promise.all([
      room.tasks.delete(OWNER, task.id),
      room.say(task, { type: 'flowing' }),
      room.say(task, { type: 'gaveUp' }),
    ]);
    const exits = (await room.store.events(task.id, 0, 100)).filter(({ from, to }) => to === 'exited' && from !== to);
    expect(exits.map(({ type }) => type)).toEqual(['deleted']);
  });

  it('takes one that has ended out of the list without a second exit', async () => {
    const task = await room.onAir();
    await room.clock.pass(HOUR, HOUR);
    await room.scheduler.tick();
    expect((await room.tasks.list(OWNER, {}, { offset: 0, limit: 10 })).total).toBe(1);
    await room.tasks.delete(OWNER, task.id);
    expect((await room.tasks.list(OWNER, {}, { offset: 0, limit: 10 })).total).toBe(0);
    const exits = (await room.store.events(task.id, 0, 100)).filter(({ from, to }) => to === 'exited' && from !== to);
    expect(exits.map(({ type }) => type)).toEqual(['expired']);
  });
});
