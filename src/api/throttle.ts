/** Bounds how often an account may call an operation. Behind an interface, for nodes of a cluster may share one. */
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

/** So many calls in any second (or window) whatever its beginning, and not one more. */
export class RollingThrottle implements Throttle {
  readonly #callsPerSecond: number;
  readonly #now: () => number;
  readonly #capacity: number;
  readonly #windowMs: number;
  /** When each call of the last second was let through; who called last stands last. */
  readonly #passed = new Map<string, number[]>();

  constructor({ callsPerSecond, now, capacity = 10_000, windowMs = WINDOW_MS }: ThrottleOptions) {
    this.#callsPerSecond = callsPerSecond;
    this.#now = now;
    this.#capacity = capacity;
    this.#windowMs = windowMs;
  }

  take(account: string, operation: string): number {
    if (this.#callsPerSecond === 0) return 0;
    const now = this.#now();
    const key = `${account} ${operation}`;
    const passed = this.#passed.get(key) ?? [];
    const firstRecent = passed.findIndex(at => now - at < this.#windowMs);
    passed.splice(0, firstRecent < 0 ? passed.length : firstRecent);
    const [oldest] = passed;
    if (oldest !== undefined && passed.length >= this.#callsPerSecond) return Math.ceil(oldest + this.#windowMs - now);
    passed.push(now);
    this.#passed.delete(key);
    this.#makeRoom();
    this.#passed.set(key, passed);
    return 0;
  }

  #makeRoom(): void {
    if (this.#passed.size < this.#capacity) return;
    const [oldest] = this.#passed.keys();
    if (oldest !== undefined) this.#passed.delete(oldest);
  }
}
