import { randomBytes } from 'node:crypto';
import { openPostgres } from '../../src/store/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { FaultProxy } from './fault-proxy.ts';
import type { HuaweiClient, Key } from './huawei.ts';
import { layKey, Millrace, newKey, processesOf } from './millrace.ts';
import { NatsServer } from './nats.ts';
import type { Place } from './place.ts';
import { PostgresServer } from './postgres.ts';
import { until } from './wait.ts';

export type Witness = 'nats' | 'database';

export interface ClusterWish {
  readonly nodes?: number;
  /** As `--lease` has it. */
  readonly lease?: string;
  readonly workers?: number;
  /** Each node's links to NATS and the database may be cut one by one. */
  readonly severable?: boolean;
  /** For all nodes, or for the one of that number. */
  readonly flags?: readonly string[] | ((node: number) => readonly string[]);
  readonly env?: (node: number) => NodeJS.ProcessEnv;
}

const REGION = 'cn-north-4';

/** Real nodes around a real NATS server and a real PostgreSQL server of their own, all on one machine. */
export class LabCluster {
  readonly nats: NatsServer;
  readonly postgres: PostgresServer;
  readonly database: string;
  readonly key: Key = newKey();
  /** The key of the whole installation. */
  readonly sealKey = randomBytes(32);
  readonly nodes: ClusterNode[] = [];
  readonly #place: Place;
  readonly #wish: ClusterWish;
  #store: Promise<Store> | undefined;

  private constructor(place: Place, wish: ClusterWish, servers: Servers) {
    this.#place = place;
    this.#wish = wish;
    this.nats = servers.nats;
    this.postgres = servers.postgres;
    this.database = servers.database;
  }

  static async start(place: Place, wish: ClusterWish = {}): Promise<LabCluster> {
    const cluster = await LabCluster.prepare(place, wish);
    // One by one: the first of them makes the tables.
    for (let i = 0; i < (wish.nodes ?? 3); i++) await cluster.add();
    return cluster;
  }

  /** The servers alone. */
  static async prepare(place: Place, wish: ClusterWish = {}): Promise<LabCluster> {
    const [nats, postgres] = await Promise.all([NatsServer.start(place), PostgresServer.start(place)]);
    return new LabCluster(place, wish, { nats, postgres, database: await postgres.createDatabase() });
  }

  async add(): Promise<ClusterNode> {
    const number = this.nodes.length;
    const { flags = [], env } = this.#wish;
    const node = await ClusterNode.start(this.#place, {
      ...{ name: nameOf(number), key: this.key, sealKey: this.sealKey },
      ...{ nats: this.nats.url, database: this.database, severable: this.#wish.severable ?? false },
      flags: [...this.#flags(), ...(typeof flags === 'function' ? flags(number) : flags)],
      env: env?.(number) ?? {},
    });
    this.nodes.push(node);
    return node;
  }

  #flags(): string[] {
    const { lease, workers = 1 } = this.#wish;
    const fixed = ['--region', REGION, '--rtmp', 'off', '--workers', String(workers)];
    return lease === undefined ? fixed : [...fixed, '--lease', lease];
  }

  /** Of a node that is up. */
  get huawei(): HuaweiClient {
    const up = this.nodes.find(({ state }) => state === 'up');
    if (up === undefined) throw new Error('no node is up');
    return up.huawei;
  }

  /** What stands in the database, past all nodes. */
  query(text: string): Promise<readonly Record<string, unknown>[]> {
    return this.postgres.query(text, new URL(this.database).pathname.slice(1));
  }

  /** The store of all nodes, opened beside them. */
  openStore(): Promise<Store> {
    this.#store ??= openPostgres({ url: this.database, sealKey: this.sealKey }).then(store =>
      this.#place.own(store, it => it.close()),
    );
    return this.#store;
  }

  node(number: number): ClusterNode {
    const node = this.nodes[number];
    if (node === undefined) throw new Error(`there is no node ${number}`);
    return node;
  }

  get up(): ClusterNode[] {
    return this.nodes.filter(({ state }) => state === 'up');
  }
}

interface Servers {
  readonly nats: NatsServer;
  readonly postgres: PostgresServer;
  readonly database: string;
}

const nameOf = (number: number): string => `node-${String.fromCharCode(97 + number)}`;

interface NodeWish {
  readonly name: string;
  readonly key: Key;
  readonly sealKey: Buffer;
  readonly nats: string;
  readonly database: string;
  readonly severable: boolean;
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** One node: its control process and all workers, which end, freeze and are killed together, as a machine does. */
export class ClusterNode {
  readonly name: string;
  readonly millrace: Millrace;
  /** What its links to the others go through. */
  readonly links: Readonly<Partial<Record<Witness, FaultProxy>>>;
  state: 'up' | 'frozen' | 'dead' = 'up';

  private constructor(name: string, millrace: Millrace, links: ClusterNode['links']) {
    this.name = name;
    this.millrace = millrace;
    this.links = links;
  }

  static async start(place: Place, wish: NodeWish): Promise<ClusterNode> {
    const { name, severable } = wish;
    const [nats, toNats] = await throughProxy(place, wish.nats, severable);
    const [database, toDatabase] = await throughProxy(place, wish.database, severable);
    const data = place.path(name);
    layKey(data, wish.sealKey);
    const flags = ['--node-name', name, '--database', database, '--nats', nats, ...wish.flags];
    // Closed after it, so before what it owns itself: nothing that is frozen can be ended politely.
    place.own(data, killAll);
    const millrace = await Millrace.start(place, { name, key: wish.key, flags, env: wish.env });
    const links = { ...(toNats && { nats: toNats }), ...(toDatabase && { database: toDatabase }) };
    return place.own(new ClusterNode(name, millrace, links), it => it.#release());
  }

  get api(): string {
    return this.millrace.api;
  }

  get huawei(): HuaweiClient {
    return this.millrace.huawei;
  }

  get pids(): number[] {
    return processesOf(this.millrace.data).map(({ pid }) => pid);
  }

  /** All of it at once, with -9; answers when. */
  async kill(): Promise<number> {
    const pids = this.pids;
    const atMs = performance.now();
    this.state = 'dead';
    signal(pids, 'SIGKILL');
    await until(`${this.name} is dead`, () => this.pids.length === 0);
    return atMs;
  }

  /** All of it stands still, as on a machine that is suspended; answers when. */
  freeze(): number {
    this.state = 'frozen';
    signal(this.pids, 'SIGSTOP');
    return performance.now();
  }

  thaw(): number {
    this.state = 'up';
    const atMs = performance.now();
    signal(this.pids, 'SIGCONT');
    return atMs;
  }

  async stop(): Promise<void> {
    await this.millrace.stop();
    this.state = 'dead';
  }

  /** Again, after its end, on the same data directory. */
  async restart(...flags: readonly string[]): Promise<void> {
    await this.millrace.restart(...flags);
    this.state = 'up';
  }

  sever(witness: Witness): void {
    this.#link(witness).sever();
  }

  heal(witness: Witness): void {
    this.#link(witness).heal();
  }

  #link(witness: Witness): FaultProxy {
    const link = this.links[witness];
    if (link === undefined) throw new Error(`${this.name} has no link to the ${witness} that could be cut`);
    return link;
  }

  #release(): void {
    for (const link of Object.values(this.links)) if (link.severed) link.heal();
    if (this.state === 'frozen') this.thaw();
  }
}

async function throughProxy(place: Place, url: string, severable: boolean): Promise<[string, FaultProxy | undefined]> {
  if (!severable) return [url, undefined];
  const target = new URL(url);
  const proxy = await FaultProxy.start(place, { to: Number(target.port) });
  target.port = String(proxy.port);
  return [target.href, proxy];
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended meanwhile.
    }
  }
}

const killAll = (data: string): void =>
  signal(
    processesOf(data).map(({ pid }) => pid),
    'SIGKILL',
  );
