import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { PostgresServer } from '../../test/lab/postgres.ts';
import { accountSuite } from './accounts.testsuite.ts';
import { assetSuite } from './assets.testsuite.ts';
import { auditSuite } from './audit.testsuite.ts';
import { eventsSuite } from './events.testsuite.ts';
import { nodesSuite } from './nodes.testsuite.ts';
import { openPostgres } from './postgres.ts';
import { storeSuite } from './store.testsuite.ts';
import type { Store } from './store.ts';

let server: PostgresServer;
let url: string;
const sealKey = randomBytes(32);
const opened: Store[] = [];

// A server is started and many connections are made, beside all other tests.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 60_000 });

beforeAll(async () => {
  server = await PostgresServer.open();
  url = await server.createDatabase();
  await (await openPostgres({ url, sealKey })).close();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  await server.emptyDatabase(url);
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

async function open(): Promise<Store> {
  const store = await openPostgres({ url, sealKey });
  opened.push(store);
  return store;
}

const openPair = async () => ({ store: await open(), reopen: open });

storeSuite('PostgreSQL', openPair);
accountSuite('PostgreSQL', openPair);
auditSuite('PostgreSQL', openPair);
assetSuite('PostgreSQL', openPair);
eventsSuite('PostgreSQL', openPair);
nodesSuite('PostgreSQL', openPair);
