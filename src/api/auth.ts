import { createHash, timingSafeEqual } from 'node:crypto';
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
  readonly lockedFrom: number;
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
  /**
   * Whether the other nodes are heard before the lock falls: whoever calls all of them in turn may get in at one as often as
   * he fails at another. Only for keys that nobody guesses in half a second.
   */
  readonly hearsPeers?: boolean;
}

/** An answer to what was gathered is gathered too, and both have a way to go. */
const GATHERED_TWICE = 2.5;

/** So long after a success here, a failure that another node tells of is not the beginning of a row. */
const BETWEEN_NODES_MS = 1_000;

/** Of what is longer, as no name of ours is, a digest is kept: whoever tries it would fill the memory. */
const MOST_ROW = 512;

const rowOf = (key: string): string =>
  key.length <= MOST_ROW ? key : createHash('sha256').update(key).digest('base64url');

interface Try {
  readonly row: string;
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
  readonly #peers: Peers | undefined;
  readonly #tallies = new Map<string, Tally>();
  /** Who got in lately, and when; kept where there are other nodes. */
  readonly #admitted = new Map<string, number>();

  constructor({ limit, lockMs, capacity, now, topic = '', peers, hearsPeers = false }: LockoutOptions) {
    this.#limit = limit ?? FAILURES_IN_A_ROW;
    this.#lockMs = lockMs ?? LOCK_MS;
    this.#capacity = capacity ?? 10_000;
    this.#now = now;
    this.#peers = hearsPeers ? peers : undefined;
    if (peers === undefined) return;
    const print = ({ row, hasFailed }: Try): unknown => [row, hasFailed];
    this.#telling = new Telling({ peers, topic, print, heard: told => this.#hear(told) });
  }

  isLocked(key: string): boolean {
    return this.#isLocked(rowOf(key));
  }

  /** Failures further apart than the lock lasts are not counted as a row. */
  failed(key: string): void {
    const row = rowOf(key);
    this.#count(row);
    this.#telling?.tell({ row, hasFailed: true });
  }

  succeeded(key: string): void {
    const row = rowOf(key);
    if (this.#telling) this.#admit(row);
    if (this.#tallies.delete(row)) this.#telling?.tell({ row, hasFailed: false });
  }

  #admit(row: string): void {
    this.#admitted.delete(row);
    this.#admitted.set(row, this.#now());
    const [oldest] = this.#admitted.keys();
    if (this.#admitted.size > this.#capacity && oldest !== undefined) this.#admitted.delete(oldest);
  }

  #isLocked(row: string): boolean {
    const { lockedFrom = 0, lockedUntil = 0 } = this.#tallies.get(row) ?? {};
    return lockedFrom <= this.#now() && this.#now() < lockedUntil;
  }

  get #graceMs(): number {
    return this.#peers?.arePresent ? GATHERED_TWICE * this.#peers.gatherMs : 0;
  }

  #count(row: string): void {
    const now = this.#now();
    const before = this.#tallies.get(row);
    // One that was on its way when the lock fell, or is about to fall, does not open it.
    if (before !== undefined && now < before.lockedUntil) return;
    const failures = (before !== undefined && now - before.lastAt <= this.#lockMs ? before.failures : 0) + 1;
    const locked = failures > this.#limit;
    this.#tallies.delete(row);
    this.#makeRoom();
    this.#tallies.set(row, {
      failures: locked ? 0 : failures,
      lastAt: now,
      lockedFrom: locked ? now + this.#graceMs : 0,
      lockedUntil: locked ? now + this.#graceMs + this.#lockMs : 0,
    });
  }

  /** What a node says that is no try of a key is not for us. */
  #hear(told: unknown): void {
    if (!Array.isArray(told)) return;
    const [row, hasFailed]: readonly unknown[] = told;
    if (typeof row !== 'string' || row.length > MOST_ROW) return;
    if (hasFailed === true && this.#hasJustGotIn(row)) this.#telling?.tell({ row, hasFailed: false });
    else if (hasFailed === true) this.#count(row);
    else if (hasFailed === false && !this.#isLocked(row)) this.#tallies.delete(row);
  }

  /** Whoever calls now this node and now that one fails at one of them alone: the other's successes end the row there. */
  #hasJustGotIn(row: string): boolean {
    const at = this.#admitted.get(row);
    return at !== undefined && Math.abs(this.#now() - at) < BETWEEN_NODES_MS;
  }

  #makeRoom(): void {
    if (this.#tallies.size < this.#capacity) return;
    const [oldest] = this.#tallies.keys();
    if (oldest !== undefined) this.#tallies.delete(oldest);
  }
}
