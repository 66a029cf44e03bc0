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

describe('temporary access keys', () => {
  const HOUR_MS = 3_600_000;

  test('come with a token and an end, and hide the token ever after', async () => {
    const key = await accounts.createKey({ lifeMs: HOUR_MS });
    expect(key.expiresAt).toBe(now + HOUR_MS);
    expect(key.token).toMatch(/^[A-Za-z0-9_-]{86}$/);
    expect(await accounts.findKey(key.accessKey)).toEqual(key);
    expect(JSON.stringify(await accounts.listKeys())).not.toContain(key.token);
  });

  test.each([HOUR_MS / 4, 36 * HOUR_MS])('live for %d ms', async lifeMs => {
    expect((await accounts.createKey({ lifeMs })).expiresAt).toBe(now + lifeMs);
  });

  test.each([0, -1, HOUR_MS / 4 - 1, 36 * HOUR_MS + 1, Number.NaN])('do not live for %d ms', async lifeMs => {
    await expect(accounts.createKey({ lifeMs })).rejects.toThrow('a temporary access key lives for 15m to 36h');
    expect(await accounts.listKeys()).toEqual([]);
  });

  test('are known for a day after their end, to say what is wrong with them, and then gone', async () => {
    const { accessKey } = await accounts.createKey({ lifeMs: HOUR_MS });
    now += 25 * HOUR_MS;
    await accounts.createKey();
    expect(await accounts.findKey(accessKey)).toBeDefined();
    now += 1;
    await accounts.createKey();
    expect(await accounts.findKey(accessKey)).toBeUndefined();
  });
});

describe('keys of users', () => {
  test('name their user, and go along with it', async () => {
    const ann = await accounts.putUser('ann', 'correct horse');
    const key = await accounts.createKey({ user: 'ann' });
    const own = await accounts.createKey();
    expect(key.userId).toBe(ann.id);
    const users = new Map((await accounts.listKeys()).map(({ accessKey, user }) => [accessKey, user]));
    expect([users.get(key.accessKey), users.get(own.accessKey)]).toEqual(['ann', null]);
    await accounts.removeUser('ann');
    expect((await accounts.listKeys()).map(({ accessKey }) => accessKey)).toEqual([own.accessKey]);
  });

  test('are not made for a user or with a policy that is not there, and no account is made for the attempt', async () => {
    await accounts.putUser('ann', 'correct horse');
    await expect(accounts.createKey({ user: 'bob' })).rejects.toThrow('there is no user bob in the account default');
    await expect(accounts.createKey({ user: 'ann', accountId: 'acme' })).rejects.toThrow(
      'no user ann in the account acme',
    );
    await expect(accounts.createKey({ policies: ['p'], accountId: 'acme' })).rejects.toThrow('there is no policy p');
    expect(await accounts.findAccount('acme')).toBeUndefined();
  });
});

describe('accounts', () => {
  test('the default one stands from the start, and cannot be deleted', async () => {
    expect(await accounts.findAccount('default')).toMatchObject({ live: true });
    await expect(accounts.deleteAccount('default')).rejects.toThrow('the account default always stands');
  });

  test('are made once, with the live service or without', async () => {
    expect(await accounts.createAccount('acme')).toEqual({ id: 'acme', createdAt: now, live: true });
    expect(await accounts.createAccount('beta', { live: false })).toMatchObject({ live: false });
    await expect(accounts.createAccount('acme')).rejects.toThrow('the account acme stands already');
    await expect(accounts.createAccount('a b')).rejects.toThrow(InvalidAccount);
    expect((await accounts.listAccounts()).map(({ id }) => id)).toEqual(['acme', 'beta', 'default']);
  });

  test('are made along with the first key or user, and keep what they are then', async () => {
    await accounts.createKey({ accountId: 'acme' });
    await accounts.putUser('ann', 'correct horse', { accountId: 'beta' });
    await accounts.setLive('acme', false);
    await accounts.createKey({ accountId: 'acme' });
    expect((await accounts.listAccounts()).map(({ id, live }) => [id, live])).toEqual([
      ['acme', false],
      ['beta', true],
      ['default', true],
    ]);
  });

  test('are deleted with what they own, but not while somebody can still use them', async () => {
    await accounts.createKey({ accountId: 'acme' });
    await accounts.createKey({ accountId: 'acme' });
    await accounts.putUser('ann', 'correct horse', { accountId: 'acme' });
    await accounts.addDomain('push.acme.example', 'rtmp://127.0.0.1', 'acme');
    await expect(accounts.deleteAccount('acme')).rejects.toThrow('acme still has 2 keys, 1 user: delete them first');
    await accounts.removeUser('ann', 'acme');
    for (const key of await accounts.listKeys()) await accounts.deleteKey(key.accessKey);
    expect(await accounts.deleteAccount('acme')).toBe(true);
    expect(await accounts.deleteAccount('acme')).toBe(false);
    expect([await accounts.projects('acme'), await accounts.listDomains()]).toEqual([[], []]);
  });

  test('are ready once they have the live service and a domain', async () => {
    expect(await accounts.standing('acme')).toBe('noLive');
    await accounts.createAccount('acme', { live: false });
    expect(await accounts.standing('acme')).toBe('noLive');
    expect(await accounts.setLive('acme', true)).toBe(true);
    expect(await accounts.standing('acme')).toBe('noDomain');
    await accounts.addDomain('push.acme.example', 'rtmp://127.0.0.1', 'acme');
    expect(await accounts.standing('acme')).toBe('ready');
    expect(await accounts.standing('default')).toBe('ready');
    expect(await accounts.setLive('nobody', true)).toBe(false);
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

  test('a user keeps the policies when the password changes, and takes new ones where they are given', async () => {
    const policiesOf = async () => (await accounts.listUsers())[0]?.policies;
    await accounts.putUser('alice', 'correct horse');
    expect(await policiesOf()).toEqual(['FullAccess']);
    await accounts.putUser('alice', 'correct horse', { policies: ['ReadOnlyAccess'] });
    await accounts.putUser('alice', 'other horse');
    expect(await policiesOf()).toEqual(['ReadOnlyAccess']);
    await accounts.putUser('alice', 'other horse', { policies: [] });
    expect(await policiesOf()).toEqual([]);
    await expect(accounts.putUser('bob', 'correct horse', { policies: ['p'] })).rejects.toThrow('there is no policy p');
  });

  test('a disabled user has no password that is right, no token, and comes back with the password of before', async () => {
    const alice = await accounts.putUser('alice', 'correct horse');
    const issued = await accounts.issueToken(alice, 'p');
    expect(await accounts.setUserEnabled('alice', false)).toBe(true);
    expect(await accounts.verifyPassword('default', 'alice', 'correct horse')).toBeUndefined();
    expect(await accounts.findToken(issued.token)).toBeUndefined();
    expect(await accounts.setUserEnabled('alice', true)).toBe(true);
    expect(await accounts.verifyPassword('default', 'alice', 'correct horse')).toEqual(alice);
    expect(await accounts.setUserEnabled('bob', false)).toBe(false);
  });

  test('other policies end the tokens that were given under the former', async () => {
    const alice = await accounts.putUser('alice', 'correct horse');
    const issued = await accounts.issueToken(alice, 'p');
    expect(await accounts.setPolicies('alice', [])).toBe(true);
    expect(await accounts.findToken(issued.token)).toBeUndefined();
    expect(await accounts.setPolicies('bob', [])).toBe(false);
    await expect(accounts.setPolicies('alice', ['p'])).rejects.toThrow('there is no policy p');
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

  test('belong to one account, and are not there for the others', async () => {
    await accounts.createAccount('acme');
    await accounts.addDomain('push.example.com', 'rtmp://a', 'acme');
    expect(await accounts.findDomain('push.example.com', 'acme')).toBeDefined();
    expect(await accounts.findDomain('push.example.com', 'default')).toBeUndefined();
    await expect(accounts.addDomain('push.example.com', 'rtmp://b')).rejects.toThrow('belongs to another account');
    await expect(accounts.addDomain('b.example.com', 'rtmp://b', 'acne')).rejects.toThrow('there is no account acne');
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
