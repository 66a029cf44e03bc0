import type { AccessKey, Domain, Project, Token, User } from '../task/account.ts';
import type { Event } from '../task/event.ts';
import type { Breakpoint } from '../task/playlist.ts';
import type { Status } from '../task/status.ts';
import type { Task } from '../task/task.ts';

/** A callback to send: made in the transaction of its event, body fixed there, identical over retries. */
export interface Delivery {
  readonly id: string;
  readonly taskId: string;
  /** The event's number: deliveries of one task go out in this order. */
  readonly seq: number;
  readonly url: string;
  readonly contentType: string;
  readonly body: string;
  readonly createdAt: number;
  readonly attempts: number;
  readonly nextAt: number;
  readonly state: 'waiting' | 'delivered' | 'dead';
  readonly lastError: string;
}

export interface TaskFilter {
  readonly projectId: string;
  readonly dialect?: string;
  readonly region?: string;
  readonly taskId?: string;
}

export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** How far a run has come, for whoever takes its place. */
export interface Progress {
  readonly taskId: string;
  readonly epoch: number;
  readonly breakpoint: Breakpoint;
}

/** What a pure function decided about a task: stored whole or not at all. */
export interface Change {
  readonly task: Task;
  readonly events: readonly Event[];
  readonly deliveries: readonly Delivery[];
}

/**
 * Why the store cannot do its work now. `full` and `readOnly` speak of the disk, `busy` of another writer or of too many
 * of our own, `broken` of a file that cannot be read as a database or a disk that fails.
 */
export type StoreFaultKind = 'full' | 'readOnly' | 'busy' | 'broken';

/** The world's failure below the store. The message carries no data. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
  readonly kind: StoreFaultKind;

  constructor(kind: StoreFaultKind, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * Rows and transactions, no rules. Every answer is durable before it is given (FULL sync).
 * URLs, callback bodies and secret keys are sealed at rest.
 */
export interface Store {
  /** Stores a new task with its first events. */
  create(change: Change): Promise<void>;
  /**
   * Reads the task, lets `decide` (pure, synchronous) answer with a Change or undefined for "no news", and stores it,
   * all in one transaction. Answers the task as it now is and whether it changed; undefined when there is none.
   */
  change(
    taskId: string,
    decide: (task: Task) => Change | undefined,
  ): Promise<{ task: Task; changed: boolean } | undefined>;
  /** Keeps break points, all in one transaction and without an event. One whose epoch is not the task's is left out. */
  saveBreakpoints(progress: readonly Progress[]): Promise<void>;
  get(taskId: string): Promise<Task | undefined>;
  /** Newest first (createdAt, then id, descending), with the number of all matches before paging. Deleted tasks are never listed. */
  list(filter: TaskFilter, page: Page): Promise<{ tasks: readonly Task[]; total: number }>;
  /** Tasks whose `dueAt` (task/due.ts, kept beside the row as a plain indexed column) has come; the longest due first. */
  due(now: number, limit: number): Promise<readonly Task[]>;
  withStatus(statuses: readonly Status[]): Promise<readonly Task[]>;
  /** Removes exited tasks older than the given time, with nothing left waiting to be delivered. Answers how many. */
  purge(exitedBefore: number): Promise<number>;

  events(taskId: string, afterSeq: number, limit: number): Promise<readonly Event[]>;

  /**
   * For each task its first waiting delivery, if it is due; ordered by nextAt, then id. `after` goes on behind a row that
   * was read before, so that many rows of one slow receiver do not hide those of the others.
   */
  dueDeliveries(now: number, limit: number, after?: Pick<Delivery, 'nextAt' | 'id'>): Promise<readonly Delivery[]>;
  updateDelivery(id: string, patch: Pick<Delivery, 'attempts' | 'nextAt' | 'state' | 'lastError'>): Promise<void>;

  accessKey(accessKey: string): Promise<AccessKey | undefined>;
  accessKeys(): Promise<readonly AccessKey[]>;
  /** False where such a key stands already; nothing is changed then. */
  addAccessKey(key: AccessKey): Promise<boolean>;
  setAccessKeyEnabled(accessKey: string, enabled: boolean): Promise<boolean>;
  removeAccessKey(accessKey: string): Promise<boolean>;

  user(accountId: string, name: string): Promise<User | undefined>;
  users(): Promise<readonly User[]>;
  /** Adds the user, or replaces the password of the one that stands. */
  putUser(user: User): Promise<void>;
  removeUser(accountId: string, name: string): Promise<boolean>;

  project(id: string): Promise<Project | undefined>;
  projects(accountId: string): Promise<readonly Project[]>;
  putProject(project: Project): Promise<void>;

  token(hash: string): Promise<Token | undefined>;
  putToken(token: Token): Promise<void>;
  /** Removes the user's tokens, all of them when only the user is given. */
  removeTokens(userId: string): Promise<void>;
  purgeTokens(expiredBefore: number): Promise<void>;

  domain(name: string): Promise<Domain | undefined>;
  domains(): Promise<readonly Domain[]>;
  putDomain(domain: Domain): Promise<void>;
  removeDomain(name: string): Promise<boolean>;

  /** Throws when a write would not succeed now (disk full, read-only, locked). */
  checkWritable(): Promise<void>;
  close(): Promise<void>;
}
