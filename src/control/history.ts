import type {
  Delivery,
  DeliveryFilter,
  Endpoint,
  EventFilter,
  LoggedEvent,
  LogPage,
  Numbered,
  Store,
} from '../store/store.ts';
import { UnknownTask } from '../task/error.ts';
import type { Event } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { Owner } from './tasks.ts';

export type { DeliveryState, Endpoint, LoggedEvent, LogPage } from '../store/store.ts';
export type LoggedDelivery = Delivery & Numbered;
export type EventQuery = Omit<EventFilter, 'accountId' | 'afterSeq'>;
export type DeliveryQuery = Omit<DeliveryFilter, 'accountId'>;

/** Part of a list. */
export interface Part<Row> {
  readonly rows: readonly Row[];
  /** From where the list goes on, in the direction it was read; null where it does not. */
  readonly next: number | null;
}

/** Told of every event, once it can be read. */
export type Listen = (event: Event, task: Task) => void;

export interface HistoryOptions {
  readonly store: Pick<Store, 'eventLog' | 'lastEvent' | 'get' | 'deliveries' | 'redeliver' | 'endpoints'>;
  /** Has the outbox looked into now. */
  readonly callbacks: { wake(): void };
  /** Wall clock. */
  readonly now: () => number;
}

/** What has happened to the tasks of an account, and who was told: to look at, and to tell again. */
export class History {
  readonly #options: HistoryOptions;
  readonly #listeners = new Set<Listen>();

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** Follows the record. */
  follow(event: Event, task: Task): void {
    for (const listen of this.#listeners) listen(event, task);
  }

  /** Until what it answers is called. */
  onEvent(listen: Listen): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }

  async events(owner: Owner, query: EventQuery, page: LogPage): Promise<Part<LoggedEvent>> {
    const scope = scopeOf(owner, query.projectId);
    if (scope === undefined) return NOTHING;
    return partOf(await this.#options.store.eventLog({ ...query, ...scope }, oneMore(page)), page, ({ n }) => n);
  }

  /** Oldest first, `next` being the last event's own number; also when the task is gone. Throws UnknownTask. */
  async eventsOf(owner: Owner, taskId: string, afterSeq: number, limit: number): Promise<Part<LoggedEvent>> {
    const page = { after: 0, limit };
    const filter = { accountId: owner.accountId, ...scopeOf(owner, undefined), taskId, afterSeq };
    const rows = await this.#options.store.eventLog(filter, oneMore(page));
    if (rows.length === 0) await this.#requireKnown(owner, taskId);
    return partOf(rows, page, ({ seq }) => seq);
  }

  /** The number of the newest event of all accounts. */
  lastEvent(): Promise<number> {
    return this.#options.store.lastEvent();
  }

  async deliveries(owner: Owner, query: DeliveryQuery, page: LogPage): Promise<Part<LoggedDelivery>> {
    const scope = scopeOf(owner, query.projectId);
    if (scope === undefined) return NOTHING;
    return partOf(await this.#options.store.deliveries({ ...query, ...scope }, oneMore(page)), page, ({ n }) => n);
  }

  /** Undefined where there is none that the owner may see. */
  async delivery(owner: Owner, id: string): Promise<LoggedDelivery | undefined> {
    const { rows } = await this.deliveries(owner, { ids: [id] }, { limit: 1 });
    return rows[0];
  }

  /** Has them sent again, from the first try on. Answers how many. */
  async redeliver(owner: Owner, query: DeliveryQuery): Promise<number> {
    const { store, callbacks, now } = this.#options;
    const scope = scopeOf(owner, query.projectId);
    const count = scope === undefined ? 0 : await store.redeliver({ ...query, ...scope }, now());
    if (count > 0) callbacks.wake();
    return count;
  }

  /** Receivers of the account that have taken nothing for a while; a project is not asked for, for they are shared. */
  endpoints({ accountId }: Pick<Owner, 'accountId'>): Promise<readonly Endpoint[]> {
    return this.#options.store.endpoints(accountId);
  }

  /** One whose events are all too old to be kept stands beside them still. */
  async #requireKnown(owner: Owner, taskId: string): Promise<void> {
    const { rows } = await this.events(owner, { taskId }, { limit: 1 });
    if (rows.length > 0) return;
    const task = await this.#options.store.get(taskId);
    const isOwn = task?.accountId === owner.accountId && ['', task.projectId].includes(owner.projectId);
    if (!isOwn) throw new UnknownTask(taskId);
  }
}

const NOTHING = { rows: [], next: null } as const;

interface Scope {
  readonly accountId: string;
  readonly projectId?: string | undefined;
}

/** Who acts for one project sees nothing of the others; undefined where that is what was asked for. */
export function scopeOf({ accountId, projectId }: Owner, asked: string | undefined): Scope | undefined {
  if (projectId === '') return { accountId, projectId: asked };
  return asked === undefined || asked === projectId ? { accountId, projectId } : undefined;
}

/** The row behind a page tells that there is one. */
const oneMore = (page: LogPage): LogPage => ({ ...page, limit: page.limit + 1 });

export function partOf<Row>(found: readonly Row[], { limit }: LogPage, numberOf: (row: Row) => number): Part<Row> {
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return { rows, next: found.length > limit && last !== undefined ? numberOf(last) : null };
}
