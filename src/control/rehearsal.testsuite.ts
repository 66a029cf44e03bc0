import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { SingleCluster } from '../cluster/single.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Event } from '../task/event.ts';
import type { TaskSpec } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import type { RunCover, RunNews, RunOrder } from '../worker/channel.ts';
import { Assets } from './assets.ts';
import { Breakpoints } from './breakpoints.ts';
import { CallbackSecrets } from './callback-secrets.ts';
import { Callbacks, type CallbacksOptions, type Post } from './callbacks.ts';
import { Claims } from './claims.ts';
import { Destinations } from './destinations.ts';
import { Hearsay } from './hearsay.ts';
import { Offers } from './offers.ts';
import { Reconciler } from './reconciler.ts';
import { type Follow, Record, type Render } from './record.ts';
import { Scheduler } from './scheduler.ts';
import { Taking } from './taking.ts';
import { Tasks } from './tasks.ts';

/** For tests: the control room with a real store, and everything outside it played by this file. */

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const NOON = Date.UTC(2027, 4, 5, 12);
export const OWNER = { accountId: 'acme', projectId: 'north' } as const;

/** Time that passes only when the test says so. The wall may be set apart from it. */
export class FakeClock {
  #elapsed = 0;
  #wallOffset = NOON;
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  readonly now = (): number => this.#wallOffset + this.#elapsed;

  /** Monotonic, whatever is done to the wall. */
  readonly elapsed = (): number => this.#elapsed;

  readonly sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { at: this.#elapsed + ms, wake: resolve };
    this.#sleepers.add(sleeper);
    signal.addEventListener('abort', () => {
      this.#sleepers.delete(sleeper);
      reject(signal.reason);
    });
    return promise;
  };

  /**
   * Lets time pass, in steps small enough that who is woken can go to sleep again. A write takes a few turns of the event
   * loop: with as many in each step, all that follows from one is done before the next.
   */
  async pass(ms: number, stepMs = 50, turns = 1): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.#elapsed += Math.min(stepMs, left);
      const due = [...this.#sleepers].filter(({ at }) => at <= this.#elapsed);
      for (const sleeper of due) {
        this.#sleepers.delete(sleeper);
        sleeper.wake();
      }
      for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve));
    }
  }

  setWall(step: number): void {
    this.#wallOffset += step;
  }
}

/** The outside of a dialect: told what the record rendered, under the event's name. */
const renderAll: Render = (event, task) => ({
  contentType: 'application/json',
  body: JSON.stringify({ type: event.type, seq: event.seq, taskId: task.id, alarm: event.detail.alarm }),
});

export interface Rehearsal {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly record: Record;
  readonly tasks: Tasks;
  readonly claims: Claims;
  readonly scheduler: Scheduler;
  readonly reconciler: Reconciler;
  readonly orders: RunOrder[];
  readonly stops: { readonly taskId: string; readonly epoch: number }[];
  readonly events: Event[];
  readonly logs: { readonly message: string; readonly facts: unknown }[];
  /** A task of OWNER that starts at once and lasts an hour, but for what is given. */
  spec(change?: Partial<TaskSpec>): TaskSpec;
  /** Created, claimed, placed and flowing. */
  onAir(change?: Partial<TaskSpec>): Promise<Task>;
  say(task: Task, news: Pick<RunNews, 'type'> & Partial<RunNews>): Promise<void>;
  callbacks(post: Post, sign?: CallbacksOptions['sign']): Callbacks;
  /** The same data under a control process that knows nothing yet. */
  again(parts?: RehearsalParts): Promise<Rehearsal>;
  close(): Promise<void>;
}

/** The address of a receiver was not dialled. */
export class Blocked extends Error {}

export interface RehearsalParts {
  readonly cluster?: Partial<Pick<Cluster, 'claim' | 'release'>>;
  readonly store?: (store: Store) => Store;
  readonly render?: Render;
  readonly follow?: Follow;
  readonly cover?: RunCover;
  /** Whether tasks wait for one another that push to one address. */
  readonly sharesNone?: boolean;
}

export function rehearse(parts: RehearsalParts = {}): Promise<Rehearsal> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-control-'));
  return open(parts, { folder, clock: new FakeClock() });
}

interface Stage {
  readonly folder: string;
  readonly clock: FakeClock;
}

async function open(parts: RehearsalParts, stage: Stage): Promise<Rehearsal> {
  const { folder, clock } = stage;
  const real = await openSqlite({ file: join(folder, 'millrace.db'), sealKey: Buffer.alloc(32, 7) });
  const store = parts.store?.(real) ?? real;
  const { now, sleep } = clock;
  const newId = () => crypto.randomUUID();
  const node = 'node';
  const [orders, stops, events, logs]: [RunOrder[], Rehearsal['stops'], Event[], Rehearsal['logs']] = [[], [], [], []];
  const log = (message: string, facts: unknown) => void logs.push({ message, facts });
  const record = new Record({
    store,
    now,
    newId,
    render: { native: parts.render ?? renderAll, alibaba: parts.render ?? renderAll },
    log,
    onEvent: [
      event => events.push(event),
      (event, task) => claims.follow(event, task),
      event => scheduler.follow(event),
      (event, task, delivery) => parts.follow?.(event, task, delivery),
      (event, task, delivery) => {
        for (const sender of senders) sender.follow(event, task, delivery);
      },
    ],
  });
  const place = (order: RunOrder) => void orders.push(order);
  const stop = (taskId: string, epoch: number) => void stops.push({ taskId, epoch });
  const cluster = Object.assign(new SingleCluster(node), parts.cluster);
  const breakpoints = new Breakpoints({ store, now: clock.elapsed, log });
  const notAsked = () => Promise.reject(new Error('no asset is added through here'));
  const assets = new Assets({ store, probe: notAsked, checkUrl: () => undefined, now, randomBytes: Buffer.alloc });
  const outside = { node, record, cluster, assets, breakpoints, place, stop, carries: () => false };
  const cover = parts.cover === undefined ? {} : { cover: parts.cover };
  const freed = (taskIds: readonly string[]): void => claims.tryAgain(taskIds);
  const destinations =
    parts.sharesNone === true ? { destinations: new Destinations({ store, cluster, freed, log }) } : {};
  const claims: Claims = new Claims({ store, ...outside, ...cover, ...destinations, eager: true, now, sleep, log });
  const taking = new Taking({ node, record, cluster, claims, mayAct: () => true, room: () => 1_000, now });
  cluster.serve(taking);
  const offers = new Offers({ node, cluster, taking, record, isShared: false, now: clock.elapsed });
  const hearsay = new Hearsay({ node, store, cluster, claims, followers: [], sleep, log });
  const catchUp = (taskId: string) => hearsay.catchUp(taskId);
  const settling = { node, store, cluster, claims, offers, taking, catchUp };
  const reconciler = new Reconciler({ ...settling, now: clock.elapsed });
  const scheduler = new Scheduler({ node, store, record, cluster, claims, reconciler, offers, now, sleep, log });
  const tasks = new Tasks({ store, record, breakpoints, now, newId });
  const senders: Callbacks[] = [];
  const spec = (change: Partial<TaskSpec> = {}): TaskSpec => ({
    dialect: 'native',
    name: '',
    region: 'default',
    source: { kind: 'live', url: 'rtmp://src.example/live/a' },
    standby: [],
    destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' },
    startAt: now(),
    endAt: now() + HOUR,
    callback: null,
    enabled: true,
    retry: null,
    echo: {},
    ...change,
  });
  const say: Rehearsal['say'] = async (task, news) => {
    claims.news({ taskId: task.id, epoch: task.epoch, side: 'pull', reason: 'as the test says', ...news });
    // Writes are stored in order, so what is read behind this one has the news in it.
    await store.checkWritable();
  };
  const closeAll = async () => {
    await Promise.all(senders.map(sender => sender.close()));
    await scheduler.close();
    claims.close();
    await breakpoints.close();
    await store.close();
  };
  return {
    ...{ clock, store, record, tasks, claims, scheduler, reconciler, orders, stops, events, logs, spec, say },
    onAir: async change => {
      const { id } = await tasks.create(OWNER, spec(change));
      await scheduler.tick();
      await say(await tasks.get(OWNER, id), { type: 'flowing' });
      return tasks.get(OWNER, id);
    },
    callbacks: (post, sign = {}) => {
      const sender = new Callbacks({
        ...{ store, post, sign, now, sleep, log },
        secrets: new CallbackSecrets({ store, now, newId, randomBytes: Buffer.alloc }),
        tell: (taskId, telling) => record.tell(taskId, telling),
        random: () => 0.5,
        redact: url => new URL(url).origin,
        isBlocked: cause => cause instanceof Blocked,
      });
      senders.push(sender);
      return sender;
    },
    again: async next => {
      await closeAll();
      return open(next ?? {}, stage);
    },
    close: async () => {
      await closeAll();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
