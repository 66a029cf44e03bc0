import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answering, Cluster, Hearing, Lease, Member, MemberFacts, Offer, Taker } from '../cluster/cluster.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Event } from '../task/event.ts';
import type { TaskSpec } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import type { RunNews, RunOrder } from '../worker/channel.ts';
import { Assets } from './assets.ts';
import { Breakpoints } from './breakpoints.ts';
import { Claims } from './claims.ts';
import { Hearsay } from './hearsay.ts';
import { Offers } from './offers.ts';
import { Questions } from './questions.ts';
import { Reconciler } from './reconciler.ts';
import { Record } from './record.ts';
import { FakeClock, HOUR, OWNER } from './rehearsal.testsuite.ts';
import { Scheduler } from './scheduler.ts';
import { Taking } from './taking.ts';
import { Tasks } from './tasks.ts';
import { Tenure } from './tenure.ts';
import { Transfers } from './transfers.ts';

/** For tests: several nodes over one store, and between them an air that carries words, or does not. */

/** What is in the air between nodes. Tests say what becomes of it. */
export class Air {
  readonly posts = new Map<string, Post>();
  /** Certainly dead, as everybody sees it. */
  readonly gone = new Set<string>();
  /** Whether a word, or an offer, is lost on its way. */
  loses: (what: 'word' | 'offer' | 'question') => boolean = () => false;
  /** Nothing can be offered at all. */
  isAway = false;
  /** How often an offer arrives. */
  copies: () => number = () => 1;
  /** Which of so many takes it. */
  pick: (count: number) => number = () => 0;
}

/** One node's end of it. */
class Post implements Cluster {
  readonly name: string;
  readonly region: string;
  readonly #air: Air;
  readonly #hearings = new Map<string, Hearing>();
  lost = new AbortController();
  taker: Taker | undefined;
  isOpen = true;
  #facts: (() => MemberFacts) | undefined;
  #answering: Answering | undefined;

  constructor(air: Air, name: string, region: string) {
    this.#air = air;
    this.name = name;
    this.region = region;
    air.posts.set(name, this);
  }

  get isHeld(): boolean {
    return !this.lost.signal.aborted;
  }

  async join(facts: () => MemberFacts): Promise<Lease> {
    this.#facts = facts;
    this.lost = new AbortController();
    this.#air.gone.delete(this.name);
    const { signal } = this.lost;
    return { node: this.name, signal, deadline: () => Number.POSITIVE_INFINITY, onRenewal: () => () => {} };
  }

  get members(): readonly Member[] {
    return [...this.#air.posts.values()].filter(({ isHeld }) => isHeld).map(post => post.member);
  }

  get member(): Member {
    const facts = this.#facts?.() ?? FACTS;
    return { ...facts, name: this.name, region: this.region, isOpen: this.isOpen, presence: 'present' };
  }

  isGone(node: string): boolean {
    return node !== this.name && this.#air.gone.has(node);
  }

  readonly isReachable = true;

  follow(): () => void {
    return () => {};
  }

  async offer(offers: readonly Offer[]): Promise<void> {
    if (this.#air.isAway) throw new Error('NATS is away');
    for (const offer of offers) {
      const { loses, copies, pick } = this.#air;
      const takers = [...this.#air.posts.values()].filter(
        ({ isHeld, isOpen, taker, region }) => isHeld && isOpen && region === offer.region && (taker?.room() ?? 0) > 0,
      );
      for (let i = copies(); i > 0 && takers.length > 0 && !loses('offer'); i--)
        void takers[pick(takers.length)]?.taker?.take(offer).catch(() => undefined);
    }
  }

  serve(taker: Taker): () => void {
    this.taker = taker;
    return () => {
      this.taker = undefined;
    };
  }

  async claim(): Promise<boolean> {
    return this.isHeld;
  }

  async release(): Promise<void> {}

  say(topic: string, message: unknown): void {
    for (const post of this.#air.posts.values())
      if (post !== this && !this.#air.loses('word'))
        setImmediate(() => post.#hearings.get(topic)?.(message, this.name));
  }

  hear(topic: string, hearing: Hearing): () => void {
    this.#hearings.set(topic, hearing);
    return () => this.#hearings.delete(topic);
  }

  async ask(node: string, question: unknown): Promise<unknown> {
    const post = this.#air.posts.get(node);
    if (!post?.isHeld || this.#air.loses('question')) throw new Error('no answer');
    return post.#answering?.(question, this.name);
  }

  answer(answering: Answering): () => void {
    this.#answering = answering;
    return () => {};
  }

  async close(): Promise<void> {
    this.lost.abort(new Error('the node has left'));
  }
}

const FACTS: MemberFacts = {
  ...{ region: 'default', version: '1', api: null, isOpen: true, runs: 0, capacity: 1_000, load: 0, wall: 0 },
};

/** A node: control as it is put together for real, over workers that do at once what they are told. */
export class SeveralNode {
  readonly name: string;
  readonly post: Post;
  readonly tasks: Tasks;
  readonly claims: Claims;
  readonly scheduler: Scheduler;
  readonly reconciler: Reconciler;
  readonly transfers: Transfers;
  readonly hearsay: Hearsay;
  /** Every event that those were told who follow. */
  readonly heard: Event[] = [];
  /** What its workers have on air: the epoch by the task. */
  readonly onAir = new Map<string, number>();
  readonly #tenure: Tenure;
  readonly #breakpoints: Breakpoints;

  constructor(stage: Several, name: string, region: string) {
    const { clock, air } = stage;
    const { store } = stage;
    const { now, sleep } = clock;
    const log = () => {};
    const post = new Post(air, name, region);
    this.name = name;
    this.post = post;
    const newId = () => {
      const id = crypto.randomUUID();
      this.hearsay.made(id);
      return id;
    };
    const record: Record = new Record({
      ...{ store, now, newId, log },
      render: {},
      onEvent: [
        event => void this.heard.push(event),
        (event, task) => this.hearsay.follow(event, task),
        (event, task) => this.claims.follow(event, task),
        event => this.scheduler.follow(event),
      ],
    });
    const notAsked = () => Promise.reject(new Error('no asset is added through here'));
    const assets = new Assets({ store, probe: notAsked, checkUrl: () => undefined, now, randomBytes: Buffer.alloc });
    this.#breakpoints = new Breakpoints({ store, now: clock.elapsed, log });
    const supervisor = {
      lease: () => {},
      cut: () => this.onAir.clear(),
      carries: (taskId: string) => this.onAir.has(taskId),
      prepare: () => 'refused' as const,
    };
    const carries = supervisor.carries;
    const place = (order: RunOrder) => stage.placed(this, order);
    const stop = (taskId: string, epoch: number) => {
      if ((this.onAir.get(taskId) ?? 0) <= epoch) this.onAir.delete(taskId);
    };
    const cluster = post;
    const outside = { node: name, record, cluster, assets, breakpoints: this.#breakpoints, place, stop, carries };
    this.claims = new Claims({ store, ...outside, eager: true, now, sleep, log });
    const { claims } = this;
    const mayAct = () => this.#tenure.holds;
    const taking = new Taking({ node: name, record, cluster, claims, mayAct, room: () => 1_000, now });
    post.serve(taking);
    const offers = new Offers({ node: name, cluster, taking, record, isShared: true, now: clock.elapsed });
    const followers = [
      (...[event]: Parameters<Claims['follow']>) => void this.heard.push(event),
      (...[event, task]: Parameters<Claims['follow']>) => claims.follow(event, task),
      (...[event]: Parameters<Claims['follow']>) => this.scheduler.follow(event),
    ];
    this.hearsay = new Hearsay({ node: name, store, cluster, claims, followers, sleep, log });
    const catchUp = (taskId: string) => this.hearsay.catchUp(taskId);
    const settling = { node: name, store, cluster, claims, offers, taking, catchUp };
    this.reconciler = new Reconciler({ ...settling, now: clock.elapsed });
    const { reconciler } = this;
    this.scheduler = new Scheduler({ node: name, store, record, cluster, claims, reconciler, offers, now, sleep, log });
    this.#tenure = new Tenure({ cluster, facts: () => FACTS, supervisor, claims, reconciler, sleep, log });
    const questions = new Questions(post);
    questions.on('event', question => this.hearsay.hear(question));
    this.transfers = new Transfers({
      ...{ node: name, store, cluster, claims, record, supervisor, questions },
      ...{ now: clock.elapsed, sleep },
    });
    this.tasks = new Tasks({ store, record, breakpoints: this.#breakpoints, now, newId: () => crypto.randomUUID() });
  }

  async start(): Promise<void> {
    await this.#tenure.start();
    await this.hearsay.start();
    this.scheduler.start();
  }

  /** What the run says of itself. */
  say(taskId: string, news: Pick<RunNews, 'type'>): void {
    const epoch = this.onAir.get(taskId);
    if (epoch !== undefined) this.claims.news({ taskId, epoch, side: 'run', reason: 'as the test says', ...news });
  }

  /** All at once: nothing of it acts any more, and nobody knows yet. */
  kill(): void {
    this.post.lost.abort(new Error('killed'));
    this.post.taker = undefined;
    this.onAir.clear();
    void this.close();
  }

  /** Its lease runs out; it does as it is to. */
  loseLease(): void {
    this.post.lost.abort(new Error('not renewed'));
  }

  async close(): Promise<void> {
    this.claims.close();
    this.transfers.close();
    await this.#tenure.close();
    await this.scheduler.close();
    await this.hearsay.close();
    await this.#breakpoints.close();
  }
}

/** Several nodes, and a judge of what they have on air. */
export class Several {
  readonly clock = new FakeClock();
  readonly air = new Air();
  readonly store: Store;
  readonly nodes: SeveralNode[] = [];
  /** Each time a run was placed while another node that holds its lease had the task on air. */
  readonly doubled: string[] = [];
  readonly #folder: string;

  private constructor(folder: string, store: Store) {
    this.#folder = folder;
    this.store = store;
  }

  static async start(names: readonly string[], region: (name: string) => string = () => 'default'): Promise<Several> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-several-'));
    const store = await openSqlite({ file: join(folder, 'millrace.db'), sealKey: Buffer.alloc(32, 7) });
    const several = new Several(folder, store);
    for (const name of names) await several.add(name, region(name));
    return several;
  }

  async add(name: string, region = 'default'): Promise<SeveralNode> {
    const node = new SeveralNode(this, name, region);
    this.nodes.push(node);
    await node.start();
    return node;
  }

  placed(node: SeveralNode, { taskId, epoch }: RunOrder): void {
    const others = this.nodes.filter(other => other !== node && other.post.isHeld && other.onAir.has(taskId));
    for (const other of others) this.doubled.push(`${taskId}: ${node.name} ${epoch} beside ${other.name}`);
    if (node.post.isHeld) node.onAir.set(taskId, epoch);
  }

  node(name: string): SeveralNode {
    const found = this.nodes.findLast(node => node.name === name);
    if (found === undefined) throw new Error(`there is no node ${name}`);
    return found;
  }

  /** The nodes that have the task on air. */
  carriersOf(taskId: string): readonly string[] {
    return this.nodes.filter(({ post, onAir }) => post.isHeld && onAir.has(taskId)).map(({ name }) => name);
  }

  spec(change: Partial<TaskSpec> = {}): TaskSpec {
    const now = this.clock.now();
    return {
      ...{ dialect: 'native', name: '', region: 'default', standby: [], callback: null, enabled: true },
      ...{ source: { kind: 'live', url: 'rtmp://src.example/live/a' }, retry: null, echo: {} },
      destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' },
      ...{ startAt: now, endAt: now + HOUR },
      ...change,
    };
  }

  create(node: SeveralNode, change?: Partial<TaskSpec>): Promise<Task> {
    return node.tasks.create(OWNER, this.spec(change));
  }

  /** Lets time pass until it holds. Throws where it does not within a minute. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let ms = 0; ms < 60_000; ms += 50) {
      if (await holds()) return;
      await this.clock.pass(50, 50, 3);
    }
    throw new Error(`waited in vain: ${what}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map(node => node.close()));
    await this.store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
