import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { NatsServer } from './nats.ts';
import type { Place } from './place.ts';
import { PostgresServer } from './postgres.ts';

/** How the nodes of a test keep their data: `1` on PostgreSQL and NATS, `2` so and two of them as one. */
export type Configuration = 'alone' | '1' | '2';

/** What `npm run test:cluster` and `npm run test:conformance` set. */
export function configuration({ TEST_CLUSTER } = process.env): Configuration {
  return TEST_CLUSTER === '1' || TEST_CLUSTER === '2' ? TEST_CLUSTER : 'alone';
}

const DATABASES = 'TEST_CLUSTER_DATABASES';
const NATS = 'TEST_CLUSTER_NATS';

/** Before the first test of a run: one server of each kind for all of its files. */
export async function setup(): Promise<void | (() => Promise<void>)> {
  if (configuration() === 'alone') return;
  const [postgres, nats] = await Promise.all([PostgresServer.open(), NatsServer.open()]);
  process.env[DATABASES] = postgres.url('postgres');
  process.env[NATS] = nats.url;
  return async () => {
    await Promise.all([postgres[Symbol.asyncDispose](), nats[Symbol.asyncDispose]()]);
  };
}

/** What the nodes of one installation have in common. */
export interface Shared {
  readonly database: string;
  readonly nats: string;
  /** So that the address, which holds a password, stands in no list of processes. */
  readonly env: NodeJS.ProcessEnv;
}

const made = new Map<string, Shared>();

/** Of the installation whose first node has this data directory: an empty database that is there as long as the place. */
export async function sharedFor(place: Place, data: string): Promise<Shared> {
  const shared = made.get(data) ?? (await make(place));
  made.set(data, shared);
  return shared;
}

async function make(place: Place): Promise<Shared> {
  const database = await sharedDatabase(place);
  return { database, nats: addressIn(NATS), env: { MILLRACE_DATABASE: database } };
}

/** The same without a node. */
export async function sharedDatabase(place: Place): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await ask(`create database ${name}`);
  place.own(name, () => ask(`drop database ${name} with (force)`));
  const url = new URL(addressIn(DATABASES));
  url.pathname = `/${name}`;
  return url.href;
}

async function ask(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: addressIn(DATABASES), connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  await client.query(text).finally(() => client.end());
}

function addressIn(name: string): string {
  const address = process.env[name];
  if (address === undefined) throw new Error(`${name} is not set: these tests are run by vitest, with its own set-up`);
  return address;
}
