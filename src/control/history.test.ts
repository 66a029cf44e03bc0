import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NOW, sampleTask, telling } from '../store/sample.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { UnknownTask } from '../task/error.ts';
import { History } from './history.ts';

const WHOLE = { accountId: 'default', projectId: '' };
const FIRST = { accountId: 'default', projectId: 'p1' };
const STRANGER = { accountId: 'stranger', projectId: '' };

let dir: string;
let store: Store;
let history: History;
let woken = 0;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-history-'));
  store = await openSqlite({ file: join(dir, 'millrace.db'), sealKey: randomBytes(32) });
  woken = 0;
  history = new History({ store, callbacks: { wake: () => woken++ }, now: () => NOW });
});

afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

/** A task with four events, of which the latter three are called back. */
async function liveTask(projectId = 'p1'): Promise<string> {
  const change = sampleTask({ projectId });
  await store.create(change);
  for (const type of ['claimed', 'flowing', 'broke'] as const) {
    await store.change(change.task.id, telling(type, 'deliver'));
  }
  return change.task.id;
}

describe('the log', () => {
  test('is read newest first, and says where it goes on as long as it does', async () => {
    await liveTask();
    const first = await history.events(WHOLE, {}, { limit: 3 });
    expect(first.rows.map(({ type }) => type)).toEqual(['broke', 'flowing', 'claimed']);
    const rest = await history.events(WHOLE, {}, { limit: 3, before: first.next ?? 0 });
    expect(rest.rows.map(({ type }) => type)).toEqual(['created']);
    expect(rest.next).toBeNull();
  });

  test('has no next part where a part ends with the log', async () => {
    await liveTask();
    const up = await history.events(WHOLE, {}, { limit: 4, after: 0 });
    expect(up).toMatchObject({ next: null, rows: { length: 4 } });
  });

  test('shows a project its own events only, whatever it asks for', async () => {
    await liveTask('p1');
    await liveTask('p2');
    const projects = async (owner: typeof WHOLE, projectId?: string) =>
      new Set((await history.events(owner, { projectId }, { limit: 100 })).rows.map(row => row.projectId));
    expect(await projects(WHOLE)).toEqual(new Set(['p1', 'p2']));
    expect(await projects(WHOLE, 'p2')).toEqual(new Set(['p2']));
    expect(await projects(FIRST)).toEqual(new Set(['p1']));
    expect(await projects(FIRST, 'p2')).toEqual(new Set());
    expect(await projects(STRANGER)).toEqual(new Set());
  });
});

describe('the events of a task', () => {
  test('come oldest first from behind a number of its own, other tasks being between them', async () => {
    const [id] = await Promise.all([liveTask(), liveTask(), liveTask('p2')]);
    const first = await history.eventsOf(FIRST, id, 0, 2);
    expect(first).toMatchObject({ next: 2, rows: [{ seq: 1 }, { seq: 2 }] });
    const rest = await history.eventsOf(FIRST, id, 2, 2);
    expect(rest).toMatchObject({ next: null, rows: [{ seq: 3 }, { seq: 4 }] });
    expect(await history.eventsOf(FIRST, id, 4, 2)).toEqual({ rows: [], next: null });
  });

  test('are there when the task is deleted and gone', async () => {
    const id = await liveTask();
    await store.change(id, telling('deleted'));
    await store.redeliver({ accountId: 'default' }, NOW);
    await store.giveUpDeliveries({ accountId: 'default' }, { now: NOW, reason: 'deleted' });
    expect(await store.purge(NOW + 1)).toBe(1);
    expect((await history.eventsOf(FIRST, id, 0, 100)).rows).toHaveLength(5);
  });

  test('may all be too old to be kept while the task stands', async () => {
    const id = await liveTask();
    await store.purgeEvents(NOW + 1);
    expect(await history.eventsOf(FIRST, id, 0, 10)).toEqual({ rows: [], next: null });
  });

  test('are not there for a stranger, another project, or where there is no such task', async () => {
    const id = await liveTask();
    for (const owner of [STRANGER, { ...FIRST, projectId: 'p2' }]) {
      await expect(history.eventsOf(owner, id, 0, 10)).rejects.toThrow(UnknownTask);
      await expect(history.eventsOf(owner, id, 99, 10)).rejects.toThrow(UnknownTask);
    }
    await store.purgeEvents(NOW + 1);
    await expect(history.eventsOf(STRANGER, id, 0, 10)).rejects.toThrow(UnknownTask);
    await expect(history.eventsOf(WHOLE, 'no-such-task', 0, 10)).rejects.toThrow(UnknownTask);
  });
});

describe('deliveries', () => {
  test('are listed newest first, and one is found by its id', async () => {
    await liveTask();
    const { rows, next } = await history.deliveries(WHOLE, {}, { limit: 2 });
    expect(rows.map(({ seq }) => seq)).toEqual([4, 3]);
    expect(next).toBe(rows[1]?.n);
    const id = rows[0]?.id ?? '';
    expect(await history.delivery(FIRST, id)).toMatchObject({ id, seq: 4 });
  });

  test('are nobody else’s business', async () => {
    await liveTask();
    const id = (await history.deliveries(WHOLE, {}, { limit: 1 })).rows[0]?.id ?? '';
    for (const owner of [STRANGER, { ...FIRST, projectId: 'p2' }]) {
      expect(await history.deliveries(owner, {}, { limit: 9 })).toEqual({ rows: [], next: null });
      expect(await history.deliveries(owner, { projectId: 'p1' }, { limit: 9 })).toEqual({ rows: [], next: null });
      expect(await history.delivery(owner, id)).toBeUndefined();
      expect(await history.redeliver(owner, { ids: [id] })).toBe(0);
      expect(await history.redeliver(owner, { ids: [id], projectId: 'p1' })).toBe(0);
    }
    expect(woken).toBe(0);
  });

  test('are sent again by what they have become, which wakes who sends them', async () => {
    await liveTask();
    await store.giveUpDeliveries({ accountId: 'default' }, { now: NOW, reason: 'down for too long' });
    expect(await history.redeliver(FIRST, { states: ['delivered'] })).toBe(0);
    expect(woken).toBe(0);
    expect(await history.redeliver(FIRST, { states: ['dead'] })).toBe(3);
    expect(woken).toBe(1);
    expect(await store.dueDeliveries({ now: NOW, until: NOW, limit: 9 })).toHaveLength(3);
  });
});

test('the receivers that fail are those of the account', async () => {
  const endpoint = { id: 'e1', accountId: 'default', url: 'http://cb.example/', failingSince: NOW, pausedAt: null };
  await store.putEndpoint({ ...endpoint, lastError: 'no answer' });
  expect(await history.endpoints(FIRST)).toMatchObject([{ id: 'e1' }]);
  expect(await history.endpoints(STRANGER)).toEqual([]);
});
