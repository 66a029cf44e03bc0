import type { Store } from '../store/store.ts';
import { type ApiKey, DEFAULT_ACCOUNT } from '../task/account.ts';
import { type Actor, NODE } from '../task/audit.ts';
import type { Accounts } from './accounts.ts';
import { InvalidAccount } from './invalid-account.ts';
import { Notes } from './notes.ts';
import { hashToken, type RandomBytes, randomToken } from './secret.ts';

const PREFIX = 'mlr_';
const TOKEN_BYTES = 32;
const MOST_NAME = 64;
const LEAST_LIFE_MS = 15 * 60_000;
const MOST_LIFE_MS = 366 * 24 * 3_600_000;
/** As with access keys: its user is told what is wrong with it. */
const EXPIRED_KEPT_MS = 24 * 3_600_000;

export type PublicApiKey = Omit<ApiKey, 'hash'> & { readonly user: string | null };

export interface ApiKeysOptions {
  readonly store: Pick<
    Store,
    'apiKey' | 'apiKeys' | 'addApiKey' | 'setApiKeyEnabled' | 'removeApiKey' | 'purgeApiKeys' | 'users' | 'noting'
  >;
  readonly accounts: Pick<Accounts, 'ensureAccount' | 'ensureProject' | 'requireUser' | 'policies'>;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly randomBytes: RandomBytes;
  /** Who makes the changes; the node itself where it is left out. */
  readonly by?: Actor;
}

export interface ApiKeyWish {
  readonly accountId?: string;
  /** With neither of the two, the key is for all projects of the account. */
  readonly projectId?: string;
  readonly region?: string;
  readonly name?: string;
  /** The name of the user whose key it is. */
  readonly user?: string;
  /** Narrow what the key may do. */
  readonly policies?: readonly string[];
  /** It stands until it is deleted where this is left out. */
  readonly lifeMs?: number;
  /** Of one command, which deletes it at its end: nobody asks later who made it. */
  readonly isPassing?: boolean;
}

/** The keys of the native API: whoever carries one is let in, so only its hash is kept. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;
  readonly #notes: Notes;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
    this.#notes = new Notes({ ...options, by: options.by ?? NODE });
  }

  /** The same, for what somebody changes. */
  by(actor: Actor): ApiKeys {
    return new ApiKeys({ ...this.#options, by: actor });
  }

  /** The token is shown here only. */
  async create(wish: ApiKeyWish = {}): Promise<{ readonly key: ApiKey; readonly token: string }> {
    const { store, accounts, now, newId, randomBytes } = this.#options;
    const { accountId = DEFAULT_ACCOUNT, policies = null } = wish;
    const name = wish.name ?? (wish.isPassing ? `a command of ${this.#options.by?.name ?? ''}` : '');
    requireName(name);
    const expiresAt = expiryOf(wish.lifeMs, now());
    const user = wish.user === undefined ? null : await accounts.requireUser(wish.user, accountId);
    await accounts.policies.requireStanding(policies ?? [], accountId);
    const projectId = await this.#projectOf(wish, accountId);
    const token = PREFIX + randomToken(randomBytes, TOKEN_BYTES);
    const limits = { enabled: true, createdAt: now(), expiresAt, userId: user?.id ?? null, policies };
    const key = { id: newId(), hash: hashToken(token), accountId, projectId, name, ...limits };
    await store.purgeApiKeys(now() - EXPIRED_KEPT_MS);
    const noted = { accountId, projectId, action: 'api_key.create', target: key.id };
    const after = { name, user: wish.user, policies: policies ?? undefined, expires_at: expiresAt ?? undefined };
    await (wish.isPassing ? store : this.#notes.on({ ...noted, after })).addApiKey(key);
    return { key, token };
  }

  /** Also one that is disabled or has expired. */
  async find(token: string): Promise<ApiKey | undefined> {
    return isApiToken(token) ? this.#options.store.apiKey(hashToken(token)) : undefined;
  }

  async list(): Promise<readonly PublicApiKey[]> {
    const { store } = this.#options;
    const names = new Map((await store.users()).map(({ id, name }) => [id, name]));
    const keys = await store.apiKeys();
    return keys.map(({ hash: _, ...rest }) => ({ ...rest, user: names.get(rest.userId ?? '') ?? null }));
  }

  /** False where there is no such key, as below. */
  enable(id: string): Promise<boolean> {
    return this.#switch(id, true);
  }

  disable(id: string): Promise<boolean> {
    return this.#switch(id, false);
  }

  async remove(id: string): Promise<boolean> {
    return (await this.#onKey(id, 'api_key.delete'))?.removeApiKey(id) ?? false;
  }

  /** Without a note, as it was made. */
  removePassing(id: string): Promise<boolean> {
    return this.#options.store.removeApiKey(id);
  }

  async #switch(id: string, enabled: boolean): Promise<boolean> {
    return (await this.#onKey(id, 'api_key.change', { enabled }))?.setApiKeyEnabled(id, enabled) ?? false;
  }

  /** The store for a change of the key; undefined where there is none. */
  async #onKey(id: string, action: string, after: { enabled?: boolean } = {}): Promise<Store | undefined> {
    const key = (await this.#options.store.apiKeys()).find(it => it.id === id);
    if (key === undefined) return undefined;
    const { accountId, projectId, name, enabled } = key;
    const before = action === 'api_key.delete' ? { name, enabled } : { enabled };
    return this.#notes.on({ accountId, projectId, action, target: id, before, after });
  }

  async #projectOf({ projectId, region }: ApiKeyWish, accountId: string): Promise<string> {
    const { accounts } = this.#options;
    await accounts.ensureAccount(accountId);
    if (projectId === undefined && region === undefined) return '';
    return (await accounts.ensureProject(accountId, region, projectId)).id;
  }
}

/** Whatever else somebody carries is not worth looking up. */
const isApiToken = (text: string): boolean => /^mlr_[A-Za-z0-9_-]{43}$/.test(text);

function requireName(name: string): void {
  if (name.length > MOST_NAME || /\p{Cc}/u.test(name) || !name.isWellFormed()) {
    throw new InvalidAccount(`an API key's name has at most ${MOST_NAME} characters, none of them a control character`);
  }
}

function expiryOf(lifeMs: number | undefined, now: number): number | null {
  if (lifeMs === undefined) return null;
  if (!(lifeMs >= LEAST_LIFE_MS && lifeMs <= MOST_LIFE_MS)) {
    throw new InvalidAccount('a passing API key lives for 15m to 366d');
  }
  return now + lifeMs;
}
