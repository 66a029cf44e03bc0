import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { CallbackSecrets } from './callback-secrets.ts';
import { signWebhook } from './webhook.ts';

const DAY = 24 * 3_600_000;

let store: Store;
let folder: string;
let at: number;
beforeEach(async () => {
  at = Date.now();
  folder = mkdtempSync(join(tmpdir(), 'millrace-secrets-'));
  store = await openSqlite({ file: join(folder, 'millrace.db'), sealKey: Buffer.alloc(32, 7) });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = (over: Partial<Store> = {}) =>
  new CallbackSecrets({ store: { ...store, ...over }, now: () => at, newId: () => crypto.randomUUID(), randomBytes });

async function isBelieved(secrets: CallbackSecrets, secret: string): Promise<boolean> {
  const signers = (await secrets.signersOf('acme')).map(one => one.secret);
  const headers = signWebhook({ id: 'event', atMs: Date.now(), body: '{}', secrets: signers });
  try {
    new Webhook(secret).verify('{}', headers);
    return true;
  } catch {
    return false;
  }
}

it('makes an account its secret, once', async () => {
  const secrets = open();
  const [first, again] = await Promise.all([secrets.signersOf('acme'), secrets.signersOf('acme')]);
  expect(first).toHaveLength(1);
  expect(first[0]?.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(again).toEqual(first);
  expect(await open().signersOf('acme')).toEqual(first);
  expect((await secrets.signersOf('other'))[0]?.secret).not.toBe(first[0]?.secret);
});

it('signs with both while a rotation is on, and with the new one alone behind it', async () => {
  const secrets = open();
  const [old] = await secrets.signersOf('acme');
  const { secret, former } = await secrets.rotate('acme');
  expect(former).toEqual({ ...old, retiresAt: at + DAY });
  expect((await secrets.signersOf('acme')).map(({ id }) => id)).toEqual([secret.id, old?.id]);
  expect(await isBelieved(secrets, secret.secret)).toBe(true);
  expect(await isBelieved(secrets, old?.secret ?? '')).toBe(true);
  at += DAY;
  expect(await isBelieved(secrets, secret.secret)).toBe(true);
  expect(await isBelieved(secrets, old?.secret ?? '')).toBe(false);
});

it('ends the former one at once where that is wanted', async () => {
  const secrets = open();
  await secrets.signersOf('acme');
  const { secret } = await secrets.rotate('acme', { overlapMs: 0 });
  expect(await secrets.signersOf('acme')).toEqual([secret]);
});

it('has no former one where none has signed yet', async () => {
  expect((await open().rotate('acme')).former).toBeUndefined();
});

it('keeps its promise to the former one when it is rotated again', async () => {
  const secrets = open();
  const [first] = await secrets.signersOf('acme');
  await secrets.rotate('acme');
  at += 1000;
  await secrets.rotate('acme');
  expect(await isBelieved(secrets, first?.secret ?? '')).toBe(true);
});

it('does not let the header grow, however often it is rotated', async () => {
  const secrets = open();
  for (let times = 0; times < 10; times++) {
    at += 1;
    await secrets.rotate('acme');
  }
  expect(await secrets.signersOf('acme')).toHaveLength(4);
});

it('learns of a rotation by another process within five seconds', async () => {
  const secrets = open();
  await secrets.signersOf('acme');
  const { secret } = await open().rotate('acme');
  at += 5000;
  expect((await secrets.signersOf('acme'))[0]).toEqual(secret);
});

it('is asked for often and read seldom', async () => {
  let reads = 0;
  const secrets = open({
    callbackSecrets: accountId => {
      reads += 1;
      return store.callbackSecrets(accountId);
    },
  });
  await secrets.signersOf('acme');
  reads = 0;
  for (let times = 0; times < 100; times++) await secrets.signersOf('acme');
  expect(reads).toBe(0);
});

it('reads again when it could not be read', async () => {
  let isBroken = true;
  const secrets = open({
    callbackSecrets: accountId => (isBroken ? Promise.reject(new Error('disk')) : store.callbackSecrets(accountId)),
  });
  await expect(secrets.signersOf('acme')).rejects.toThrow('disk');
  isBroken = false;
  expect(await secrets.signersOf('acme')).toHaveLength(1);
});
