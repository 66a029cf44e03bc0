import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { Accounts, TOKEN_LIFE_MS } from './accounts.ts';
import { InvalidAccount } from './invalid-account.ts';
import { Passwords, TooManyPasswords } from './password.ts';

let dir: string;
let store: Store;
let accounts: Accounts;
let now = 1_700_000_000_000;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-accounts-'));
  store = await openSqlite({ file: join(dir, 'millrace.db'), sealKey: randomBytes(32) });
  now = 1_700_000_000_000;
  accounts = new Accounts({ store, now: () => now, newId: randomUUID, randomBytes });
});

afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

describe('access keys', () => {
  test('are 20 and 40 characters, act for their account’s project of the region, and show their secret once', async () => {
    const key = await accounts.createKey({ region: 'cn-north-4' });
    expect(key.accessKey).toMatch(/^[A-Z0-9]{20}$/);
    expect(key.secretKey).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(key).toMatchObject({ accountId: 'default', enabled: true, createdAt: now });
    expect(key.projectId).toMatch(/^[0-9a-f]{32}$/);
    expect(await accounts.projects('default', 'cn-north-4')).toEqual([
      { id: key.projectId, name: 'cn-north-4', accountId: 'default' },
    ]);
    expect(await accounts.findKey(key.accessKey)).toEqual(key);
    expect(JSON.stringify(await accounts.listKeys())).not.toContain(key.secretKey);
  });

  test('of one account and region share the project; other regions and accounts have their own', async () => {
    const [a, b, c, d] = [
      await accounts.createKey(),
      await accounts.createKey(),
      await accounts.createKey({ region: 'east' }),
      await accounts.createKey({ accountId: 'other' }),
    ];
    expect(b.projectId).toBe(a.projectId);
    expect(new Set([a.projectId, c.projectId, d.projectId]).size).toBe(3);
    await expect(accounts.createKey({ accountId: 'other', projectId: a.projectId })).rejects.toThrow(InvalidAccount);
  });

  test('can be disabled, enabled and deleted, and say whether they were there', async () => {
    const { accessKey } = await accounts.createKey();
    expect(await accounts.disableKey(accessKey)).toBe(true);
    expect((await accounts.findKey(accessKey))?.enabled).toBe(false);
    expect(await accounts.enableKey(accessKey)).toBe(true);
    expect((await accounts.findKey(accessKey))?.enabled).toBe(true);
    expect(await accounts.deleteKey(accessKey)).toBe(true);
    expect(await accounts.findKey(accessKey)).toBeUndefined();
    expect(await accounts.disableKey(accessKey)).toBe(false);
  });

  test('from the environment stand after every start, with the secret of the day', async () => {
    const wish = { accessKey: 'FIXEDKEY01', secretKey: 'first-secret', projectId: 'p-1', region: 'r' };
    const first = await accounts.ensureKey(wish);
    now += 1000;
    expect(await accounts.ensureKey(wish)).toEqual(first);
    await accounts.ensureKey({ ...wish, secretKey: 'second-secret' });
    expect((await accounts.findKey('FIXEDKEY01'))?.secretKey).toBe('second-secret');
    await accounts.disableKey('FIXEDKEY01');
    await accounts.ensureKey({ ...wish, secretKey: 'third-secret' });
    expect((await accounts.findKey('FIXEDKEY01'))?.enabled).toBe(false);
    expect(await accounts.listKeys()).toHaveLength(1);
  });

  test.each([
    { accessKey: 'a b', secretKey: 'long-enough', projectId: 'p' },
    { accessKey: 'AAAA', secretKey: 'short', projectId: 'p' },
    { accessKey: 'AAAA', secretKey: 'long-enough', projectId: 'p/../q' },
    { accessKey: 'AAAA', secretKey: 'long-enough', projectId: 'p', accountId: 'x y' },
  ])('that will not do are refused: %j', async wish => {
    await expect(accounts.ensureKey(wish)).rejects.toThrow(InvalidAccount);
  });
});

describe('users and tokens', () => {
  test('only the right name with the right password is known', async () => {
    const alice = await accounts.putUser('alice', 'correct horse');
    expect(await accounts.verifyPassword('default', 'alice', 'correct horse')).toEqual(alice);
    expect(await accounts.verifyPassword('default', 'alice', 'wrong')).toBeUndefined();
    expect(await accounts.verifyPassword('default', 'bob', 'correct horse')).toBeUndefined();
    expect(await accounts.verifyPassword('other', 'alice', 'correct horse')).toBeUndefined();
    expect(JSON.stringify(await accounts.listUsers())).not.toContain('scrypt');
  });

  test('a token is found while it lives, stored by its hash, and ends with its user’s password', async () => {
    const alice = await accounts.putUser('alice', 'correct horse');
    const issued = await accounts.issueToken(alice, 'p');
    expect(issued.expiresAt - issued.issuedAt).toBe(TOKEN_LIFE_MS);
    expect(await accounts.findToken(issued.token)).toMatchObject({ userId: alice.id, projectId: 'p' });
    expect(await accounts.findToken(issued.hash)).toBeUndefined();
    expect(await accounts.putUser('alice', 'other horse')).toEqual(alice);
    expect(await accounts.findToken(issued.token)).toBeUndefined();
    const again = await accounts.issueToken(alice, 'p');
    expect(await accounts.removeUser('alice')).toBe(true);
    expect(await accounts.findToken(again.token)).toBeUndefined();
    expect(await accounts.removeUser('alice')).toBe(false);
  });

  test('passwords and names that will not do are refused', async () => {
    await expect(accounts.putUser('alice', 'short')).rejects.toThrow(InvalidAccount);
    await expect(accounts.putUser('al ice', 'long enough')).rejects.toThrow(InvalidAccount);
  });

  test('more logins at once than can wait are refused', async () => {
    const passwords = new Passwords(randomBytes);
    const answers = await Promise.allSettled(
      Array.from({ length: 70 }, () => passwords.isRight('x', `scrypt$2$1$1$${'A'.repeat(22)}$${'A'.repeat(43)}`)),
    );
    const refused = answers.filter(answer => answer.status === 'rejected');
    expect(refused).toHaveLength(4);
    expect(refused.every(({ reason }) => reason instanceof TooManyPasswords)).toBe(true);
    expect(await passwords.isRight('x', await passwords.hash('x'))).toBe(true);
  });
});

describe('domains', () => {
  test('are added, replaced, found and removed', async () => {
    await accounts.addDomain('push.example.com', 'rtmp://127.0.0.1:1935/');
    await accounts.addDomain('push.example.com', 'rtmps://[::1]:443');
    expect(await accounts.listDomains()).toEqual([
      { name: 'push.example.com', target: 'rtmps://[::1]:443', accountId: 'default' },
    ]);
    expect(await accounts.findDomain('push.example.com', 'default')).toBeDefined();
    expect(await accounts.removeDomain('push.example.com')).toBe(true);
    expect(await accounts.findDomain('push.example.com', 'default')).toBeUndefined();
  });

  test.each([
    ['Push', 'rtmp://a'],
    ['a b', 'rtmp://a'],
    ['a', 'http://a'],
    ['a', 'rtmp://a/live'],
    ['a', 'rtmp://user@a'],
  ])('that will not do are refused: %s → %s', async (name, target) => {
    await expect(accounts.addDomain(name, target)).rejects.toThrow(InvalidAccount);
  });
});
