import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { Accounts } from './accounts.ts';
import { ApiKeys } from './api-keys.ts';
import { InvalidAccount } from './invalid-account.ts';

let dir: string;
let store: Store;
let accounts: Accounts;
let keys: ApiKeys;
let now = 1_700_000_000_000;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-api-keys-'));
  store = await openSqlite({ file: join(dir, 'millrace.db'), sealKey: randomBytes(32) });
  now = 1_700_000_000_000;
  const options = { store, now: () => now, newId: randomUUID, randomBytes };
  accounts = new Accounts(options);
  keys = new ApiKeys({ ...options, accounts });
});

afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

test('an API key is told once and found by its token, of which only the hash is kept', async () => {
  const { key, token } = await keys.create({ name: 'the console' });
  expect(token).toMatch(/^mlr_[A-Za-z0-9_-]{43}$/);
  expect(await keys.find(token)).toEqual(key);
  expect(JSON.stringify([await keys.list(), key])).not.toContain(token.slice(4));
});

test('an API key is for all projects of its account, unless one is named', async () => {
  const whole = await keys.create();
  const east = await keys.create({ region: 'east', accountId: 'other' });
  const named = await keys.create({ projectId: 'p7' });
  expect(whole.key).toMatchObject({ accountId: 'default', projectId: '' });
  const [project] = await accounts.projects('other', 'east');
  expect(east.key).toMatchObject({ accountId: 'other', projectId: project?.id });
  expect(named.key).toMatchObject({ accountId: 'default', projectId: 'p7' });
});

test('what is no token is not looked up', async () => {
  const lost = new ApiKeys({
    store: { ...store, apiKey: () => Promise.reject(new Error('looked up')) },
    accounts,
    now: () => now,
    newId: randomUUID,
    randomBytes,
  });
  for (const text of ['', 'mlr_', 'mlr_short', `xyz_${'a'.repeat(43)}`, `mlr_${'a'.repeat(42)}=`, 'a'.repeat(10_000)]) {
    expect(await lost.find(text)).toBeUndefined();
  }
});

test('an API key is disabled, enabled and removed by its id', async () => {
  const { key, token } = await keys.create();
  expect(await keys.disable(key.id)).toBe(true);
  expect((await keys.find(token))?.enabled).toBe(false);
  expect(await keys.enable(key.id)).toBe(true);
  expect((await keys.find(token))?.enabled).toBe(true);
  expect(await keys.remove(key.id)).toBe(true);
  expect(await keys.find(token)).toBeUndefined();
  expect(await keys.remove(key.id)).toBe(false);
});

test('a passing API key says when it ends, and is forgotten a day behind that', async () => {
  const hour = 3_600_000;
  const { key, token } = await keys.create({ lifeMs: hour });
  expect(key.expiresAt).toBe(now + hour);
  now += 2 * hour;
  await keys.create();
  expect(await keys.find(token)).toBeDefined();
  now += 25 * hour;
  await keys.create();
  expect(await keys.find(token)).toBeUndefined();
});

test('an API key of a user, or with policies, is listed with them; neither may be unknown', async () => {
  await accounts.putUser('ann', 'long enough');
  await keys.create({ user: 'ann', policies: ['ReadOnlyAccess'] });
  expect(await keys.list()).toMatchObject([{ user: 'ann', policies: ['ReadOnlyAccess'] }]);
  await expect(keys.create({ user: 'bob' })).rejects.toThrow(InvalidAccount);
  await expect(keys.create({ policies: ['NoSuchPolicy'] })).rejects.toThrow(InvalidAccount);
});

test('an API key goes with its user', async () => {
  await accounts.putUser('ann', 'long enough');
  const { token } = await keys.create({ user: 'ann' });
  await accounts.removeUser('ann');
  expect(await keys.find(token)).toBeUndefined();
});

test('a policy is not removed while an API key has it', async () => {
  await accounts.policies.put('Mine', '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}');
  const { key } = await keys.create({ policies: ['Mine'] });
  await expect(accounts.policies.remove('Mine')).rejects.toThrow(`API key ${key.id}`);
});

test.each([
  { name: 'a\nb' },
  { name: 'a'.repeat(65) },
  { name: '\ud800' },
  { lifeMs: 1 },
  { lifeMs: Number.NaN },
  { lifeMs: 400 * 86_400_000 },
  { accountId: 'not a name' },
  { projectId: 'a/b' },
])('an API key is refused for a wish like %j', async wish => {
  await expect(keys.create(wish)).rejects.toThrow(InvalidAccount);
});
