import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sampleAsset } from '../store/assets.testsuite.ts';
import type { ListItem } from '../task/playlist.ts';
import type { ListSource } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import type { RunOrder, RunReport } from '../worker/channel.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

/** What control does for lists that name media assets. */

const itemsOf = (...urls: string[]): ListItem[] => urls.map(url => ({ url }));
const LIST: ListSource = {
  kind: 'list',
  items: itemsOf('asset://a', 'media://plain.mp4', 'asset://b'),
  rounds: 'endless',
  startIndex: 0,
  startSeconds: 0,
  refresh: 'breakpoint',
};

let room: Rehearsal;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(() => room.close());

const put = (id: string, url: string): Promise<void> =>
  room.store.putAsset(sampleAsset({ id, url, accountId: OWNER.accountId }));
const onAir = () => room.onAir({ source: LIST });
const edit = (task: Task, source: Partial<ListSource>) =>
  room.tasks.change(OWNER, task.id, { source: { ...LIST, ...source } });

/** Eight ticks: so seldom it is asked whether any asset has changed. */
async function twoSeconds(): Promise<void> {
  for (let tick = 0; tick < 8; tick++) await room.scheduler.tick();
}

/** The order given last, once so many are there. */
async function ordered(count: number): Promise<RunOrder & { readonly assets: unknown }> {
  await vi.waitFor(() => expect(room.orders).toHaveLength(count));
  const order = room.orders.at(-1);
  if (order?.source.kind !== 'list') throw new Error('the last order is none for a list');
  return { ...order, assets: order.source.assets };
}

describe('a list that names assets', () => {
  it('is ordered with what they lead to, and without those that there are not', async () => {
    await put('a', 'media://a.mp4');
    await room.store.addAsset(sampleAsset({ id: 'b', accountId: 'stranger' }));
    await onAir();
    expect((await ordered(1)).assets).toEqual({ 'asset://a': 'media://a.mp4' });
  });

  it('is ordered again under the same epoch and version when one of them changes, comes or goes', async () => {
    await put('a', 'media://a.mp4');
    const task = await onAir();
    const { epoch } = await ordered(1);
    await put('a', 'media://other.mp4');
    await twoSeconds();
    expect(await ordered(2)).toMatchObject({
      ...{ taskId: task.id, epoch, source: { version: 1 } },
      assets: { 'asset://a': 'media://other.mp4' },
    });
    await put('b', 'media://b.mp4');
    await twoSeconds();
    expect((await ordered(3)).assets).toEqual({ 'asset://a': 'media://other.mp4', 'asset://b': 'media://b.mp4' });
    await room.store.removeAsset(OWNER.accountId, 'a');
    await twoSeconds();
    expect((await ordered(4)).assets).toEqual({ 'asset://b': 'media://b.mp4' });
  });

  it('is not ordered again when nothing that it names has changed', async () => {
    await onAir();
    await twoSeconds();
    await put('unused', 'media://unused.mp4');
    await twoSeconds();
    expect(room.orders).toHaveLength(1);
  });

  it('is ordered with the assets of another list when it is edited', async () => {
    await put('a', 'media://a.mp4');
    await put('c', 'media://c.mp4');
    const task = await onAir();
    await ordered(1);
    await edit(task, { items: itemsOf('asset://c') });
    expect(await ordered(2)).toMatchObject({ source: { version: 2 }, assets: { 'asset://c': 'media://c.mp4' } });
    await edit(task, { items: itemsOf('media://plain.mp4') });
    expect((await ordered(3)).assets).toBeUndefined();
    await put('c', 'media://other.mp4');
    await twoSeconds();
    expect(room.orders).toHaveLength(3);
  });

  it('gets the newest of two edits that come before its assets were found', async () => {
    await room.close();
    const asked: (() => void)[] = [];
    let slow = false;
    room = await rehearse({
      store: store => ({
        ...store,
        asset: async (accountId, id) => {
          if (slow) await new Promise<void>(resolve => asked.push(resolve));
          return store.asset(accountId, id);
        },
      }),
    });
    await put('b', 'media://b.mp4');
    await put('c', 'media://c.mp4');
    const task = await onAir();
    await ordered(1);
    slow = true;
    await edit(task, { items: itemsOf('asset://b') });
    await edit(task, { items: itemsOf('asset://c') });
    slow = false;
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    for (const answer of asked.reverse()) answer();
    await vi.waitFor(() =>
      expect(room.orders.at(-1)).toMatchObject({ source: { version: 3, assets: { 'asset://c': 'media://c.mp4' } } }),
    );
    expect(room.orders.slice(1).every(({ source }) => source.kind === 'list' && source.version === 3)).toBe(true);
  });

  it('goes on as it is while the store cannot say what an edit names, and gets its order later', async () => {
    await room.close();
    let fails = false;
    room = await rehearse({
      store: store => ({
        ...store,
        asset: (accountId, id) => (fails ? Promise.reject(new Error('busy')) : store.asset(accountId, id)),
      }),
    });
    await put('c', 'media://c.mp4');
    const task = await onAir();
    await ordered(1);
    fails = true;
    await edit(task, { items: itemsOf('asset://c') });
    await vi.waitFor(() => expect(room.logs.map(({ message }) => message)).toEqual(['a claim has to wait']));
    fails = false;
    await twoSeconds();
    expect((await ordered(2)).assets).toEqual({ 'asset://c': 'media://c.mp4' });
    expect(await room.tasks.get(OWNER, task.id)).toMatchObject({ status: 'running' });
  });

  it('is not ordered when it was paused while its assets were looked up', async () => {
    await room.close();
    let answer = (): void => {};
    room = await rehearse({
      store: store => ({
        ...store,
        asset: async (accountId, id) => {
          await new Promise<void>(resolve => {
            answer = resolve;
          });
          return store.asset(accountId, id);
        },
      }),
    });
    const { id } = await room.tasks.create(OWNER, room.spec({ source: { ...LIST, items: itemsOf('asset://a') } }));
    await room.scheduler.tick();
    await room.tasks.change(OWNER, id, { enabled: false });
    answer();
    await twoSeconds();
    expect(room.orders).toEqual([]);
  });

  it('that a worker brings back is ordered with what its assets lead to by then', async () => {
    await put('a', 'media://a.mp4');
    const task = await onAir();
    room = await room.again();
    await put('a', 'media://other.mp4');
    await room.claims.adopt([silentReport(task)]);
    await room.scheduler.tick();
    expect((await ordered(1)).assets).toEqual({ 'asset://a': 'media://other.mp4' });
  });
});

const silentReport = (task: Task): RunReport => ({
  ...{ taskId: task.id, epoch: task.epoch, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
  ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
});
