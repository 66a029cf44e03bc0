import type { Accounts } from '../../control/accounts.ts';
import { type AccessKey, isProjectId } from '../../task/account.ts';
import { actorOf, type Caller, headerValues, Lockout, sameText, type WireRequest } from '../auth.ts';
import type { Peers } from '../peers.ts';
import type { Throttle } from '../throttle.ts';
import { HuaweiError } from './error.ts';
import {
  ALGORITHM,
  type Authorization,
  canonicalRequest,
  printSdkDate,
  readAuthorization,
  readSdkDate,
  sign,
} from './sign.ts';

const WINDOW_MS = 15 * 60_000;

export type Operation = 'create' | 'list' | 'modify' | 'delete';

/** The vendor documents an action for three operations. Whoever may create may modify, unless that is denied. */
const ACTIONS: Readonly<Record<Operation, readonly [action: string, wider?: string]>> = {
  create: ['live:stream:createPullTask'],
  list: ['live:stream:listPullTask'],
  modify: ['live:stream:modifyPullTask', 'live:stream:createPullTask'],
  delete: ['live:stream:deletePullTask'],
};
/** Signs for nobody: an unknown access key costs what a wrong signature costs. */
const NOBODYS_SECRET = '0'.repeat(40);

export interface GateOptions {
  readonly accounts: Pick<Accounts, 'findKey' | 'findToken' | 'rightsOf' | 'standing' | 'noteUse'>;
  readonly throttle: Throttle;
  /** Wall clock. */
  readonly now: () => number;
  /** Where failures count as well. */
  readonly peers?: Peers | undefined;
}

/** The gateway in front of the service: answers who speaks, in the gateway's own words when it cannot. */
export class Gate {
  readonly #options: GateOptions;
  readonly #lockout: Lockout;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#lockout = new Lockout({ now: options.now, peers: options.peers, topic: 'failures-huawei', hearsPeers: true });
  }

  /** A token where there is one, else a signature. */
  async identify(request: WireRequest): Promise<Caller> {
    const [token, ...more] = headerValues(request.rawHeaders, 'x-auth-token');
    if (more.length > 0) throw unproven('x-auth-token stands more than once');
    const caller = token === undefined ? await this.#bySignature(request) : await this.#byToken(token, request);
    checkProjectHeader(request, caller);
    return caller;
  }

  /** As `identify`, for a call on the tasks of one project that has to be allowed. */
  async admit(request: WireRequest, projectId: string, operation: Operation): Promise<Caller> {
    const caller = await this.identify(request);
    if (!isProjectId(projectId) || caller.projectId !== projectId) throw wrongProject();
    if (!caller.may(...ACTIONS[operation])) {
      throw new HuaweiError('forbidden', `The user is not authorized to perform ${ACTIONS[operation][0]}.`);
    }
    if ((await this.#options.accounts.standing(caller.accountId)) === 'noLive') {
      throw new HuaweiError('noService', 'The account has no permission for the live service.');
    }
    const waitMs = this.#options.throttle.take(caller.accountId, operation);
    if (waitMs > 0) throw new HuaweiError('throttled', 'The throttling threshold has been reached.', waitMs);
    return caller;
  }

  async #byToken(token: string, request: WireRequest): Promise<Caller> {
    const known = await this.#options.accounts.findToken(token);
    if (known === undefined) throw unproven('decrypt token fail');
    if (known.expiresAt <= this.#options.now()) throw renewToken();
    const may = await this.#options.accounts.rightsOf({ ...known, policies: null });
    if (may === undefined) throw unproven('decrypt token fail');
    const by = actorOf(request, { kind: 'user', id: known.userId, name: '' });
    return { accountId: known.accountId, projectId: known.projectId, may, by };
  }

  async #bySignature(request: WireRequest): Promise<Caller> {
    const authorization = requireAuthorization(request);
    const date = this.#requireDate(request);
    const row = `${authorization.accessKey} ${request.remote}`;
    if (this.#lockout.isLocked(row)) throw unproven('AK access failed to reach the limit,forbidden.');
    const key = await this.#options.accounts.findKey(authorization.accessKey);
    const canonical = requireCanonical(request, authorization);
    const right = sameText(sign(key?.secretKey ?? NOBODYS_SECRET, date, canonical), authorization.signature);
    if (key === undefined || !right) {
      this.#lockout.failed(row);
      throw unproven(
        key === undefined
          ? `ak ${authorization.accessKey} not exist`
          : `verify aksk signature fail, canonicalRequest:${showCanonical(canonical)}`,
      );
    }
    this.#lockout.succeeded(row);
    if (!key.enabled) throw new HuaweiError('forbidden', 'The access key is disabled.');
    this.#checkSecurityToken(request, key);
    const may = await this.#options.accounts.rightsOf(key);
    if (may === undefined) throw new HuaweiError('forbidden', 'The user of the access key is disabled.');
    this.#options.accounts.noteUse(key.accessKey);
    const by = actorOf(request, { kind: 'accessKey', id: key.accessKey, name: '' });
    return { accountId: key.accountId, projectId: key.projectId, may, by };
  }

  #checkSecurityToken(request: WireRequest, { token, expiresAt }: AccessKey): void {
    const given = headerValues(request.rawHeaders, 'x-security-token').map(value => value.trim());
    const wanted = token === null ? [] : [token];
    if (given.length !== wanted.length || !given.every((value, at) => sameText(value, wanted[at] ?? ''))) {
      throw unproven('decrypt token fail');
    }
    if (expiresAt !== null && expiresAt <= this.#options.now()) throw renewToken();
  }

  #requireDate(request: WireRequest): string {
    const [date, ...more] = headerValues(request.rawHeaders, 'x-sdk-date');
    if (date === undefined || more.length > 0) {
      throw unproven('calc aksk signature fail:X-Sdk-Date must stand exactly once');
    }
    const text = date.trim();
    const at = readSdkDate(text);
    if (at === undefined) throw unproven('calc aksk signature fail:X-Sdk-Date must be like 20060102T150405Z');
    const now = this.#options.now();
    if (Math.abs(now - at) > WINDOW_MS) {
      const times = `signature time:${text},server time:${printSdkDate(now)}`;
      throw unproven(`calc aksk signature fail:signature expired, ${times}`);
    }
    return text;
  }
}

const unproven = (why: string): HuaweiError =>
  new HuaweiError('identity', `Incorrect IAM authentication information: ${why}`);

const renewToken = (): HuaweiError => new HuaweiError('renewToken', 'The token must be updated.');

const wrongProject = (): HuaweiError => new HuaweiError('project', 'The project ID does not match the credentials.');

function checkProjectHeader(request: WireRequest, caller: Caller): void {
  const named = headerValues(request.rawHeaders, 'x-project-id');
  if (named.some(projectId => projectId.trim() !== caller.projectId)) throw wrongProject();
}

function requireAuthorization(request: WireRequest): Authorization {
  const [header, ...more] = headerValues(request.rawHeaders, 'authorization');
  if (header === undefined) throw unproven('x-auth-token or Authorization not found');
  if (more.length > 0) throw unproven('Authorization stands more than once');
  if (header.trim().split(' ', 1)[0] !== ALGORITHM) {
    throw unproven(`the algorithm is not supported, use ${ALGORITHM}`);
  }
  const authorization = readAuthorization(header);
  if (authorization === undefined) throw unproven('Authorization format incorrect');
  if (!authorization.signedHeaders.includes('x-sdk-date')) throw unproven('x-sdk-date must be signed');
  return authorization;
}

/** A hash of the body that the client sends along must be the body's: unsigned bodies are not taken. */
function requireCanonical(request: WireRequest, { signedHeaders }: Authorization): string {
  const canonical = canonicalRequest(request, signedHeaders);
  if (canonical === undefined) throw unproven('verify aksk signature fail, a signed header is missing');
  const claimed = headerValues(request.rawHeaders, 'x-sdk-content-sha256');
  const actual = canonical.slice(canonical.lastIndexOf('\n') + 1);
  if (claimed.some(hash => hash.trim() !== actual)) {
    throw unproven('verify aksk signature fail, X-Sdk-Content-Sha256 is not the hash of the body');
  }
  return canonical;
}

/** The gateway shows line ends as bars. Whatever else is signed, a token is not shown. */
const showCanonical = (canonical: string): string =>
  canonical
    .replaceAll(/^(x-security-token|x-auth-token|authorization|cookie):.*$/gm, '$1:***')
    .replaceAll('\n', '|')
    .slice(0, 4096);
