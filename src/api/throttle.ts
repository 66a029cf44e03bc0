import { type Peers, Telling } from './peers.ts';

/** Bounds how often an account may call an operation. Nodes of a cluster share theirs. */
export interface Throttle {
  /** 0 where the call may go on, which counts it; else how many milliseconds to wait. */
  take(account: string, operation: string): number;
}

export interface ThrottleOptions {
  /** Or in whatever the window is; 0: no limit. */
  readonly callsPerSecond: number;
  readonly windowMs?: number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  /** How many pairs of account and operation are remembered. */
  readonly capacity?: number;
  /** Whose calls count as well, told under that topic. */
  readonly shared?: { readonly peers: Peers; readonly topic: string } | undefined;
}

const WINDOW_MS = 1_000;
/** Longer is no account and no operation of ours. */
const MOST_KEY = 512;
/** For how many windows what nodes have let through together, before they heard of each other, is made up for. */
const MOST_MADE_UP = 10;

interface Call {
  readonly key: string;
  readonly at: number;
}

/**
 * So many calls in any second (or window) whatever its beginning, and not one more. Of several nodes, each lets through
 * as many until it hears of the others' calls; what was too much then is taken from the seconds that follow.
 */
export class RollingThrottle implements Throttle {
  readonly #callsPerSecond: number;
  readonly #now: () => number;
  readonly #capacity: number;
  readonly #windowMs: number;
  readonly #telling: Telling<Call> | undefined;
  /** When each call of the last second was let through, or should have been; who called last stands last. */
  readonly #passed = new Map<string, number[]>();

  constructor({ callsPerSecond, now, capacity = 10_000, windowMs = WINDOW_MS, shared }: ThrottleOptions) {
    this.#callsPerSecond = callsPerSecond;
    this.#now = now;
    this.#capacity = capacity;
    this.#windowMs = windowMs;
    if (shared === undefined || callsPerSecond === 0) return;
    const print = ({ key, at }: Call): unknown => [key, Math.round(now() - at)];
    this.#telling = new Telling({ ...shared, print, heard: call => this.#countIn(call) });
  }

  take(account: string, operation: string): number {
    if (this.#callsPerSecond === 0) return 0;
    const now = this.#now();
    const key = `${account} ${operation}`;
    const passed = this.#recent(key, now);
    const free = this.#freeAt(passed);
    if (free > now) return Math.ceil(free - now);
    passed.push(now);
    this.#keep(key, passed);
    this.#telling?.tell({ key, at: now });
    return 0;
  }

  /** A call that another node has let through. Where it was one too many, the next free moment is its. */
  #countIn(told: unknown): void {
    const now = this.#now();
    const call = readCall(told, { now, windowMs: this.#windowMs });
    if (call === undefined) return;
    const passed = this.#recent(call.key, now);
    const at = Math.max(call.at, Math.min(this.#freeAt(passed), now + MOST_MADE_UP * this.#windowMs));
    passed.splice(passed.findLastIndex(other => other <= at) + 1, 0, at);
    if (passed.length > this.#callsPerSecond) passed.shift();
    this.#keep(call.key, passed);
  }

  #recent(key: string, now: number): number[] {
    const passed = this.#passed.get(key) ?? [];
    const firstRecent = passed.findIndex(at => now - at < this.#windowMs);
    passed.splice(0, firstRecent < 0 ? passed.length : firstRecent);
    return passed;
  }

  /** When one more may pass. */
  #freeAt(passed: readonly number[]): number {
    const [oldest] = passed;
    return oldest === undefined || passed.length < this.#callsPerSecond
      ? Number.NEGATIVE_INFINITY
      : oldest + this.#windowMs;
  }

  #keep(key: string, passed: number[]): void {
    this.#passed.delete(key);
    this.#makeRoom();
    this.#passed.set(key, passed);
  }

  #makeRoom(): void {
    if (this.#passed.size < this.#capacity) return;
    const [oldest] = this.#passed.keys();
    if (oldest !== undefined) this.#passed.delete(oldest);
  }
}

/** By our clock; undefined where it is none, or counts no more. */
function readCall(
  told: unknown,
  { now, windowMs }: { readonly now: number; readonly windowMs: number },
): Call | undefined {
  if (!Array.isArray(told)) return undefined;
  const [key, agoMs]: readonly unknown[] = told;
  if (typeof key !== 'string' || key.length > MOST_KEY || typeof agoMs !== 'number') return undefined;
  return agoMs >= 0 && agoMs < windowMs ? { key, at: now - agoMs } : undefined;
}
