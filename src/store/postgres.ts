import { setTimeout as sleep } from 'node:timers/promises';
import { HandleEmptyInListsPlugin, Kysely, replaceWithNoncontingentExpression, sql } from 'kysely';
import type { Base } from './base.ts';
import { newEntries } from './entries.ts';
import { type Committed, GroupCommit, type Shared } from './group-commit.ts';
import { migrate } from './migrate.ts';
import { OpenedTasks } from './opened-tasks.ts';
import { openPool, POSTGRES_CLOCK, type PoolWish, postgresDialect } from './postgres-dialect.ts';
import { Seal } from './seal.ts';
import { checkSeal, isSealed, sqlStore } from './sql-store.ts';
import type { Store } from './store.ts';
import { StoreFault } from './store-fault.ts';
import type { Tables } from './tables.ts';

export interface PostgresOptions {
  /** postgres://USER:PASSWORD@HOST:PORT/DATABASE */
  readonly url: string;
  /** 32 bytes, or where to get them from: a database that is new may have any key. */
  readonly sealKey: Uint8Array | ((isNew: boolean) => Uint8Array);
  readonly committed?: Committed | undefined;
}

/** The database cannot be used as it is. The message names it, without the password. */
export class UnusableDatabase extends Error {
  override readonly name = 'UnusableDatabase';
}

const OLDEST_SERVER = 15;
/** Of each node, ten in all: a server takes a hundred connections where nobody has told it otherwise. */
const MOST_READING = 7;
/** Groups are written one after the other, and do not wait for readers. */
const MOST_WRITING = 1;
/** What must not wait behind others has connections of its own. */
const MOST_AT_ONCE = 2;

/** Advisory locks of this database that are ours. */
const MIGRATING = 7_011_001;
const NUMBERING = 7_011_002;

/** Opens the database, makes its tables or brings them up to date. Any number of nodes may have it open. */
export async function openPostgres({ url, sealKey, committed }: PostgresOptions): Promise<Store> {
  const doors: Doors = {
    db: openWith({ url, most: MOST_READING }),
    writing: openWith({ url, most: MOST_WRITING }),
    urgent: openWith({ url, most: MOST_AT_ONCE }),
  };
  const close = async (): Promise<void> => {
    await Promise.all(Object.values(doors).map(door => door.destroy()));
  };
  try {
    await refuseForeign(doors.writing);
    return sharedStore({ ...doors, seal: await prepare(url, sealKey), committed }, close);
  } catch (cause) {
    await close();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UnusableDatabase(`the database ${nameOf(url)} cannot be used: ${why}`, { cause });
  }
}

/** Where it is, without who asks and how they prove it. */
export function nameOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${decodeURIComponent(pathname.slice(1))} at ${host}`;
}

/** SQLite takes an empty list to look in; here it has to be written differently. */
const openWith = (wish: PoolWish): Kysely<Tables> =>
  new Kysely<Tables>({
    dialect: postgresDialect(openPool(wish)),
    plugins: [new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })],
  });

async function refuseForeign(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<Record<'version' | 'encoding' | 'readOnly', string>>`
    select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
      current_setting('transaction_read_only') as "readOnly"`.execute(db);
  const [server] = rows;
  const major = Math.floor(Number(server?.version) / 10_000);
  if (major < OLDEST_SERVER) {
    throw new Error(`the server is PostgreSQL ${major}, and ${OLDEST_SERVER} or later is needed`);
  }
  if (server?.encoding !== 'UTF8') throw new Error(`its encoding is ${server?.encoding}, and UTF8 is needed`);
  if (server.readOnly === 'on') throw new StoreFault('readOnly', 'it is read-only: is the server a standby?');
}

/** One node at a time: two that start together make one set of tables, with one key. */
async function prepare(url: string, sealKey: PostgresOptions['sealKey']): Promise<Seal> {
  const db = openWith({ url, most: 1, isPatient: true });
  try {
    return await db.transaction().execute(trx => prepareIn(trx, sealKey));
  } finally {
    await db.destroy();
  }
}

async function prepareIn(trx: Kysely<Tables>, sealKey: PostgresOptions['sealKey']): Promise<Seal> {
  await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATING)})`.execute(trx);
  await migrate(trx, { bytes: sql`bytea` });
  const key = typeof sealKey === 'function' ? sealKey(!(await isSealed(trx))) : sealKey;
  const seal = new Seal(key);
  await checkSeal(trx, seal);
  return seal;
}

/** To the same database, each with connections of its own. */
interface Doors {
  readonly db: Kysely<Tables>;
  readonly writing: Kysely<Tables>;
  readonly urgent: Kysely<Tables>;
}

interface Opened extends Doors {
  readonly seal: Seal;
  readonly committed: Committed | undefined;
}

function sharedStore({ db, writing, urgent, seal, committed }: Opened, disconnect: () => Promise<void>): Store {
  const commits = new GroupCommit(writing, { committed, shared: sharedBy(urgent) });
  const base: Base = {
    db,
    seal,
    opened: new OpenedTasks(seal),
    write: (work, row) => commits.write(work, row),
    // One statement is a transaction of its own.
    atOnce: work => work(urgent, newEntries()),
    clock: POSTGRES_CLOCK,
    locksRows: true,
  };
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await commits.close();
    await disconnect();
  };
  return sqlStore(base, () => {
    closing ??= close();
    return closing;
  });
}

const sharedBy = (urgent: Kysely<Tables>): Shared => ({
  seal: (trx, hasEntries) => (hasEntries ? lockNumbers(trx) : transactionOf(trx)),
  stands: (transaction, withinMs) => standsIn(urgent, transaction, withinMs),
  sleep: ms => sleep(ms),
  random: Math.random,
});

/** The lock goes with the transaction, after what it has written can be seen: who reads up to a number misses none. */
async function lockNumbers(trx: Kysely<Tables>): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select pg_current_xact_id()::text as id, pg_advisory_xact_lock(${sql.lit(NUMBERING)}) is null`.execute(trx);
  return rows[0]?.id;
}

async function transactionOf(trx: Kysely<Tables>): Promise<string | undefined> {
  const { rows } = await sql<{ id: string | null }>`
    select pg_current_xact_id_if_assigned()::text as id`.execute(trx);
  return rows[0]?.id ?? undefined;
}

const ASK_AGAIN_MS = 50;

/** A server that has just been started again still knows what it has committed. */
async function standsIn(db: Kysely<Tables>, transaction: string, withinMs: number): Promise<boolean> {
  const time = new AbortController();
  const over = sleep(withinMs, 'over' as const, { signal: time.signal }).catch(() => 'over' as const);
  try {
    for (;;) {
      const status = await Promise.race([statusOf(db, transaction), over]);
      if (status === 'over') throw new StoreFault('gone', UNKNOWN);
      if (status !== 'in progress') return status === 'committed';
      await sleep(ASK_AGAIN_MS);
    }
  } finally {
    time.abort();
  }
}

const UNKNOWN = 'the connection was lost in the commit: whether it stands is not known';

/** A server that does not answer counts as one that is still at it. */
async function statusOf(db: Kysely<Tables>, transaction: string): Promise<string | null | undefined> {
  try {
    const { rows } = await sql<{ status: string | null }>`
      select pg_xact_status(${transaction}::text::xid8) as status`.execute(db);
    return rows[0]?.status;
  } catch (error) {
    if (error instanceof StoreFault) return 'in progress';
    throw error;
  }
}
