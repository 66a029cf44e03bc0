import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SignIn } from '../task/account.ts';
import type { AuditEntry } from '../task/audit.ts';
import { NOW, newId, sampleKey, sampleTask, telling } from './sample.ts';
import type { OpenedStore } from './store.testsuite.ts';
import type { Store } from './store.ts';

const entry = (change: Partial<AuditEntry> = {}): AuditEntry => ({
  id: newId(),
  accountId: 'default',
  projectId: '',
  at: NOW,
  actor: { kind: 'user', id: 'u1', name: 'ann', remote: '192.0.2.1', requestId: 'r1' },
  action: 'user.create',
  target: 'bob',
  changes: { policies: { before: ['a'], after: ['b'] } },
  ...change,
});

const USER = {
  id: 'u1',
  name: 'ann',
  accountId: 'default',
  passwordHash: 'h1',
  createdAt: NOW,
  enabled: true,
  policies: ['FullAccess'],
};

const signIn = (change: Partial<SignIn> = {}): SignIn => ({
  id: newId(),
  hash: `hash-${newId()}`,
  userId: 'u1',
  accountId: 'default',
  createdAt: NOW,
  seenAt: NOW,
  remote: '192.0.2.1',
  agent: 'a browser',
  ...change,
});

/** What every Store keeps to with who changed what, and with who is signed in. */
export function auditSuite(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} as a store of who did what`, () => {
    let store: Store;
    beforeEach(async () => {
      ({ store } = await open());
    });
    afterEach(() => store.close());

    const audit = (): Promise<readonly AuditEntry[]> => store.audit({ accountId: 'default' }, { limit: 10 });

    describe('an audit entry', () => {
      it('comes back whole, numbered, the newest first', async () => {
        const [first, second] = [entry(), entry({ action: 'user.delete' })];
        await store.note([first]);
        await store.note([second]);
        const rows = await store.audit({ accountId: 'default' }, { limit: 10 });
        expect(rows.map(({ n: _, ...rest }) => rest)).toEqual([second, first]);
        expect(await store.audit({ accountId: 'default' }, { limit: 10, after: rows[1]?.n ?? 0 })).toHaveLength(1);
        expect(await store.audit({ accountId: 'acme' }, { limit: 10 })).toEqual([]);
      });

      it('is kept with the change, and not where nothing was changed', async () => {
        const key = sampleKey();
        await store.noting(entry({ action: 'key.create' })).addAccessKey(key);
        await store.noting(entry({ action: 'key.again' })).addAccessKey(key);
        expect((await audit()).map(({ action }) => action)).toEqual(['key.create']);
      });

      it('goes the way of a change that fails', async () => {
        const noted = store.noting(entry());
        await noted.addSignIn(signIn({ id: 's1' }));
        await expect(noted.addSignIn(signIn({ id: 's1' }))).rejects.toThrow();
        expect(await audit()).toHaveLength(1);
      });

      it('is kept in the transaction of a task', async () => {
        const { task, ...rest } = sampleTask();
        await store.create({ task, ...rest, audit: [entry({ action: 'task.create' })] });
        await store.change(task.id, old => {
          const change = telling('stopped')(old);
          return change && { ...change, audit: [entry({ action: 'task.change' })] };
        });
        expect((await audit()).map(({ action }) => action)).toEqual(['task.change', 'task.create']);
      });

      it('is found by action, by how the action begins, by target, by actor and by time', async () => {
        await store.note([entry(), entry({ action: 'key.create', target: 'k', at: NOW + 5 })]);
        const found = async (filter: object): Promise<number> =>
          (await store.audit({ accountId: 'default', ...filter }, { limit: 10 })).length;
        expect(await found({ actions: ['user.create'] })).toBe(1);
        expect(await found({ actions: ['user.', 'key.'] })).toBe(2);
        expect(await found({ target: 'k' })).toBe(1);
        expect(await found({ actorId: 'u2' })).toBe(0);
        expect(await found({ since: NOW + 1 })).toBe(1);
        expect(await found({ until: NOW + 1 })).toBe(1);
        expect(await found({ projectId: 'p1' })).toBe(0);
      });

      it('is purged by its age', async () => {
        await store.note([entry(), entry({ at: NOW + 5 })]);
        expect(await store.purgeAudit(NOW + 1)).toBe(1);
        expect(await audit()).toHaveLength(1);
      });
    });

    describe('a sign-in', () => {
      it('comes back by its hash, and is listed by account, the latest first', async () => {
        const [first, second] = [signIn(), signIn({ seenAt: NOW + 1 })];
        await store.addSignIn(first);
        await store.addSignIn(second);
        expect(await store.signIn(first.hash)).toEqual(first);
        expect(await store.signIns('default')).toEqual([second, first]);
        await store.setSignInSeen(first.hash, NOW + 9);
        expect((await store.signIn(first.hash))?.seenAt).toBe(NOW + 9);
        expect(await store.removeSignIn(first.id)).toBe(true);
        expect(await store.removeSignIn(first.id)).toBe(false);
      });

      it('ends with every change of its user, and with the user', async () => {
        await store.addUser(USER);
        await store.addSignIn(signIn());
        await store.changeUser('u1', { enabled: false });
        expect(await store.signIns('default')).toEqual([]);
        await store.addSignIn(signIn());
        await store.removeUser('default', 'ann');
        expect(await store.signIns('default')).toEqual([]);
      });

      it('is purged by its beginning and by its last use', async () => {
        const [old, idle, fresh] = [signIn({ createdAt: 1 }), signIn({ seenAt: 1 }), signIn()];
        for (const it of [old, idle, fresh]) await store.addSignIn(it);
        await store.purgeSignIns({ createdAt: 2, seenAt: 2 });
        expect(await store.signIns('default')).toEqual([fresh]);
      });
    });

    describe('a setup link', () => {
      const link = { hash: 'l1', expiresAt: NOW + 1000, usedAt: null };

      it('adds a user, once', async () => {
        await store.putSetupLink(link, NOW);
        expect(await store.useSetupLink('l1', NOW, USER)).toBe(true);
        expect(await store.user('default', 'ann')).toEqual(USER);
        expect(await store.useSetupLink('l1', NOW, { ...USER, id: 'u2', name: 'bob' })).toBe(false);
        expect(await store.setupLink('l1')).toEqual({ ...link, usedAt: NOW });
      });

      it('is void once it has expired, and where another was made after it', async () => {
        await store.putSetupLink(link, NOW);
        expect(await store.useSetupLink('l1', link.expiresAt, USER)).toBe(false);
        await store.putSetupLink({ ...link, hash: 'l2' }, NOW);
        expect(await store.setupLink('l1')).toBeUndefined();
      });

      it('is not used up by a name that stands already', async () => {
        await store.addUser(USER);
        await store.putSetupLink(link, NOW);
        expect(await store.useSetupLink('l1', NOW, { ...USER, id: 'u2' })).toBe(false);
        expect(await store.useSetupLink('l1', NOW, { ...USER, id: 'u2', name: 'bob' })).toBe(true);
      });
    });

    it('knows when keys of both kinds were used last', async () => {
      const key = sampleKey();
      await store.addAccessKey(key);
      const limits = { expiresAt: null, userId: null, policies: null };
      const apiKey = { id: 'a1', hash: 'h', accountId: 'default', projectId: '', name: '', ...limits };
      await store.addApiKey({ ...apiKey, enabled: true, createdAt: NOW });
      expect(await store.lastUses()).toEqual(new Map());
      await store.setLastUse(key.accessKey, NOW);
      await store.setLastUse('a1', NOW + 1);
      expect(await store.lastUses()).toEqual(
        new Map([
          [key.accessKey, NOW],
          ['a1', NOW + 1],
        ]),
      );
    });
  });
}
