import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

const callback = { url: 'http://hooks.example/in?key=secret', events: [] };

let room: Rehearsal;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(() => room.close());

const waiting = () => room.store.dueDeliveries({ now: room.clock.now(), until: room.clock.now(), limit: 100 });

describe('telling what happened', () => {
  it('stores the change, its event and its callback together', async () => {
    const task = await room.tasks.create(OWNER, room.spec({ callback }));
    const [delivery] = await waiting();
    expect(delivery).toMatchObject({ taskId: task.id, seq: 1, url: callback.url, attempts: 0, state: 'waiting' });
    expect(JSON.parse(delivery?.body ?? '')).toMatchObject({ type: 'created', seq: 1 });
  });

  it('writes no callback for a task without one', async () => {
    await room.tasks.create(OWNER, room.spec());
    expect(await waiting()).toEqual([]);
  });

  it('writes no callback for an event that the dialect does not tell', async () => {
    await room.close();
    room = await rehearse({ render: event => (event.type === 'created' ? undefined : { contentType: '', body: '' }) });
    await room.onAir({ callback });
    expect((await waiting())[0]).toMatchObject({ seq: 2 });
  });

  it('answers nothing for what is no news, and for a task that is not there', async () => {
    const task = await room.tasks.create(OWNER, room.spec());
    const restarted = { type: 'restarted', cause: 'user', reason: '' } as const;
    expect(await room.record.tell(task.id, restarted)).toBeUndefined();
    expect(await room.record.tell('none', restarted)).toBeUndefined();
    expect(room.events).toHaveLength(1);
  });

  it('drops news of an epoch that is over', async () => {
    const task = await room.onAir();
    room.claims.lost(task.id, task.epoch, 'its worker died');
    await vi.waitFor(() => expect(room.orders).toHaveLength(2));
    await room.say(task, { type: 'gaveUp' });
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'recovering', epoch: task.epoch + 1 });
  });

  it('keeps the change when the callback cannot be written, and says so', async () => {
    await room.close();
    const bug = new Error('a bug');
    room = await rehearse({
      render: () => {
        throw bug;
      },
    });
    const task = await room.tasks.create(OWNER, room.spec({ callback }));
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'scheduled' });
    expect(room.logs).toContainEqual(expect.objectContaining({ message: 'a callback could not be written' }));
  });

  it('keeps the change when a follower fails, and tells the others', async () => {
    await room.close();
    const heard: string[] = [];
    room = await rehearse({
      follow: ({ type }) => {
        heard.push(type);
        throw new Error('a bug');
      },
    });
    await room.onAir();
    expect(heard).toEqual(['created', 'claimed', 'flowing']);
    expect(room.logs).toHaveLength(3);
  });

  it('tells the followers nothing when the store refuses', async () => {
    await room.close();
    room = await rehearse({ store: store => ({ ...store, create: () => Promise.reject(new Error('disk full')) }) });
    await expect(room.tasks.create(OWNER, room.spec())).rejects.toThrow('disk full');
    expect(room.events).toEqual([]);
  });
});
