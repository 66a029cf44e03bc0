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
}

const WINDOW_MS = 1_000;

export const keyOf = (account: string, operation: string): string => `${account} ${operation}`;

/** So many calls in any second (or window) whatever its beginning, and not one more. */
export class RollingThrottle implements Throttle {
  readonly #callsPerSecond: number;
  readonly #now: () => number;
  readonly #capacity: number;
  readonly #windowMs: number;
  /** When each call of the last second was let through; who called last stands last. */
  readonly #passed = new Map<string, readonly number[]>();

  constructor({ callsPerSecond, now, capacity = 10_000, windowMs = WINDOW_MS }: ThrottleOptions) {
    this.#callsPerSecond = callsPerSecond;
    this.#now = now;
    this.#capacity = capacity;
    this.#windowMs = windowMs;
  }

  take(account: string, operation: string): number {
    if (this.#callsPerSecond === 0) return 0;
    const now = this.#now();
    const key = keyOf(account, operation);
    const passed = this.#recent(key, now);
    const [oldest] = passed;
    if (oldest !== undefined && passed.length >= this.#callsPerSecond) return Math.ceil(oldest + this.#windowMs - now);
    this.#keep(key, [...passed, now]);
    return 0;
  }

  /** Counts calls that were let through elsewhere, as if they had come here now. */
  count(key: string, calls: number): void {
    const now = this.#now();
    const more = Array<number>(Math.max(0, Math.min(calls, this.#callsPerSecond))).fill(now);
    if (more.length > 0) this.#keep(key, [...this.#recent(key, now), ...more].slice(-this.#callsPerSecond));
  }

  #recent(key: string, now: number): readonly number[] {
    return (this.#passed.get(key) ?? []).filter(at => now - at < this.#windowMs);
  }

  #keep(key: string, passed: readonly number[]): void {
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
