import type { Store } from '../store/store.ts';
import { type AccessKey, DEFAULT_ACCOUNT } from '../task/account.ts';
import {
  BUILT_IN_POLICIES,
  InvalidPolicy,
  isPolicyName,
  mayCall,
  type Policy,
  type PolicyDocument,
  printPolicy,
  readPolicy,
} from '../task/policy.ts';
import { InvalidAccount } from './invalid-account.ts';
import type { Notes } from './notes.ts';

/** Whether an action is allowed; the permission for a `wider` one covers it where nothing is said of it. */
export type May = (action: string, wider?: string) => boolean;

/** Who was proven to speak, by a key or by a token. */
export type Holder = Pick<AccessKey, 'accountId' | 'userId' | 'policies'>;

export type ListedPolicy = Omit<Policy, 'accountId'> & { readonly accountId: string | null };

/** The policies of the accounts, and what follows from them. Read at every call, so that a change acts at once. */
export class Policies {
  readonly #store: Store;
  readonly #notes: Pick<Notes, 'on'>;

  constructor(store: Store, notes: Pick<Notes, 'on'>) {
    this.#store = store;
    this.#notes = notes;
  }

  /** Adds the policy, or replaces the document of the account's own of that name. */
  async put(name: string, text: string, accountId = DEFAULT_ACCOUNT): Promise<Policy> {
    if (!isPolicyName(name)) {
      throw new InvalidAccount('the policy has 1 to 128 letters, digits, "-" or "_", and is not called none');
    }
    if (BUILT_IN_POLICIES.has(name)) throw new InvalidAccount(`the policy ${name} is built in`);
    if ((await this.#store.account(accountId)) === undefined) {
      throw new InvalidAccount(`there is no account ${accountId}`);
    }
    const policy = { name, accountId, document: readDocument(text) };
    const before = (await this.#store.policy(accountId, name))?.document;
    const noted = { accountId, action: before === undefined ? 'policy.create' : 'policy.change', target: name };
    const sides = {
      before: { document: before && printPolicy(before) },
      after: { document: printPolicy(policy.document) },
    };
    await this.#notes.on({ ...noted, ...sides }).putPolicy(policy);
    return policy;
  }

  /** The built-in ones first: they are every account's. */
  async list(): Promise<readonly ListedPolicy[]> {
    const builtIn = [...BUILT_IN_POLICIES].map(([name, document]) => ({ name, accountId: null, document }));
    return [...builtIn, ...(await this.#store.policies())];
  }

  /** The document as it is written. */
  async show(name: string, accountId = DEFAULT_ACCOUNT): Promise<object | undefined> {
    const document = await this.#find(name, accountId);
    return document && printPolicy(document);
  }

  /** Refused while somebody has it: what a Deny kept from them must not open by the way. */
  async remove(name: string, accountId = DEFAULT_ACCOUNT): Promise<boolean> {
    if (BUILT_IN_POLICIES.has(name)) throw new InvalidAccount(`the policy ${name} is built in`);
    const users = (await this.#store.users()).filter(it => it.accountId === accountId && it.policies.includes(name));
    const keys = (await this.#store.accessKeys()).filter(
      it => it.accountId === accountId && it.policies?.includes(name),
    );
    const apiKeys = (await this.#store.apiKeys()).filter(
      it => it.accountId === accountId && it.policies?.includes(name),
    );
    const holders = [
      ...users.map(it => `user ${it.name}`),
      ...keys.map(it => `access key ${it.accessKey}`),
      ...apiKeys.map(it => `API key ${it.id}`),
    ];
    if (holders.length > 0) throw new InvalidAccount(`the policy ${name} is in use by ${holders.join(', ')}`);
    return this.#notes.on({ accountId, action: 'policy.delete', target: name }).removePolicy(accountId, name);
  }

  async requireStanding(names: readonly string[], accountId: string): Promise<void> {
    for (const name of names) {
      if ((await this.#find(name, accountId)) === undefined) throw new InvalidAccount(`there is no policy ${name}`);
    }
  }

  /** What the holder may do: as much as both its user's policies and the key's own allow. Undefined without a user. */
  async rightsOf({ accountId, userId, policies }: Holder): Promise<May | undefined> {
    const user = userId === null ? null : await this.#store.userById(userId);
    if (user === undefined || user?.enabled === false) return undefined;
    const limits = [await this.#documents(user?.policies, accountId), await this.#documents(policies, accountId)];
    return (action, wider) => limits.every(limit => limit === undefined || mayCall(limit, action, wider));
  }

  async #find(name: string, accountId: string): Promise<PolicyDocument | undefined> {
    return BUILT_IN_POLICIES.get(name) ?? (await this.#store.policy(accountId, name))?.document;
  }

  /** A name without a document allows nothing, whatever stands beside it: it may have been the one that denied. */
  async #documents(
    names: readonly string[] | null | undefined,
    accountId: string,
  ): Promise<readonly PolicyDocument[] | undefined> {
    if (names === null || names === undefined) return undefined;
    const found = await Promise.all(names.map(name => this.#find(name, accountId)));
    const documents = found.filter(document => document !== undefined);
    return documents.length === names.length ? documents : [];
  }
}

function readDocument(text: string): PolicyDocument {
  try {
    return readPolicy(text);
  } catch (cause) {
    if (cause instanceof InvalidPolicy) throw new InvalidAccount(cause.message, { cause });
    throw cause;
  }
}
