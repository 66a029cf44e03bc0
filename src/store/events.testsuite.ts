import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApiKey, CallbackSecret } from '../task/account.ts';
import type { Event } from '../task/event.ts';
import { CANARY, changeOf, NOW, newId, sampleDelivery, sampleTask, telling } from './sample.ts';
import type { OpenedStore } from './store.testsuite.ts';
import type { Delivery, Endpoint, Store } from './store.ts';

const ALL = { limit: 1_000 };
const MINE = { accountId: 'default' };

const sampleEndpoint = (change: Partial<Endpoint> = {}): Endpoint => ({
  id: 'endpoint-1',
  accountId: 'default',
  url: `http://cb.example/${CANARY}`,
  failingSince: NOW,
  pausedAt: null,
  lastError: 'the receiver answered with status 500',
  ...change,
});

const sampleSecret = (change: Partial<CallbackSecret> = {}): CallbackSecret => ({
  id: newId(),
  accountId: 'default',
  secret: `whsec_${CANARY}`,
  createdAt: NOW,
  retiresAt: null,
  ...change,
});

const sampleApiKey = (change: Partial<ApiKey> = {}): ApiKey => ({
  id: newId(),
  hash: newId(),
  accountId: 'default',
  projectId: 'p1',
  name: 'the console',
  enabled: true,
  createdAt: NOW,
  expiresAt: null,
  userId: null,
  policies: ['ReadOnlyAccess'],
  ...change,
});

/** What a Store remembers of the past, and of those who are told. */
export function eventsSuite(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} as a log`, () => {
    let opened: OpenedStore;
    let store: Store;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => store.close());

    /** Two tasks of two projects that take turns; answers their events as they were stored. */
    async function twoLives(): Promise<readonly Event[]> {
      const told: Event[] = [];
      const tasks = [sampleTask(), sampleTask({ projectId: 'p2' })];
      for (const change of tasks) {
        await store.create(change);
        told.push(...change.events);
      }
      for (const type of ['claimed', 'flowing', 'broke'] as const) {
        for (const { task } of tasks) {
          await store.change(task.id, stands => {
            const change = telling(type)(stands);
            told.push(...(change?.events ?? []));
            return change;
          });
        }
      }
      return told;
    }

    describe('the log of events', () => {
      it('holds the events of all tasks in the order of their commits, numbered upwards', async () => {
        const told = await twoLives();
        const log = await store.eventLog(MINE, { after: 0, ...ALL });
        expect(log.map(({ id }) => id)).toEqual(told.map(({ id }) => id));
        expect(log[3]).toMatchObject({ ...told[3], accountId: 'default', projectId: 'p2' });
        const numbers = log.map(({ n }) => n);
        expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
        expect(await store.lastEvent()).toBe(numbers.at(-1));
      });

      it('is read on from a number, upwards and downwards', async () => {
        const told = await twoLives();
        const up = await store.eventLog(MINE, { after: 0, limit: 3 });
        const on = await store.eventLog(MINE, { after: up.at(-1)?.n ?? 0, limit: 2 });
        expect([...up, ...on].map(({ id }) => id)).toEqual(told.slice(0, 5).map(({ id }) => id));
        const down = await store.eventLog(MINE, { limit: 3 });
        const back = await store.eventLog(MINE, { before: down.at(-1)?.n ?? 0, limit: 2 });
        const newestFirst = [...told].reverse();
        expect([...down, ...back].map(({ id }) => id)).toEqual(newestFirst.slice(0, 5).map(({ id }) => id));
      });

      it('is narrowed by whatever is asked for, and never shows a stranger anything', async () => {
        const told = await twoLives();
        const [first] = told;
        const types = async (filter: object): Promise<string[]> =>
          (await store.eventLog({ ...MINE, ...filter }, { after: 0, ...ALL })).map(({ type }) => type);
        expect(await types({ projectId: 'p2' })).toHaveLength(4);
        expect(await types({ taskId: first?.taskId })).toEqual(['created', 'claimed', 'flowing', 'broke']);
        expect(await types({ types: ['flowing', 'broke'], projectId: 'p1' })).toEqual(['flowing', 'broke']);
        expect(await types({ causes: ['user'] })).toEqual(['created', 'created']);
        expect(await types({ to: ['running'] })).toEqual(['flowing', 'flowing']);
        expect(await types({ since: NOW + 1 })).toEqual([]);
        expect(await types({ until: NOW })).toEqual([]);
        expect(await store.eventLog({ accountId: 'stranger' }, { after: 0, ...ALL })).toEqual([]);
        expect(await store.eventLog({ ...MINE, types: [] }, ALL)).toEqual([]);
      });

      it('outlives the tasks, and is cleared by age', async () => {
        const change = sampleTask();
        await store.create(change);
        await store.change(change.task.id, telling('expired'));
        await store.purge(NOW + 1);
        expect(await store.get(change.task.id)).toBeUndefined();
        expect(await store.eventLog(MINE, ALL)).toHaveLength(2);
        expect(await store.purgeEvents(NOW)).toBe(0);
        expect(await store.purgeEvents(NOW + 1)).toBe(2);
        expect(await store.eventLog(MINE, ALL)).toEqual([]);
      });
    });

    describe('the log of deliveries', () => {
      const make = async (change: Partial<Delivery> = {}, count = 1): Promise<readonly Delivery[]> => {
        const { task, events } = sampleTask();
        const [event] = events;
        if (event === undefined) throw new Error('a new task comes with its event');
        const deliveries = Array.from({ length: count }, () => ({ ...sampleDelivery({ task, event }), ...change }));
        await store.create(changeOf({ task, event }, deliveries));
        return deliveries;
      };

      it('holds each with its tries, newest first', async () => {
        const [one] = await make();
        const [other] = await make();
        const log = [{ at: NOW, tookMs: 12, status: 500, error: 'the receiver answered with status 500' }];
        const fate = { attempts: 1, state: 'dead', lastError: 'x', settledAt: NOW + 1, holdsUntil: NOW, log } as const;
        await store.updateDelivery(one?.id ?? '', fate);
        const [newest, oldest] = await store.deliveries(MINE, ALL);
        expect(newest).toMatchObject({ ...other });
        expect(oldest).toMatchObject({ ...one, ...fate });
        expect(await store.deliveries(MINE, { before: newest?.n ?? 0, limit: 5 })).toHaveLength(1);
      });

      it('is narrowed by whatever is asked for, and never shows a stranger anything', async () => {
        const [one] = await make({ endpoint: 'endpoint-2' });
        await make({ state: 'delivered', createdAt: NOW + 5 });
        const count = async (filter: object): Promise<number> =>
          (await store.deliveries({ ...MINE, ...filter }, ALL)).length;
        const { id = '', taskId, eventId } = one ?? {};
        expect(await count({})).toBe(2);
        expect(await count({ taskId })).toBe(1);
        expect(await count({ eventId })).toBe(1);
        expect(await count({ ids: [id] })).toBe(1);
        expect(await count({ endpoint: 'endpoint-2' })).toBe(1);
        expect(await count({ states: ['delivered'] })).toBe(1);
        expect(await count({ since: NOW + 5 })).toBe(1);
        expect(await count({ until: NOW + 5 })).toBe(1);
        expect(await count({ projectId: 'p2' })).toBe(0);
        expect(await count({ accountId: 'stranger', ids: [id] })).toBe(0);
      });

      it('has what was given up sent again, from the first try on', async () => {
        const made = await make({ state: 'dead', attempts: 10, settledAt: NOW, nextAt: NOW + 99 }, 3);
        await make({ state: 'delivered' });
        const filter = { ...MINE, states: ['dead'] } as const;
        expect(await store.redeliver({ ...filter, accountId: 'stranger' }, NOW)).toBe(0);
        expect(await store.redeliver(filter, NOW)).toBe(3);
        const due = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        expect(due.map(({ id }) => id)).toEqual(made.map(({ id }) => id).sort());
        expect(due[0]).toMatchObject({ state: 'waiting', attempts: 0, settledAt: null });
      });

      it('has many of them sent again, more than fit one transaction', async () => {
        await make({ state: 'dead' }, 1_200);
        expect(await store.redeliver({ ...MINE, states: ['dead'] }, NOW)).toBe(1_200);
      });

      it('gives up what waits, with the reason', async () => {
        const [waiting] = await make();
        await make({ state: 'delivered' });
        expect(await store.giveUpDeliveries(MINE, { now: NOW + 1, reason: 'gone' })).toBe(1);
        const [dead] = await store.deliveries({ ...MINE, states: ['dead'] }, ALL);
        expect(dead).toMatchObject({ id: waiting?.id, lastError: 'gone', settledAt: NOW + 1 });
      });

      it('is cleared by age', async () => {
        await make();
        expect(await store.purgeDeliveries(NOW)).toBe(0);
        expect(await store.purgeDeliveries(NOW + 1)).toBe(1);
        expect(await store.deliveries(MINE, ALL)).toEqual([]);
      });

      it('sends nothing to a receiver that is paused until it is not any more', async () => {
        await make();
        await store.putEndpoint(sampleEndpoint());
        const due = () => store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        expect(await due()).toHaveLength(1);
        await store.putEndpoint(sampleEndpoint({ pausedAt: NOW }));
        expect(await due()).toEqual([]);
        expect(await store.removeEndpoint('endpoint-1')).toBe(true);
        expect(await store.removeEndpoint('endpoint-1')).toBe(false);
        expect(await due()).toHaveLength(1);
      });
    });

    it('knows the receivers that fail, of one account or of all', async () => {
      const mine = sampleEndpoint();
      const foreign = sampleEndpoint({ id: 'endpoint-2', accountId: 'stranger', pausedAt: NOW });
      await store.putEndpoint(mine);
      await store.putEndpoint(foreign);
      await store.putEndpoint({ ...mine, lastError: 'timeout' });
      expect(await store.endpoints()).toEqual([{ ...mine, lastError: 'timeout' }, foreign]);
      expect(await store.endpoints('stranger')).toEqual([foreign]);
    });

    it('keeps the newest secret of an account without end, and the former ones until they retire', async () => {
      const [first, second, third] = [0, 10, 20].map(ms => sampleSecret({ createdAt: NOW + ms, secret: `s${ms}` }));
      if (first === undefined || second === undefined || third === undefined) throw new Error('three were made');
      await store.addCallbackSecret(first, NOW);
      await store.addCallbackSecret(sampleSecret({ accountId: 'stranger' }), NOW);
      await store.addCallbackSecret(second, NOW + 15);
      expect(await store.callbackSecrets('default')).toEqual([second, { ...first, retiresAt: NOW + 15 }]);
      await store.addCallbackSecret(third, NOW + 25);
      expect(await store.callbackSecrets('default')).toEqual([third, { ...second, retiresAt: NOW + 25 }]);
      expect(await store.callbackSecrets('stranger')).toHaveLength(1);
    });

    it('finds API keys by their hash, enables, disables and forgets them', async () => {
      const key = sampleApiKey();
      const passing = sampleApiKey({ createdAt: NOW + 1, expiresAt: NOW + 5, policies: null });
      await store.addApiKey(key);
      await store.addApiKey(passing);
      await expect(store.addApiKey({ ...key, id: newId() })).rejects.toThrow();
      expect(await store.apiKeys()).toEqual([key, passing]);
      expect(await store.setApiKeyEnabled(key.id, false)).toBe(true);
      expect(await store.apiKey(key.hash)).toEqual({ ...key, enabled: false });
      await store.purgeApiKeys(NOW + 6);
      expect(await store.apiKey(passing.hash)).toBeUndefined();
      expect(await store.removeApiKey(key.id)).toBe(true);
      expect(await store.removeApiKey(key.id)).toBe(false);
      expect(await store.setApiKeyEnabled(key.id, true)).toBe(false);
    });

    it('forgets all of it with its account', async () => {
      await store.addAccount({ id: 'passing', createdAt: NOW, live: true });
      await store.addCallbackSecret(sampleSecret({ accountId: 'passing' }), NOW);
      await store.putEndpoint(sampleEndpoint({ accountId: 'passing' }));
      const key = sampleApiKey({ accountId: 'passing' });
      await store.addApiKey(key);
      expect(await store.removeAccount('passing')).toMatchObject({ keys: 1 });
      await store.removeApiKey(key.id);
      await store.removeAccount('passing');
      expect(await store.callbackSecrets('passing')).toEqual([]);
      expect(await store.endpoints('passing')).toEqual([]);
    });
  });
}
