import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkCopy, copyDatabase } from './backup.ts';
import { CANARY, sampleTask } from './sample.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

const sealKey = randomBytes(32);
let folder: string;
let store: Store;
const at = (name: string): string => join(folder, name);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-backup-'));
  store = await openSqlite({ file: at('m.db'), sealKey });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

it('copies what has been stored, of a database that is open', async () => {
  await store.create(sampleTask());
  copyDatabase(at('m.db'), at('copy.db'));
  await store.create(sampleTask());
  expect(checkCopy(at('copy.db'), sealKey)).toMatchObject({ tasks: 1, events: 1 });
});

it('leaves a copy that opens as a store', async () => {
  const { task } = sampleTask();
  await store.create(sampleTask());
  copyDatabase(at('m.db'), at('copy.db'));
  await using stack = new AsyncDisposableStack();
  const other = stack.adopt(await openSqlite({ file: at('copy.db'), sealKey }), it => it.close());
  expect((await other.withStatus([task.status])).length).toBe(1);
});

it('keeps addresses sealed, and the file to its owner', async () => {
  await store.create(sampleTask());
  copyDatabase(at('m.db'), at('copy.db'));
  expect(readFileSync(at('copy.db')).includes(CANARY)).toBe(false);
  expect(statSync(at('copy.db')).mode & 0o777).toBe(0o600);
});

it('leaves nothing else behind', () => {
  copyDatabase(at('m.db'), at('copy.db'));
  expect(readdirSync(folder).filter(name => !name.startsWith('m.db'))).toEqual(['copy.db']);
});

it('never writes over a file', () => {
  writeFileSync(at('copy.db'), 'mine');
  expect(() => copyDatabase(at('m.db'), at('copy.db'))).toThrow('is there already');
  expect(readFileSync(at('copy.db'), 'utf8')).toBe('mine');
});

it('refuses another key', () => {
  copyDatabase(at('m.db'), at('copy.db'));
  expect(() => checkCopy(at('copy.db'), randomBytes(32))).toThrow('it was made with another key');
});

it('refuses a copy that is damaged', async () => {
  for (let i = 0; i < 50; i++) await store.create(sampleTask());
  copyDatabase(at('m.db'), at('copy.db'));
  const bytes = readFileSync(at('copy.db'));
  writeFileSync(at('copy.db'), bytes.fill(0x55, 8_192, bytes.length - 8_192));
  expect(() => checkCopy(at('copy.db'), sealKey)).toThrow(at('copy.db'));
});

it('refuses a file of another kind', () => {
  writeFileSync(at('copy.db'), 'these are no pages of a database'.repeat(1_000));
  expect(() => checkCopy(at('copy.db'), sealKey)).toThrow(at('copy.db'));
});
