import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Breakpoint } from '../task/playlist.ts';
import type { ListSource } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

const LIST: ListSource = {
  kind: 'list',
  items: [{ url: 'http://f.example/a.mp4' }, { url: 'http://f.example/b.mp4' }],
  rounds: 'endless',
  startIndex: 1,
  startSeconds: 30,
  refresh: 'newSource',
};
const START = { round: 0, index: 1, offsetMs: 30_000 };
const PLACE = { version: 1, url: 'http://f.example/a.mp4', round: 2, index: 0, offsetMs: 7_000 };
const placeAt = (offsetMs: number) => ({ round: 2, index: 0, offsetMs });

let room: Rehearsal;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(() => room.close());

const read = ({ id }: Task): Promise<Task> => room.tasks.get(OWNER, id);
const position = async (task: Task) => room.tasks.position(await read(task));

/** Its run tells where it stands, under its present epoch. */
async function tell(task: Task, change: Partial<Breakpoint> = {}): Promise<void> {
  const { epoch } = await read(task);
  room.claims.progress({ taskId: task.id, epoch, breakpoint: { ...PLACE, ...change } });
}

/** Until everything that was told is in the store. */
const settle = async (): Promise<void> => {
  await room.clock.pass(1);
  await room.store.checkWritable();
};

it('of a stream is its start', async () => {
  expect(await position(await room.onAir())).toEqual({ round: 0, index: 0, offsetMs: 0 });
});

it('of a list that has not started is where it is to start', async () => {
  expect(await position(await room.tasks.create(OWNER, room.spec({ source: LIST })))).toEqual(START);
});

it('of a list on air that has not told anything is where it starts', async () => {
  expect(await position(await room.onAir({ source: LIST }))).toEqual(START);
});

it('of a list on air goes on with the time since its run told it, stored or not', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  expect(await position(task)).toEqual(placeAt(7_000));
  await room.clock.pass(400);
  await settle();
  expect(await position(task)).toEqual(placeAt(7_401));
  await room.clock.pass(599);
  expect(await position(task)).toEqual(placeAt(8_000));
  await tell(task, { offsetMs: 8_040 });
  expect(await position(task)).toEqual(placeAt(8_040));
});

it('of a list on air goes on from a key frame that its destination took', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  await room.clock.pass(800);
  room.claims.reached({ taskId: task.id, epoch: task.epoch, breakpoint: { ...PLACE, offsetMs: 7_900 } });
  await room.clock.pass(100);
  expect(await position(task)).toEqual(placeAt(8_000));
});

it('of a list whose run has fallen silent is guessed for a second and a half, no further', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  await room.clock.pass(60_000, 1000);
  expect(await position(task)).toEqual(placeAt(8_500));
});

it('is not moved by a wall clock that is set', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  room.clock.setWall(-10_000);
  await room.clock.pass(100);
  expect(await position(task)).toEqual(placeAt(7_100));
});

it('of a list that recovers stands still', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  await room.say(task, { type: 'broke' });
  await room.clock.pass(1000);
  expect(await position(task)).toEqual(placeAt(7_000));
});

it('of a stopped list is exactly where its run ended, though that is told later', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  await room.tasks.change(OWNER, task.id, { enabled: false });
  await tell(task, { offsetMs: 7_640 });
  await room.clock.pass(500);
  expect(await position(task)).toEqual(placeAt(7_640));
});

it('of a stopped list is known to the next control process', async () => {
  const task = await room.onAir({ source: LIST });
  await room.tasks.change(OWNER, task.id, { enabled: false });
  await tell(task, { offsetMs: 7_640 });
  room = await room.again();
  expect(await position(task)).toEqual(placeAt(7_640));
});

it('of a list that a control process has only just taken over is the stored one', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  room = await room.again();
  await room.clock.pass(1000);
  expect(await position(task)).toEqual(placeAt(7_000));
});

it('is the start again where the start was changed after the stop', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  await room.tasks.change(OWNER, task.id, { enabled: false });
  await settle();
  await room.tasks.change(OWNER, task.id, { source: { ...LIST, startIndex: 0, startSeconds: 12 } });
  expect(await position(task)).toEqual({ round: 0, index: 0, offsetMs: 12_000 });
});

it('is the start again where the list is started over', async () => {
  const task = await room.onAir({ source: LIST });
  await tell(task);
  await room.tasks.restart(OWNER, task.id);
  await room.clock.pass(1000);
  expect(await position(task)).toEqual(START);
});

it('of an edited list is where the edit goes until its run tells the place in the new one', async () => {
  const task = await room.onAir({ source: { ...LIST, refresh: 'breakpoint' } });
  await tell(task);
  const items = [{ url: 'http://f.example/new.mp4' }, ...LIST.items];
  await room.tasks.change(OWNER, task.id, { source: { ...LIST, refresh: 'breakpoint', items } });
  await room.clock.pass(900);
  expect(await position(task)).toEqual({ round: 2, index: 1, offsetMs: 7_000 });
  await tell(task, { version: 2, index: 1, offsetMs: 8_000 });
  await room.clock.pass(100);
  expect(await position(task)).toEqual({ round: 2, index: 1, offsetMs: 8_100 });
});
