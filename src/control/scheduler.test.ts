import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Store } from '../store/store.ts';
import { DAY, HOUR, NOON, OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

let room: Rehearsal;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(() => room.close());

const countOf = (type: string) => room.events.filter(event => event.type === type).length;

describe('a tick', () => {
  it('starts what is due and leaves alone what is not', async () => {
    const due = await room.tasks.create(OWNER, room.spec({ startAt: NOON - 1 }));
    await room.tasks.create(OWNER, room.spec({ startAt: NOON + 1 }));
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders.map(({ taskId }) => taskId)).toEqual([due.id]));
  });

  it('starts a task once, however often it comes by', async () => {
    await room.tasks.create(OWNER, room.spec());
    await Promise.all([room.scheduler.tick(), room.scheduler.tick()]);
    await room.scheduler.tick();
    await vi.waitFor(() => expect(room.orders).toHaveLength(1));
    expect(countOf('claimed')).toBe(1);
  });

  it('ends a running task at its end, with one exit', async () => {
    const task = await room.onAir();
    await room.clock.pass(HOUR, HOUR);
    await Promise.all([room.scheduler.tick(), room.scheduler.tick(), room.say(task, { type: 'broke' })]);
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'exited', movedBy: 'expired' });
    expect(room.events.filter(({ to }) => to === 'exited')).toHaveLength(1);
    expect(room.stops).toEqual([{ taskId: task.id, epoch: task.epoch }]);
  });

  it('ends a paused task at its end', async () => {
    const task = await room.onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await room.clock.pass(HOUR, HOUR);
    await room.scheduler.tick();
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'exited', movedBy: 'expired' });
  });

  it('ends without starting what was due while nobody looked', async () => {
    const { id } = await room.tasks.create(OWNER, room.spec({ startAt: NOON + HOUR, endAt: NOON + 2 * HOUR }));
    await room.clock.pass(3 * HOUR, 3 * HOUR);
    await room.scheduler.tick();
    expect(await room.tasks.get(OWNER, id)).toMatchObject({ status: 'exited' });
    expect(countOf('claimed')).toBe(0);
  });

  it('decides on the task as it is when its turn comes, not as it was found', async () => {
    await room.close();
    let meanwhile = async (): Promise<unknown> => undefined;
    const due = (store: Store) => async (now: number, limit: number) => {
      const found = await store.due(now, limit);
      await meanwhile();
      return found;
    };
    room = await rehearse({ store: store => ({ ...store, due: due(store) }) });
    const moved = await room.tasks.create(OWNER, room.spec());
    const paused = await room.tasks.create(OWNER, room.spec());
    meanwhile = () =>
      Promise.all([
        room.tasks.change(OWNER, moved.id, { startAt: NOON + 1000 }),
        room.tasks.change(OWNER, paused.id, { enabled: false }),
      ]);
    await room.scheduler.tick();
    expect(countOf('claimed')).toBe(0);
  });

  it('never overlaps another', async () => {
    await room.close();
    let atOnce = 0;
    let most = 0;
    const due = (store: Store) => async (now: number, limit: number) => {
      most = Math.max(most, ++atOnce);
      const found = await store.due(now, limit);
      atOnce -= 1;
      return found;
    };
    room = await rehearse({ store: store => ({ ...store, due: due(store) }) });
    room.scheduler.start();
    await Promise.all([room.scheduler.tick(), room.scheduler.tick(), room.tasks.create(OWNER, room.spec())]);
    await room.scheduler.tick();
    expect(most).toBe(1);
  });

  it('removes a task seven days after its exit', async () => {
    const { id } = await room.tasks.create(OWNER, room.spec());
    await room.clock.pass(HOUR, HOUR);
    await room.scheduler.tick();
    await room.clock.pass(7 * DAY, 7 * DAY);
    for (let tick = 0; tick < 240; tick += 1) await room.scheduler.tick();
    expect(await room.store.get(id)).toBeDefined();
    await room.clock.pass(1, 1);
    for (let tick = 0; tick < 240; tick += 1) await room.scheduler.tick();
    expect(await room.store.get(id)).toBeUndefined();
  });
});

describe('the wall clock', () => {
  it('starts a task 400 days ahead then, and not before', async () => {
    const startAt = NOON + 400 * DAY;
    await room.tasks.create(OWNER, room.spec({ startAt, endAt: startAt + HOUR }));
    for (let day = 0; day < 399; day += 1) {
      await room.clock.pass(DAY, DAY);
      await room.scheduler.tick();
    }
    expect(countOf('claimed')).toBe(0);
    await room.clock.pass(DAY, DAY);
    await room.scheduler.tick();
    expect(countOf('claimed')).toBe(1);
  });

  it('may be set ahead a day: what is due by it is due', async () => {
    const { id } = await room.tasks.create(OWNER, room.spec({ startAt: NOON + DAY, endAt: NOON + 2 * DAY }));
    const over = await room.onAir();
    room.clock.setWall(DAY);
    await room.scheduler.tick();
    expect(await room.tasks.get(OWNER, id)).toMatchObject({ movedBy: 'claimed' });
    expect(await room.tasks.get(OWNER, over.id)).toMatchObject({ movedBy: 'expired' });
  });

  it('may be set back a day: nothing running stops and nothing starts twice', async () => {
    const task = await room.onAir();
    room.clock.setWall(-DAY);
    await room.scheduler.tick();
    expect(await room.tasks.get(OWNER, task.id)).toEqual(task);
    room.clock.setWall(DAY);
    await room.scheduler.tick();
    expect(countOf('claimed')).toBe(1);
  });
});

describe('a started scheduler', () => {
  it('claims what is created for now without waiting for its turn', async () => {
    room.scheduler.start();
    await room.scheduler.tick();
    await room.tasks.create(OWNER, room.spec());
    await vi.waitFor(() => expect(room.orders).toHaveLength(1));
  });

  it('looks every quarter of a second', async () => {
    const startAt = NOON + 1000;
    await room.tasks.create(OWNER, room.spec({ startAt, endAt: startAt + 1000 }));
    room.scheduler.start();
    for (const type of ['claimed', 'expired']) {
      const happened = async () => {
        await room.clock.pass(50);
        expect(countOf(type)).toBe(1);
      };
      await vi.waitFor(happened, { interval: 1, timeout: 5000 });
    }
    const [claimed, expired] = ['claimed', 'expired'].map(type => room.events.find(event => event.type === type));
    expect((claimed?.at ?? 0) - startAt).toBeLessThanOrEqual(1000);
    expect((expired?.at ?? 0) - startAt - 1000).toBeLessThanOrEqual(1000);
  });

  it('says once that the store fails, and goes on when it is back', async () => {
    await room.close();
    let isBroken = true;
    const due: Store['due'] = () => Promise.reject(new Error('disk failure'));
    room = await rehearse({ store: store => ({ ...store, due: (...args) => (isBroken ? due : store.due)(...args) }) });
    await room.tasks.create(OWNER, room.spec());
    room.scheduler.start();
    await room.clock.pass(2000);
    await vi.waitFor(() => expect(room.logs).toHaveLength(1));
    isBroken = false;
    const starts = async () => {
      await room.clock.pass(250);
      expect(room.orders).toHaveLength(1);
    };
    await vi.waitFor(starts, { interval: 1, timeout: 5000 });
    expect(room.logs.map(({ message }) => message)).toEqual([
      'the scheduler could not do its work; it tries again on every tick',
      'the scheduler works again',
    ]);
  });

  it('closes as often as it is asked, in the middle of its work too', async () => {
    await room.tasks.create(OWNER, room.spec());
    room.scheduler.start();
    await Promise.all([room.scheduler.close(), room.scheduler.close()]);
    room.scheduler.start();
    await room.scheduler.close();
  });
});

/** The longest that a user's create, change and get together took while the other work went on. */
async function slowestCall(work: Promise<unknown>): Promise<number> {
  let worstMs = 0;
  let isOver = false;
  void work.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const began = performance.now();
    const { id } = await room.tasks.create(OWNER, room.spec({ startAt: NOON + 2 * HOUR, endAt: NOON + DAY }));
    await room.tasks.change(OWNER, id, { endAt: NOON + DAY - 1 });
    await room.tasks.get(OWNER, id);
    worstMs = Math.max(worstMs, performance.now() - began);
  }
  return worstMs;
}

describe('many tasks', () => {
  it('due in the same second are all decided promptly', { timeout: 60_000 }, async () => {
    const many = 10_000;
    await Promise.all(
      Array.from({ length: many }, () =>
        room.tasks.create(OWNER, room.spec({ startAt: NOON + HOUR, endAt: NOON + DAY })),
      ),
    );
    await room.clock.pass(HOUR - 1, HOUR);
    await room.scheduler.tick();
    await room.clock.pass(1, 1);
    const began = performance.now();
    const decided = room.scheduler.tick().then(() => performance.now() - began);
    const worstCallMs = await slowestCall(decided);
    const tookMs = await decided;
    await vi.waitFor(() => expect(room.orders).toHaveLength(many), { timeout: 5000 });
    console.info(`${many} due tasks decided in ${Math.round(tookMs)} ms, slowest call ${Math.round(worstCallMs)} ms`);
    expect(new Set(room.orders.map(({ taskId }) => taskId)).size).toBe(many);
    expect(tookMs).toBeLessThan(20_000);
  });
});
