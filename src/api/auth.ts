import { timingSafeEqual } from 'node:crypto';
import type { May } from '../control/policies.ts';
import type { Actor } from '../task/audit.ts';
import { type Peers, Telling } from './peers.ts';
import type { Target } from './target.ts';

const LOCK_MS = 5 * 60_000;
const FAILURES_IN_A_ROW = 5;

/** What a signature can be made over: the request as it came, before anything is parsed. */
export interface WireRequest {
  readonly method: string;
  readonly target: Target;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
  readonly remote: string;
  readonly requestId: string;
}

/** Who speaks, once that is proven. `projectId` is "" for somebody who acts for the account as a whole. */
export interface Caller {
  readonly accountId: string;
  readonly projectId: string;
  /** By the policies in force. Actions are named as the dialect's cloud names them. */
  readonly may: May;
  /** Who it is, for the audit log. */
  readonly by: Actor;
}

/** Whoever was proven to have sent the request. */
export const actorOf = (
  { remote, requestId }: Pick<WireRequest, 'remote' | 'requestId'>,
  who: Pick<Actor, 'kind' | 'id' | 'name'>,
): Actor => ({ ...who, remote, requestId });

/** Every value of one header, in the order received. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '');
  }
  return values;
}

/** Compares without telling by its time where two texts differ. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

interface Tally {
  readonly failures: number;
  readonly lastAt: number;
  readonly lockedUntil: number;
}

export interface LockoutOptions {
  readonly limit?: number;
  readonly lockMs?: number;
  readonly capacity?: number;
  readonly now: () => number;
  /** What these failures are told to the other nodes under, where there are any. */
  readonly topic?: string;
  readonly peers?: Peers | undefined;
}

/** Longer keys are told to nobody: no account has such names. */
const MOST_TOLD_KEY = 512;

interface Try {
  readonly key: string;
  readonly hasFailed: boolean;
}

/**
 * Locks out whoever fails too often in a row, at whichever node. The key must name the remote address beside the account,
 * so that a stranger's failures never lock the owner out. Bounded: the oldest tally makes room for a new one.
 */
export class Lockout {
  readonly #limit: number;
  readonly #lockMs: number;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #telling: Telling<Try> | undefined;
  readonly #tallies = new Map<string, Tally>();

  constructor({ limit, lockMs, capacity, now, topic = '', peers }: LockoutOptions) {
    this.#limit = limit ?? FAILURES_IN_A_ROW;
    this.#lockMs = lockMs ?? LOCK_MS;
    this.#capacity = capacity ?? 10_000;
    this.#now = now;
    if (peers === undefined) return;
    const print = ({ key, hasFailed }: Try): unknown => [key, hasFailed];
    this.#telling = new Telling({ peers, topic, print, heard: told => this.#hear(told) });
  }

  isLocked(key: string): boolean {
    return (this.#tallies.get(key)?.lockedUntil ?? 0) > this.#now();
  }

  /** Failures further apart than the lock lasts are not counted as a row. */
  failed(key: string): void {
    this.#count(key);
    this.#tell({ key, hasFailed: true });
  }

  succeeded(key: string): void {
    if (this.#tallies.delete(key)) this.#tell({ key, hasFailed: false });
  }

  #count(key: string): void {
    // One that was on its way when the lock fell does not open it.
    if (this.isLocked(key)) return;
    const now = this.#now();
    const before = this.#tallies.get(key);
    const failures = (before !== undefined && now - before.lastAt <= this.#lockMs ? before.failures : 0) + 1;
    const locked = failures > this.#limit;
    this.#tallies.delete(key);
    this.#makeRoom();
    this.#tallies.set(key, {
      failures: locked ? 0 : failures,
      lastAt: now,
      lockedUntil: locked ? now + this.#lockMs : 0,
    });
  }

  #tell(tried: Try): void {
    if (tried.key.length <= MOST_TOLD_KEY) this.#telling?.tell(tried);
  }

  /** What a node says that is no try of a key is not for us. */
  #hear(told: unknown): void {
    if (!Array.isArray(told)) return;
    const [key, hasFailed]: readonly unknown[] = told;
    if (typeof key !== 'string' || key.length > MOST_TOLD_KEY) return;
    if (hasFailed === true) this.#count(key);
    else if (hasFailed === false && !this.isLocked(key)) this.#tallies.delete(key);
  }

  #makeRoom(): void {
    if (this.#tallies.size < this.#capacity) return;
    const [oldest] = this.#tallies.keys();
    if (oldest !== undefined) this.#tallies.delete(oldest);
  }
}
