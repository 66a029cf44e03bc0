import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { changeOf, newId, sampleDelivery, sampleTask, telling } from './sample.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

let folder: string;
let store: Store;
let commits: number[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-census-'));
  commits = [];
  store = await openSqlite({
    ...{ file: join(folder, 'm.db'), sealKey: randomBytes(32) },
    committed: ({ writes }) => commits.push(writes),
  });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

it('counts tasks by status and dialect, without those that are deleted', async () => {
  const [one, other] = [sampleTask(), sampleTask({ spec: { dialect: 'native' } })];
  for (const change of [one, other, sampleTask()]) await store.create(change);
  await store.change(one.task.id, telling('deleted'));
  const { tasks } = await store.census();
  expect([...tasks].sort((a, b) => a.dialect.localeCompare(b.dialect))).toEqual([
    { status: 'scheduled', dialect: 'huawei', count: 1 },
    { status: 'scheduled', dialect: 'native', count: 1 },
  ]);
});

it('counts the callbacks that wait, and those that were given up', async () => {
  const { task, events } = sampleTask();
  const [event] = events;
  if (event === undefined) throw new Error('no event');
  const deliveries = [1, 2, 3].map(() => ({ ...sampleDelivery({ task, event }), id: newId() }));
  await store.create(changeOf({ task, event }, deliveries));
  await store.updateDelivery(deliveries[0]?.id ?? '', { state: 'dead' });
  const { waitingDeliveries, deadDeliveries } = await store.census();
  expect({ waitingDeliveries, deadDeliveries }).toEqual({ waitingDeliveries: 2, deadDeliveries: 1 });
});

it('counts the receivers that fail, and those that are paused', async () => {
  const endpoint = { accountId: 'default', url: 'http://cb.example/', failingSince: 1, lastError: '' };
  await store.putEndpoint({ ...endpoint, id: 'a', pausedAt: null });
  await store.putEndpoint({ ...endpoint, id: 'b', pausedAt: 2 });
  const { failingEndpoints, pausedEndpoints } = await store.census();
  expect({ failingEndpoints, pausedEndpoints }).toEqual({ failingEndpoints: 1, pausedEndpoints: 1 });
});

it('tells of each commit how many writes it held', async () => {
  await Promise.all([store.create(sampleTask()), store.create(sampleTask())]);
  expect(commits).toEqual([2]);
});
