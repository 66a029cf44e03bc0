/** The longest that a timer is set for: it is looked again then. */
const LONGEST_WAIT_MS = 1_000;

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** A wall clock that goes so many times as fast as the real one, and can be put forward. Who sleeps on it wakes by it. */
export class SwiftClock {
  readonly #speed: number;
  readonly #startedAt: number;
  readonly #startedMs = performance.now();
  readonly #sleepers = new Set<Sleeper>();
  #jumpedMs = 0;

  constructor({ speed, startAt }: { readonly speed: number; readonly startAt: number }) {
    this.#speed = speed;
    this.#startedAt = startAt;
  }

  readonly now = (): number => Math.floor(this.#startedAt + this.elapsed());

  readonly elapsed = (): number => this.#jumpedMs + (performance.now() - this.#startedMs) * this.#speed;

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
    this.#jumpedMs += ms;
    for (const sleeper of [...this.#sleepers].sort((one, other) => one.at - other.at)) this.#set(sleeper);
  }

  #set(sleeper: Sleeper): void {
    clearTimeout(sleeper.timer);
    const leftMs = this.real(sleeper.at - this.elapsed());
    if (leftMs <= 0) sleeper.wake();
    else sleeper.timer = setTimeout(() => this.#set(sleeper), Math.min(LONGEST_WAIT_MS, leftMs));
  }
}
