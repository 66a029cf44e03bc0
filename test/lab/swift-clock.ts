/** The longest that a timer is set for: it is looked again then. */
const LONGEST_WAIT_MS = 1_000;
const TICK_MS = 2;
const LONGEST_TICK_MS = 10;

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * A wall clock that goes so many times as fast as the real one, and can be put forward. Who sleeps on it wakes by it. While
 * the process stands still it does so too: nobody could do anything in that time, which would be long on this clock.
 */
export class SwiftClock {
  readonly #speed: number;
  readonly #startedAt: number;
  readonly #sleepers = new Set<Sleeper>();
  #elapsed = 0;
  readonly #ticking: NodeJS.Timeout;
  #readMs = performance.now();

  constructor({ speed, startAt }: { readonly speed: number; readonly startAt: number }) {
    this.#speed = speed;
    this.#startedAt = startAt;
    // Whoever is not looked at for long is taken to stand still.
    this.#ticking = setInterval(() => this.elapsed(), TICK_MS);
  }

  readonly now = (): number => Math.floor(this.#startedAt + this.elapsed());

  readonly elapsed = (): number => {
    const nowMs = performance.now();
    this.#elapsed += Math.min(LONGEST_TICK_MS, nowMs - this.#readMs) * this.#speed;
    this.#readMs = nowMs;
    return this.#elapsed;
  };

  /** What that much time is on a real clock. */
  real(ms: number): number {
    return ms / this.#speed;
  }

  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const sleeper: Sleeper = {
        at: this.elapsed() + ms,
        wake: () => {
          signal.removeEventListener('abort', end);
          this.#sleepers.delete(sleeper);
          resolve();
        },
        timer: undefined,
      };
      const end = (): void => {
        clearTimeout(sleeper.timer);
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      };
      signal.addEventListener('abort', end, { once: true });
      this.#sleepers.add(sleeper);
      this.#set(sleeper);
    });

  /** Puts the clock forward: whoever would have woken in between does so now. */
  jump(ms: number): void {
    this.#elapsed += ms;
    for (const sleeper of [...this.#sleepers].sort((one, other) => one.at - other.at)) this.#set(sleeper);
  }

  close(): void {
    clearInterval(this.#ticking);
    for (const { timer } of this.#sleepers) clearTimeout(timer);
  }

  #set(sleeper: Sleeper): void {
    clearTimeout(sleeper.timer);
    const leftMs = this.real(sleeper.at - this.elapsed());
    if (leftMs <= 0) sleeper.wake();
    else sleeper.timer = setTimeout(() => this.#set(sleeper), Math.min(LONGEST_WAIT_MS, leftMs));
  }
}
