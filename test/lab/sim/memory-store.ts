import type { Holding } from '../../../src/store/node-store.ts';
import type {
  Change,
  Delivery,
  DeliveryFilter,
  DueFilter,
  Endpoint,
  Fate,
  Page,
  Progress,
  Store,
  TaskFilter,
} from '../../../src/store/store.ts';
import type { Domain } from '../../../src/task/account.ts';
import type { Asset } from '../../../src/task/asset.ts';
import { dueAt } from '../../../src/task/due.ts';
import type { Event } from '../../../src/task/event.ts';
import type { Status } from '../../../src/task/status.ts';
import type { Task } from '../../../src/task/task.ts';
import { keyOf, printDestination } from './whose.ts';

/** What of the store has to do with tasks: the rooms that decide need no more of it. */
export type TaskStore = Pick<
  Store,
  | 'create'
  | 'change'
  | 'saveBreakpoints'
  | 'get'
  | 'list'
  | 'due'
  | 'withStatus'
  | 'purge'
  | 'events'
  | 'dueDeliveries'
  | 'updateDelivery'
  | 'deliveries'
  | 'redeliver'
  | 'giveUpDeliveries'
  | 'newEvents'
  | 'lastEvent'
  | 'some'
  | 'holdings'
  | 'release'
  | 'endpoints'
  | 'putEndpoint'
  | 'removeEndpoint'
  | 'domain'
  | 'putDomain'
  | 'removeDomain'
  | 'account'
  | 'asset'
  | 'assets'
  | 'addAsset'
  | 'putAsset'
  | 'removeAsset'
  | 'assetsRevision'
  | 'checkWritable'
  | 'close'
>;

/** Told of every write, before it can be read. */
export interface DiskWatch {
  readonly committed: (change: Change, before: Task | undefined) => void;
  readonly kept: (progress: Progress, task: Task) => void;
  readonly settled: (delivery: Delivery, fate: Fate) => void;
}

/** What outlives a process: the rows of a store in memory. */
export class MemoryDisk {
  readonly tasks = new Map<string, Task>();
  readonly events = new Map<string, Event[]>();
  /** By what is in their destination's address: whose task it is. */
  readonly byKey = new Map<string, string>();
  /** Of each task those that wait, in their order. */
  readonly waiting = new Map<string, Delivery[]>();
  /** Given up: they may be sent again. */
  readonly dead = new Map<string, Delivery>();
  readonly endpoints = new Map<string, Endpoint>();
  readonly domains = new Map<string, Domain>();
  readonly assets = new Map<string, Asset>();
  assetsRevision = 0;
  readonly #ids = new Set<string>();
  readonly #watch: DiskWatch | undefined;
  #soonestDueAt: number | undefined;
  #soonestDeliveryAt: number | undefined;
  #soonestNextAt: number | undefined;

  constructor(watch?: DiskWatch) {
    this.#watch = watch;
  }

  /** When the first task or delivery falls due. */
  get soonestAt(): number {
    this.#soonestDueAt ??= least([...this.tasks.values()].map(task => dueAt(task) ?? Number.POSITIVE_INFINITY));
    this.#soonestDeliveryAt ??= least([...this.waiting.values()].flatMap(goesAt));
    return Math.min(this.#soonestDueAt, this.#soonestDeliveryAt);
  }

  /** Before then no delivery is due, whoever holds it back. */
  get soonestNextAt(): number {
    this.#soonestNextAt ??= least([...this.waiting.values()].flatMap(each => each.map(({ nextAt }) => nextAt)));
    return this.#soonestNextAt;
  }

  #forgetSoonest(): void {
    this.#soonestDeliveryAt = undefined;
    this.#soonestNextAt = undefined;
  }

  commit(change: Change, before: Task | undefined): void {
    const { task, events, deliveries } = change;
    const ids = [...events, ...deliveries].map(({ id }) => id);
    if (new Set(ids).size < ids.length || ids.some(id => this.#ids.has(id))) throw new Error('an id is taken');
    if (before === undefined && this.tasks.has(task.id)) throw new Error('the task stands already');
    this.#watch?.committed(change, before);
    for (const id of ids) this.#ids.add(id);
    // A break point is no business of a change: it may have been kept since the task was read.
    this.tasks.set(task.id, task);
    if (before === undefined) this.byKey.set(keyOf(printDestination(task)), task.id);
    this.events.set(task.id, [...(this.events.get(task.id) ?? []), ...events]);
    if (deliveries.length > 0) this.waiting.set(task.id, [...(this.waiting.get(task.id) ?? []), ...deliveries]);
    this.#noteDue(before, task);
    if (deliveries.length > 0) this.#forgetSoonest();
  }

  keep(progress: Progress): void {
    const { taskId, epoch, breakpoint } = progress;
    const task = this.tasks.get(taskId);
    if (task?.epoch !== epoch) return;
    this.#watch?.kept(progress, task);
    this.tasks.set(taskId, { ...task, breakpoint });
  }

  settle(id: string, fate: Fate): void {
    for (const [taskId, deliveries] of this.waiting) {
      const delivery = deliveries.find(each => each.id === id);
      if (delivery === undefined) continue;
      this.#watch?.settled(delivery, fate);
      const left = deliveries.flatMap(each => (each.id === id ? { ...each, ...fate } : each));
      const still = left.filter(({ state }) => state === 'waiting');
      for (const each of left) if (each.state === 'dead') this.dead.set(each.id, each);
      if (still.length === 0) this.waiting.delete(taskId);
      else this.waiting.set(taskId, still);
      this.#forgetSoonest();
      return;
    }
  }

  /** Puts those that were given up back where they stood. */
  revive(matches: (delivery: Delivery) => boolean, nextAt: number): number {
    const revived = [...this.dead.values()].filter(matches);
    for (const { id, taskId } of revived) {
      const delivery = this.dead.get(id);
      this.dead.delete(id);
      if (delivery === undefined) continue;
      const again: Delivery = { ...delivery, state: 'waiting', attempts: 0, nextAt, holdsUntil: 0, settledAt: null };
      this.waiting.set(
        taskId,
        [...(this.waiting.get(taskId) ?? []), again].sort((a, b) => a.seq - b.seq),
      );
    }
    this.#forgetSoonest();
    return revived.length;
  }

  /** The number of the first event of the task that its receiver has not been tried with: no later one may go. */
  firstUntried(taskId: string): number | undefined {
    return this.waiting.get(taskId)?.find(({ holdsUntil }) => holdsUntil === null)?.seq;
  }

  #noteDue(before: Task | undefined, after: Task): void {
    const soonestAt = this.#soonestDueAt;
    if (soonestAt === undefined) return;
    if (before !== undefined && dueAt(before) === soonestAt) this.#soonestDueAt = undefined;
    else this.#soonestDueAt = Math.min(soonestAt, dueAt(after) ?? Number.POSITIVE_INFINITY);
  }

  /** Nobody acts for it any more. */
  release(taskId: string): void {
    const task = this.tasks.get(taskId);
    if (task !== undefined) this.tasks.set(taskId, { ...task, node: '' });
  }

  /** What has happened to it stays. */
  remove(taskId: string): void {
    this.tasks.delete(taskId);
    this.#soonestDueAt = undefined;
  }
}

const least = (times: readonly number[]): number => times.reduce((one, other) => Math.min(one, other), Infinity);

/** Until when each of them is held back by those in front of it; who would hold for longer than that holds nobody. */
function heldUntil(waiting: readonly Delivery[], latestHold = Number.POSITIVE_INFINITY): readonly number[] {
  const latest = new Map<string, number>();
  return waiting.map(({ holdsUntil, endpoint }) => {
    const held = latest.get(endpoint) ?? -Infinity;
    if (holdsUntil === null || holdsUntil <= latestHold) latest.set(endpoint, Math.max(held, holdsUntil ?? Infinity));
    return held;
  });
}

function goesAt(waiting: readonly Delivery[]): readonly number[] {
  const held = heldUntil(waiting);
  return waiting.map(({ nextAt }, i) => Math.max(nextAt, held[i] ?? 0));
}

const isHeld = ({ node, status, movedBy }: Task): boolean =>
  node !== '' || status === 'running' || status === 'recovering' || (status === 'scheduled' && movedBy === 'claimed');

function holdingOf(task: Task): Holding {
  const { id, epoch, seq, status, movedBy, node, spec } = task;
  return { id, epoch, seq, status, movedBy, region: spec.region, node, dueAt: dueAt(task) };
}

const byId = <T extends { readonly id: string }>(one: T, other: T): number => (one.id < other.id ? -1 : 1);

/** The rules of a store over rows in memory; each call is one transaction. */
export class MemoryStore implements TaskStore {
  readonly #disk: MemoryDisk;
  #closed = false;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  async create(change: Change): Promise<undefined> {
    this.#write();
    this.#disk.commit(change, undefined);
    return undefined;
  }

  async change(
    taskId: string,
    decide: (task: Task) => Change | undefined,
  ): Promise<{ task: Task; changed: boolean } | undefined> {
    this.#write();
    const task = this.#disk.tasks.get(taskId);
    const change = task && decide(task);
    if (task === undefined) return undefined;
    if (change === undefined) return { task, changed: false };
    this.#disk.commit(change, task);
    return { task: change.task, changed: true };
  }

  async saveBreakpoints(progress: readonly Progress[]): Promise<void> {
    this.#write();
    for (const each of progress) this.#disk.keep(each);
  }

  async get(taskId: string): Promise<Task | undefined> {
    return this.#disk.tasks.get(taskId);
  }

  async list(filter: TaskFilter, { offset, limit }: Page): Promise<{ tasks: readonly Task[]; total: number }> {
    const found = [...this.#disk.tasks.values()]
      .filter(task => isWanted(task, filter))
      .sort((one, other) => other.createdAt - one.createdAt || byId(other, one));
    return { tasks: found.slice(offset, offset + limit), total: found.length };
  }

  async due(now: number, limit: number): Promise<readonly Task[]> {
    if (this.#disk.soonestAt > now) return [];
    return [...this.#disk.tasks.values()]
      .map(task => ({ task, id: task.id, at: dueAt(task) ?? Number.POSITIVE_INFINITY }))
      .filter(({ at }) => at <= now)
      .sort((one, other) => one.at - other.at || byId(one, other))
      .slice(0, limit)
      .map(({ task }) => task);
  }

  async withStatus(statuses: readonly Status[]): Promise<readonly Task[]> {
    return [...this.#disk.tasks.values()].filter(({ status }) => statuses.includes(status)).sort(byId);
  }

  async purge(exitedBefore: number): Promise<number> {
    this.#write();
    const old = [...this.#disk.tasks.values()].filter(
      ({ id, exitedAt }) => exitedAt !== null && exitedAt < exitedBefore && !this.#disk.waiting.has(id),
    );
    for (const { id } of old) this.#disk.remove(id);
    return old.length;
  }

  async events(taskId: string, afterSeq: number, limit: number): Promise<readonly Event[]> {
    return (this.#disk.events.get(taskId) ?? []).filter(({ seq }) => seq > afterSeq).slice(0, limit);
  }

  /** Of all tasks together nobody here asks for them. */
  async newEvents(): Promise<readonly never[]> {
    return [];
  }

  async lastEvent(): Promise<number> {
    return 0;
  }

  async some(taskIds: readonly string[]): Promise<readonly Task[]> {
    return taskIds.flatMap(id => this.#disk.tasks.get(id) ?? []);
  }

  async holdings(): Promise<readonly Holding[]> {
    return [...this.#disk.tasks.values()].filter(isHeld).map(holdingOf).sort(byId);
  }

  async release(taskId: string, node: string, epoch: number): Promise<void> {
    this.#write();
    const task = this.#disk.tasks.get(taskId);
    if (task?.node === node && task.epoch === epoch) this.#disk.release(taskId);
  }

  async dueDeliveries(filter: DueFilter): Promise<readonly Delivery[]> {
    const { now, until, limit, after, taskIds, madeAfter, longestHoldMs } = filter;
    if (this.#disk.waiting.size === 0 || this.#disk.soonestNextAt > until) return [];
    const isBehind = (one: Delivery): boolean =>
      after === undefined || one.nextAt > after.nextAt || (one.nextAt === after.nextAt && one.id > after.id);
    return [...this.#disk.waiting.values()]
      .flatMap(waiting => {
        const held = heldUntil(waiting, now + (longestHoldMs ?? Number.POSITIVE_INFINITY));
        return waiting.filter((_, i) => (held[i] ?? 0) <= now);
      })
      .filter(free => free.nextAt <= until && isBehind(free) && (taskIds?.includes(free.taskId) ?? true))
      .filter(({ createdAt }) => createdAt > (madeAfter ?? -1))
      .sort((one, other) => one.nextAt - other.nextAt || byId(one, other))
      .slice(0, limit);
  }

  async updateDelivery(id: string, fate: Fate): Promise<void> {
    this.#write();
    this.#disk.settle(id, fate);
  }

  async deliveries(): Promise<readonly never[]> {
    return [];
  }

  async redeliver(filter: DeliveryFilter, now: number): Promise<number> {
    this.#write();
    return this.#disk.revive(delivery => isAsked(delivery, filter), now);
  }

  async giveUpDeliveries(
    filter: DeliveryFilter,
    { now, reason }: { readonly now: number; readonly reason: string },
  ): Promise<number> {
    this.#write();
    const asked = [...this.#disk.waiting.values()].flat().filter(delivery => isAsked(delivery, filter));
    for (const { id } of asked) this.#disk.settle(id, { state: 'dead', lastError: reason, settledAt: now });
    return asked.length;
  }

  async endpoints(): Promise<readonly Endpoint[]> {
    return [...this.#disk.endpoints.values()];
  }

  async putEndpoint(endpoint: Endpoint): Promise<void> {
    this.#write();
    this.#disk.endpoints.set(endpoint.id, endpoint);
  }

  async removeEndpoint(id: string): Promise<boolean> {
    this.#write();
    return this.#disk.endpoints.delete(id);
  }

  async domain(name: string): Promise<Domain | undefined> {
    return this.#disk.domains.get(name);
  }

  async putDomain(domain: Domain): Promise<boolean> {
    this.#write();
    const stands = this.#disk.domains.get(domain.name);
    if (stands !== undefined && stands.accountId !== domain.accountId) return false;
    this.#disk.domains.set(domain.name, domain);
    return true;
  }

  async removeDomain(name: string): Promise<boolean> {
    this.#write();
    return this.#disk.domains.delete(name);
  }

  async account(id: string): Promise<{ id: string; createdAt: number; live: boolean }> {
    return { id, createdAt: 0, live: true };
  }

  async asset(accountId: string, id: string): Promise<Asset | undefined> {
    return this.#disk.assets.get(placeOf(accountId, id));
  }

  async assets(accountId?: string): Promise<readonly Asset[]> {
    return [...this.#disk.assets.values()]
      .filter(asset => accountId === undefined || asset.accountId === accountId)
      .sort(
        (one, other) => order(one.accountId, other.accountId) || one.createdAt - other.createdAt || byId(one, other),
      );
  }

  async addAsset(asset: Asset): Promise<boolean> {
    if (this.#disk.assets.has(placeOf(asset.accountId, asset.id))) return false;
    await this.putAsset(asset);
    return true;
  }

  async putAsset(asset: Asset): Promise<void> {
    this.#write();
    const place = placeOf(asset.accountId, asset.id);
    const { createdAt } = this.#disk.assets.get(place) ?? asset;
    this.#disk.assets.set(place, { ...asset, createdAt });
    this.#disk.assetsRevision++;
  }

  async removeAsset(accountId: string, id: string): Promise<boolean> {
    this.#write();
    const removed = this.#disk.assets.delete(placeOf(accountId, id));
    if (removed) this.#disk.assetsRevision++;
    return removed;
  }

  async assetsRevision(): Promise<number> {
    return this.#disk.assetsRevision;
  }

  async checkWritable(): Promise<void> {
    this.#write();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #write(): void {
    if (this.#closed) throw new Error('the store is closed');
  }
}

const placeOf = (accountId: string, id: string): string => `${accountId}/${id}`;
const order = (one: string, other: string): number => Number(one > other) - Number(one < other);

const isAsked = (delivery: Delivery, { accountId, taskId, endpoint, since = 0 }: DeliveryFilter): boolean =>
  delivery.accountId === accountId &&
  delivery.createdAt >= since &&
  (taskId === undefined || delivery.taskId === taskId) &&
  (endpoint === undefined || delivery.endpoint === endpoint);

function isWanted(task: Task, filter: TaskFilter): boolean {
  const { accountId, projectId, region, taskId, exitedSince, matches } = filter;
  const isIn =
    task.accountId === accountId &&
    (projectId === undefined || task.projectId === projectId) &&
    (region === undefined || task.spec.region === region) &&
    (taskId === undefined || task.id === taskId);
  const isShown =
    exitedSince === undefined ? task.movedBy !== 'deleted' : task.exitedAt === null || task.exitedAt >= exitedSince;
  return isIn && isShown && (matches?.(task) ?? true);
}
