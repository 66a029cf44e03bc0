import type { Accounts, PublicUser } from '../../control/accounts.ts';
import { InvalidAccount } from '../../control/invalid-account.ts';
import { TooManyPasswords } from '../../control/password.ts';
import { type Setup, VoidSetupLink } from '../../control/setup.ts';
import type { Arrival, PublicSignIn, SignIns } from '../../control/sign-ins.ts';
import { DEFAULT_ACCOUNT } from '../../task/account.ts';
import { roleOf } from '../../task/policy.ts';
import { actorOf, headerValues, Lockout, type WireRequest } from '../auth.ts';
import type { Peers } from '../peers.ts';
import type { Login, OwnPassword, PrintedSignIn, SetupWish } from './access-schema.ts';
import { ACTIONS, type Action, type Gate, type NativeCaller } from './auth.ts';
import { cookieOf, refuseForeign, setCookie } from './cookie.ts';
import type { DemoOptions } from './demo-calls.ts';
import { NativeError, notFound, throttled } from './error.ts';
import { printTime } from './event.ts';
import { forbidden, unproven } from './refused.ts';
import type { Call } from './route.ts';

export interface SessionOptions {
  readonly accounts: Accounts;
  readonly signIns: SignIns;
  readonly setup: Setup;
  readonly gate: Pick<Gate, 'signedIn'>;
  readonly consoleUrl?: string | undefined;
  readonly demo?: DemoOptions['demo'];
  /** Wall clock. */
  readonly now: () => number;
  /** Where failures count as well. */
  readonly peers?: Peers | undefined;
}

/** Wrong passwords in a row before the name is locked for its address, and before the address is. */
const WRONG_FOR_NAME = 5;
const WRONG_FROM_ADDRESS = 50;
const LOCK_MS = 60_000;
const READ_USERS = 'millrace:users:read';
const WRITE_USERS = 'millrace:users:write';

/** Signing in to the console, staying there, and leaving. */
export class SessionCalls {
  readonly #options: SessionOptions;
  readonly #names: Lockout;
  readonly #addresses: Lockout;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { now, peers } = options;
    const lasting = { lockMs: LOCK_MS, now, peers };
    this.#names = new Lockout({ ...lasting, limit: WRONG_FOR_NAME, topic: 'failures-name' });
    this.#addresses = new Lockout({ ...lasting, limit: WRONG_FROM_ADDRESS, topic: 'failures-address' });
  }

  /** Answers nobody, too: a page asks before anybody has logged in. */
  async current({ wire }: Call): Promise<PrintedSignIn> {
    const caller = await this.#options.gate.signedIn(wire).catch(nobodyWhereRefused);
    const signedIn = caller?.signedIn;
    if (caller === undefined || signedIn === undefined) return this.#nobody();
    return this.#print(caller, signedIn.user, signedIn.csrf);
  }

  async login(call: Call<unknown, Login>): Promise<PrintedSignIn> {
    const { wire, body } = call;
    refuseForeign(wire, this.#options.consoleUrl);
    const account = body.account ?? DEFAULT_ACCOUNT;
    const user = await this.#verify(account, body, wire);
    return this.#begin(user, call);
  }

  async logout({ wire, sets }: Call): Promise<{ done: true }> {
    const { gate, signIns } = this.#options;
    const caller = await gate.signedIn(wire);
    sets('set-cookie', this.#cookie(''));
    if (caller?.signedIn !== undefined) await signIns.end(caller.signedIn.signIn, caller.by);
    return { done: true };
  }

  async checkSetup({ body, wire }: Call<unknown, { readonly token: string }>): Promise<{ done: true }> {
    refuseForeign(wire, this.#options.consoleUrl);
    await tellingLinks(() => this.#options.setup.check(body.token));
    return { done: true };
  }

  async setUp(call: Call<unknown, SetupWish>): Promise<PrintedSignIn> {
    const { wire, body, requestId } = call;
    refuseForeign(wire, this.#options.consoleUrl);
    const from = { remote: wire.remote, requestId };
    const user = await tellingLinks(() => this.#options.setup.use(body.token, body, from));
    return this.#begin(user, call);
  }

  /** Everybody's own, who knows the present one. It ends all sign-ins of the user; this browser gets a new one. */
  async changePassword(call: Call<unknown, OwnPassword>): Promise<PrintedSignIn> {
    const { caller, wire, body } = call;
    const user = requireSignedIn(caller);
    await this.#verify(user.accountId, { name: user.name, password: body.password }, wire);
    const users = this.#options.accounts.by(caller.by).users;
    await users.change(user.name, { password: body.new_password }, user.accountId);
    return this.#begin(user, call);
  }

  /** One's own; who may see users sees everybody's. */
  async list({ caller }: Call) {
    const found = await this.#seenBy(caller, READ_USERS);
    const names = new Map((await this.#options.accounts.listUsers()).map(({ id, name }) => [id, name]));
    const current = caller.signedIn?.signIn.id;
    return { sessions: found.map(it => printSignIn(it, { user: names.get(it.userId) ?? '', current })) };
  }

  async end({ caller, id }: Call): Promise<{ done: true }> {
    const signIn = (await this.#seenBy(caller, WRITE_USERS)).find(it => it.id === id);
    if (signIn === undefined || !(await this.#options.signIns.end(signIn, caller.by))) throw notFound('session');
    return { done: true };
  }

  /** Everybody's where the caller may do that to users of the account, otherwise the caller's own. */
  async #seenBy(caller: NativeCaller, action: Action): Promise<readonly PublicSignIn[]> {
    const own = caller.signedIn?.user.id;
    const all = caller.projectId === '' && caller.may(action);
    if (!all && own === undefined) throw forbidden(`The caller is not allowed ${action} of the whole account.`);
    return this.#options.signIns.list(caller.accountId, all ? undefined : own);
  }

  get #isDemo(): boolean {
    return this.#options.demo !== undefined;
  }

  async #nobody(): Promise<PrintedSignIn> {
    const nobody = { user: null, account: null, role: null, actions: [], csrf: null };
    return { ...nobody, setup_needed: await this.#options.setup.isNeeded(), demo: this.#isDemo };
  }

  async #print(
    { accountId, may }: Pick<NativeCaller, 'accountId' | 'may'>,
    { name, policies }: PublicUser,
    csrf: string,
  ): Promise<PrintedSignIn> {
    return {
      user: name,
      account: accountId,
      role: roleOf(policies),
      actions: ACTIONS.filter(action => may(action)),
      csrf,
      setup_needed: await this.#options.setup.isNeeded(),
      demo: this.#isDemo,
    };
  }

  /** Always with a new token: one that somebody had put into the browser before opens nothing. */
  async #begin(user: PublicUser, { wire, requestId, sets }: Call): Promise<PrintedSignIn> {
    const { accounts, signIns } = this.#options;
    await this.#endFormer(wire, user);
    const { token, ...signedIn } = await signIns.begin(user, arrivalOf(wire, requestId));
    sets('set-cookie', this.#cookie(token));
    const may = (await accounts.rightsOf({ ...user, userId: user.id, policies: null })) ?? (() => false);
    return this.#print({ accountId: user.accountId, may }, user, signedIn.csrf);
  }

  async #endFormer(wire: WireRequest, user: PublicUser): Promise<void> {
    const former = cookieOf(wire);
    const found = former === undefined ? undefined : await this.#options.signIns.find(former);
    const by = actorOf(wire, { kind: 'user', id: user.id, name: user.name });
    if (found !== undefined) await this.#options.signIns.end(found.signIn, by);
  }

  /** The same answer after the same work, whether the name or the password is wrong. */
  async #verify(
    account: string,
    { name, password }: Pick<Login, 'name' | 'password'>,
    { remote }: WireRequest,
  ): Promise<PublicUser> {
    const row = JSON.stringify([account, name, remote]);
    if (this.#names.isLocked(row) || this.#addresses.isLocked(remote)) {
      throw throttled('Too many wrong passwords: try again in a minute.', LOCK_MS);
    }
    const user = await patiently(() => this.#options.accounts.verifyPassword(account, name, password));
    if (user === undefined) {
      this.#names.failed(row);
      this.#addresses.failed(remote);
      throw unproven('The name or the password is wrong.');
    }
    this.#names.succeeded(row);
    this.#addresses.succeeded(remote);
    return user;
  }

  #cookie(token: string): string {
    return setCookie(token, { isSecure: this.#options.consoleUrl?.startsWith('https:') ?? false });
  }
}

/** A store that fails makes nobody a stranger: people would be asked for their passwords. */
function nobodyWhereRefused(error: unknown): undefined {
  if (error instanceof NativeError) return undefined;
  throw error;
}

const arrivalOf = ({ remote, rawHeaders }: WireRequest, requestId: string): Arrival => ({
  remote,
  agent: headerValues(rawHeaders, 'user-agent').join(' '),
  requestId,
});

const printSignIn = (
  { id, createdAt, seenAt, remote, agent }: PublicSignIn,
  { user, current }: { readonly user: string; readonly current: string | undefined },
) => ({
  id,
  user,
  created_at: printTime(createdAt),
  seen_at: printTime(seenAt),
  remote,
  agent,
  current: id === current,
});

function requireSignedIn({ signedIn }: NativeCaller): PublicUser {
  if (signedIn === undefined) throw forbidden('This is for people who have logged in.');
  return signedIn.user;
}

/** What can be wrong with a link, and how to get another. */
async function tellingLinks<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await patiently(use);
  } catch (error) {
    if (error instanceof VoidSetupLink) throw new NativeError('LINK_VOID', `${sentence(error)} ${WAY[error.problem]}`);
    if (error instanceof InvalidAccount) {
      throw new NativeError('CONFLICT', sentence(error), { errors: [{ field: 'name', rule: 'is taken' }] });
    }
    throw error;
  }
}

const ANOTHER = '"millrace setup" on the machine of the node prints a new one.';
const WAY: Readonly<Record<VoidSetupLink['problem'], string>> = {
  unknown: ANOTHER,
  expired: ANOTHER,
  used: 'Log in; where nobody can, "millrace user add" on the machine of the node makes another administrator.',
  notNeeded: 'Log in; where nobody can, "millrace user add" on the machine of the node makes another administrator.',
};

const sentence = ({ message }: Error): string => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;

export async function patiently<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof TooManyPasswords) throw throttled('Too many passwords are being checked.', 1_000);
    throw error;
  }
}
