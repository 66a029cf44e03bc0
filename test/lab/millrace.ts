import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSealKey } from '../../src/store/seal.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { Child, run } from './child.ts';
import { HuaweiClient, type Key } from './huawei.ts';
import type { Place } from './place.ts';
import { until } from './wait.ts';

const BIN = fileURLToPath(new URL('../../bin/millrace', import.meta.url));

interface Ready {
  readonly api: string;
  readonly rtmp: string;
  readonly pid: number;
}

/** A real `millrace serve` on free ports with its own data directory, which may be killed and started again. */
export class Millrace {
  readonly key: Key;
  readonly data: string;
  readonly #bin: string;
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #children: readonly Child[] = [];
  #child: Child;
  #ready: Ready;

  private constructor(
    parts: Pick<Millrace, 'key' | 'data'> & { args: readonly string[]; env: NodeJS.ProcessEnv; bin: string },
  ) {
    this.key = parts.key;
    this.data = parts.data;
    this.#bin = parts.bin;
    this.#args = parts.args;
    this.#env = parts.env;
    this.#child = this.#spawn();
    this.#ready = { api: '', rtmp: '', pid: 0 };
  }

  static async start(
    place: Place,
    options: { flags?: readonly string[]; env?: NodeJS.ProcessEnv; name?: string; bin?: string; key?: Key } = {},
  ): Promise<Millrace> {
    const { key = newKey() } = options;
    const env = {
      MILLRACE_ACCESS_KEY: key.accessKey,
      MILLRACE_SECRET_KEY: key.secretKey,
      MILLRACE_PROJECT_ID: key.projectId,
      ...options.env,
    };
    const data = place.path(options.name ?? 'data');
    const args = ['--listen', '127.0.0.1:0', '--rtmp', '127.0.0.1:0', ...(options.flags ?? [])];
    const millrace = new Millrace({ key, data, args, env, bin: options.bin ?? BIN });
    place.own(millrace, it => it.stop());
    await millrace.#untilReady();
    return millrace;
  }

  get api(): string {
    return this.#ready.api;
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
      { timeoutMs: 30_000 },
    );
    this.#ready = ready;
  }

  /** Another command on the same data directory, beside the running service; answers what it printed. */
  command(...args: readonly string[]): Promise<string> {
    return run(BIN, [...args, '--data', this.data]);
  }

  /** Its store, beside it or while it is down. */
  async openStore(place: Place): Promise<Store> {
    const file = join(this.data, 'millrace.db');
    const store = await openSqlite({ file, sealKey: loadSealKey(join(this.data, 'seal.key'), file) });
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
