import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { Accounts, type PublicUser } from './accounts.ts';
import { SIGN_IN_IDLE_MS, SignIns } from './sign-ins.ts';

const ARRIVAL = { remote: '192.0.2.1', agent: 'browser', requestId: 'r1' };

let folder: string;
let store: Store;
let user: PublicUser;
let at: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-sign-ins-'));
  store = await openSqlite({ file: join(folder, 'db'), sealKey: randomBytes(32) });
  at = Date.now();
  const accounts = new Accounts({ store, now: () => at, newId: randomUUID, randomBytes });
  user = await accounts.putUser('ann', 'canary-password');
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const signIns = (change: Partial<Store> = {}): SignIns =>
  new SignIns({ store: { ...store, ...change }, now: () => at, newId: randomUUID, randomBytes });

it('a sign-in that is used does not end', async () => {
  const { token } = await signIns().begin(user, ARRIVAL);
  at += SIGN_IN_IDLE_MS - 1;
  expect(await signIns().find(token)).toMatchObject({ user: { name: 'ann' } });
  at += SIGN_IN_IDLE_MS - 1;
  expect(await signIns().find(token)).toMatchObject({ user: { name: 'ann' } });
});

it('a sign-in holds where its use cannot be stored', async () => {
  const { token } = await signIns().begin(user, ARRIVAL);
  at += 3_600_000;
  const full = signIns({ setSignInSeen: () => Promise.reject(new Error('the disk is full')) });
  expect(await full.find(token)).toMatchObject({ user: { name: 'ann' } });
});
