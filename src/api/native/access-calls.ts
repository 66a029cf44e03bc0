import type { Accounts, PublicAccessKey } from '../../control/accounts.ts';
import type { ApiKeys, PublicApiKey } from '../../control/api-keys.ts';
import type { Audit, LoggedEntry } from '../../control/audit.ts';
import { LastAdmin, type PublicUser, type UserEdit } from '../../control/users.ts';
import { BUILT_IN_POLICIES, POLICY_OF, printPolicy, type Role, roleOf } from '../../task/policy.ts';
import type {
  AuditBy,
  KeyWish,
  NewKey,
  PrintedEntry,
  PrintedKey,
  PrintedUser,
  UserChange,
  UserWish,
} from './access-schema.ts';
import type { NativeCaller } from './auth.ts';
import { invalid, NativeError, notFound } from './error.ts';
import { printTime, printTimeOrNull } from './event.ts';
import { pageOf, refuse, spanOf } from './queries.ts';
import { forbidden } from './refused.ts';
import type { Call } from './route.ts';
import { patiently } from './session-calls.ts';

export interface AccessOptions {
  readonly accounts: Accounts;
  readonly apiKeys: ApiKeys;
  readonly audit: Pick<Audit, 'list'>;
}

const DONE = { done: true } as const;

/** Users, keys, domains, projects and policies of an account, and who changed what of it. */
export class AccessCalls {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  async users({ caller }: Call): Promise<{ users: PrintedUser[] }> {
    const accountId = wholeAccount(caller);
    const users = (await this.#options.accounts.listUsers()).filter(user => user.accountId === accountId);
    return { users: users.map(printUser) };
  }

  async addUser({ caller, body }: Call<unknown, UserWish>): Promise<PrintedUser> {
    const accountId = wholeAccount(caller);
    const { name, password } = body;
    const policies = policiesOf(body) ?? refuse('role', 'must be given, or policies');
    const users = this.#accounts(caller).users;
    const user = await saying('policies', () => patiently(() => users.add(name, password, { accountId, policies })));
    if (user === undefined) throw taken('user', 'name');
    return printUser(user);
  }

  async changeUser({ caller, id, body }: Call<unknown, UserChange>): Promise<PrintedUser> {
    const accountId = wholeAccount(caller);
    const policies = policiesOf(body);
    const { password, enabled } = body;
    const edit: UserEdit = {
      ...(policies === undefined ? {} : { policies }),
      ...(password === undefined ? {} : { password }),
      ...(enabled === undefined ? {} : { enabled }),
    };
    const { users } = this.#accounts(caller);
    await saying('policies', () => patiently(() => users.change(id, edit, accountId)));
    const user = await users.find(id, accountId);
    if (user === undefined) throw notFound('user');
    return printUser(user);
  }

  async removeUser({ caller, id }: Call) {
    const removed = await saying('id', () => this.#accounts(caller).users.remove(id, wholeAccount(caller)));
    if (!removed) throw notFound('user');
    return DONE;
  }

  /** Of both kinds, the oldest first. */
  async keys({ caller }: Call): Promise<{ keys: PrintedKey[] }> {
    return { keys: await this.#keysOf(wholeAccount(caller)) };
  }

  async addKey({ caller, body }: Call<unknown, KeyWish>): Promise<NewKey> {
    const accountId = wholeAccount(caller);
    const policies = policiesOf(body);
    const wish = {
      accountId,
      ...(body.project_id === undefined ? {} : { projectId: body.project_id }),
      ...(body.region === undefined ? {} : { region: body.region }),
      ...(body.user === undefined ? {} : { user: body.user }),
      ...(policies === undefined ? {} : { policies }),
      ...(body.expires_in_s === undefined ? {} : { lifeMs: body.expires_in_s * 1_000 }),
    };
    const user = body.user ?? null;
    if (body.kind === 'api') {
      const made = this.#options.apiKeys.by(caller.by).create({ ...wish, name: body.name ?? '' });
      const { key, token } = await saying(fieldOfKey, () => made);
      return { ...printApiKey({ ...key, user }, new Map()), ...NO_SECRETS, token };
    }
    if (body.name !== undefined) refuse('name', 'is for keys of the kind api');
    const made = await saying(fieldOfKey, () => this.#accounts(caller).createKey(wish));
    const secrets = { ...NO_SECRETS, secret_key: made.secretKey, security_token: made.token };
    return { ...printAccessKey({ ...made, user }, new Map()), ...secrets };
  }

  async changeKey({
    caller,
    id,
    body: { enabled },
  }: Call<unknown, { readonly enabled: boolean }>): Promise<PrintedKey> {
    const { kind } = await this.#keyOf(caller, id);
    const keys = this.#options.apiKeys.by(caller.by);
    const accounts = this.#accounts(caller);
    if (kind === 'api') await (enabled ? keys.enable(id) : keys.disable(id));
    else await (enabled ? accounts.enableKey(id) : accounts.disableKey(id));
    return this.#keyOf(caller, id);
  }

  async removeKey({ caller, id }: Call) {
    const { kind } = await this.#keyOf(caller, id);
    if (kind === 'api') await this.#options.apiKeys.by(caller.by).remove(id);
    else await this.#accounts(caller).deleteKey(id);
    return DONE;
  }

  async domains({ caller: { accountId } }: Call) {
    const domains = (await this.#options.accounts.listDomains()).filter(domain => domain.accountId === accountId);
    return { domains: domains.map(({ name, target }) => ({ name, target })) };
  }

  async addDomain({ caller, body }: Call<unknown, { readonly name: string; readonly target: string }>) {
    const adding = this.#accounts(caller).addDomain(body.name, body.target, wholeAccount(caller));
    const { name, target } = await saying(/^rtmps?:/i.test(body.target) ? 'name' : 'target', () => adding);
    return { name, target };
  }

  async removeDomain({ caller, id }: Call) {
    const domain = await this.#options.accounts.findDomain(id, wholeAccount(caller));
    if (domain === undefined || !(await this.#accounts(caller).removeDomain(id))) throw notFound('domain');
    return DONE;
  }

  /** Who acts for one project sees that one. */
  async projects({ caller: { accountId, projectId } }: Call) {
    const projects = await this.#options.accounts.projects(accountId);
    const seen = projects.filter(({ id }) => projectId === '' || id === projectId);
    return { projects: seen.map(({ id, name }) => ({ id, name })) };
  }

  async addProject({ caller, body }: Call<unknown, { readonly name: string; readonly id?: string | undefined }>) {
    const adding = this.#accounts(caller).ensureProject(wholeAccount(caller), body.name, body.id);
    const { id, name } = await saying('id', () => adding);
    return { id, name };
  }

  /** The built-in ones first. */
  async policies({ caller: { accountId } }: Call) {
    const policies = await this.#options.accounts.policies.list();
    const seen = policies.filter(policy => policy.accountId === null || policy.accountId === accountId);
    return {
      policies: seen.map(({ name, accountId: owner, document }) => ({
        ...{ name, built_in: owner === null },
        document: { ...printPolicy(document) },
      })),
    };
  }

  async putPolicy({ caller, body }: Call<unknown, { readonly name: string; readonly document: object }>) {
    const accountId = wholeAccount(caller);
    if (BUILT_IN_POLICIES.has(body.name)) refuse('name', 'must not be that of a built-in policy');
    const { policies } = this.#accounts(caller);
    const put = await saying('document', () => policies.put(body.name, JSON.stringify(body.document), accountId));
    return { name: put.name, built_in: false, document: { ...printPolicy(put.document) } };
  }

  async removePolicy({ caller, id }: Call) {
    const removed = await saying(undefined, () => this.#accounts(caller).policies.remove(id, wholeAccount(caller)));
    if (!removed) throw notFound('policy');
    return DONE;
  }

  async audit({ caller, query }: Call<AuditBy>): Promise<{ entries: PrintedEntry[]; next: string | null }> {
    const { action, target, actor } = query;
    const filter = { actions: action === undefined ? undefined : [action], target, actorId: actor };
    const { rows, next } = await this.#options.audit.list(caller, { ...filter, ...spanOf(query) }, pageOf(query));
    const names = new Map((await this.#options.accounts.listUsers()).map(({ id, name }) => [id, name]));
    return { entries: rows.map(row => printEntry(row, names)), next: next === null ? null : String(next) };
  }

  #accounts(caller: NativeCaller): Accounts {
    return this.#options.accounts.by(caller.by);
  }

  async #keysOf(accountId: string): Promise<PrintedKey[]> {
    const { accounts, apiKeys } = this.#options;
    const [ours, theirs, uses] = await Promise.all([apiKeys.list(), accounts.listKeys(), accounts.lastUses()]);
    const keys = [
      ...ours.filter(key => key.accountId === accountId).map(key => printApiKey(key, uses)),
      ...theirs.filter(key => key.accountId === accountId).map(key => printAccessKey(key, uses)),
    ];
    return keys.sort((one, other) => one.created_at.localeCompare(other.created_at));
  }

  /** Another account's key is not there. */
  async #keyOf(caller: NativeCaller, id: string): Promise<PrintedKey> {
    const key = (await this.#keysOf(wholeAccount(caller))).find(it => it.id === id);
    if (key === undefined) throw notFound('key');
    return key;
  }
}

const NO_SECRETS = { token: null, secret_key: null, security_token: null };

/** Who acts for one project may not give rights for all of them. */
export function wholeAccount({ accountId, projectId }: NativeCaller): string {
  if (projectId !== '') throw forbidden('The key acts for one project: this concerns the whole account.');
  return accountId;
}

interface Rights {
  readonly role?: Role | undefined;
  readonly policies?: readonly string[] | undefined;
}

function policiesOf({ role, policies }: Rights): readonly string[] | undefined {
  if (role !== undefined && policies !== undefined) refuse('policies', 'must not stand beside role');
  return role === undefined ? policies : [POLICY_OF[role]];
}

type Field = string | ((message: string) => string);

/** Of a key, by what the sentence speaks of. */
function fieldOfKey(message: string): string {
  const words = { policy: 'policies', user: 'user', project: 'project_id', lives: 'expires_in_s', name: 'name' };
  return Object.entries(words).find(([word]) => message.includes(word))?.[1] ?? 'body';
}

/** The model's refusals as rules of the field that they are most likely about; of none, as what stands in the way. */
export async function saying<T>(field: Field | undefined, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof LastAdmin) throw new NativeError('CONFLICT', `${capital(error.message)}.`);
    if (error instanceof Error && ['InvalidAccount', 'InvalidAsset'].includes(error.name)) {
      if (field === undefined) throw new NativeError('CONFLICT', `${capital(error.message)}.`);
      throw invalid([{ field: typeof field === 'string' ? field : field(error.message), rule: error.message }]);
    }
    throw error;
  }
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const taken = (what: string, field: string): NativeError =>
  new NativeError('CONFLICT', `There is a ${what} of that name already.`, { errors: [{ field, rule: 'is taken' }] });

const printUser = ({ name, policies, enabled, createdAt }: Omit<PublicUser, 'id'>): PrintedUser => ({
  name,
  role: roleOf(policies),
  policies: [...policies],
  enabled,
  created_at: printTime(createdAt),
});

type Uses = ReadonlyMap<string, number>;

const printApiKey = (key: Omit<PublicApiKey, 'hash'>, uses: Uses): PrintedKey => ({
  ...{ id: key.id, kind: 'api', name: key.name },
  project_id: key.projectId === '' ? null : key.projectId,
  ...printLimits(key, uses.get(key.id)),
});

const printAccessKey = (key: PublicAccessKey, uses: Uses): PrintedKey => ({
  ...{ id: key.accessKey, kind: 'access', name: '', project_id: key.projectId },
  ...printLimits(key, uses.get(key.accessKey)),
});

const printLimits = (
  key: Pick<PublicApiKey, 'user' | 'policies' | 'enabled' | 'createdAt' | 'expiresAt'>,
  usedAt: number | undefined,
) => ({
  user: key.user,
  policies: key.policies && [...key.policies],
  enabled: key.enabled,
  created_at: printTime(key.createdAt),
  expires_at: printTimeOrNull(key.expiresAt),
  last_used_at: printTimeOrNull(usedAt ?? null),
});

const KINDS = { user: 'user', apiKey: 'api_key', accessKey: 'access_key', command: 'command', node: 'node' } as const;

const printEntry = (
  { n, id, at, actor, action, target, projectId, changes }: LoggedEntry,
  names: ReadonlyMap<string, string>,
): PrintedEntry => ({
  ...{ id, cursor: String(n), time: printTime(at) },
  actor: {
    ...{ kind: KINDS[actor.kind], id: actor.id, remote: actor.remote },
    // A token tells the user's id alone.
    name: actor.name === '' && actor.kind === 'user' ? (names.get(actor.id) ?? '') : actor.name,
  },
  ...{ request_id: actor.requestId, action, target, project_id: projectId, changes },
});
