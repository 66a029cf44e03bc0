import type { Accounts } from '../../control/accounts.ts';
import type { ApiKeys } from '../../control/api-keys.ts';
import { type Caller, headerValues, Lockout, type WireRequest } from '../auth.ts';
import type { Throttle } from '../throttle.ts';
import { NativeError, throttled } from './error.ts';

/** So much of a token may be seen by others, in a list or a log, and names the row that is locked. */
const SHOWN_OF_TOKEN = 12;
const MOST_TOKEN = 128;

/** Each as policies name it. */
export type Action =
  | 'millrace:events:list'
  | 'millrace:deliveries:list'
  | 'millrace:deliveries:redeliver'
  | 'millrace:callbacks:list'
  | 'millrace:callbacks:test'
  | 'millrace:callbacks:rotate'
  | 'millrace:streams:probe';

/** Proves who calls as another dialect does; undefined where the request is not signed in its way. */
export type Identify = (request: WireRequest) => Promise<Caller> | undefined;

export interface GateOptions {
  readonly apiKeys: Pick<ApiKeys, 'find'>;
  readonly accounts: Pick<Accounts, 'rightsOf'>;
  readonly otherGates: readonly Identify[];
  readonly throttle: Throttle;
  /** Wall clock. */
  readonly now: () => number;
}

/** Answers who speaks: by an API key, or by a signature of another dialect. */
export class Gate {
  readonly #options: GateOptions;
  readonly #lockout: Lockout;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#lockout = new Lockout({ now: options.now });
  }

  /** Who calls, whether they may, and whether not too often: in this order. */
  async admit(request: WireRequest, action: Action, operation: string): Promise<Caller> {
    const caller = await this.#identify(request);
    if (!caller.may(action)) throw forbidden(`The caller is not allowed ${action}.`);
    const waitMs = this.#options.throttle.take(caller.accountId, operation);
    if (waitMs > 0) throw throttled('The account makes this call too often.', waitMs);
    return caller;
  }

  /** Whether who was admitted still would be. A signature is of one moment and cannot be asked again. */
  async stillAdmits(request: WireRequest, action: Action): Promise<boolean> {
    const token = bearerOf(request);
    if (token === undefined) return true;
    const caller = await this.#byToken(token, request).catch(() => undefined);
    return caller?.may(action) ?? false;
  }

  async #identify(request: WireRequest): Promise<Caller> {
    const token = bearerOf(request);
    if (token !== undefined) return this.#byToken(token, request);
    for (const identify of this.#options.otherGates) {
      const caller = await identify(request);
      if (caller !== undefined) return caller;
    }
    throw unproven('Send an API key: "Authorization: Bearer mlr_…", or sign the request.');
  }

  /** Found by its hash, so that the time it takes tells nothing of how much of it was right. */
  async #byToken(token: string, { remote }: WireRequest): Promise<Caller> {
    const { apiKeys, accounts, now } = this.#options;
    const row = `${token.slice(0, SHOWN_OF_TOKEN)} ${remote}`;
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
    return { accountId: key.accountId, projectId: key.projectId, may };
  }
}

export const unproven = (detail: string): NativeError => new NativeError('UNAUTHENTICATED', detail);

export const forbidden = (detail: string): NativeError => new NativeError('FORBIDDEN', detail);

/** Undefined where nothing of the kind is sent. */
function bearerOf({ rawHeaders }: WireRequest): string | undefined {
  const given = headerValues(rawHeaders, 'authorization');
  if (!given.some(value => /^\s*bearer(?:\s|$)/i.test(value))) return undefined;
  if (given.length > 1) throw unproven('Authorization stands more than once.');
  return given.join('').trim().slice('bearer'.length).trim();
}
