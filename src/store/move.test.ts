import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { PostgresServer } from '../../test/lab/postgres.ts';
import { sampleAsset } from './assets.testsuite.ts';
import { moveStore } from './move.ts';
import { openPostgres } from './postgres.ts';
import { NOW, sampleKey, sampleTask, telling } from './sample.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

const sealKey = randomBytes(32);
const ACCOUNT = { accountId: 'default' };
const ALL = { offset: 0, limit: 1_000 };
const PAGE = { after: 0, limit: 2_000 };

let server: PostgresServer;
let url: string;
let folder: string;
let file: string;
const opened: Store[] = [];

// A server is started and many connections are made, beside all other tests.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 60_000 });

beforeAll(async () => {
  server = await PostgresServer.open();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  url = await server.createDatabase();
  folder = mkdtempSync(join(tmpdir(), 'millrace-move-'));
  file = join(folder, 'millrace.db');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(folder, { recursive: true });
});

const own = (store: Store): Store => {
  opened.push(store);
  return store;
};
const sqlite = async (): Promise<Store> => own(await openSqlite({ file, sealKey }));
const postgres = async (): Promise<Store> => own(await openPostgres({ url, sealKey }));

/** One of most things, and more tasks than are copied together. */
async function fill(store: Store): Promise<void> {
  const tasks = Array.from({ length: 620 }, () => sampleTask());
  await Promise.all(tasks.map(task => store.create(task)));
  for (const { task } of tasks.slice(0, 5)) {
    await store.change(task.id, telling('claimed', 'deliver'));
    const breakpoint = { version: 1, url: 'http://f.example/a.mp4', round: 0, index: 0, offsetMs: 1 };
    await store.saveBreakpoints([{ taskId: task.id, epoch: 1, breakpoint }]);
  }
  await store.addAccount({ id: 'acme', createdAt: NOW, live: true });
  await store.addAccessKey(sampleKey());
  await store.addAsset(sampleAsset());
  await store.create(sampleTask(), { key: 'once', wish: 'w' });
}

/** What can be read of a store, all of it opened. */
const told = async (store: Store): Promise<object> => ({
  tasks: await store.list(ACCOUNT, ALL),
  events: await store.eventLog(ACCOUNT, PAGE),
  deliveries: await store.deliveries(ACCOUNT, PAGE),
  keys: await store.accessKeys(),
  accounts: await store.accounts(),
  assets: await store.assets(),
  revision: await store.assetsRevision(),
  installation: await store.installation(),
  held: await store.holdings(),
  census: await store.census(),
});

it('brings all of it along as it was, and numbers go on behind the last', async () => {
  const source = await sqlite();
  await fill(source);
  const before = await told(source);
  const last = await source.lastEvent();
  await source.close();
  const counts = new Map<string, number>();
  await moveStore({ file, url, sealKey, copied: (table, rows) => counts.set(table, rows) });
  expect(counts.get('tasks')).toBe(621);
  const target = await postgres();
  expect(await told(target)).toEqual(before);
  await target.create(sampleTask());
  expect(await target.lastEvent()).toBe(last + 1);
  expect(await target.create(sampleTask(), { key: 'once', wish: 'w' })).toMatchObject({ key: 'once' });
});

it('leaves out nothing but what nodes agree on among themselves', async () => {
  await (await sqlite()).close();
  const moved: string[] = [];
  await moveStore({ file, url, sealKey, copied: table => moved.push(table) });
  using database = new DatabaseSync(file, { readOnly: true });
  const all = database
    .prepare(`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`)
    .all();
  const names = all.map(({ name }) => String(name));
  expect(names.filter(name => !moved.includes(name)).sort()).toEqual(['duties', 'nodes', 'schema_version']);
});

it('goes on behind the last number that was ever given, also where that event is gone', async () => {
  const source = await sqlite();
  await fill(source);
  const last = await source.lastEvent();
  await source.purgeEvents(NOW + 1);
  await source.close();
  await moveStore({ file, url, sealKey });
  const target = await postgres();
  await target.create(sampleTask());
  expect(await target.lastEvent()).toBe(last + 1);
});

it('refuses a database that is in use, and leaves it as it is', async () => {
  await (await sqlite()).create(sampleTask());
  const target = await postgres();
  const { task } = sampleTask();
  await target.create({ task, events: [], deliveries: [] });
  await target.close();
  const moving = moveStore({ file, url, sealKey });
  await expect(moving).rejects.toThrow(/is in use: 1 rows in tasks; name one that is empty/);
  const { total } = await (await postgres()).list(ACCOUNT, ALL);
  expect(total).toBe(1);
});

it('leaves nothing there where it cannot be done whole, and can be tried again', async () => {
  const source = await sqlite();
  await fill(source);
  await source.close();
  await (await postgres()).close();
  const name = new URL(url).pathname.slice(1);
  await server.query('alter table audit rename to elsewhere', name);
  await expect(moveStore({ file, url, sealKey })).rejects.toThrow();
  await server.query('alter table elsewhere rename to audit', name);
  expect((await (await postgres()).list(ACCOUNT, ALL)).total).toBe(0);
  await moveStore({ file, url, sealKey });
  expect((await (await postgres()).list(ACCOUNT, ALL)).total).toBe(621);
});

it('does not change what the file holds', async () => {
  await (await sqlite()).create(sampleTask());
  for (const store of opened.splice(0)) await store.close();
  const before = readFileSync(file);
  await moveStore({ file, url, sealKey });
  expect(readFileSync(file).equals(before)).toBe(true);
});
