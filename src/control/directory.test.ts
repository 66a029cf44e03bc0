import { afterEach, beforeEach, expect, it } from 'vitest';
import { redactUrl } from '../media/address.ts';
import { Directory } from './directory.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

let room: Rehearsal;
let directory: Directory;
let reads: number;

beforeEach(async () => {
  room = await rehearse();
  reads = 0;
  const { store } = room;
  directory = new Directory({
    store: {
      some: ids => store.some(ids),
      withStatus: statuses => {
        reads++;
        return store.withStatus(statuses);
      },
    },
    redact: redactUrl,
    now: () => room.clock.now(),
  });
});
afterEach(() => room.close());

const find = async (text?: string) => directory.find(OWNER, { text, inSecrets: false }, { limit: 2 });
const namesOf = async (text?: string) => (await find(text)).tasks.map(({ spec }) => spec.name);
const create = (name: string) => room.tasks.create(OWNER, room.spec({ name }));
const follow = (change: object, taskId: string) =>
  room.tasks.change(OWNER, taskId, change).then(async task => {
    const [event] = await room.store.events(task.id, task.seq - 1, 1);
    if (event) directory.follow(event, task);
    return task;
  });

it('reads the store once, when it is asked first', async () => {
  await create('one');
  expect(reads).toBe(0);
  expect(await namesOf('ONE')).toEqual(['one']);
  expect(await namesOf('two')).toEqual([]);
  expect(reads).toBe(1);
});

it('hears of nothing before it is asked, and of everything after', async () => {
  const task = await create('one');
  await follow({ name: 'two' }, task.id);
  expect(await namesOf('two')).toEqual(['two']);
  await follow({ name: 'three' }, task.id);
  expect([await namesOf('two'), await namesOf('three')]).toEqual([[], ['three']]);
});

it('tells what comes next where there is more', async () => {
  for (const name of ['a', 'b', 'c']) {
    await create(name);
    await room.clock.pass(1);
  }
  const { tasks, next, total } = await find();
  expect([tasks.map(({ spec }) => spec.name), total]).toEqual([['c', 'b'], 3]);
  const rest = await directory.find(OWNER, { inSecrets: false }, { limit: 2, after: next ?? undefined });
  expect(rest).toMatchObject({ tasks: [{ spec: { name: 'a' } }], next: null, total: 3 });
  const behind = { createdAt: 0, id: '' };
  expect((await directory.find(OWNER, { inSecrets: false }, { limit: 2, after: behind })).tasks).toEqual([]);
});

it('forgets what the store has removed without a word', async () => {
  const task = await create('one');
  expect((await find()).total).toBe(1);
  await room.tasks.delete(OWNER, task.id);
  await room.store.purge(Number.MAX_SAFE_INTEGER);
  expect((await find()).tasks).toEqual([]);
  expect((await find()).total).toBe(0);
});

it('keeps no task that has not been listed for long', async () => {
  const [ended, other] = [await create('one'), await create('two')];
  await find();
  const [event = expect.fail()] = await room.store.events(ended.id, 0, 1);
  directory.follow(event, { ...ended, status: 'exited', movedBy: 'expired', exitedAt: room.clock.now() });
  expect((await find('one')).total).toBe(1);
  const week = 7 * 86_400_000;
  room.clock.setWall(week + 1);
  directory.follow(event, { ...other, id: 'new' });
  // What is only not shown would be shown again.
  room.clock.setWall(-week - 1);
  expect((await find('one')).total).toBe(0);
});

it('forgets what it has heard where it cannot be filled', async () => {
  const { store } = room;
  const task = await create('one');
  const [event = expect.fail()] = await store.events(task.id, 0, 1);
  let isBusy = true;
  const late = new Directory({
    store: {
      some: ids => store.some(ids),
      withStatus: async statuses => {
        await store.lastEvent();
        if (!isBusy) return store.withStatus(statuses);
        late.follow(event, task);
        throw new Error('the store is busy');
      },
    },
    redact: redactUrl,
    now: () => room.clock.now(),
  });
  const all = () => late.find(OWNER, { inSecrets: false }, { limit: 2 });
  await expect(all()).rejects.toThrow('busy');
  await room.tasks.delete(OWNER, task.id);
  isBusy = false;
  expect((await all()).total).toBe(0);
});
