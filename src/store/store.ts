import type {
  AccessKey,
  Account,
  ApiKey,
  CallbackSecret,
  Domain,
  Project,
  SetupLink,
  SignIn,
  Token,
  User,
} from '../task/account.ts';
import type { Asset } from '../task/asset.ts';
import type { AuditEntry } from '../task/audit.ts';
import type { Cause, Event, EventType } from '../task/event.ts';
import type { Breakpoint } from '../task/playlist.ts';
import type { Policy } from '../task/policy.ts';
import type { DialectName } from '../task/spec.ts';
import type { Status } from '../task/status.ts';
import type { Task } from '../task/task.ts';

import type { NodeStore } from './node-store.ts';

/** A callback to send: made in the transaction of its event, body fixed there, identical over retries. */
export interface Delivery {
  readonly id: string;
  readonly taskId: string;
  readonly accountId: string;
  readonly projectId: string;
  readonly eventId: string;
  readonly eventType: EventType;
  /** The event's number: deliveries of one task are first tried in this order. */
  readonly seq: number;
  /** Whose words it speaks: says at what pace it is tried and how it is signed. */
  readonly dialect: DialectName;
  /** Which receiver: the same for all that one account sends to one address. */
  readonly endpoint: string;
  readonly url: string;
  /** What each try is signed with; "" where its receiver wants no signature. */
  readonly key: string;
  readonly contentType: string;
  readonly body: string;
  readonly createdAt: number;
  readonly attempts: number;
  readonly nextAt: number;
  readonly state: DeliveryState;
  readonly lastError: string;
  /** Until when it holds back those of its task that come behind it; null until it has been tried. */
  readonly holdsUntil: number | null;
  /** When it was delivered, or given up. */
  readonly settledAt: number | null;
  /** The latest tries, newest last. */
  readonly log: readonly Attempt[];
}

/** `dead`: given up, and kept, so that it can be sent again when its owner asks for it. */
export type DeliveryState = 'waiting' | 'delivered' | 'dead';

/** One try of a delivery. */
export interface Attempt {
  readonly at: number;
  readonly tookMs: number;
  /** What the receiver answered with; null where it gave no answer. */
  readonly status: number | null;
  /** "" where the receiver took it. */
  readonly error: string;
}

/** What becomes of a delivery by a try. */
export type Fate = Partial<
  Pick<Delivery, 'attempts' | 'nextAt' | 'state' | 'lastError' | 'holdsUntil' | 'settledAt' | 'log'>
>;

/** Which deliveries are due: by `until`, behind the row that was read last. */
export interface DueFilter {
  /** What is held back is judged by this time. */
  readonly now: number;
  /** Who would hold back for longer than that was written before the clock was set back, and holds nobody. */
  readonly longestHoldMs?: number | undefined;
  readonly until: number;
  readonly limit: number;
  readonly after?: Pick<Delivery, 'nextAt' | 'id'> | undefined;
  /** Of these tasks alone: found at once, however much waits for others. */
  readonly taskIds?: readonly string[] | undefined;
  /** Those made later than that, i.e. before the clock was set back. */
  readonly madeAfter?: number | undefined;
}

export interface DeliveryFilter {
  readonly accountId: string;
  readonly projectId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly eventId?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly endpoint?: string | undefined;
  readonly states?: readonly DeliveryState[] | undefined;
  /** By when they were made; `until` not included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** Rows carry a number that rises with the commits: what has been read up to one is complete. */
export interface Numbered {
  readonly n: number;
}

/** Going up from behind a number, or down from before one or from the end. */
export interface LogPage {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

/** An event as it stands in the log of its account; its task may be gone. */
export interface LoggedEvent extends Event, Numbered {
  readonly accountId: string;
  readonly projectId: string;
}

export interface EventFilter {
  readonly accountId: string;
  readonly projectId?: string | undefined;
  readonly taskId?: string | undefined;
  /** Only those of the task that come behind this one of its own. */
  readonly afterSeq?: number | undefined;
  readonly types?: readonly EventType[] | undefined;
  readonly causes?: readonly Cause[] | undefined;
  /** The status behind the event. */
  readonly to?: readonly Status[] | undefined;
  /** By their time; `until` not included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** A receiver that has taken nothing since a while; one that takes callbacks has no row. */
export interface Endpoint {
  readonly id: string;
  readonly accountId: string;
  readonly url: string;
  readonly failingSince: number;
  /** Since when nothing is sent to it any more. */
  readonly pausedAt: number | null;
  readonly lastError: string;
}

export interface AuditFilter {
  readonly accountId: string;
  readonly projectId?: string | undefined;
  /** Whole, like `user.create`, or what they begin with, like `user.`. */
  readonly actions?: readonly string[] | undefined;
  readonly target?: string | undefined;
  /** The id of the user or the key. */
  readonly actorId?: string | undefined;
  /** By their time; `until` not included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** Looks at all users of the account as they stand and as they would; nothing is changed where it throws. */
export type UserGuard = (before: readonly User[], after: readonly User[]) => void;

export type UserChange = Partial<Pick<User, 'passwordHash' | 'enabled' | 'policies'>>;

export interface TaskFilter {
  readonly accountId: string;
  readonly projectId?: string;
  readonly region?: string;
  readonly taskId?: string;
  /** Takes exited tasks, deleted ones among them, from then on; without it all but the deleted ones. */
  readonly exitedSince?: number;
  /** What only the opened task can answer: asked for each one that the other fields let through. */
  readonly matches?: (task: Task) => boolean;
}

/** How many of each an account has. */
export interface AccountUse {
  readonly keys: number;
  readonly users: number;
  /** Those that its users still see, exited ones among them. */
  readonly tasks: number;
}

/** What a node holds, over all accounts. */
export interface Census {
  /** Those that are not deleted; what there is none of is left out. */
  readonly tasks: readonly { readonly status: Status; readonly dialect: string; readonly count: number }[];
  readonly waitingDeliveries: number;
  readonly deadDeliveries: number;
  readonly failingEndpoints: number;
  readonly pausedEndpoints: number;
}

export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** By which key its maker knows a creation again, and what was wished; both as hashes. */
export interface Once {
  readonly key: string;
  readonly wish: string;
}

export interface Creation extends Once {
  readonly taskId: string;
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
  /** What is kept of who wanted it; absent where nobody did. */
  readonly audit?: readonly AuditEntry[];
  /** Of a new task: the push address that no other task may have that has not ended. DestinationInUse where one has. */
  readonly reserves?: string;
}

/**
 * Rows and transactions, no rules. Every answer is durable before it is given (FULL sync).
 * URLs, callback bodies and secret keys are sealed at rest.
 */
export interface Store extends NodeStore {
  /**
   * The same store, but that each write keeps the entry too, in its own transaction. Where the write finds nothing to
   * change and answers false, nothing is kept.
   */
  noting(entry: AuditEntry): Store;
  /** What was changed elsewhere, or together with more than one write. */
  note(entries: readonly AuditEntry[]): Promise<void>;
  audit(filter: AuditFilter, page: LogPage): Promise<readonly (AuditEntry & Numbered)[]>;
  /** Removes entries made before the given time. Answers how many. */
  purgeAudit(before: number): Promise<number>;

  /**
   * Stores a new task with its first events. `once`: unless its key has made one within a day; answers that creation then,
   * and nothing is stored.
   */
  create(change: Change, once?: Once): Promise<Creation | undefined>;
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
  /** Those of the ids that there are, in no order. */
  some(taskIds: readonly string[]): Promise<readonly Task[]>;
  /** Newest first (createdAt, then id, descending), with the number of all matches before paging. */
  list(filter: TaskFilter, page: Page): Promise<{ tasks: readonly Task[]; total: number }>;
  /** Tasks whose `dueAt` (task/due.ts, kept beside the row as a plain indexed column) has come; the longest due first. */
  due(now: number, limit: number): Promise<readonly Task[]>;
  withStatus(statuses: readonly Status[]): Promise<readonly Task[]>;
  /** Removes tasks that exited before then and wait to deliver nothing; what is told of them stays. Answers how many. */
  purge(exitedBefore: number): Promise<number>;

  events(taskId: string, afterSeq: number, limit: number): Promise<readonly Event[]>;
  /** Of all tasks of an account, those that are gone among them; oldest first where the page goes up, else newest first. */
  eventLog(filter: EventFilter, page: LogPage): Promise<readonly LoggedEvent[]>;
  /** Those of all accounts behind that number, the oldest first. */
  newEvents(after: number, limit: number): Promise<readonly LoggedEvent[]>;
  /** The number of the newest event; 0 where there is none. */
  lastEvent(): Promise<number>;
  /** Removes events that happened before the given time. Answers how many. */
  purgeEvents(before: number): Promise<number>;

  /**
   * Those that are due and that no earlier one of their task holds back, of receivers that are not paused; ordered by
   * nextAt, then id. `after` goes on behind a row that was read before, so that many rows of one slow receiver do not hide
   * those of the others.
   */
  dueDeliveries(filter: DueFilter): Promise<readonly Delivery[]>;
  updateDelivery(id: string, fate: Fate): Promise<void>;
  deliveries(filter: DeliveryFilter, page: LogPage): Promise<readonly (Delivery & Numbered)[]>;
  /** Has them sent again, whatever became of them, from the first try on. Answers how many. */
  redeliver(filter: DeliveryFilter, now: number): Promise<number>;
  /** Those that wait for their receiver are given up with the reason. Answers how many. */
  giveUpDeliveries(filter: DeliveryFilter, fate: { readonly now: number; readonly reason: string }): Promise<number>;
  /** Removes deliveries made before the given time, whatever became of them. Answers how many. */
  purgeDeliveries(createdBefore: number): Promise<number>;

  endpoints(accountId?: string): Promise<readonly Endpoint[]>;
  putEndpoint(endpoint: Endpoint): Promise<void>;
  removeEndpoint(id: string): Promise<boolean>;

  /** The newest first. */
  callbackSecrets(accountId: string): Promise<readonly CallbackSecret[]>;
  /** Adds the secret; those that stand and have no end yet retire at the given time. Those that have retired are removed. */
  addCallbackSecret(secret: CallbackSecret, othersRetireAt: number): Promise<void>;

  account(id: string): Promise<Account | undefined>;
  accounts(): Promise<readonly Account[]>;
  /** False where such an account stands already; nothing is changed then. */
  addAccount(account: Account): Promise<boolean>;
  setAccountLive(id: string, live: boolean): Promise<boolean>;
  /**
   * Removes the account with its projects, policies, domains and assets, unless it is in use. Answers what uses it:
   * nothing does where it was removed. Undefined when there is none.
   */
  removeAccount(id: string): Promise<AccountUse | undefined>;

  accessKey(accessKey: string): Promise<AccessKey | undefined>;
  accessKeys(): Promise<readonly AccessKey[]>;
  /** False where such a key stands already; nothing is changed then. */
  addAccessKey(key: AccessKey): Promise<boolean>;
  setAccessKeyEnabled(accessKey: string, enabled: boolean): Promise<boolean>;
  removeAccessKey(accessKey: string): Promise<boolean>;
  /** Removes temporary keys that expired before the given time. */
  purgeAccessKeys(expiredBefore: number): Promise<void>;

  apiKey(hash: string): Promise<ApiKey | undefined>;
  apiKeys(): Promise<readonly ApiKey[]>;
  addApiKey(key: ApiKey): Promise<void>;
  setApiKeyEnabled(id: string, enabled: boolean): Promise<boolean>;
  removeApiKey(id: string): Promise<boolean>;
  /** Removes passing keys that expired before the given time. */
  purgeApiKeys(expiredBefore: number): Promise<void>;

  user(accountId: string, name: string): Promise<User | undefined>;
  users(): Promise<readonly User[]>;
  userById(id: string): Promise<User | undefined>;
  /** False where the account has one of that name already; nothing is changed then. */
  addUser(user: User): Promise<boolean>;
  /** Changes what is given, and ends every token and sign-in of the user. */
  changeUser(id: string, change: UserChange, guard?: UserGuard): Promise<boolean>;
  /** With the keys, tokens and sign-ins of the user: who is gone has no way in. */
  removeUser(accountId: string, name: string, guard?: UserGuard): Promise<boolean>;

  /** When keys of either kind were used last, by their ids; those that never were are left out. */
  lastUses(): Promise<ReadonlyMap<string, number>>;
  setLastUse(keyId: string, at: number): Promise<void>;

  signIn(hash: string): Promise<SignIn | undefined>;
  /** Those that were used last come first. */
  signIns(accountId: string): Promise<readonly SignIn[]>;
  addSignIn(signIn: SignIn): Promise<void>;
  setSignInSeen(hash: string, at: number): Promise<void>;
  removeSignIn(id: string): Promise<boolean>;
  /** Removes those that began or were last used before the given times. */
  purgeSignIns(before: { readonly createdAt: number; readonly seenAt: number }): Promise<void>;

  setupLink(hash: string): Promise<SetupLink | undefined>;
  /** In place of every link that was not used, and of those that have expired before `now`. */
  putSetupLink(link: SetupLink, now: number): Promise<void>;
  /** Uses the link up and adds the user. False where it is void, or the user stands already: nothing is changed then. */
  useSetupLink(hash: string, now: number, user: User): Promise<boolean>;

  policy(accountId: string, name: string): Promise<Policy | undefined>;
  policies(): Promise<readonly Policy[]>;
  /** Adds the policy, or replaces the document of the one that stands. */
  putPolicy(policy: Policy): Promise<void>;
  removePolicy(accountId: string, name: string): Promise<boolean>;

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
  /** Adds the domain, or leads the account's own elsewhere. False where it belongs to another account. */
  putDomain(domain: Domain): Promise<boolean>;
  hasDomain(accountId: string): Promise<boolean>;
  removeDomain(name: string): Promise<boolean>;

  asset(accountId: string, id: string): Promise<Asset | undefined>;
  /** Of one account or of all; by account, then the oldest first. */
  assets(accountId?: string): Promise<readonly Asset[]>;
  /** False where the account has such an asset already; nothing is changed then. */
  addAsset(asset: Asset): Promise<boolean>;
  /** Adds the asset, or gives the one that stands another address and probe. */
  putAsset(asset: Asset): Promise<void>;
  removeAsset(accountId: string, id: string): Promise<boolean>;
  /** Rises with each change of any asset: one small read tells whether there is something to look up anew. */
  assetsRevision(): Promise<number>;

  /** How much there is of all accounts. */
  census(): Promise<Census>;
  /** Throws when a write would not succeed now (disk full, read-only, locked). */
  checkWritable(): Promise<void>;
  close(): Promise<void>;
}
