import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PolicyDocument } from '../task/policy.ts';
import { CANARY, NOW, newId, sampleKey, sampleTask, telling } from './sample.ts';
import type { OpenedStore } from './store.testsuite.ts';
import type { Store } from './store.ts';

/** What every Store keeps to with accounts and all that belongs to them. */
export function accountSuite(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} as a store of accounts`, () => {
    let store: Store;
    let reopen: () => Promise<Store>;
    beforeEach(async () => {
      ({ store, reopen } = await open());
    });
    afterEach(() => store.close());

    describe('an access key', () => {
      it('comes back with its secret', async () => {
        const key = sampleKey();
        expect(await store.addAccessKey(key)).toBe(true);
        expect(await store.accessKey(key.accessKey)).toEqual(key);
        expect(await store.accessKeys()).toEqual([key]);
      });

      it('is not replaced by one of the same name', async () => {
        const key = sampleKey();
        await store.addAccessKey(key);
        expect(await store.addAccessKey({ ...key, secretKey: 'another' })).toBe(false);
        expect(await store.accessKey(key.accessKey)).toEqual(key);
      });

      it('can be switched off and removed', async () => {
        const { accessKey } = sampleKey();
        expect(await store.setAccessKeyEnabled(accessKey, false)).toBe(false);
        await store.addAccessKey(sampleKey({ accessKey }));
        expect(await store.setAccessKeyEnabled(accessKey, false)).toBe(true);
        expect((await store.accessKey(accessKey))?.enabled).toBe(false);
        expect(await store.removeAccessKey(accessKey)).toBe(true);
        expect(await store.removeAccessKey(accessKey)).toBe(false);
        expect(await store.accessKey(accessKey)).toBeUndefined();
      });

      it('made by another process is known at once', async () => {
        const other = await reopen();
        const key = sampleKey();
        await other.addAccessKey(key);
        expect(await store.accessKey(key.accessKey)).toEqual(key);
      });
    });

    describe('an account', () => {
      const acme = { id: 'acme', createdAt: NOW, live: true };

      it('stands once it is added, beside the default one, which always does', async () => {
        expect(await store.account('default')).toMatchObject({ id: 'default', live: true });
        expect(await store.addAccount(acme)).toBe(true);
        expect(await store.addAccount({ ...acme, live: false })).toBe(false);
        expect(await store.account('acme')).toEqual(acme);
        expect((await store.accounts()).map(({ id }) => id)).toEqual(['acme', 'default']);
      });

      it('can be given the live service and be refused it', async () => {
        expect(await store.setAccountLive('acme', false)).toBe(false);
        await store.addAccount(acme);
        expect(await store.setAccountLive('acme', false)).toBe(true);
        expect(await store.account('acme')).toEqual({ ...acme, live: false });
      });

      it('goes with its projects, policies and domains, and takes no other`s along', async () => {
        await store.addAccount(acme);
        for (const accountId of ['acme', 'default']) {
          await store.putProject({ id: `project-${accountId}`, name: 'north', accountId });
          await store.putPolicy({ name: 'p', accountId, document: DOCUMENT });
          await store.putDomain({ name: `${accountId}.example`, target: 'rtmp://a', accountId });
        }
        expect(await store.removeAccount('acme')).toEqual({ keys: 0, users: 0, tasks: 0 });
        expect(await store.removeAccount('acme')).toBeUndefined();
        expect(await store.account('acme')).toBeUndefined();
        expect(await store.projects('acme')).toEqual([]);
        expect((await store.policies()).map(({ accountId }) => accountId)).toEqual(['default']);
        expect((await store.domains()).map(({ name }) => name)).toEqual(['default.example']);
        expect(await store.projects('default')).toHaveLength(1);
      });

      it('stays while something uses it, and says what', async () => {
        await store.addAccount(acme);
        const key = sampleKey({ accountId: 'acme' });
        await store.addAccessKey(key);
        expect(await store.removeAccount('acme')).toEqual({ keys: 1, users: 0, tasks: 0 });
        await store.removeAccessKey(key.accessKey);
        await store.addUser({ ...USER, accountId: 'acme' });
        expect(await store.removeAccount('acme')).toEqual({ keys: 0, users: 1, tasks: 0 });
        expect(await store.account('acme')).toEqual(acme);
        const { task, ...rest } = sampleTask();
        await store.create({ task, ...rest });
        expect(await store.removeAccount('default')).toEqual({ keys: 0, users: 0, tasks: 1 });
        await store.change(task.id, telling('deleted'));
        expect(await store.removeAccount('default')).toEqual({ keys: 0, users: 0, tasks: 0 });
      });

      it('takes along what its callers have made once, for the name may be given anew', async () => {
        const once = { key: 'order-1', wish: 'a' };
        const [first, second] = [sampleTask(), sampleTask()];
        expect(await store.create(first, once)).toBeUndefined();
        await store.change(first.task.id, telling('deleted'));
        await store.removeAccount('default');
        expect(await store.create(second, once)).toBeUndefined();
      });
    });

    describe('a temporary access key', () => {
      const limits = { userId: 'u1', policies: ['p', 'FullAccess'], token: `token-${CANARY}`, expiresAt: NOW + 1000 };

      it('comes back with its token, its user and its policies', async () => {
        const key = sampleKey(limits);
        await store.addAccessKey(key);
        expect(await store.accessKey(key.accessKey)).toEqual(key);
      });

      it('is purged once it has expired, and no other with it', async () => {
        const [standing, temporary] = [sampleKey(), sampleKey(limits)];
        for (const key of [standing, temporary]) await store.addAccessKey(key);
        await store.purgeAccessKeys(limits.expiresAt);
        expect(await store.accessKeys()).toHaveLength(2);
        await store.purgeAccessKeys(limits.expiresAt + 1);
        expect(await store.accessKeys()).toEqual([standing]);
      });
    });

    describe('a user', () => {
      it('is found by account and name, and by its id', async () => {
        expect(await store.addUser(USER)).toBe(true);
        expect(await store.user('default', 'ann')).toEqual(USER);
        expect(await store.user('other', 'ann')).toBeUndefined();
        expect(await store.userById(USER.id)).toEqual(USER);
        expect(await store.userById('u2')).toBeUndefined();
        expect(await store.users()).toEqual([USER]);
      });

      it('is not replaced by one of the same name', async () => {
        await store.addUser(USER);
        expect(await store.addUser({ ...USER, id: newId(), passwordHash: 'h2' })).toBe(false);
        expect(await store.users()).toEqual([USER]);
      });

      it('takes what is changed, keeps the rest, and loses its tokens', async () => {
        await store.addUser(USER);
        await store.putToken({ ...TOKEN, userId: USER.id });
        expect(await store.changeUser(USER.id, { policies: [] })).toBe(true);
        expect(await store.changeUser(USER.id, { enabled: false, passwordHash: 'h2' })).toBe(true);
        expect(await store.changeUser('u2', { enabled: false })).toBe(false);
        expect(await store.users()).toEqual([{ ...USER, policies: [], enabled: false, passwordHash: 'h2' }]);
        expect(await store.token(TOKEN.hash)).toBeUndefined();
      });

      it('takes the tokens and the keys along when removed', async () => {
        await store.addUser(USER);
        await store.putToken({ ...TOKEN, userId: USER.id });
        const others = sampleKey();
        await store.addAccessKey(others);
        await store.addAccessKey(sampleKey({ userId: USER.id }));
        expect(await store.removeUser('default', 'ann')).toBe(true);
        expect(await store.removeUser('default', 'ann')).toBe(false);
        expect(await store.token(TOKEN.hash)).toBeUndefined();
        expect(await store.accessKeys()).toEqual([others]);
      });
    });

    describe('a policy', () => {
      const policy = { name: 'p', accountId: 'acme', document: DOCUMENT };

      it('comes back by its account and name, with its latest document', async () => {
        await store.putPolicy({ ...policy, document: { version: '1', statements: [] } });
        await store.putPolicy(policy);
        expect(await store.policy('acme', 'p')).toEqual(policy);
        expect(await store.policy('default', 'p')).toBeUndefined();
        expect(await store.policies()).toEqual([policy]);
      });

      it('is removed from its own account only', async () => {
        await store.putPolicy(policy);
        expect(await store.removePolicy('default', 'p')).toBe(false);
        expect(await store.removePolicy('acme', 'p')).toBe(true);
        expect(await store.policies()).toEqual([]);
      });
    });

    describe('a token', () => {
      it('comes back until it is removed with its user`s others', async () => {
        await store.putToken(TOKEN);
        await store.putToken({ ...TOKEN, hash: 'th2', userId: 'u2' });
        expect(await store.token(TOKEN.hash)).toEqual(TOKEN);
        await store.removeTokens(TOKEN.userId);
        expect(await store.token(TOKEN.hash)).toBeUndefined();
        expect(await store.token('th2')).toBeDefined();
      });

      it('is purged once it has expired', async () => {
        await store.putToken(TOKEN);
        await store.purgeTokens(TOKEN.expiresAt);
        expect(await store.token(TOKEN.hash)).toBeDefined();
        await store.purgeTokens(TOKEN.expiresAt + 1);
        expect(await store.token(TOKEN.hash)).toBeUndefined();
      });
    });

    it('keeps projects by account, and never passes one to another account', async () => {
      const project = { id: 'p1', name: 'north', accountId: 'default' };
      await store.putProject(project);
      await store.putProject({ ...project, name: 'renamed', accountId: 'thief' });
      expect(await store.project('p1')).toEqual({ ...project, name: 'renamed' });
      expect(await store.projects('default')).toHaveLength(1);
      expect(await store.projects('thief')).toEqual([]);
      expect(await store.project('p2')).toBeUndefined();
    });

    it('keeps domains by name, and never passes one to another account', async () => {
      const domain = { name: 'push.example', target: 'rtmp://127.0.0.1:1935', accountId: 'acme' };
      expect(await store.hasDomain('acme')).toBe(false);
      expect(await store.putDomain(domain)).toBe(true);
      expect(await store.putDomain({ ...domain, target: 'rtmp://127.0.0.1:1936' })).toBe(true);
      expect(await store.putDomain({ ...domain, target: 'rtmp://thief', accountId: 'default' })).toBe(false);
      expect(await store.domain('push.example')).toEqual({ ...domain, target: 'rtmp://127.0.0.1:1936' });
      expect(await store.domains()).toHaveLength(1);
      expect([await store.hasDomain('acme'), await store.hasDomain('default')]).toEqual([true, false]);
      expect(await store.removeDomain('push.example')).toBe(true);
      expect(await store.removeDomain('push.example')).toBe(false);
      expect(await store.domain('push.example')).toBeUndefined();
    });
  });
}

const DOCUMENT: PolicyDocument = { version: '1', statements: [{ effect: 'Allow', actions: ['live:*'] }] };

const USER = {
  id: 'u1',
  name: 'ann',
  accountId: 'default',
  passwordHash: 'h1',
  createdAt: NOW,
  enabled: true,
  policies: ['FullAccess'],
};

const TOKEN = {
  hash: 'th1',
  userId: 'u1',
  accountId: 'default',
  projectId: 'p1',
  issuedAt: NOW,
  expiresAt: NOW + 1000,
};
