import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Breakpoint, ListItem } from '../task/playlist.ts';
import type { ListSource } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import type { ListOrder, RunNews, RunOrder, RunReport } from '../worker/channel.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

/** What control does for lists of files: from where they are ordered, and what is told of their files. */

const [A, B, C] = ['http://f.example/a.mp4', 'http://f.example/b.mp4', 'http://f.example/c.mp4'] as const;
const listOf = (urls: readonly string[]): ListItem[] => urls.map(url => ({ url }));

const LIST: ListSource = {
  kind: 'list',
  items: listOf([A, B, C]),
  rounds: 3,
  startIndex: 1,
  startSeconds: 20,
  refresh: 'newSource',
};
const PLACE: Omit<Breakpoint, 'version'> = { url: C, round: 1, index: 2, offsetMs: 61_500 };

let room: Rehearsal;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(() => room.close());

const stored = (task: Task) => room.tasks.get(OWNER, task.id);
const onAir = (change: Partial<ListSource> = {}) => room.onAir({ source: { ...LIST, ...change } });
const typesOf = async (task: Task) => (await room.store.events(task.id, 0, 100)).map(({ type }) => type);
const alarmsOf = async (task: Task) =>
  (await room.store.events(task.id, 0, 100)).filter(({ type }) => type === 'alarm').map(({ detail }) => detail.alarm);

/** The list as ordered last, once so many orders are there. */
async function ordered(count: number): Promise<ListOrder & Pick<RunOrder, 'epoch'>> {
  await vi.waitFor(() => expect(room.orders).toHaveLength(count));
  const { source, epoch } = room.orders.at(-1) ?? {};
  if (source?.kind !== 'list' || epoch === undefined) throw new Error('the last order is none for a list');
  return { ...source, epoch };
}

/** The run says how far it has come; answers when that is stored. */
async function reach(task: Task, change: Partial<Breakpoint> = {}, epoch = task.epoch): Promise<void> {
  room.claims.progress({ taskId: task.id, epoch, breakpoint: { version: 1, ...PLACE, ...change } });
  await room.store.checkWritable();
}

const lose = (task: Task) => room.claims.lost(task.id, task.epoch, 'its worker died');
const item = (url: string, index: number, round = 0) => ({ url, index, round, durationMs: 4_000 });
const news = (type: RunNews['type'], file = item(B, 1)) => ({ type, side: 'pull', reason: '', item: file }) as const;

describe('a list', () => {
  it('is due at its start, and ordered from where its owner wants it to begin', async () => {
    const task = await onAir();
    const { kind: _, ...list } = LIST;
    expect(await ordered(1)).toEqual({
      ...{ kind: 'list', epoch: 1, version: 1, list },
      from: { round: 0, index: 1, offsetMs: 20_000 },
    });
    expect(await stored(task)).toMatchObject({ status: 'running' });
  });

  it('is over when all its rounds are played, and begins anew when it is enabled again', async () => {
    const task = await onAir({ refresh: 'breakpoint' });
    await reach(task);
    await room.say(task, { type: 'finished', side: 'run', reason: 'all rounds are played' });
    expect(await stored(task)).toMatchObject({ status: 'stopped', movedBy: 'finished' });
    // The end of the run comes behind its last news.
    await reach(task);
    await room.tasks.change(OWNER, task.id, { enabled: true });
    await room.scheduler.tick();
    expect(await ordered(2)).toMatchObject({ version: 2, from: { round: 0, index: 1, offsetMs: 20_000 } });
  });

  it('has failed when it came to its end without a frame', async () => {
    const { id } = await room.tasks.create(OWNER, room.spec({ source: LIST }));
    await room.scheduler.tick();
    const task = await room.tasks.get(OWNER, id);
    await room.say(task, { type: 'finished', side: 'pull', reason: 'no file of the list could be played' });
    expect(await stored(task)).toMatchObject({ status: 'stopped', movedBy: 'gaveUp' });
  });
});

describe('a list whose run was lost', () => {
  it('goes on exactly where the run stood, whatever the refresh rule says', async () => {
    for (const refresh of ['newSource', 'fileStart', 'breakpoint'] as const) {
      const task = await onAir({ refresh });
      const before = room.orders.length;
      await reach(task);
      lose(task);
      const { epoch, version, from } = await ordered(before + 1);
      expect({ epoch, version, from }).toEqual({
        ...{ epoch: task.epoch + 1, version: 1 },
        from: { round: 1, index: 2, offsetMs: 61_500 },
      });
    }
  });

  it('goes on there although the store does not have it yet', async () => {
    await room.close();
    room = await rehearse({
      store: store => ({ ...store, saveBreakpoints: () => Promise.reject(new Error('disk full')) }),
    });
    const task = await onAir();
    await reach(task);
    lose(task);
    expect((await ordered(2)).from).toEqual({ round: 1, index: 2, offsetMs: 61_500 });
    expect(room.logs.map(({ message }) => message)).toEqual(['break points could not be stored']);
  });

  it('goes on there after a restart of the control process', async () => {
    const task = await onAir();
    await reach(task);
    room = await room.again();
    await room.scheduler.tick();
    expect(await ordered(1)).toMatchObject({ epoch: task.epoch + 1, from: { round: 1, index: 2, offsetMs: 61_500 } });
  });

  it('begins anew when no frame of it was ever accepted', async () => {
    lose(await onAir());
    expect((await ordered(2)).from).toEqual({ round: 0, index: 1, offsetMs: 20_000 });
  });

  it('does not believe a run of an older epoch', async () => {
    const task = await onAir();
    await reach(task);
    lose(task);
    await ordered(2);
    await reach(task, { round: 2 });
    expect((await stored(task)).breakpoint).toMatchObject({ round: 1 });
  });

  it('follows the refresh rule when it was edited before the run said a word about it', async () => {
    const task = await onAir({ refresh: 'fileStart' });
    await reach(task);
    const source: ListSource = { ...LIST, refresh: 'fileStart', items: listOf([C, A]) };
    await room.tasks.change(OWNER, task.id, { source });
    lose(task);
    expect(await ordered(3)).toMatchObject({ version: 2, from: { round: 1, index: 0, offsetMs: 0 } });
    lose(await stored(task));
    expect(await ordered(4)).toMatchObject({ version: 2, from: { round: 1, index: 0, offsetMs: 0 } });
  });
});

describe('a list that was paused', () => {
  const again = [
    ['newSource', { round: 0, index: 1, offsetMs: 20_000 }],
    ['fileStart', { round: 1, index: 2, offsetMs: 0 }],
    ['breakpoint', { round: 1, index: 2, offsetMs: 62_000 }],
  ] as const;

  it.each(again)('is enabled again by %s', async (refresh, from) => {
    const task = await onAir({ refresh });
    await reach(task);
    await room.tasks.change(OWNER, task.id, { enabled: false });
    expect(room.stops).toEqual([{ taskId: task.id, epoch: 1 }]);
    // What its run tells when it has closed its push.
    await reach(task, { offsetMs: 62_000 });
    await room.tasks.change(OWNER, task.id, { enabled: true });
    await room.scheduler.tick();
    expect(await ordered(2)).toMatchObject({ version: 2, from });
    // Nothing accepted since: the same again, not an interruption of the new course.
    lose(await stored(task));
    expect(await ordered(3)).toMatchObject({ version: 2, from });
  });

  it('follows the rule that is given together with the switch', async () => {
    const task = await onAir();
    await reach(task);
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await room.tasks.change(OWNER, task.id, { source: { ...LIST, refresh: 'breakpoint' }, enabled: true });
    await room.scheduler.tick();
    expect((await ordered(2)).from).toEqual({ round: 1, index: 2, offsetMs: 61_500 });
  });
});

describe('an edit of a list on air', () => {
  it('is one event and one order under the same epoch', async () => {
    const task = await onAir({ refresh: 'breakpoint' });
    await reach(task);
    await room.tasks.change(OWNER, task.id, {
      source: { ...LIST, refresh: 'breakpoint', items: listOf([A, C]), startIndex: 0, startSeconds: 0 },
    });
    expect(await ordered(2)).toMatchObject({
      ...{ epoch: 1, version: 2 },
      list: { items: listOf([A, C]) },
      from: { round: 1, index: 1, offsetMs: 61_500 },
    });
    expect((await typesOf(task)).filter(type => type === 'changed')).toHaveLength(1);
  });

  it('of its rounds alone leaves its course as it is', async () => {
    const task = await onAir();
    await room.tasks.change(OWNER, task.id, { source: { ...LIST, rounds: 'endless', refresh: 'fileStart' } });
    expect(await ordered(2)).toMatchObject({ epoch: 1, version: 1, list: { rounds: 'endless' } });
  });

  it('of its end or its callbacks gives no order at all', async () => {
    const task = await onAir();
    await room.tasks.change(OWNER, task.id, { endAt: room.clock.now() + 60_000, callback: null });
    await room.scheduler.tick();
    expect(room.orders).toHaveLength(1);
    expect((await stored(task)).version).toBe(2);
  });

  it('is ordered from the place that its owner has moved it to, also by the next control process', async () => {
    const task = await onAir({ refresh: 'breakpoint' });
    await ordered(1);
    await reach(task);
    const to = { round: 2, index: 0, offsetMs: 9_000 };
    await room.tasks.move(OWNER, task.id, () => to);
    expect(await ordered(2)).toMatchObject({ epoch: 1, version: 2, from: to, jump: to });
    expect(room.tasks.position(await stored(task))).toEqual(to);
    expect(await typesOf(task)).toContain('moved');
    await reach(task);
    room = await room.again();
    await room.reconciler.reconcile();
    expect(await ordered(1)).toMatchObject({ version: 2, from: to, jump: to });
  });

  it('cannot be moved while it is stopped, nor can a stream', async () => {
    const task = await onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await expect(room.tasks.move(OWNER, task.id, () => PLACE)).rejects.toThrow('the task is stopped: cannot move it');
    const live = await room.onAir();
    await expect(room.tasks.move(OWNER, live.id, () => PLACE)).rejects.toThrow('the task is of a live source');
  });

  it('reaches a run that a worker brings back', async () => {
    const task = await onAir();
    room = await room.again();
    const breakpoint = { version: 1, ...PLACE };
    await room.claims.adopt([{ ...silentReport(task), breakpoint }]);
    await room.tasks.change(OWNER, task.id, { source: { ...LIST, items: listOf([C]), startIndex: 0 } });
    await room.scheduler.tick();
    expect(await ordered(1)).toMatchObject({ epoch: 1, version: 2, list: { items: listOf([C]) } });
  });
});

const silentReport = (task: Task): RunReport => ({
  ...{ taskId: task.id, epoch: task.epoch, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
  ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
});

describe('what a run tells of its files', () => {
  it('is kept in order, with the file, its length and its round', async () => {
    const task = await onAir();
    for (const each of [news('itemStarted'), news('itemFinished'), news('itemStarted', item(C, 2))]) {
      void room.claims.news({ taskId: task.id, epoch: task.epoch, ...each });
    }
    await vi.waitFor(async () => expect(await typesOf(task)).toHaveLength(6));
    const told = (await room.store.events(task.id, 3, 10)).map(({ type, detail }) => ({ type, ...detail }));
    expect(told).toEqual([
      { type: 'itemStarted', url: B, index: 1, round: 0, durationMs: 4_000 },
      { type: 'itemFinished', url: B, index: 1, round: 0, durationMs: 4_000 },
      { type: 'itemStarted', url: C, index: 2, round: 0, durationMs: 4_000 },
    ]);
  });

  it('keeps its order over a time in which the store takes nothing', async () => {
    await room.close();
    let isFull = false;
    const full = () => Promise.reject(new Error('disk full'));
    room = await rehearse({
      store: store => ({ ...store, change: (id, decide) => (isFull ? full() : store.change(id, decide)) }),
    });
    const task = await onAir();
    isFull = true;
    await room.say(task, news('itemStarted'));
    isFull = false;
    await room.say(task, news('itemFinished'));
    expect(await typesOf(task)).toHaveLength(3);
    await room.scheduler.tick();
    expect((await typesOf(task)).slice(3)).toEqual(['itemStarted', 'itemFinished']);
    expect(room.logs.map(({ message }) => message)).toEqual(['news of a run could not be stored']);
  });

  it('is a finished file with a reason where one could not be played, and one alarm an episode', async () => {
    const task = await onAir();
    const failed = { ...news('itemFailed'), reason: 'HTTP 404' };
    await room.say(task, failed);
    await room.say(task, failed);
    const [event] = await room.store.events(task.id, 3, 1);
    expect(event).toMatchObject({ type: 'itemFinished', reason: 'HTTP 404', cause: 'source', detail: { url: B } });
    expect(await alarmsOf(task)).toEqual(['PullFileFailed']);
    await room.clock.pass(61_000, 61_000);
    await room.say(task, failed);
    expect(await alarmsOf(task)).toEqual(['PullFileFailed']);
    expect(await stored(task)).toMatchObject({ status: 'running' });
  });

  it('is not told behind the exit', async () => {
    const task = await onAir();
    await room.tasks.change(OWNER, task.id, { enabled: false });
    await room.say(task, news('itemFinished'));
    expect((await typesOf(task)).at(-1)).toBe('stopped');
  });
});
