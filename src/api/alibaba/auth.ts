import type { Accounts } from '../../control/accounts.ts';
import { type AccessKey, isAccessKeyId } from '../../task/account.ts';
import { actorOf, type Caller, Lockout, sameText, type WireRequest } from '../auth.ts';
import type { Peers } from '../peers.ts';
import { AlibabaError, invalid, missing, refused } from './error.ts';
import type { NonceMemory } from './nonces.ts';
import type { Params } from './params.ts';
import { type Proof, readProof } from './proof.ts';
import { readTime } from './time.ts';

const MOST_NONCE_LENGTH = 256;

export interface GateOptions {
  readonly accounts: Pick<Accounts, 'findKey' | 'rightsOf' | 'noteUse'>;
  readonly nonces: NonceMemory;
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
    this.#lockout = new Lockout({
      now: options.now,
      peers: options.peers,
      topic: 'failures-alibaba',
      hearsPeers: true,
    });
  }

  async identify(request: WireRequest, params: Params): Promise<Caller> {
    const proof = readProof(request, params);
    if (proof.accessKey === undefined) throw missing('AccessKeyId');
    // Nobody's, and not to be remembered: it may be very long.
    if (!isAccessKeyId(proof.accessKey)) throw refused('InvalidAccessKeyId.NotFound');
    const row = `${proof.accessKey} ${request.remote}`;
    if (this.#lockout.isLocked(row)) throw refused('InvalidAccessKeyId.Locked');
    try {
      const caller = await this.#check(proof, proof.accessKey, request);
      this.#lockout.succeeded(row);
      return caller;
    } catch (error) {
      if (error instanceof AlibabaError && GUESSES.has(error.code)) this.#lockout.failed(row);
      throw error;
    }
  }

  async #check(proof: Proof, accessKey: string, request: WireRequest): Promise<Caller> {
    proof.requireForm();
    const key = await this.#options.accounts.findKey(accessKey);
    if (key === undefined) throw refused('InvalidAccessKeyId.NotFound');
    const may = key.enabled ? await this.#options.accounts.rightsOf(key) : undefined;
    if (may === undefined) throw refused('InvalidAccessKeyId.Inactive');
    this.#checkToken(key, proof.securityToken);
    // The window's last moment is still within it.
    const until = this.#requireTime(proof) + proof.windowMs + 1;
    const nonce = requireNonce(proof);
    if (!proof.isRight(key.secretKey)) throw proof.mismatch();
    // Only now: whoever cannot sign must not use up the nonces of somebody who can.
    if (!(await this.#options.nonces.remember(accessKey, nonce, until))) throw refused('SignatureNonceUsed');
    this.#options.accounts.noteUse(accessKey);
    const by = actorOf(request, { kind: 'accessKey', id: accessKey, name: '' });
    return { accountId: key.accountId, projectId: key.projectId, may, by };
  }

  #checkToken(key: AccessKey, given: string | undefined): void {
    if (key.token === null && given === undefined) return;
    if (given === undefined) throw missing('SecurityToken');
    if (key.token === null || !sameText(key.token, given)) {
      throw refused('InvalidSecurityToken.MismatchWithAccessKey');
    }
    if (key.expiresAt !== null && key.expiresAt <= this.#options.now()) {
      throw refused('InvalidSecurityToken.Expired');
    }
  }

  #requireTime({ timestamp, windowMs }: Proof): number {
    if (timestamp === undefined) throw missing('Timestamp');
    const at = readTime(timestamp);
    if (at === undefined) throw refused('InvalidTimeStamp.Format');
    if (Math.abs(this.#options.now() - at) > windowMs) throw refused('InvalidTimeStamp.Expired');
    return at;
  }
}

/** What somebody is told who tries keys, secrets or tokens. */
const GUESSES: ReadonlySet<string> = new Set([
  'InvalidAccessKeyId.NotFound',
  'InvalidSecurityToken.MismatchWithAccessKey',
  'SignatureDoesNotMatch',
]);

function requireNonce({ nonce }: Proof): string {
  if (nonce === undefined) throw missing('SignatureNonce');
  if (nonce.length > MOST_NONCE_LENGTH) throw invalid('SignatureNonce');
  return nonce;
}
