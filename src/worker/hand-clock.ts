import type { Relay } from '../media/relay.ts';

const TICK_MS = 50;

/** For tests: a clock that moves only when told to, tick by tick; between ticks everything that can go on does. */
export class HandClock {
  nowMs = 1_000;
  readonly relays = new Set<Relay>();
  onBug: (relay: Relay, error: unknown) => void = () => {};
  readonly #sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const sleeper = { atMs: this.nowMs + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      const call = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      };
      if (signal.aborted) call();
      signal.addEventListener('abort', call, { once: true });
    });

  get sleepers(): number {
    return this.#sleepers.size;
  }

  async advance(ms: number): Promise<void> {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs = Math.min(endMs, this.nowMs + TICK_MS);
      for (const sleeper of this.#sleepers) {
        if (sleeper.atMs > this.nowMs) continue;
        this.#sleepers.delete(sleeper);
        sleeper.wake();
      }
      for (const relay of [...this.relays]) this.#tick(relay);
      await new Promise(setImmediate);
    }
  }

  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    for (const endMs = this.nowMs + limitMs; !condition(); ) {
      if (this.nowMs >= endMs) throw new Error('it did not come to pass');
      await this.advance(TICK_MS);
    }
  }

  #tick(relay: Relay): void {
    try {
      relay.tick();
    } catch (error) {
      this.onBug(relay, error);
    }
  }
}
