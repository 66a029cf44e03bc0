import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { Accounts } from './accounts.ts';
import { InvalidAccount } from './invalid-account.ts';

const CREATE = 'live:CreateLivePullToPush';
const DESCRIBE = 'live:DescribeLivePullToPush';
const documentOf = (Effect: string, Action: string): string =>
  JSON.stringify({ Version: '1', Statement: [{ Effect, Action, Resource: '*' }] });
const CREATING = documentOf('Allow', 'live:Create*');
const NO_CREATING = documentOf('Deny', 'live:Create*');

let dir: string;
let store: Store;
let accounts: Accounts;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-policies-'));
  store = await openSqlite({ file: join(dir, 'millrace.db'), sealKey: randomBytes(32) });
  accounts = new Accounts({ store, now: Date.now, newId: randomUUID, randomBytes });
});

afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

describe('policies', () => {
  test('are added, shown, given a new document, listed behind the built-in ones, and removed', async () => {
    await accounts.policies.put('p', CREATING);
    await accounts.policies.put('p', NO_CREATING);
    const statement = { Effect: 'Deny', Action: ['live:Create*'], Resource: '*' };
    expect(await accounts.policies.show('p')).toEqual({ Version: '1', Statement: [statement] });
    const listed = (await accounts.policies.list()).map(({ name, accountId }) => [name, accountId]);
    expect(listed).toEqual([
      ['FullAccess', null],
      ['OperatorAccess', null],
      ['ReadOnlyAccess', null],
      ['p', 'default'],
    ]);
    expect(await accounts.policies.remove('p')).toBe(true);
    expect(await accounts.policies.remove('p')).toBe(false);
    expect(await accounts.policies.show('p')).toBeUndefined();
    expect(await accounts.policies.show('FullAccess')).toMatchObject({ Version: '1' });
  });

  test('are their account`s own', async () => {
    await accounts.createAccount('acme');
    await accounts.policies.put('p', CREATING, 'acme');
    expect(await accounts.policies.show('p')).toBeUndefined();
    expect(await accounts.policies.remove('p')).toBe(false);
    await expect(accounts.createKey({ policies: ['p'] })).rejects.toThrow('there is no policy p');
    await expect(accounts.policies.put('p', CREATING, 'acne')).rejects.toThrow('there is no account acne');
  });

  test.each([
    ['FullAccess', CREATING, 'the policy FullAccess is built in'],
    ['none', CREATING, 'is not called none'],
    ['a b', CREATING, 'has 1 to 128 letters'],
    ['p', '{', 'the document is not JSON'],
    ['p', '{"Version":"1","Statement":[{}]}', 'Statement[0].Effect must be "Allow" or "Deny"'],
  ])('that will not do are refused: %s %s', async (name, text, message) => {
    const put = accounts.policies.put(name, text);
    await expect(put).rejects.toThrow(InvalidAccount);
    await expect(put).rejects.toThrow(message);
    expect(await accounts.policies.list()).toHaveLength(3);
  });

  test('are not removed while somebody has them', async () => {
    await accounts.policies.put('p', CREATING);
    await accounts.putUser('ann', 'correct horse', { policies: ['p'] });
    const { accessKey } = await accounts.createKey({ policies: ['p', 'FullAccess'] });
    await expect(accounts.policies.remove('p')).rejects.toThrow(
      `the policy p is in use by user ann, access key ${accessKey}`,
    );
    await accounts.setPolicies('ann', []);
    await accounts.deleteKey(accessKey);
    expect(await accounts.policies.remove('p')).toBe(true);
    await expect(accounts.policies.remove('FullAccess')).rejects.toThrow('is built in');
  });
});

describe('rights', () => {
  test('of the account`s own key are all there are', async () => {
    const may = await accounts.rightsOf(await accounts.createKey());
    expect([may?.(CREATE), may?.('anything:at-all')]).toEqual([true, true]);
  });

  test('of a user`s key are the user`s, and change with them at once', async () => {
    await accounts.putUser('ann', 'correct horse', { policies: ['ReadOnlyAccess'] });
    const key = await accounts.createKey({ user: 'ann' });
    const rights = async () => {
      const may = await accounts.rightsOf(key);
      return [may?.(DESCRIBE), may?.(CREATE)];
    };
    expect(await rights()).toEqual([true, false]);
    await accounts.policies.put('p', CREATING);
    await accounts.setPolicies('ann', ['p']);
    expect(await rights()).toEqual([false, true]);
    await accounts.policies.put('p', NO_CREATING);
    expect(await rights()).toEqual([false, false]);
  });

  test('of a key with policies are what both the user and the key are allowed', async () => {
    await accounts.putUser('ann', 'correct horse', { policies: ['ReadOnlyAccess'] });
    await accounts.policies.put('p', CREATING);
    const narrowed = await accounts.rightsOf(await accounts.createKey({ policies: ['p'] }));
    expect([narrowed?.(CREATE), narrowed?.(DESCRIBE)]).toEqual([true, false]);
    const nothing = await accounts.rightsOf(await accounts.createKey({ user: 'ann', policies: ['p'] }));
    expect([nothing?.(CREATE), nothing?.(DESCRIBE)]).toEqual([false, false]);
    const none = await accounts.rightsOf(await accounts.createKey({ policies: [] }));
    expect(none?.(DESCRIBE)).toBe(false);
  });

  test('of a wider action cover what the policies say nothing of', async () => {
    await accounts.policies.put('p', CREATING);
    const may = await accounts.rightsOf(await accounts.createKey({ policies: ['p'] }));
    expect([may?.('live:Update'), may?.('live:Update', CREATE)]).toEqual([false, true]);
  });

  test('are none for whose user is gone or disabled', async () => {
    const ann = await accounts.putUser('ann', 'correct horse');
    const holder = { accountId: 'default', userId: ann.id, policies: null };
    expect(await accounts.rightsOf(holder)).toBeDefined();
    await accounts.setUserEnabled('ann', false);
    expect(await accounts.rightsOf(holder)).toBeUndefined();
    await accounts.setUserEnabled('ann', true);
    expect(await accounts.rightsOf(holder)).toBeDefined();
    await accounts.removeUser('ann');
    expect(await accounts.rightsOf(holder)).toBeUndefined();
  });

  test('are none under a policy whose document is not there, for it may have been the one that denied', async () => {
    await accounts.policies.put('p', NO_CREATING);
    const key = await accounts.createKey({ policies: ['FullAccess', 'p'] });
    await store.removePolicy('default', 'p');
    expect((await accounts.rightsOf(key))?.(DESCRIBE)).toBe(false);
  });
});
