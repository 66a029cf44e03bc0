import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPostgres } from '../../src/store/postgres.ts';
import { loadSealKey } from '../../src/store/seal.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { Child, run } from './child.ts';
import { Front } from './front.ts';
import { HuaweiClient, type Key } from './huawei.ts';
import type { Place } from './place.ts';
import { configuration, type Shared, sharedFor } from './shared-servers.ts';
import { until } from './wait.ts';

const BIN = fileURLToPath(new URL('../../bin/millrace', import.meta.url));

/** A control process that is started again on a busy machine is there in time: leases have tests of their own. */
const LONG_LEASE = '30s';

/** Of several nodes only those of its region carry a task, and the tests of the dialects name this one. */
const REGION_OF_DIALECTS = 'cn-shanghai';

export interface MillraceWish {
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Of its data directory. */
  readonly name?: string;
  readonly bin?: string;
  readonly key?: Key;
  /** On SQLite and by itself, whatever the tests are run on. */
  readonly isAlone?: boolean;
}

interface Ready {
  readonly api: string;
  readonly rtmp: string;
  readonly pid: number;
}

/**
 * A real `millrace serve` on free ports with its own data directory, which may be killed and started again. Where the tests
 * are run on a cluster it keeps its data in PostgreSQL, and has another node beside it where they are run on two.
 */
export class Millrace {
  readonly key: Key;
  readonly data: string;
  readonly #bin: string;
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #shared: Shared | undefined;
  #front: Front | undefined;
  #children: readonly Child[] = [];
  #child: Child;
  #ready: Ready;

  private constructor(
    parts: Pick<Millrace, 'key' | 'data'> & {
      args: readonly string[];
      env: NodeJS.ProcessEnv;
      bin: string;
      shared: Shared | undefined;
    },
  ) {
    this.key = parts.key;
    this.data = parts.data;
    this.#bin = parts.bin;
    this.#args = parts.args;
    this.#env = parts.env;
    this.#shared = parts.shared;
    this.#child = this.#spawn();
    this.#ready = { api: '', rtmp: '', pid: 0 };
  }

  static async start(place: Place, wish: MillraceWish = {}): Promise<Millrace> {
    const { name = 'data', isAlone = false } = wish;
    if (isAlone || configuration() === 'alone') return Millrace.#open(place, wish);
    const shared = await sharedFor(place, place.path(name));
    if (configuration() === '1') return Millrace.#open(place, { ...wish, name, shared });
    const flags = ['--region', REGION_OF_DIALECTS, ...(wish.flags ?? [])];
    const first = await Millrace.#open(place, { ...wish, flags, name, shared });
    await first.#join(place, { ...wish, flags, name: `${name}-2`, key: first.key, shared });
    return first;
  }

  static async #open(place: Place, wish: MillraceWish & { shared?: Shared }): Promise<Millrace> {
    const { key = newKey(), name = 'data', bin = BIN, shared } = wish;
    const env = {
      MILLRACE_ACCESS_KEY: key.accessKey,
      MILLRACE_SECRET_KEY: key.secretKey,
      MILLRACE_PROJECT_ID: key.projectId,
      ...shared?.env,
      ...wish.env,
    };
    const own = shared === undefined ? [] : ['--nats', shared.nats, '--node-name', name, '--lease', LONG_LEASE];
    const args = ['--listen', '127.0.0.1:0', '--rtmp', '127.0.0.1:0', ...own, ...(wish.flags ?? [])];
    const millrace = new Millrace({ key, data: place.path(name), args, env, bin, shared });
    place.own(millrace, it => it.stop());
    await millrace.#untilReady();
    return millrace;
  }

  /** Another node of the same installation; from now on each of them gets every second request. */
  async #join(place: Place, wish: MillraceWish & { name: string; shared: Shared }): Promise<void> {
    layKey(place.path(wish.name), readFileSync(join(this.data, 'seal.key')));
    const other = await Millrace.#open(place, wish);
    this.#front = await Front.start(place, () => [this.#ready.api, other.api]);
  }

  get api(): string {
    return this.#front?.url ?? this.#ready.api;
  }

  get rtmp(): string {
    return this.#ready.rtmp;
  }

  get pid(): number {
    return this.#ready.pid;
  }

  /** Of the control processes that were replaced too. */
  get output(): string {
    return this.#children.map(({ output }) => output).join('');
  }

  get huawei(): HuaweiClient {
    return new HuaweiClient(this.api, this.key);
  }

  #spawn(...flags: readonly string[]): Child {
    const args = ['serve', '--data', this.data, '--ready-file', `${this.data}.ready`, ...this.#args, ...flags];
    const child = new Child(this.#bin, args, { env: this.#env });
    this.#children = [...this.#children, child];
    return child;
  }

  async #untilReady(formerPid?: number): Promise<void> {
    const file = `${this.data}.ready`;
    const ready = await until(
      'millrace is ready',
      () => {
        if (!this.#child.running) throw new Error(`millrace ended: ${this.#child.output}`);
        const ready = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Ready) : undefined;
        return ready?.pid === formerPid ? undefined : ready;
      },
      { timeoutMs: this.#shared === undefined ? 30_000 : 90_000 },
    );
    this.#ready = ready;
  }

  /** The environment of a command on its data directory: where the data is, if it is not in there. */
  get variables(): NodeJS.ProcessEnv {
    return { ...process.env, ...this.#shared?.env };
  }

  /** Another command on the same data directory, beside the running service; answers what it printed. */
  command(...args: readonly string[]): Promise<string> {
    return run(BIN, [...args, '--data', this.data], { env: this.variables });
  }

  /** Its store, beside it or while it is down. */
  async openStore(place: Place): Promise<Store> {
    const file = join(this.data, 'millrace.db');
    const sealKey = loadSealKey(join(this.data, 'seal.key'), file);
    const store = await (this.#shared === undefined
      ? openSqlite({ file, sealKey })
      : openPostgres({ url: this.#shared.database, sealKey }));
    return place.own(store, it => it.close());
  }

  /** Kills the control process alone, by pid, with -9. */
  async killControl(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.#child.exited;
    rmSync(`${this.data}.ready`, { force: true });
  }

  async restart(...flags: readonly string[]): Promise<void> {
    rmSync(`${this.data}.ready`, { force: true });
    this.#child = this.#spawn(...flags);
    await this.#untilReady();
  }

  /** Another control process takes over with `--replace`; answers how the former one ended. */
  async replace(...flags: readonly string[]): Promise<number | NodeJS.Signals> {
    const former = this.#child;
    const formerPid = this.#ready.pid;
    this.#child = this.#spawn('--replace', ...flags);
    await this.#untilReady(formerPid);
    return former.exited;
  }

  /** Every control process that there is, also one whose successor did not come up. */
  async stop(): Promise<void> {
    await Promise.all(this.#children.map(child => child.stop('SIGTERM', 15_000)));
  }
}

/** One installation has one key, however many nodes. */
export function layKey(data: string, sealKey: Buffer): void {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  writeFileSync(join(data, 'seal.key'), sealKey, { mode: 0o600 });
}

/** An access key that a node is started with. */
export const newKey = (): Key => ({
  accessKey: 'TESTACCESSKEY0000001',
  secretKey: randomBytes(20).toString('hex'),
  projectId: randomBytes(16).toString('hex'),
});

/** Live processes whose environment or command line names the given data directory, by pid. */
export function processesOf(data: string): { pid: number; command: string; state: string }[] {
  const found: { pid: number; command: string; state: string }[] = [];
  for (const pid of readPids()) {
    try {
      const environ = readFileSync(`/proc/${pid}/environ`, 'latin1');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      if (!environ.includes(data) && !command.includes(data)) continue;
      const state = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0] ?? '?';
      found.push({ pid, command, state });
    } catch {
      // It ended between two looks.
    }
  }
  return found;
}

const readPids = (): number[] => readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? [Number(name)] : []));

/** How many sockets the worker and origin processes of the data directory hold open. */
export function openSockets(data: string): number {
  const workers = processesOf(data).filter(it => it.command.includes('worker/'));
  return workers.reduce((sum, { pid }) => sum + socketsOf(pid), 0);
}

function socketsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter(fd => linkOf(`/proc/${pid}/fd/${fd}`).startsWith('socket:')).length;
  } catch {
    return 0;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed between two looks.
    return '';
  }
}
