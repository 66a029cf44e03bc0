import { createHash } from 'node:crypto';
import type { Store } from '../store/store.ts';
import {
  type AccessKey,
  type Domain,
  isAccessKeyId,
  isProjectId,
  type Project,
  type Token,
  type User,
} from '../task/account.ts';
import { Passwords } from './password.ts';

export const DEFAULT_ACCOUNT = 'default';
export const DEFAULT_REGION = 'default';
export const TOKEN_LIFE_MS = 24 * 3_600_000;

/** A mistake of whoever administers accounts; the message is the sentence to show. */
export class InvalidAccount extends Error {
  override readonly name = 'InvalidAccount';
}

export type PublicAccessKey = Omit<AccessKey, 'secretKey'>;
export type PublicUser = Omit<User, 'passwordHash'>;

export interface AccountsOptions {
  readonly store: Store;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** Keys, users, tokens, projects and ingest domains: who may do what. */
export class Accounts {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #newId: () => string;
  readonly #randomBytes: (size: number) => Uint8Array;
  readonly #passwords: Passwords;

  constructor({ store, now, newId, randomBytes }: AccountsOptions) {
    this.#store = store;
    this.#now = now;
    this.#newId = newId;
    this.#randomBytes = randomBytes;
    this.#passwords = new Passwords(randomBytes);
  }

  /** A fresh pair for the account's project of that region, which is made where there is none. The secret is shown here only. */
  async createKey(wish: { accountId?: string; projectId?: string; region?: string } = {}): Promise<AccessKey> {
    const accountId = wish.accountId ?? DEFAULT_ACCOUNT;
    const project = await this.#ensureProject(accountId, wish.region ?? DEFAULT_REGION, wish.projectId);
    const key: AccessKey = {
      accessKey: this.#randomText(20, UPPER),
      secretKey: this.#randomText(40, UPPER + LOWER),
      accountId,
      projectId: project.id,
      enabled: true,
      createdAt: this.#now(),
    };
    if (!(await this.#store.addAccessKey(key))) throw new InvalidAccount('the access key stands already');
    return key;
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
    const project = await this.#ensureProject(accountId, wish.region ?? DEFAULT_REGION, wish.projectId ?? undefined);
    const { accessKey, secretKey } = wish;
    const key = { accessKey, secretKey, accountId, projectId: project.id, enabled: true, createdAt: this.#now() };
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
    return (await this.#store.accessKeys()).map(({ secretKey: _, ...rest }) => rest);
  }

  enableKey(accessKey: string): Promise<boolean> {
    return this.#store.setAccessKeyEnabled(accessKey, true);
  }

  disableKey(accessKey: string): Promise<boolean> {
    return this.#store.setAccessKeyEnabled(accessKey, false);
  }

  deleteKey(accessKey: string): Promise<boolean> {
    return this.#store.removeAccessKey(accessKey);
  }

  /** Adds the user or sets the password anew, which ends every token of the user. */
  async putUser(name: string, password: string, accountId = DEFAULT_ACCOUNT): Promise<PublicUser> {
    requireName('user', name);
    requireName('account', accountId);
    if (password.length < 8 || password.length > 256) {
      throw new InvalidAccount('a password has 8 to 256 characters');
    }
    const before = await this.#store.user(accountId, name);
    const user: User = {
      id: before?.id ?? this.#randomHex(16),
      name,
      accountId,
      passwordHash: await this.#passwords.hash(password),
      createdAt: before?.createdAt ?? this.#now(),
    };
    await this.#store.putUser(user);
    await this.#store.removeTokens(user.id);
    return withoutHash(user);
  }

  async removeUser(name: string, accountId = DEFAULT_ACCOUNT): Promise<boolean> {
    const user = await this.#store.user(accountId, name);
    if (user !== undefined) await this.#store.removeTokens(user.id);
    return this.#store.removeUser(accountId, name);
  }

  async listUsers(): Promise<readonly PublicUser[]> {
    return (await this.#store.users()).map(withoutHash);
  }

  /** The user whose password this is. A name that does not exist costs the same time as a wrong password. */
  async verifyPassword(accountId: string, name: string, password: string): Promise<PublicUser | undefined> {
    const user = await this.#store.user(accountId, name);
    const right = await this.#passwords.isRight(password, user?.passwordHash);
    return right && user !== undefined ? withoutHash(user) : undefined;
  }

  /** The token itself is told here only; `projectId` is "" for the account as a whole. */
  async issueToken(user: PublicUser, projectId: string): Promise<Token & { readonly token: string }> {
    const issuedAt = this.#now();
    await this.#store.purgeTokens(issuedAt);
    const token = Buffer.from(this.#randomBytes(32)).toString('base64url');
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

  findToken(token: string): Promise<Token | undefined> {
    return this.#store.token(hashToken(token));
  }

  async projects(accountId: string, name?: string): Promise<readonly Project[]> {
    const projects = await this.#store.projects(accountId);
    return name === undefined ? projects : projects.filter(project => project.name === name);
  }

  async addDomain(name: string, target: string): Promise<Domain> {
    if (!/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(name))
      throw new InvalidAccount('a domain is a lower-case host name');
    if (!/^rtmps?:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?\/?$/i.test(target)) {
      throw new InvalidAccount('a target is rtmp://HOST[:PORT]');
    }
    const domain = { name, target: target.replace(/\/$/, '') };
    await this.#store.putDomain(domain);
    return domain;
  }

  removeDomain(name: string): Promise<boolean> {
    return this.#store.removeDomain(name);
  }

  listDomains(): Promise<readonly Domain[]> {
    return this.#store.domains();
  }

  findDomain(name: string): Promise<Domain | undefined> {
    return this.#store.domain(name);
  }

  /** An account has one project a region, named for it, unless the operator gives an id of his own. */
  async #ensureProject(accountId: string, region: string, projectId?: string): Promise<Project> {
    requireName('account', accountId);
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
    await this.#store.putProject(project);
    return project;
  }

  #randomHex(bytes: number): string {
    return Buffer.from(this.#randomBytes(bytes)).toString('hex');
  }

  /** Bytes beyond the last whole run of the alphabet are thrown away, so that every character is equally likely. */
  #randomText(length: number, alphabet: string): string {
    const fair = 256 - (256 % alphabet.length);
    let text = '';
    while (text.length < length) {
      for (const byte of this.#randomBytes(length)) {
        if (byte < fair && text.length < length) text += alphabet[byte % alphabet.length];
      }
    }
    return text;
  }
}

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';

const withoutHash = ({ passwordHash: _, ...rest }: User): PublicUser => rest;

const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

function requireName(what: string, name: string): void {
  if (!/^[\w.@-]{1,64}$/.test(name)) {
    throw new InvalidAccount(`the ${what} has 1 to 64 letters, digits, ".", "@", "-" or "_"`);
  }
}
