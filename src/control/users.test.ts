import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Actor, AuditEntry } from '../task/audit.ts';
import { Accounts } from './accounts.ts';
import { LastAdmin } from './users.ts';

const PASSWORD = 'canary-password';
const ROOT: Actor = { kind: 'user', id: 'u0', name: 'root', remote: '192.0.2.1', requestId: 'r1' };

let folder: string;
let store: Store;
let accounts: Accounts;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-users-'));
  store = await openSqlite({ file: join(folder, 'db'), sealKey: randomBytes(32) });
  accounts = new Accounts({ store, now: Date.now, newId: randomUUID, randomBytes }).by(ROOT);
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const audit = async (): Promise<readonly AuditEntry[]> =>
  [...(await store.audit({ accountId: 'default' }, { limit: 100 }))].reverse();

describe('the last administrator', () => {
  beforeEach(async () => {
    await accounts.putUser('ann', PASSWORD);
  });

  it('cannot be demoted, disabled or removed', async () => {
    await expect(accounts.setPolicies('ann', ['ReadOnlyAccess'])).rejects.toThrow(LastAdmin);
    await expect(accounts.setUserEnabled('ann', false)).rejects.toThrow(LastAdmin);
    await expect(accounts.removeUser('ann')).rejects.toThrow(LastAdmin);
    expect(await accounts.listUsers()).toMatchObject([{ name: 'ann', enabled: true, policies: ['FullAccess'] }]);
  });

  it('can go once there is another', async () => {
    await accounts.putUser('bob', PASSWORD);
    expect(await accounts.removeUser('ann')).toBe(true);
    await expect(accounts.removeUser('bob')).rejects.toThrow(LastAdmin);
  });

  it('is one of two who demote each other', async () => {
    await accounts.putUser('bob', PASSWORD);
    const both = ['ann', 'bob'].map(name => accounts.setPolicies(name, ['ReadOnlyAccess']));
    const outcomes = (await Promise.allSettled(both)).map(({ status }) => status);
    expect(outcomes.sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('gives way to whoever has the machine', async () => {
    const atTerminal = accounts.by({ ...ROOT, kind: 'command' });
    expect(await atTerminal.removeUser('ann')).toBe(true);
  });
});

describe('changes of accounts', () => {
  it('are noted with who made them and what they changed', async () => {
    await accounts.putUser('ann', PASSWORD, { policies: ['ReadOnlyAccess'] });
    await accounts.setPolicies('ann', ['OperatorAccess']);
    const [created, changed] = await audit();
    expect(created).toMatchObject({ action: 'user.create', target: 'ann', actor: ROOT });
    expect(changed).toMatchObject({
      action: 'user.change',
      changes: { policies: { before: ['ReadOnlyAccess'], after: ['OperatorAccess'] } },
    });
  });

  it('that are refused are not', async () => {
    await accounts.putUser('ann', PASSWORD);
    await accounts.removeUser('ann').catch(() => undefined);
    expect((await audit()).map(({ action }) => action)).not.toContain('user.delete');
  });

  it('are noted of keys, domains, policies and projects', async () => {
    const { accessKey } = await accounts.createKey({ projectId: 'p1' });
    await accounts.disableKey(accessKey);
    await accounts.deleteKey(accessKey);
    await accounts.addDomain('push.example', 'rtmp://127.0.0.1');
    await accounts.addDomain('push.example', 'rtmp://127.0.0.2');
    await accounts.removeDomain('push.example');
    await accounts.policies.put('p', JSON.stringify({ Version: '1', Statement: [ALLOW] }));
    await accounts.policies.remove('p');
    expect((await audit()).map(({ action }) => action)).toEqual([
      ...['project.create', 'access_key.create', 'access_key.change', 'access_key.delete'],
      ...['domain.create', 'domain.change', 'domain.delete', 'policy.create', 'policy.delete'],
    ]);
  });

  it('are noted without a secret', async () => {
    await accounts.putUser('ann', PASSWORD);
    await accounts.putUser('ann', `${PASSWORD}2`);
    const { secretKey, token } = await accounts.createKey({ lifeMs: 3_600_000 });
    const text = JSON.stringify(await audit());
    for (const secret of [PASSWORD, secretKey, token ?? '', 'scrypt']) expect(text).not.toContain(secret);
    expect(text).toContain('"password":{"after":"***"}');
  });
});

const ALLOW = { Effect: 'Allow', Action: 'live:*', Resource: '*' };
