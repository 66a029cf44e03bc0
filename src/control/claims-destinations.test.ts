import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Task } from '../task/task.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

let room: Rehearsal;
let first: Task;
let second: Task;
beforeEach(async () => {
  room = await rehearse({ sharesNone: true });
  first = await room.onAir();
  second = await room.tasks.create(OWNER, room.spec());
  await room.scheduler.tick();
  await vi.waitFor(async () => expect((await room.tasks.get(OWNER, second.id)).alarms).toHaveLength(1));
});
afterEach(() => room.close());

const ordered = () => room.orders.map(({ taskId }) => taskId);

it('says of a task that it waits for the one that has its destination, and gives it no run', async () => {
  expect(await room.tasks.get(OWNER, second.id)).toMatchObject({
    ...{ status: 'recovering', reason: 'its destination is pushed to by another task' },
    alarms: [{ alarm: 'DestinationTaken' }],
  });
  expect(ordered()).toEqual([first.id]);
});

it('lets it push as soon as the other is over, and ends the alarm', async () => {
  await room.tasks.delete(OWNER, first.id);
  await room.scheduler.tick();
  await vi.waitFor(() => expect(ordered()).toEqual([first.id, second.id]));
  await vi.waitFor(async () => expect((await room.tasks.get(OWNER, second.id)).alarms).toEqual([]));
});

it('tells of the wait once, however often it is tried again', async () => {
  for (let tick = 0; tick < 40; tick++) await room.scheduler.tick();
  const events = await room.store.events(second.id, 0, 100);
  expect(events.map(({ type }) => type)).toEqual(['created', 'claimed', 'broke', 'alarm']);
});

it('lets a task that is started over keep its destination', async () => {
  await room.tasks.restart(OWNER, first.id);
  await vi.waitFor(() => expect(ordered()).toEqual([first.id, first.id]));
});
