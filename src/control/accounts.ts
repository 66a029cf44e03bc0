import type { Store } from '../store/store.ts';
import {
  type AccessKey,
  type Account,
  DEFAULT_ACCOUNT,
  type Domain,
  isAccessKeyId,
  isProjectId,
  type Project,
  type Standing,
  type Token,
  type User,
} from '../task/account.ts';
import { type Actor, NODE } from '../task/audit.ts';
import { InvalidAccount } from './invalid-account.ts';
import { LastUses } from './last-uses.ts';
import { Notes } from './notes.ts';
import { Passwords } from './password.ts';
import { type Holder, type May, Policies } from './policies.ts';
import { hashToken, LOWER, type RandomBytes, randomText, randomToken, UPPER } from './secret.ts';
import { type PublicUser, requireName, Users, type UserWish } from './users.ts';

export type { PublicUser } from './users.ts';

export const DEFAULT_REGION = 'default';
export const TOKEN_LIFE_MS = 24 * 3_600_000;
const LEAST_KEY_LIFE_MS = 15 * 60_000;
const MOST_KEY_LIFE_MS = 36 * 3_600_000;
/** An expired key is still known for so long, so that its user is told what is wrong with it. */
const EXPIRED_KEY_KEPT_MS = 24 * 3_600_000;

/** With the name of its user beside the id. */
export type PublicAccessKey = Omit<AccessKey, 'secretKey' | 'token'> & { readonly user: string | null };

export interface AccountsOptions {
  readonly store: Store;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly randomBytes: RandomBytes;
  /** Who makes the changes; the node itself where it is left out. */
  readonly by?: Actor;
}

export interface KeyWish {
  readonly accountId?: string;
  readonly projectId?: string;
  readonly region?: string;
  /** The name of the user whose key it is. */
  readonly user?: string;
  /** Narrow what the key may do. */
  readonly policies?: readonly string[];
  /** Makes it a temporary one. */
  readonly lifeMs?: number;
}

/** Accounts with their keys, users, tokens, projects and ingest domains: who may do what. */
export class Accounts {
  readonly policies: Policies;
  readonly users: Users;
  readonly #options: AccountsOptions;
  readonly #store: Store;
  readonly #notes: Notes;
  readonly #now: () => number;
  readonly #newId: () => string;
  readonly #randomBytes: RandomBytes;
  readonly #passwords: Passwords;
  readonly #uses: LastUses;

  /** All that act share one queue of passwords. */
  constructor(options: AccountsOptions, passwords = new Passwords(options.randomBytes)) {
    const { store, now, newId, randomBytes, by = NODE } = options;
    const acting = { store, now, newId, by };
    this.#notes = new Notes(acting);
    this.policies = new Policies(store, this.#notes);
    const ensureAccount = (id: string): Promise<void> => this.ensureAccount(id);
    this.users = new Users({ ...acting, passwords, policies: this.policies, ensureAccount, randomBytes });
    this.#options = options;
    this.#store = store;
    this.#now = now;
    this.#newId = newId;
    this.#randomBytes = randomBytes;
    this.#passwords = passwords;
    this.#uses = new LastUses({ store, now });
  }

  /** The same, for what somebody changes. */
  by(actor: Actor): Accounts {
    return new Accounts({ ...this.#options, by: actor }, this.#passwords);
  }

  async createAccount(id: string, { live = true }: { live?: boolean } = {}): Promise<Account> {
    requireName('account', id);
    const account = { id, createdAt: this.#now(), live };
    const store = this.#notes.on({ ...ofInstallation, action: 'account.create', target: id, after: { live } });
    if (!(await store.addAccount(account))) throw new InvalidAccount(`the account ${id} stands already`);
    return account;
  }

  findAccount(id: string): Promise<Account | undefined> {
    return this.#store.account(id);
  }

  listAccounts(): Promise<readonly Account[]> {
    return this.#store.accounts();
  }

  async setLive(id: string, live: boolean): Promise<boolean> {
    const before = { live: (await this.#store.account(id))?.live };
    const noted = { ...ofInstallation, action: 'account.change', target: id, before, after: { live } };
    return this.#notes.on(noted).setAccountLive(id, live);
  }

  /** With its projects, policies, domains and media assets. Refused while it has anything that would be left behind. */
  async deleteAccount(id: string): Promise<boolean> {
    if (id === DEFAULT_ACCOUNT) throw new InvalidAccount(`the account ${id} always stands`);
    const use = await this.#store.removeAccount(id);
    const left = Object.entries(use ?? {}).filter(([, count]) => count > 0);
    if (left.length > 0) {
      const counts = left.map(([what, count]) => `${count} ${count === 1 ? what.slice(0, -1) : what}`);
      throw new InvalidAccount(`the account ${id} still has ${counts.join(', ')}: delete them first`);
    }
    if (use === undefined) return false;
    await this.#store.note([this.#notes.entry({ ...ofInstallation, action: 'account.delete', target: id })]);
    return true;
  }

  async standing(accountId: string): Promise<Standing> {
    if ((await this.#store.account(accountId))?.live !== true) return 'noLive';
    return (await this.hasDomain(accountId)) ? 'ready' : 'noDomain';
  }

  /** A fresh pair for the account's project of that region, which is made where there is none. The secret is shown here only. */
  async createKey(wish: KeyWish = {}): Promise<AccessKey> {
    const { accountId = DEFAULT_ACCOUNT, region = DEFAULT_REGION, policies = null, lifeMs } = wish;
    const user = wish.user === undefined ? null : await this.requireUser(wish.user, accountId);
    await this.policies.requireStanding(policies ?? [], accountId);
    const validity = this.#validity(lifeMs);
    const project = await this.ensureProject(accountId, region, wish.projectId);
    const key: AccessKey = {
      accessKey: randomText(this.#randomBytes, 20, UPPER),
      secretKey: randomText(this.#randomBytes, 40, UPPER + LOWER),
      accountId,
      projectId: project.id,
      enabled: true,
      createdAt: this.#now(),
      userId: user?.id ?? null,
      policies,
      ...validity,
    };
    await this.#store.purgeAccessKeys(this.#now() - EXPIRED_KEY_KEPT_MS);
    const made = { accountId, projectId: project.id, action: 'access_key.create', target: key.accessKey };
    const after = { user: wish.user, policies: policies ?? undefined, expires_at: validity.expiresAt ?? undefined };
    if (!(await this.#notes.on({ ...made, after }).addAccessKey(key))) {
      throw new InvalidAccount('the access key stands already');
    }
    return key;
  }

  #validity(lifeMs: number | undefined): Pick<AccessKey, 'token' | 'expiresAt'> {
    if (lifeMs === undefined) return { token: null, expiresAt: null };
    if (!(lifeMs >= LEAST_KEY_LIFE_MS && lifeMs <= MOST_KEY_LIFE_MS)) {
      throw new InvalidAccount('a temporary access key lives for 15m to 36h');
    }
    return { token: randomToken(this.#randomBytes, 64), expiresAt: this.#now() + lifeMs };
  }

  /** Makes sure that this very pair stands, e.g. one from the environment: at every start, by whichever node comes first. */
  async ensureKey(wish: {
    accessKey: string;
    secretKey: string;
    projectId?: string | null;
    accountId?: string;
    region?: string;
  }): Promise<AccessKey> {
    if (!isAccessKeyId(wish.accessKey)) {
      throw new InvalidAccount('an access key id has 4 to 64 letters, digits, "-" or "_"');
    }
    if (wish.secretKey.length < 8) throw new InvalidAccount('a secret key has at least 8 characters');
    const accountId = wish.accountId ?? DEFAULT_ACCOUNT;
    const project = await this.ensureProject(accountId, wish.region ?? DEFAULT_REGION, wish.projectId ?? undefined);
    const { accessKey, secretKey } = wish;
    const limits = { userId: null, policies: null, token: null, expiresAt: null };
    const stamp = { enabled: true, createdAt: this.#now() };
    const key = { accessKey, secretKey, accountId, projectId: project.id, ...stamp, ...limits };
    if (await this.#store.addAccessKey(key)) return key;
    return this.#refreshKey(key);
  }

  /** The wished pair wins over a stored one of the same id; a key that was disabled on purpose stays disabled. */
  async #refreshKey(wished: AccessKey): Promise<AccessKey> {
    const stored = await this.#store.accessKey(wished.accessKey);
    if (stored?.secretKey === wished.secretKey && stored.projectId === wished.projectId) return stored;
    const key = { ...wished, enabled: stored?.enabled ?? true };
    await this.#store.removeAccessKey(key.accessKey);
    await this.#store.addAccessKey(key);
    return key;
  }

  findKey(accessKey: string): Promise<AccessKey | undefined> {
    return this.#store.accessKey(accessKey);
  }

  async listKeys(): Promise<readonly PublicAccessKey[]> {
    const names = new Map((await this.#store.users()).map(({ id, name }) => [id, name]));
    const keys = await this.#store.accessKeys();
    return keys.map(({ secretKey: _, token: __, ...rest }) => ({
      ...rest,
      user: names.get(rest.userId ?? '') ?? null,
    }));
  }

  enableKey(accessKey: string): Promise<boolean> {
    return this.#switchKey(accessKey, true);
  }

  disableKey(accessKey: string): Promise<boolean> {
    return this.#switchKey(accessKey, false);
  }

  async deleteKey(accessKey: string): Promise<boolean> {
    return (await this.#onKey(accessKey, 'access_key.delete'))?.removeAccessKey(accessKey) ?? false;
  }

  async #switchKey(accessKey: string, enabled: boolean): Promise<boolean> {
    const store = await this.#onKey(accessKey, 'access_key.change', { enabled });
    return store?.setAccessKeyEnabled(accessKey, enabled) ?? false;
  }

  /** The store for a change of the key; undefined where there is none. */
  async #onKey(accessKey: string, action: string, after: { enabled?: boolean } = {}): Promise<Store | undefined> {
    const key = await this.#store.accessKey(accessKey);
    if (key === undefined) return undefined;
    const { accountId, projectId, enabled } = key;
    return this.#notes.on({ accountId, projectId, action, target: accessKey, before: { enabled }, after });
  }

  /** What the holder of a key or a token may do; undefined where its user is gone or disabled. */
  rightsOf(holder: Holder): Promise<May | undefined> {
    return this.policies.rightsOf(holder);
  }

  putUser(name: string, password: string, wish: UserWish = {}): Promise<PublicUser> {
    return this.users.put(name, password, wish);
  }

  /** False where there is no such user. Ends the user's tokens, as every change of what somebody may do does. */
  setPolicies(name: string, policies: readonly string[], accountId = DEFAULT_ACCOUNT): Promise<boolean> {
    return this.users.change(name, { policies }, accountId);
  }

  /** A disabled user gets no token, and every key of that user is refused. */
  setUserEnabled(name: string, enabled: boolean, accountId = DEFAULT_ACCOUNT): Promise<boolean> {
    return this.users.change(name, { enabled }, accountId);
  }

  removeUser(name: string, accountId = DEFAULT_ACCOUNT): Promise<boolean> {
    return this.users.remove(name, accountId);
  }

  listUsers(): Promise<readonly PublicUser[]> {
    return this.users.list();
  }

  verifyPassword(accountId: string, name: string, password: string): Promise<PublicUser | undefined> {
    return this.users.verify(accountId, name, password);
  }

  /** The token itself is told here only; `projectId` is "" for the account as a whole. */
  async issueToken(user: PublicUser, projectId: string): Promise<Token & { readonly token: string }> {
    const issuedAt = this.#now();
    await this.#store.purgeTokens(issuedAt);
    const token = randomToken(this.#randomBytes, 32);
    const row = {
      hash: hashToken(token),
      userId: user.id,
      accountId: user.accountId,
      projectId,
      issuedAt,
      expiresAt: issuedAt + TOKEN_LIFE_MS,
    };
    await this.#store.putToken(row);
    return { ...row, token };
  }

  /** Told of every use of a key, and keeps when that was: once a minute, whether or not that can be stored. */
  noteUse(keyId: string): void {
    this.#uses.note(keyId);
  }

  /** By the ids of keys of both kinds. */
  lastUses(): Promise<ReadonlyMap<string, number>> {
    return this.#store.lastUses();
  }

  findToken(token: string): Promise<Token | undefined> {
    return this.#store.token(hashToken(token));
  }

  async projects(accountId: string, name?: string): Promise<readonly Project[]> {
    const projects = await this.#store.projects(accountId);
    return name === undefined ? projects : projects.filter(project => project.name === name);
  }

  /** Adds the domain, or leads it elsewhere. */
  async addDomain(name: string, target: string, accountId = DEFAULT_ACCOUNT): Promise<Domain> {
    if (!/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(name))
      throw new InvalidAccount('a domain is a lower-case host name');
    if (!/^rtmps?:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?\/?$/i.test(target)) {
      throw new InvalidAccount('a target is rtmp://HOST[:PORT]');
    }
    await this.#requireAccount(accountId);
    const domain = { name, target: target.replace(/\/$/, ''), accountId };
    const before = (await this.findDomain(name, accountId))?.target;
    const noted = { accountId, action: before === undefined ? 'domain.create' : 'domain.change', target: name };
    const store = this.#notes.on({ ...noted, before: { target: before }, after: { target: domain.target } });
    if (!(await store.putDomain(domain))) throw new InvalidAccount('the domain belongs to another account');
    return domain;
  }

  async removeDomain(name: string): Promise<boolean> {
    const domain = await this.#store.domain(name);
    if (domain === undefined) return false;
    const { accountId, target } = domain;
    return this.#notes.on({ accountId, action: 'domain.delete', target: name, before: { target } }).removeDomain(name);
  }

  listDomains(): Promise<readonly Domain[]> {
    return this.#store.domains();
  }

  /** Another account's domain is not there. */
  async findDomain(name: string, accountId: string): Promise<Domain | undefined> {
    const domain = await this.#store.domain(name);
    return domain?.accountId === accountId ? domain : undefined;
  }

  /** The built-in RTMP server counts as the default account's own. */
  async hasDomain(accountId: string): Promise<boolean> {
    return accountId === DEFAULT_ACCOUNT || this.#store.hasDomain(accountId);
  }

  async ensureAccount(id: string): Promise<void> {
    requireName('account', id);
    const noted = { ...ofInstallation, action: 'account.create', target: id, after: { live: true } };
    await this.#notes.on(noted).addAccount({ id, createdAt: this.#now(), live: true });
  }

  async #requireAccount(id: string): Promise<void> {
    if ((await this.#store.account(id)) === undefined) throw new InvalidAccount(`there is no account ${id}`);
  }

  requireUser(name: string, accountId: string): Promise<User> {
    return this.users.require(name, accountId);
  }

  /** An account has one project a region, named for it, unless the operator gives an id of his own. */
  async ensureProject(accountId: string, region = DEFAULT_REGION, projectId?: string): Promise<Project> {
    await this.ensureAccount(accountId);
    if (projectId === undefined) {
      const [standing] = await this.projects(accountId, region);
      if (standing !== undefined) return standing;
    } else {
      if (!isProjectId(projectId)) throw new InvalidAccount('a project id has 1 to 64 letters, digits, "-" or "_"');
      const standing = await this.#store.project(projectId);
      if (standing?.accountId === accountId) return standing;
      if (standing !== undefined) throw new InvalidAccount('the project belongs to another account');
    }
    const project = { id: projectId ?? this.#newId().replaceAll('-', ''), name: region, accountId };
    const noted = { accountId, projectId: project.id, action: 'project.create', target: project.id };
    await this.#notes.on({ ...noted, after: { name: region } }).putProject(project);
    return project;
  }
}

/** Accounts come and go by the hand of whoever has the installation. */
const ofInstallation = { accountId: DEFAULT_ACCOUNT } as const;
