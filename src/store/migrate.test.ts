import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { up as first } from './migrations/0001-first.ts';
import { up as playlists } from './migrations/0002-playlists.ts';
import { toAccessKeyRow, toEventRow, toTaskRow } from './rows.ts';
import { NOW, sampleDelivery, sampleKey, sampleTask } from './sample.ts';
import { Seal } from './seal.ts';
import { openSqlite } from './sqlite.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import type { Store } from './store.ts';

const sealKey = randomBytes(32);
const seal = new Seal(sealKey);
let folder: string;
let file: string;
let opened: Store | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-migrate-'));
  file = join(folder, 'millrace.db');
});
afterEach(async () => {
  await opened?.close();
  rmSync(folder, { recursive: true });
});

type Rows = Readonly<Record<string, readonly object[]>>;

/** A database as a program of that version left it. */
async function leave(migrations: readonly (typeof first)[], rows: Rows): Promise<void> {
  const database = new DatabaseSync(file);
  const db = new Kysely<unknown>({ dialect: sqliteDialect(database) });
  for (const migration of migrations) await migration(db, { bytes: 'blob' });
  database.exec(`create table schema_version (version integer);
    insert into schema_version values (${migrations.length})`);
  for (const [table, found] of Object.entries(rows)) {
    for (const row of found) {
      const names = Object.keys(row);
      const places = names.map(() => '?').join(', ');
      database.prepare(`insert into ${table} (${names.join(', ')}) values (${places})`).run(...Object.values(row));
    }
  }
  await db.destroy();
  if (database.isOpen) database.close();
}

async function open(): Promise<Store> {
  opened = await openSqlite({ file, sealKey });
  return opened;
}

describe('a database of the first version', () => {
  it('is brought up to date, and lists that it only kept are due at their start', async () => {
    const { task } = sampleTask();
    const { list_version: _, breakpoint: __, node: ___, ...row } = toTaskRow(seal, task);
    await leave([first], { tasks: [{ ...row, due_at: task.spec.endAt }] });
    const store = await open();
    expect(await store.get(task.id)).toEqual(task);
    expect(await store.due(task.spec.startAt, 10)).toEqual([task]);
  });
});

describe('a database of before callbacks were signed', () => {
  it('brings its callbacks along, unsigned and in the one dialect there was', async () => {
    const { task, events } = sampleTask();
    const [event] = events;
    if (event === undefined) throw new Error('a new task comes with its event');
    const delivery = sampleDelivery({ task, event });
    const { id, taskId, seq, contentType, createdAt, attempts, nextAt, state, lastError, url, body } = delivery;
    const row = { id, task_id: taskId, seq, content_type: contentType, created_at: createdAt, attempts };
    const sealed = seal.close(`deliveries/${id}`, JSON.stringify({ url, body }));
    const { node: ___, ...taskRow } = toTaskRow(seal, task);
    const { account_id: _, project_id: __, ...eventRow } = toEventRow(seal, event, task);
    await leave([first, playlists], {
      tasks: [taskRow],
      events: [eventRow],
      deliveries: [{ ...row, next_at: nextAt, state, last_error: lastError, sealed }],
    });
    const store = await open();
    expect(await store.dueDeliveries({ now: NOW, until: NOW, limit: 1 })).toEqual([
      { ...delivery, n: 1, dialect: 'huawei', key: '', endpoint: taskId },
    ]);
    expect(await store.eventLog({ accountId: 'default' }, { limit: 5 })).toMatchObject([event]);
  });
});

describe('a database of before there were policies', () => {
  const key = sampleKey({ accountId: 'acme', createdAt: NOW - 2000 });
  const newer = ['user_id', 'policies', 'token', 'expires_at', 'last_used_at'];
  const keyRow = Object.fromEntries(
    Object.entries(toAccessKeyRow(seal, key)).filter(([name]) => !newer.includes(name)),
  );
  const user = { id: 'u1', account_id: 'beta', name: 'ann', password_hash: 'h', created_at: NOW - 1000 };
  const token = {
    hash: 'th1',
    user_id: 'u1',
    account_id: 'beta',
    project_id: 'p1',
    issued_at: NOW,
    expires_at: NOW + 1000,
  };

  beforeEach(() =>
    leave([first, playlists], {
      access_keys: [keyRow],
      users: [user],
      tokens: [token],
      projects: [{ id: 'p1', account_id: 'gamma', name: 'north' }],
      domains: [{ name: 'push.example', target: 'rtmp://a' }],
    }),
  );

  it('keeps its keys as the accounts` own, which may do everything', async () => {
    expect(await (await open()).accessKey(key.accessKey)).toEqual(key);
  });

  it('gives its users full access, and keeps their tokens', async () => {
    const store = await open();
    expect(await store.userById('u1')).toMatchObject({ name: 'ann', enabled: true, policies: ['FullAccess'] });
    expect(await store.token('th1')).toMatchObject({ userId: 'u1' });
  });

  it('makes an account of every one that something belongs to, with the live service', async () => {
    const accounts = await (await open()).accounts();
    expect(accounts.map(({ id, live }) => [id, live])).toEqual([
      ['acme', true],
      ['beta', true],
      ['default', true],
      ['gamma', true],
    ]);
    expect(accounts.slice(0, 2).map(({ createdAt }) => createdAt)).toEqual([NOW - 2000, NOW - 1000]);
  });

  it('gives its domains to the default account', async () => {
    const domain = { name: 'push.example', target: 'rtmp://a', accountId: 'default' };
    expect(await (await open()).domains()).toEqual([domain]);
  });
});
