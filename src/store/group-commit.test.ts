import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GroupCommit } from './group-commit.ts';
import { migrate } from './migrate.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import type { Tables } from './tables.ts';

const opened: Kysely<Tables>[] = [];
afterEach(async () => {
  for (const db of opened.splice(0)) await db.destroy();
});

async function openWith(mostPages?: number): Promise<{ db: Kysely<Tables>; commits: GroupCommit }> {
  const database = new DatabaseSync(':memory:');
  const db = new Kysely<Tables>({ dialect: sqliteDialect(database) });
  opened.push(db);
  await db.transaction().execute(trx => migrate(trx, { bytes: 'blob' }));
  if (mostPages !== undefined) database.exec(`pragma max_page_count = ${mostPages}`);
  return { db, commits: new GroupCommit(db) };
}

const put =
  (name: string, target = 'rtmp://t') =>
  async (trx: Kysely<Tables>) => {
    await trx.insertInto('domains').values({ name, target, account_id: 'default' }).execute();
  };
const names = async (db: Kysely<Tables>): Promise<string[]> =>
  (await db.selectFrom('domains').select('name').orderBy('name').execute()).map(({ name }) => name);

it('a work that fails is undone alone, with what it had written', async () => {
  const { db, commits } = await openWith();
  const outcomes = await Promise.allSettled([
    commits.write(put('a')),
    commits.write(async trx => {
      await put('b')(trx);
      throw new Error('second thoughts');
    }),
    commits.write(put('c')),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await names(db)).toEqual(['a', 'c']);
});

it('a query from outside never sees a work half done', async () => {
  const { db, commits } = await openWith();
  let seen: Promise<string[]> | undefined;
  await commits.write(async trx => {
    await put('a')(trx);
    seen = names(db);
    await put('b')(trx);
  });
  expect(await seen).toEqual(['a', 'b']);
});

it('a full disk is told as such, and writing goes on once there is room', async () => {
  const { db, commits } = await openWith(40);
  const tooLarge = commits.write(put('large', 'x'.repeat(1_000_000)));
  await expect(tooLarge).rejects.toMatchObject({ name: 'StoreFault', kind: 'full' });
  await commits.write(put('small'));
  expect(await names(db)).toEqual(['small']);
});

it('lets the event loop turn while many writes wait', async () => {
  const { commits } = await openWith();
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await Promise.all(Array.from({ length: 2000 }, (_, at) => commits.write(put(`d${at}`))));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
});

describe('while another connection writes', () => {
  let folder: string;
  let other: DatabaseSync;
  let db: Kysely<Tables>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-commit-'));
    const file = join(folder, 'test.db');
    other = new DatabaseSync(file);
    db = new Kysely<Tables>({ dialect: sqliteDialect(new DatabaseSync(file), 60) });
    opened.push(db);
    await db.transaction().execute(trx => migrate(trx, { bytes: 'blob' }));
    other.exec('begin immediate');
  });
  afterEach(() => {
    other.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('a write waits for it without holding the event loop', async () => {
    const written = new GroupCommit(db).write(put('a'));
    setTimeout(() => other.exec('rollback'), 20);
    await written;
    expect(await names(db)).toEqual(['a']);
  });

  it('a write that has waited long enough says so', async () => {
    const written = new GroupCommit(db).write(put('a'));
    await expect(written).rejects.toMatchObject({ name: 'StoreFault', kind: 'busy' });
    other.exec('rollback');
    expect(await names(db)).toEqual([]);
  });
});

it('takes no more writes than it can hold', async () => {
  const { commits } = await openWith();
  const writes = Array.from({ length: 50_001 }, () => commits.write(async () => undefined));
  const outcomes = await Promise.allSettled(writes);
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  expect(outcomes.at(-1)).toMatchObject({ reason: { name: 'StoreFault', kind: 'busy' } });
});
