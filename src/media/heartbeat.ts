import type { Relay } from './relay.ts';

/** The worker's tick: visits every relay in one go. Fewer wake-ups are what makes a relay cheap. */
export class Heartbeat {
  readonly #tickMs: number;
  readonly #onBug: (relay: Relay, error: unknown) => void;
  readonly #onBeat: () => void;
  readonly #mayVisit: () => boolean;
  readonly #relays = new Set<Relay>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * `onBug` is told of what only our own mistake can throw out of a tick; the other relays go on. `onBeat` is called when
   * all relays have had their turn. `mayVisit` is asked before each of them; behind a no the others wait for the next beat.
   */
  constructor(options: {
    tickMs: number;
    onBug: (relay: Relay, error: unknown) => void;
    onBeat?: () => void;
    mayVisit?: () => boolean;
  }) {
    this.#tickMs = options.tickMs;
    this.#onBug = options.onBug;
    this.#onBeat = options.onBeat ?? (() => {});
    this.#mayVisit = options.mayVisit ?? (() => true);
  }

  add(relay: Relay): void {
    this.#relays.add(relay);
    this.#timer ??= setInterval(() => this.#beat(), this.#tickMs);
  }

  remove(relay: Relay): void {
    this.#relays.delete(relay);
    if (this.#relays.size === 0) this.close();
  }

  #beat(): void {
    for (const relay of this.#relays) {
      if (!this.#mayVisit()) break;
      try {
        relay.tick();
      } catch (error) {
        this.#onBug(relay, error);
      }
    }
    this.#onBeat();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#relays.clear();
  }
}
