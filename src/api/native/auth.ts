import type { Accounts } from '../../control/accounts.ts';
import type { ApiKeys } from '../../control/api-keys.ts';
import type { SignedIn, SignIns } from '../../control/sign-ins.ts';
import { actorOf, type Caller, headerValues, Lockout, type WireRequest } from '../auth.ts';
import type { Peers } from '../peers.ts';
import type { Throttle } from '../throttle.ts';
import { cookieOf, refuseForeign, requireCsrf } from './cookie.ts';
import { throttled } from './error.ts';
import { forbidden, unproven } from './refused.ts';

export { forbidden, unproven } from './refused.ts';

/** So much of a token may be seen by others, in a list or a log, and names the row that is locked. */
const SHOWN_OF_TOKEN = 12;
const MOST_TOKEN = 128;

/** Each as policies name it. */
export const ACTIONS = [
  'millrace:events:list',
  'millrace:deliveries:list',
  'millrace:deliveries:redeliver',
  'millrace:callbacks:list',
  'millrace:callbacks:test',
  'millrace:callbacks:rotate',
  'millrace:streams:probe',
  'millrace:tasks:list',
  'millrace:tasks:create',
  'millrace:tasks:change',
  'millrace:tasks:operate',
  'millrace:tasks:delete',
  'millrace:users:read',
  'millrace:users:write',
  'millrace:keys:read',
  'millrace:keys:write',
  'millrace:domains:list',
  'millrace:domains:write',
  'millrace:projects:list',
  'millrace:projects:write',
  'millrace:policies:list',
  'millrace:policies:write',
  'millrace:assets:list',
  'millrace:assets:write',
  'millrace:audit:read',
  'millrace:nodes:list',
  'millrace:nodes:diagnose',
  'millrace:nodes:operate',
] as const;
export type Action = (typeof ACTIONS)[number];

/** What a call asks of who makes it, where that is no action: nothing, or to be known. */
export type Admission = Action | 'open' | 'known';

/** Who calls the native API; by a sign-in where there is one. */
export interface NativeCaller extends Caller {
  readonly signedIn?: SignedIn;
}

/** Proves who calls as another dialect does; undefined where the request is not signed in its way. */
export type Identify = (request: WireRequest) => Promise<Caller> | undefined;

export interface GateOptions {
  readonly apiKeys: Pick<ApiKeys, 'find'>;
  readonly accounts: Pick<Accounts, 'rightsOf' | 'noteUse'>;
  readonly signIns: Pick<SignIns, 'find'>;
  /** Where people open the console, when that is not where the node listens. */
  readonly consoleUrl?: string | undefined;
  readonly otherGates: readonly Identify[];
  readonly throttle: Throttle;
  /** Wall clock. */
  readonly now: () => number;
  /** Where failures count as well. */
  readonly peers?: Peers | undefined;
}

const SIGNED_LIFE_MS = 600_000;

/** Answers who speaks: by an API key, by a signature of another dialect, or by having signed in to the console. */
export class Gate {
  readonly #options: GateOptions;
  readonly #lockout: Lockout;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#lockout = new Lockout({ now: options.now, peers: options.peers, topic: 'failures-native', hearsPeers: true });
  }

  /** Who calls, whether they may, and whether not too often: in this order. */
  async admit(request: WireRequest, action: Admission, operation: string): Promise<NativeCaller> {
    if (action === 'open') return nobody(request);
    const caller = await this.#identify(request);
    if (action !== 'known' && !caller.may(action)) throw forbidden(`The caller is not allowed ${action}.`);
    const waitMs = this.#options.throttle.take(caller.accountId, operation);
    if (waitMs > 0) throw throttled('The account makes this call too often.', waitMs);
    return caller;
  }

  /**
   * Asks, for who is admitted now and stays, whether he still would be. A signature is of one moment and cannot be asked
   * again: it stands for a while.
   */
  standing(request: WireRequest, action: Action): () => Promise<boolean> {
    const { now } = this.#options;
    const admittedAt = now();
    if (bearerOf(request) === undefined && cookieOf(request) === undefined) {
      return async () => now() - admittedAt < SIGNED_LIFE_MS;
    }
    return async () => (await this.#identify(request).catch(() => undefined))?.may(action) ?? false;
  }

  /** Who has signed in with this browser; undefined where nobody has. */
  async signedIn(request: WireRequest): Promise<NativeCaller | undefined> {
    const token = cookieOf(request);
    if (token === undefined) return undefined;
    refuseForeign(request, this.#options.consoleUrl);
    const signedIn = await this.#options.signIns.find(token);
    const { user } = signedIn ?? {};
    const may = user && (await this.#options.accounts.rightsOf({ ...user, userId: user.id, policies: null }));
    if (signedIn === undefined || user === undefined || may === undefined) return undefined;
    requireCsrf(request, signedIn.csrf);
    const by = actorOf(request, { kind: 'user', id: user.id, name: user.name });
    return { accountId: user.accountId, projectId: '', may, by, signedIn };
  }

  async #identify(request: WireRequest): Promise<NativeCaller> {
    const token = bearerOf(request);
    if (token !== undefined) return this.#byToken(token, request);
    for (const identify of this.#options.otherGates) {
      const caller = await identify(request);
      if (caller !== undefined) return caller;
    }
    const caller = await this.signedIn(request);
    if (caller !== undefined) return caller;
    if (cookieOf(request) !== undefined) throw unproven('The session is over: log in again.');
    throw unproven('Send an API key: "Authorization: Bearer mlr_…", or sign the request.');
  }

  /** Found by its hash, so that the time it takes tells nothing of how much of it was right. */
  async #byToken(token: string, request: WireRequest): Promise<Caller> {
    const { apiKeys, accounts, now } = this.#options;
    const row = `${token.slice(0, SHOWN_OF_TOKEN)} ${request.remote}`;
    if (this.#lockout.isLocked(row)) throw unproven('Too many wrong API keys came from this address.');
    const key = token.length > MOST_TOKEN ? undefined : await apiKeys.find(token);
    if (key === undefined) {
      this.#lockout.failed(row);
      throw unproven('There is no such API key.');
    }
    this.#lockout.succeeded(row);
    if (key.expiresAt !== null && key.expiresAt <= now()) throw unproven('The API key has expired.');
    if (!key.enabled) throw forbidden('The API key is disabled.');
    const may = await accounts.rightsOf(key);
    if (may === undefined) throw forbidden('The user of the API key is disabled.');
    accounts.noteUse(key.id);
    const by = actorOf(request, { kind: 'apiKey', id: key.id, name: key.name });
    return { accountId: key.accountId, projectId: key.projectId, may, by };
  }
}

/** Of a call that asks nothing of who makes it. */
const nobody = (request: WireRequest): NativeCaller => ({
  ...{ accountId: '', projectId: '', may: () => false },
  by: actorOf(request, { kind: 'user', id: '', name: '' }),
});

/** Undefined where nothing of the kind is sent. */
function bearerOf({ rawHeaders }: WireRequest): string | undefined {
  const given = headerValues(rawHeaders, 'authorization');
  if (!given.some(value => /^\s*bearer(?:\s|$)/i.test(value))) return undefined;
  if (given.length > 1) throw unproven('Authorization stands more than once.');
  return given.join('').trim().slice('bearer'.length).trim();
}
