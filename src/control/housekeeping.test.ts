import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NODE } from '../task/audit.ts';
import { Housekeeping } from './housekeeping.ts';
import { entryOf } from './notes.ts';
import { DAY, HOUR, OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

let room: Rehearsal;
let house: Housekeeping | undefined;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(async () => {
  await house?.close();
  await room.close();
});

function keepHouse(store: Partial<Rehearsal['store']> = {}): void {
  const { now, sleep } = room.clock;
  const log = (message: string, facts: unknown) => void room.logs.push({ message, facts });
  house = new Housekeeping({ store: { ...room.store, ...store }, keepEventsMs: 90 * DAY, now, sleep, log });
  house.start();
}

const passUntil = (holds: () => Promise<void>) =>
  vi.waitFor(async () => {
    await room.clock.pass(HOUR, HOUR, 4);
    await holds();
  });
const left = async () => ({
  events: (await room.store.eventLog({ accountId: OWNER.accountId }, { limit: 10 })).length,
  deliveries: (await room.store.deliveries({ accountId: OWNER.accountId }, { limit: 10 })).length,
});

const create = () => room.tasks.create(OWNER, room.spec({ callback: { url: 'http://hooks.example/', events: [] } }));

it('removes deliveries after 30 days and events after as long as was asked for', async () => {
  await create();
  room.clock.setWall(29 * DAY);
  keepHouse();
  await room.clock.pass(2 * HOUR, HOUR, 4);
  expect(await left()).toEqual({ events: 1, deliveries: 1 });
  room.clock.setWall(1 * DAY);
  await passUntil(async () => expect(await left()).toEqual({ events: 1, deliveries: 0 }));
  room.clock.setWall(60 * DAY);
  await passUntil(async () => expect(await left()).toEqual({ events: 0, deliveries: 0 }));
});

it('goes on when the store could not do it', async () => {
  let isBroken = true;
  await create();
  room.clock.setWall(31 * DAY);
  keepHouse({
    purgeDeliveries: before => (isBroken ? Promise.reject(new Error('disk')) : room.store.purgeDeliveries(before)),
  });
  await passUntil(async () => expect(room.logs).toHaveLength(1));
  isBroken = false;
  await passUntil(async () => expect((await left()).deliveries).toBe(0));
});

it('may be closed twice, and at once', async () => {
  keepHouse();
  await Promise.all([house?.close(), house?.close()]);
});

it('removes what was noted of changes with the events', async () => {
  const noted = { accountId: OWNER.accountId, action: 'user.create', target: 'ann' };
  const start = room.clock.now();
  const entryAt = (at: number, id: string) => entryOf(noted, { now: () => start + at, newId: () => id, by: NODE });
  await room.store.note([entryAt(-91 * DAY, 'a1'), entryAt(-89 * DAY, 'a2')]);
  keepHouse();
  const kept = async () => (await room.store.audit({ accountId: OWNER.accountId }, { limit: 10 })).map(({ id }) => id);
  await passUntil(async () => expect(await kept()).toEqual(['a2']));
});
