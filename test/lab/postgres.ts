import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort, type Place } from './place.ts';
import { until } from './wait.ts';

const EMPTY_ALL = `do $$ declare it text; begin
  for it in select tablename from pg_tables
    where schemaname = 'public' and tablename not in ('schema_version', 'meta', 'accounts')
  loop execute format('delete from %I', it); end loop;
  for it in select sequencename from pg_sequences where schemaname = 'public'
  loop perform setval(format('%I', it)::regclass, 1, false); end loop;
  delete from meta where name <> 'seal';
  delete from accounts;
  insert into accounts (id, created_at, live) values ('default', 1, 1);
end $$`;

const ROOT = '/usr/lib/postgresql';
const USER = 'millrace';
const OWNER = 'postgres';

export interface PostgresWish {
  /** What was committed survives `kill`; else it may be lost, and everything is faster. */
  readonly durable?: boolean;
  /** Settings of the server, as `-c` has them. */
  readonly settings?: readonly string[];
}

/** A PostgreSQL server in a directory and on a port of its own, that ends with its owner. */
export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly password = randomBytes(9).toString('hex');
  readonly #dir: string;
  readonly #wish: PostgresWish;
  #child: ChildProcess | undefined;
  #made = 0;

  private constructor(port: number, wish: PostgresWish) {
    this.port = port;
    this.#wish = wish;
    this.#dir = mkdtempSync(join(tmpdir(), 'millrace-pg-'));
    giveAway(this.#dir);
  }

  static async start(place: Place, wish: PostgresWish = {}): Promise<PostgresServer> {
    return place.own(await PostgresServer.open(wish), server => server[Symbol.asyncDispose]());
  }

  /** Of whoever closes it. */
  static async open(wish: PostgresWish = {}): Promise<PostgresServer> {
    const server = new PostgresServer(await freePort(), wish);
    try {
      await server.#make();
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  async #make(): Promise<void> {
    const passwordFile = join(this.#dir, 'password');
    writeFileSync(passwordFile, this.password, { mode: 0o600 });
    giveAway(passwordFile);
    const flags = ['-U', USER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--no-sync'];
    const made = asOwner('initdb', ['-D', this.#data, '--locale=C.UTF-8', ...flags]);
    const said = textOf(made);
    const [code] = await once(made, 'exit');
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${said()}`);
  }

  get #data(): string {
    return join(this.#dir, 'data');
  }

  /** Again, after `stop` or `kill`, on the same port with the same data. */
  async start(): Promise<void> {
    const { durable = false, settings = [] } = this.#wish;
    const fast = durable ? [] : ['fsync=off', 'full_page_writes=off'];
    const fixed = ['listen_addresses=127.0.0.1', 'max_connections=300', 'shared_buffers=64MB', ...fast];
    const flags = [...fixed, ...settings].flatMap(setting => ['-c', setting]);
    const child = asOwner('postgres', ['-D', this.#data, '-p', String(this.port), '-k', this.#dir, ...flags]);
    this.#child = child;
    const said = textOf(child);
    await until('PostgreSQL answers', async () => {
      if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}: ${said()}`);
      return this.#answers();
    });
  }

  async #answers(): Promise<boolean> {
    try {
      await this.query('select 1');
      return true;
    } catch {
      return false;
    }
  }

  /** Politely or not, but at once: who is connected is cut off. */
  async stop(): Promise<void> {
    await this.#end('SIGINT');
  }

  /** With -9, and all that serve its connections: as a machine that lost its power. */
  async kill(): Promise<void> {
    const pids = this.#pids();
    this.thaw();
    for (const pid of pids) trySignal(pid, 'SIGKILL');
    await this.#end('SIGKILL');
    rmSync(join(this.#data, 'postmaster.pid'), { force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Takes connections and answers nothing, until `thaw`. */
  freeze(): void {
    for (const pid of this.#pids()) trySignal(pid, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.#pids()) trySignal(pid, 'SIGCONT');
  }

  get pids(): number[] {
    return this.#pids();
  }

  #pids(): number[] {
    const pid = this.#child?.pid;
    return pid === undefined ? [] : [pid, ...childrenOf(pid)];
  }

  /** An empty one; answers its address. */
  async createDatabase(): Promise<string> {
    this.#made += 1;
    const name = `test_${process.pid}_${this.#made}`;
    await this.query(`create database ${name}`);
    return this.url(name);
  }

  /** Leaves the tables as they were made, which takes much less than another database. */
  async emptyDatabase(url: string): Promise<void> {
    await this.query(EMPTY_ALL, new URL(url).pathname.slice(1));
  }

  url(database: string): string {
    return `postgres://${USER}:${this.password}@127.0.0.1:${this.port}/${database}`;
  }

  async query(text: string, database = 'postgres'): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url(database), connectionTimeoutMillis: 5_000 });
    // Told of by the query that fails; where nobody listens it would end the process.
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** Cuts off whoever is connected to the database, in whatever they do. Answers how many. */
  async terminate(url: string): Promise<number> {
    const name = new URL(url).pathname.slice(1);
    const cut = await this.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
    return cut.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    await this.#end('SIGQUIT');
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The newest that is installed. */
function binDir(): string {
  const versions = existsSync(ROOT) ? readdirSync(ROOT).map(Number).filter(Boolean) : [];
  if (versions.length === 0) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  return join(ROOT, String(Math.max(...versions)), 'bin');
}

/** PostgreSQL does not run as root. It ends with us however we end. */
function asOwner(program: string, args: readonly string[]): ChildProcess {
  const [run, ...flags] = ['setpriv', '--pdeathsig', 'INT', ...identity(), join(binDir(), program), ...args];
  return spawn(run, flags, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', env: { ...process.env, LC_ALL: 'C' } });
}

const isRoot = (): boolean => process.getuid?.() === 0;

const identity = (): string[] => (isRoot() ? [`--reuid=${OWNER}`, `--regid=${OWNER}`, '--init-groups'] : []);

function giveAway(path: string): void {
  if (!isRoot()) return;
  const [, , uid, gid] =
    readFileSync('/etc/passwd', 'utf8').match(new RegExp(`^(${OWNER}):[^:]*:(\\d+):(\\d+)`, 'm')) ?? [];
  chownSync(path, Number(uid), Number(gid));
  if (!path.endsWith('password')) chmodSync(path, 0o700);
}

/** What it says, for the case that it fails; read on, so that it never waits for us. */
function textOf(child: ChildProcess): () => string {
  let said = '';
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString('utf8')).slice(-4_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => said;
}

const childrenOf = (parent: number): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => parentOf(pid) === parent);

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}
