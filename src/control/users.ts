import type { Store, UserChange } from '../store/store.ts';
import { DEFAULT_ACCOUNT, type User } from '../task/account.ts';
import type { Actor } from '../task/audit.ts';
import { BUILT_IN_POLICIES, FULL_ACCESS } from '../task/policy.ts';
import { InvalidAccount } from './invalid-account.ts';
import { MASKED, Notes } from './notes.ts';
import type { Passwords } from './password.ts';
import type { Policies } from './policies.ts';
import { type RandomBytes, randomHex } from './secret.ts';

export type PublicUser = Omit<User, 'passwordHash'>;

/** A change that would leave nobody who may change what it did. */
export class LastAdmin extends Error {
  override readonly name = 'LastAdmin';

  constructor() {
    super('the account would be left without an administrator: make another user one first');
  }
}

/** Whether the user can do everything, on the console too. Policies of one's own may deny what they like. */
export const isAdmin = ({ enabled, policies }: Pick<User, 'enabled' | 'policies'>): boolean =>
  enabled && policies.includes(FULL_ACCESS) && policies.every(name => BUILT_IN_POLICIES.has(name));

export interface UsersOptions {
  readonly store: Store;
  readonly passwords: Passwords;
  readonly policies: Pick<Policies, 'requireStanding'>;
  /** Makes the account of a user where there is none. */
  readonly ensureAccount: (id: string) => Promise<void>;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly randomBytes: RandomBytes;
  readonly by: Actor;
}

export interface UserWish {
  readonly accountId?: string;
  readonly policies?: readonly string[];
}

/** What is changed of a user; what is left out stays. */
export interface UserEdit {
  readonly password?: string;
  readonly policies?: readonly string[];
  readonly enabled?: boolean;
}

/** People, who have a password, and what policies let them do. */
export class Users {
  readonly #options: UsersOptions;
  readonly #notes: Notes;

  constructor(options: UsersOptions) {
    this.#options = options;
    this.#notes = new Notes(options);
  }

  /** Adds the user, or sets the password (and the policies, where they are given) anew, which ends the user's tokens. */
  async put(name: string, password: string, wish: UserWish = {}): Promise<PublicUser> {
    const { accountId = DEFAULT_ACCOUNT, policies } = wish;
    const added = await this.add(name, password, wish);
    if (added !== undefined) return added;
    await this.change(name, { password, ...(policies === undefined ? {} : { policies }) }, accountId);
    return withoutHash(await this.require(name, accountId));
  }

  /** Undefined where the account has one of that name already. */
  async add(name: string, password: string, wish: UserWish = {}): Promise<PublicUser | undefined> {
    const user = await this.draft(name, password, wish);
    const { accountId, policies } = user;
    await this.#options.ensureAccount(accountId);
    const noted = { accountId, action: 'user.create', target: name, after: { policies, password: MASKED } };
    return (await this.#notes.on(noted).addUser(user)) ? withoutHash(user) : undefined;
  }

  /** A user that is not stored yet. */
  async draft(name: string, password: string, { accountId = DEFAULT_ACCOUNT, policies }: UserWish): Promise<User> {
    requireName('user', name);
    requireName('account', accountId);
    await this.#options.policies.requireStanding(policies ?? [], accountId);
    return {
      id: randomHex(this.#options.randomBytes, 16),
      name,
      accountId,
      passwordHash: await this.#hash(password),
      createdAt: this.#options.now(),
      enabled: true,
      policies: policies ?? [FULL_ACCESS],
    };
  }

  /** False where there is no such user. Every change ends the user's tokens and sign-ins. Throws LastAdmin. */
  async change(name: string, edit: UserEdit, accountId = DEFAULT_ACCOUNT): Promise<boolean> {
    const { store, policies } = this.#options;
    const { password, ...rest } = edit;
    await policies.requireStanding(edit.policies ?? [], accountId);
    const passwordHash = password === undefined ? undefined : await this.#hash(password);
    const user = await store.user(accountId, name);
    if (user === undefined) return false;
    const change: UserChange = passwordHash === undefined ? rest : { ...rest, passwordHash };
    const noted = { accountId, action: 'user.change', target: name, ...sidesOf(user, edit) };
    return this.#notes.on(noted).changeUser(user.id, change, this.#guard);
  }

  /** The user's keys, tokens and sign-ins go along. Throws LastAdmin. */
  async remove(name: string, accountId = DEFAULT_ACCOUNT): Promise<boolean> {
    const user = await this.#options.store.user(accountId, name);
    const before = user === undefined ? {} : { policies: user.policies, enabled: user.enabled };
    const noted = { accountId, action: 'user.delete', target: name, before };
    return this.#notes.on(noted).removeUser(accountId, name, this.#guard);
  }

  async list(): Promise<readonly PublicUser[]> {
    return (await this.#options.store.users()).map(withoutHash);
  }

  /** The user whose password this is. A name that does not exist costs the same time as a wrong password. */
  async verify(accountId: string, name: string, password: string): Promise<PublicUser | undefined> {
    const user = await this.#options.store.user(accountId, name);
    const right = await this.#options.passwords.isRight(password, user?.passwordHash);
    return right && user?.enabled === true ? withoutHash(user) : undefined;
  }

  async find(name: string, accountId: string): Promise<PublicUser | undefined> {
    const user = await this.#options.store.user(accountId, name);
    return user && withoutHash(user);
  }

  async require(name: string, accountId: string): Promise<User> {
    const user = await this.#options.store.user(accountId, name);
    if (user === undefined) throw new InvalidAccount(`there is no user ${name} in the account ${accountId}`);
    return user;
  }

  async #hash(password: string): Promise<string> {
    // As the schemas of the API count: by characters, whatever they take in memory.
    const { length } = [...password];
    if (length < 8 || length > 256) {
      throw new InvalidAccount('a password has 8 to 256 characters');
    }
    return this.#options.passwords.hash(password);
  }

  /** Whoever has the machine may lock everybody out: the command line lets them in again. */
  readonly #guard = (before: readonly User[], after: readonly User[]): void => {
    const { kind } = this.#options.by;
    if (kind !== 'command' && kind !== 'node' && before.some(isAdmin) && !after.some(isAdmin)) throw new LastAdmin();
  };
}

export const withoutHash = ({ passwordHash: _, ...rest }: User): PublicUser => rest;

function sidesOf({ policies, enabled }: User, edit: UserEdit) {
  const after = { policies: edit.policies ?? policies, enabled: edit.enabled ?? enabled };
  return {
    before: { policies, enabled },
    after: edit.password === undefined ? after : { ...after, password: MASKED },
  };
}

export function requireName(what: string, name: string): void {
  if (!/^[\w.@-]{1,64}$/.test(name)) {
    throw new InvalidAccount(`the ${what} has 1 to 64 letters, digits, ".", "@", "-" or "_"`);
  }
}
