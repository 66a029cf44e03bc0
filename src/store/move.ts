import { DatabaseSync } from 'node:sqlite';
import { Kysely, sql, type Transaction } from 'kysely';
import { nameOf, openPostgres } from './postgres.ts';
import { openPool, postgresDialect } from './postgres-dialect.ts';
import { openSqlite } from './sqlite.ts';
import { sqliteDialect } from './sqlite-dialect.ts';

/** In the order in which they are written. What nodes agree on among themselves begins anew. */
const TABLES = [
  ...(['accounts', 'projects', 'users', 'policies', 'domains', 'access_keys', 'api_keys', 'tokens'] as const),
  ...([
    'sign_ins',
    'setup_links',
    'callback_secrets',
    'assets',
    'tasks',
    'creations',
    'destinations',
    'nonces',
  ] as const),
  ...(['events', 'deliveries', 'endpoints', 'audit', 'meta'] as const),
];
const NUMBERED = ['events', 'deliveries', 'audit'] as const;
/** How many rows there are where nobody has kept anything: the default account, and the mark of the key. */
const FRESH: ReadonlyMap<TableName, number> = new Map([
  ['accounts', 1],
  ['meta', 1],
]);

type TableName = (typeof TABLES)[number];
type Row = Readonly<Record<string, unknown>>;
/** Rows as they lie there: nothing of them is read. */
type Rows = Record<TableName, Record<string, unknown>>;

const TOGETHER = 500;

export interface StoreMove {
  /** The SQLite database; it stays as it is, but for being brought up to date. */
  readonly file: string;
  /** The PostgreSQL database, without anything in it. */
  readonly url: string;
  /** Of both. */
  readonly sealKey: Uint8Array;
  /** Told of each table that has been copied. */
  readonly copied?: (table: string, rows: number) => void;
}

/** The two cannot be one and the same installation. */
export class BadMove extends Error {
  override readonly name = 'BadMove';
}

/** All of it or nothing. Nobody writes to the file meanwhile, and nobody may use the other database before it is over. */
export async function moveStore({ file, url, sealKey, copied = () => {} }: StoreMove): Promise<void> {
  // Brings both to this version, and refuses a key that is not theirs.
  await (await openSqlite({ file, sealKey })).close();
  await (await openPostgres({ url, sealKey })).close();
  const from = new Kysely<Rows>({ dialect: sqliteDialect(new DatabaseSync(file)) });
  const to = new Kysely<Rows>({ dialect: postgresDialect(openPool({ url, most: 1, isPatient: true })) });
  try {
    await from.transaction().execute(held => to.transaction().execute(trx => copyAll(held, trx, { url, copied })));
  } finally {
    await Promise.all([from.destroy(), to.destroy()]);
  }
}

type Side = Transaction<Rows>;

async function copyAll(
  from: Side,
  to: Side,
  { url, copied }: Required<Pick<StoreMove, 'url' | 'copied'>>,
): Promise<void> {
  await takeOver(to);
  await refuseUsed(to, url);
  for (const table of FRESH.keys()) await to.deleteFrom(table).execute();
  for (const table of TABLES) {
    await copy(from, to, table);
    copied(table, await compare(from, to, table));
  }
  for (const table of NUMBERED) await goOnNumbering(from, to, table);
}

/** Whoever comes meanwhile waits. */
async function takeOver(to: Side): Promise<void> {
  await sql`lock table ${sql.join(TABLES.map(table => sql.table(table)))} in access exclusive mode`.execute(to);
}

async function refuseUsed(to: Side, url: string): Promise<void> {
  for (const table of TABLES) {
    const rows = await count(to, table);
    if (rows <= (FRESH.get(table) ?? 0)) continue;
    throw new BadMove(`the database ${nameOf(url)} is in use: ${rows} rows in ${table}; name one that is empty`);
  }
}

async function copy(from: Side, to: Side, table: TableName): Promise<void> {
  for (let behind = 0; ; ) {
    const rows = await from
      .selectFrom(table)
      .selectAll()
      .select(sql<number>`rowid`.as('row_id'))
      .where(sql`rowid`, '>', behind)
      .orderBy(sql`rowid`)
      .limit(TOGETHER)
      .execute();
    if (rows.length === 0) return;
    await to.insertInto(table).values(rows.map(withoutRowId)).execute();
    behind = Number(rows.at(-1)?.row_id);
  }
}

const withoutRowId = ({ row_id: _, ...row }: Row): Row => row;

async function compare(from: Side, to: Side, table: TableName): Promise<number> {
  const [here, there] = [await count(from, table), await count(to, table)];
  if (here !== there) throw new BadMove(`${table}: ${here} rows were there, ${there} have come: nothing was moved`);
  return there;
}

async function count(db: Side, table: TableName): Promise<number> {
  const { rows } = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(table)}`.execute(db);
  return Number(rows[0]?.rows);
}

/** Behind the last number ever given, also where what had it is gone: whoever follows the numbers misses nothing. */
async function goOnNumbering(from: Side, to: Side, table: (typeof NUMBERED)[number]): Promise<void> {
  const { rows } = await sql<{ seq: number }>`select seq from sqlite_sequence where name = ${table}`.execute(from);
  const last = Number(rows[0]?.seq ?? 0);
  if (last > 0) await sql`select setval(pg_get_serial_sequence(${table}, 'n'), ${last}::bigint)`.execute(to);
}
