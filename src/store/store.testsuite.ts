import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Task } from '../task/task.ts';
import { CANARY, changeOf, NOW, sampleTask, telling } from './sample.ts';
import type { Change, Store, TaskFilter } from './store.ts';

/** An empty database opened by the implementation under test. */
export interface OpenedStore<Opened = Store> {
  readonly store: Opened;
  /** Another Store on the same database; the first may be open still (the CLI beside the server) or closed. */
  reopen(): Promise<Opened>;
}

/** What of a store is about tasks: all that there is of one in a simulation. */
type TaskStore = Pick<
  Store,
  | 'create'
  | 'change'
  | 'saveBreakpoints'
  | 'get'
  | 'list'
  | 'due'
  | 'withStatus'
  | 'purge'
  | 'events'
  | 'dueDeliveries'
  | 'updateDelivery'
  | 'checkWritable'
  | 'close'
>;

const P1: TaskFilter = { accountId: 'default', projectId: 'p1' };
const ALL = { offset: 0, limit: 100 };
const HOUR_MS = 3_600_000;
const SETTLED = { attempts: 1, nextAt: NOW, state: 'delivered', lastError: '' } as const;

/** What every Store keeps to, whatever it is made of. */
export function storeSuite(name: string, open: () => Promise<OpenedStore<TaskStore>>): void {
  describe(`${name} as a store`, () => {
    let opened: OpenedStore<TaskStore>;
    let store: TaskStore;
    const toClose: TaskStore[] = [];

    const reopen = async (): Promise<TaskStore> => {
      const other = await opened.reopen();
      toClose.push(other);
      return other;
    };
    const put = async (change: Change): Promise<Task> => {
      await store.create(change);
      return change.task;
    };
    const ids = async (filter: TaskFilter, page = ALL): Promise<string[]> =>
      (await store.list(filter, page)).tasks.map(task => task.id);
    const dueIds = async (now: number): Promise<string[]> => (await store.due(now, 100)).map(task => task.id);

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      toClose.push(store);
    });
    afterEach(async () => {
      for (const each of toClose.splice(0)) await each.close();
    });

    describe('a task', () => {
      it('comes back as it was stored', async () => {
        const task = await put(sampleTask());
        expect(await store.get(task.id)).toEqual(task);
      });

      it('that was never stored is not there', async () => {
        expect(await store.get('nobody')).toBeUndefined();
        expect(await store.change('nobody', telling('claimed'))).toBeUndefined();
      });

      it('is not stored twice under one id', async () => {
        const change = sampleTask();
        await store.create(change);
        await expect(store.create(change)).rejects.toThrow();
        expect((await store.list(P1, ALL)).total).toBe(1);
      });

      it('stands in another store on the same database at once', async () => {
        const other = await reopen();
        const task = await put(sampleTask());
        expect(await other.get(task.id)).toEqual(task);
        await other.change(task.id, telling('claimed'));
        expect((await store.get(task.id))?.epoch).toBe(1);
      });

      it('stands after the store was closed and opened again', async () => {
        const task = await put(sampleTask());
        await store.close();
        expect(await (await reopen()).get(task.id)).toEqual(task);
      });
    });

    it('keeps the alarms that are open with their task', async () => {
      const change = sampleTask();
      const alarms = [{ alarm: 'AudioLost', id: 'event-7' }];
      await put({ ...change, task: { ...change.task, alarms } });
      expect((await store.get(change.task.id))?.alarms).toEqual(alarms);
    });

    describe('a break point', () => {
      const breakpoint = { version: 1, url: `http://f.example/${CANARY}.mp4`, round: 3, index: 1, offsetMs: 12_345 };

      it('comes back with its task, and raises no event', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('claimed'));
        await store.saveBreakpoints([{ taskId: id, epoch: 1, breakpoint }]);
        expect(await store.get(id)).toMatchObject({ breakpoint, epoch: 1, seq: 2 });
        expect(await store.events(id, 0, 10)).toHaveLength(2);
      });

      it('stays through changes of the task, and gives way to the next', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('claimed'));
        await store.saveBreakpoints([{ taskId: id, epoch: 1, breakpoint }]);
        await store.change(id, telling('flowing'));
        expect((await store.get(id))?.breakpoint).toEqual(breakpoint);
        await store.saveBreakpoints([{ taskId: id, epoch: 1, breakpoint: { ...breakpoint, round: 4 } }]);
        expect((await store.get(id))?.breakpoint?.round).toBe(4);
      });

      it('of another epoch than the task has is left out, and does not keep the others out', async () => {
        const tasks = await Promise.all([put(sampleTask()), put(sampleTask())]);
        for (const { id } of tasks) await store.change(id, telling('claimed'));
        const epochs = [2, 1];
        await store.saveBreakpoints(tasks.map(({ id }, i) => ({ taskId: id, epoch: epochs[i] ?? 0, breakpoint })));
        const kept = await Promise.all(tasks.map(async ({ id }) => (await store.get(id))?.breakpoint));
        expect(kept).toEqual([null, breakpoint]);
      });

      it('of nobody is no fault', async () => {
        await store.saveBreakpoints([{ taskId: 'nobody', epoch: 1, breakpoint }]);
        await store.saveBreakpoints([]);
      });
    });

    describe('a change', () => {
      it('stores the task and its event together', async () => {
        const { id } = await put(sampleTask());
        const answer = await store.change(id, telling('claimed'));
        expect(answer?.changed).toBe(true);
        expect(await store.get(id)).toEqual(answer?.task);
        expect((await store.events(id, 0, 10)).map(event => event.type)).toEqual(['created', 'claimed']);
      });

      it('that is no news changes nothing', async () => {
        const task = await put(sampleTask());
        expect(await store.change(task.id, telling('finished'))).toEqual({ task, changed: false });
        expect(await store.events(task.id, 0, 10)).toHaveLength(1);
      });

      it('whose decision throws changes nothing and fails with that error', async () => {
        const task = await put(sampleTask());
        const refuse = (): never => {
          throw new Error('decided against it');
        };
        await expect(store.change(task.id, refuse)).rejects.toThrow('decided against it');
        expect(await store.get(task.id)).toEqual(task);
      });

      it('that fails in its last row leaves none of the others', async () => {
        const first = sampleTask();
        const task = await put(first);
        const clash = (now: Task): Change | undefined => {
          const change = telling('claimed')(now);
          return change && { ...change, events: [...change.events, ...first.events] };
        };
        await expect(store.change(task.id, clash)).rejects.toThrow();
        expect(await store.get(task.id)).toEqual(task);
        expect(await store.events(task.id, 0, 10)).toHaveLength(1);
      });

      it('that fails does not take the ones beside it along', async () => {
        const tasks = await Promise.all(Array.from({ length: 10 }, () => put(sampleTask())));
        const outcomes = await Promise.allSettled(
          tasks.map(({ id }, at) => (at % 2 === 0 ? store.change(id, telling('claimed')) : store.create(sampleOf(id)))),
        );
        expect(outcomes.map(({ status }) => status)).toEqual(
          tasks.map((_, at) => (at % 2 === 0 ? 'fulfilled' : 'rejected')),
        );
        const epochs = await Promise.all(tasks.map(async ({ id }) => (await store.get(id))?.epoch));
        expect(epochs).toEqual(tasks.map((_, at) => (at % 2 === 0 ? 1 : 0)));
      });

      it('made fifty times at once from two stores is made one after the other, numbered without holes', async () => {
        const other = await reopen();
        const { id } = await put(sampleTask());
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? store : other).change(id, telling('alarm'))),
        );
        expect(answers.every(answer => answer?.changed)).toBe(true);
        const events = await store.events(id, 0, 100);
        expect(events.map(event => event.seq)).toEqual(Array.from({ length: 51 }, (_, at) => at + 1));
        expect((await store.get(id))?.seq).toBe(51);
      });
    });

    describe('the events of a task', () => {
      it('come in their order, behind the one that was seen, and no more than asked for', async () => {
        const { id } = await put(sampleTask());
        for (const type of ['claimed', 'flowing', 'broke', 'flowing'] as const) await store.change(id, telling(type));
        const events = await store.events(id, 2, 2);
        expect(events.map(({ seq, type }) => [seq, type])).toEqual([
          [3, 'flowing'],
          [4, 'broke'],
        ]);
      });

      it('come back as they were stored', async () => {
        const change = sampleTask();
        await store.create(change);
        expect(await store.events(change.task.id, 0, 10)).toEqual(change.events);
      });
    });

    describe('a list', () => {
      it('is newest first, then by id, descending', async () => {
        const old = await put(sampleTask({ createdAt: NOW }));
        const twinA = await put(sampleTask({ createdAt: NOW + 1 }));
        const twinB = await put(sampleTask({ createdAt: NOW + 1 }));
        expect(await ids(P1)).toEqual([twinB.id, twinA.id, old.id]);
      });

      it('is read page by page, with the number of all', async () => {
        for (let at = 0; at < 5; at++) await put(sampleTask({ createdAt: NOW + at }));
        const whole = await ids(P1);
        expect([...(await ids(P1, { offset: 0, limit: 2 })), ...(await ids(P1, { offset: 2, limit: 3 }))]).toEqual(
          whole,
        );
        expect((await store.list(P1, { offset: 4, limit: 10 })).total).toBe(5);
        expect(await store.list(P1, { offset: 5, limit: 10 })).toEqual({ tasks: [], total: 5 });
      });

      it('holds only what the filter names', async () => {
        const mine = await put(sampleTask({ spec: { region: 'north' } }));
        const south = await put(sampleTask({ createdAt: NOW + 1, spec: { region: 'south' } }));
        const foreign = await put(sampleTask({ projectId: 'p2' }));
        expect(await ids(P1)).toEqual([south.id, mine.id]);
        expect(await ids({ ...P1, projectId: 'p2' })).toEqual([foreign.id]);
        expect(await ids({ accountId: 'default', taskId: foreign.id })).toEqual([foreign.id]);
        expect(await ids({ accountId: 'stranger' })).toEqual([]);
        expect(await ids({ ...P1, region: 'north' })).toEqual([mine.id]);
        expect(await ids({ ...P1, taskId: mine.id })).toEqual([mine.id]);
        expect(await ids({ ...P1, taskId: foreign.id })).toEqual([]);
        expect(await ids({ ...P1, region: '' })).toEqual([]);
      });

      it('holds what has exited, but nothing that was deleted', async () => {
        const exited = await put(sampleTask());
        await store.change(exited.id, telling('expired'));
        const deleted = await put(sampleTask());
        await store.change(deleted.id, telling('deleted'));
        expect(await store.list(P1, ALL)).toMatchObject({ total: 1, tasks: [{ id: exited.id }] });
      });

      it('holds what exited lately, and what was deleted lately, where that is asked for', async () => {
        const live = await put(sampleTask({ createdAt: NOW }));
        const deleted = await put(sampleTask({ createdAt: NOW + 1 }));
        await store.change(deleted.id, telling('deleted'));
        const exitedAt = (await store.get(deleted.id))?.exitedAt ?? 0;
        expect(await ids({ ...P1, exitedSince: exitedAt })).toEqual([deleted.id, live.id]);
        expect(await ids({ ...P1, exitedSince: exitedAt + 1 })).toEqual([live.id]);
      });

      it('counts and pages what a question to the opened task lets through', async () => {
        for (let at = 0; at < 6; at++) await put(sampleTask({ createdAt: NOW + at, spec: { name: `n${at % 2}` } }));
        const odd: TaskFilter = { ...P1, matches: ({ spec }) => spec.name === 'n1' };
        const { tasks, total } = await store.list(odd, { offset: 1, limit: 1 });
        expect(total).toBe(3);
        expect(tasks.map(({ createdAt }) => createdAt)).toEqual([NOW + 3]);
      });
    });

    describe('what is due', () => {
      it('is a scheduled task from its start on', async () => {
        const { id } = await put(sampleTask());
        expect(await dueIds(NOW - 1)).toEqual([]);
        expect(await dueIds(NOW)).toEqual([id]);
      });

      it('is no longer what was claimed, until its end', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('claimed'));
        expect(await dueIds(NOW + HOUR_MS - 1)).toEqual([]);
        expect(await dueIds(NOW + HOUR_MS)).toEqual([id]);
      });

      it('is a stopped or switched-off task only at its end', async () => {
        const stopped = await put(sampleTask());
        await store.change(stopped.id, telling('stopped'));
        const off = await put(sampleTask({ spec: { enabled: false } }));
        expect(await dueIds(NOW + 1)).toEqual([]);
        expect((await dueIds(NOW + HOUR_MS)).sort()).toEqual([stopped.id, off.id].sort());
      });

      it('is never a task that has exited', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('expired'));
        expect(await dueIds(NOW + 400 * 24 * HOUR_MS)).toEqual([]);
      });

      it('comes longest due first, and no more than asked for', async () => {
        const late = await put(sampleTask({ spec: { startAt: NOW + 2 } }));
        const early = await put(sampleTask({ spec: { startAt: NOW + 1 } }));
        expect(await dueIds(NOW + 2)).toEqual([early.id, late.id]);
        expect((await store.due(NOW + 2, 1)).map(task => task.id)).toEqual([early.id]);
      });
    });

    it('finds tasks by their status', async () => {
      const waiting = await put(sampleTask());
      const running = await put(sampleTask());
      await store.change(running.id, telling('flowing'));
      const found = async (...statuses: Task['status'][]) => (await store.withStatus(statuses)).map(({ id }) => id);
      expect(await found('running', 'recovering')).toEqual([running.id]);
      expect(await found('scheduled', 'running')).toEqual([waiting.id, running.id]);
      expect(await found()).toEqual([]);
    });

    describe('a delivery', () => {
      const dueBodies = async (now = NOW): Promise<string[]> =>
        (await store.dueDeliveries({ now: now, until: now, limit: 100 })).map(
          ({ body }) => (JSON.parse(body) as { event: string }).event,
        );

      it('comes back as it was stored, once it is due', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('claimed', 'deliver'));
        expect(await store.dueDeliveries({ now: NOW - 1, until: NOW - 1, limit: 10 })).toEqual([]);
        const [delivery] = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        expect(delivery).toMatchObject({ taskId: id, seq: 2, url: `http://cb.example/${CANARY}`, state: 'waiting' });
        expect(delivery).toMatchObject({ dialect: 'huawei', key: `key${CANARY}` });
        expect(delivery?.body).toBe(JSON.stringify({ event: 'claimed', key: CANARY }));
      });

      it('waits for the earlier ones of its task', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('claimed', 'deliver'));
        await store.change(id, telling('flowing', 'deliver'));
        expect(await dueBodies()).toEqual(['claimed']);
        const [first] = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        await store.updateDelivery(first?.id ?? '', SETTLED);
        expect(await dueBodies()).toEqual(['flowing']);
      });

      it('that is put off holds back its own task only', async () => {
        const slow = await put(sampleTask());
        await store.change(slow.id, telling('claimed', 'deliver'));
        await store.change(slow.id, telling('flowing', 'deliver'));
        const [first] = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        await store.updateDelivery(first?.id ?? '', {
          attempts: 1,
          nextAt: NOW + 5,
          state: 'waiting',
          lastError: '500',
        });
        const other = await put(sampleTask());
        await store.change(other.id, telling('alarm', 'deliver'));
        expect(await dueBodies()).toEqual(['alarm']);
        expect(await store.dueDeliveries({ now: NOW + 5, until: NOW + 5, limit: 10 })).toMatchObject([
          { taskId: other.id },
          { taskId: slow.id, attempts: 1, lastError: '500' },
        ]);
      });

      it('holds the later ones of its task back until the time that it was given', async () => {
        const { id } = await put(sampleTask());
        for (const type of ['claimed', 'flowing', 'broke'] as const) await store.change(id, telling(type, 'deliver'));
        const [first] = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        await store.updateDelivery(first?.id ?? '', { nextAt: NOW + 60_000, holdsUntil: NOW + 5_000 });
        expect(await dueBodies(NOW + 4_999)).toEqual([]);
        expect(await dueBodies(NOW + 5_000)).toEqual(['flowing']);
        const later = { now: NOW + 4_999, until: Number.MAX_SAFE_INTEGER, limit: 10 };
        expect(await store.dueDeliveries(later)).toMatchObject([{ id: first?.id }]);
      });

      it('that would hold for longer than anything does was put off before the clock was set back', async () => {
        const { id } = await put(sampleTask());
        for (const type of ['claimed', 'flowing'] as const) await store.change(id, telling(type, 'deliver'));
        const [first] = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        await store.updateDelivery(first?.id ?? '', { nextAt: NOW + 60_000, holdsUntil: NOW + 50_000 });
        const filter = { now: NOW, until: NOW, limit: 10 };
        expect(await store.dueDeliveries({ ...filter, longestHoldMs: 50_000 })).toHaveLength(0);
        expect(await store.dueDeliveries({ ...filter, longestHoldMs: 49_999 })).toHaveLength(1);
      });

      it('holds back none to another receiver', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('claimed', 'deliver'));
        await store.change(id, task => {
          const change = telling('flowing', 'deliver')(task);
          return change && { ...change, deliveries: change.deliveries.map(one => ({ ...one, endpoint: 'other' })) };
        });
        expect(await dueBodies()).toEqual(['claimed', 'flowing']);
      });

      it('is found by its task, and by having been made at a time that is yet to come', async () => {
        const tasks = [await put(sampleTask()), await put(sampleTask())];
        for (const { id } of tasks) await store.change(id, telling('alarm', 'deliver'));
        const [one] = tasks;
        const filter = { now: NOW, until: NOW, limit: 10 };
        expect(await store.dueDeliveries({ ...filter, taskIds: [one?.id ?? ''] })).toMatchObject([{ taskId: one?.id }]);
        expect(await store.dueDeliveries({ ...filter, taskIds: [] })).toEqual([]);
        expect(await store.dueDeliveries({ ...filter, until: NOW - 1, taskIds: [one?.id ?? ''] })).toEqual([]);
        expect(await store.dueDeliveries({ ...filter, madeAfter: NOW - 1 })).toHaveLength(2);
        expect(await store.dueDeliveries({ ...filter, madeAfter: NOW })).toEqual([]);
        const [first] = await store.dueDeliveries(filter);
        await store.updateDelivery(first?.id ?? '', SETTLED);
        expect(await store.dueDeliveries({ ...filter, madeAfter: NOW - 1 })).toHaveLength(1);
      });

      it('that is dead lets the next one go', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('claimed', 'deliver'));
        await store.change(id, telling('flowing', 'deliver'));
        const [first] = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        await store.updateDelivery(first?.id ?? '', { attempts: 12, nextAt: NOW, state: 'dead', lastError: 'gone' });
        expect(await dueBodies()).toEqual(['flowing']);
      });

      it('is read on behind one that was read before', async () => {
        for (let at = 0; at < 5; at++) {
          const { id } = await put(sampleTask());
          await store.change(id, telling('alarm', 'deliver'));
        }
        const whole = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 });
        const rest = await store.dueDeliveries({ now: NOW, until: NOW, limit: 10, after: whole[1] });
        expect(whole).toHaveLength(5);
        expect(rest).toEqual(whole.slice(2));
      });

      it('is not stored when its event is not', async () => {
        const { id } = await put(sampleTask());
        const clash = (task: Task): Change | undefined => {
          const change = telling('claimed', 'deliver')(task);
          return change && { ...change, deliveries: [...change.deliveries, ...change.deliveries] };
        };
        await expect(store.change(id, clash)).rejects.toThrow();
        expect(await store.dueDeliveries({ now: NOW, until: NOW, limit: 10 })).toEqual([]);
      });
    });

    describe('a purge', () => {
      const exitAll = async (count: number): Promise<readonly Task[]> => {
        const tasks = await Promise.all(Array.from({ length: count }, () => put(sampleTask())));
        await Promise.all(tasks.map(({ id }) => store.change(id, telling('expired'))));
        return tasks;
      };

      it('removes what exited before the given time, and leaves its events', async () => {
        const [old] = await exitAll(1);
        const alive = await put(sampleTask());
        expect(await store.purge(NOW)).toBe(0);
        expect(await store.purge(NOW + 1)).toBe(1);
        expect(await ids(P1)).toEqual([alive.id]);
        expect(await store.events(old?.id ?? '', 0, 10)).toHaveLength(2);
      });

      it('leaves a task that still has something to tell', async () => {
        const { id } = await put(sampleTask());
        await store.change(id, telling('expired', 'deliver'));
        expect(await store.purge(NOW + 1)).toBe(0);
        const [delivery] = await store.dueDeliveries({ now: NOW, until: NOW, limit: 1 });
        await store.updateDelivery(delivery?.id ?? '', SETTLED);
        expect(await store.purge(NOW + 1)).toBe(1);
      });

      it('takes more than fits one transaction', async () => {
        await exitAll(450);
        expect(await store.purge(NOW + 1)).toBe(450);
        expect((await store.list(P1, ALL)).total).toBe(0);
      });
    });

    it('says that it can write', async () => {
      await expect(store.checkWritable()).resolves.toBeUndefined();
      await expect(store.checkWritable()).resolves.toBeUndefined();
    });

    it('finishes what it has taken before it closes, takes nothing afterwards, and closes once', async () => {
      const changes = Array.from({ length: 100 }, () => sampleTask());
      const writes = changes.map(change => store.create(change));
      await Promise.all([store.close(), store.close()]);
      await expect(Promise.all(writes)).resolves.toHaveLength(100);
      await expect(store.create(sampleTask())).rejects.toThrow();
      expect((await (await reopen()).list(P1, ALL)).total).toBe(100);
    });
  });
}

/** A second task under an id that is taken. */
function sampleOf(id: string): Change {
  const { task, events } = sampleTask();
  const [event] = events;
  if (event === undefined) throw new Error('a new task comes with its event');
  return changeOf({ task: { ...task, id }, event: { ...event, taskId: id } });
}
