import { throttled } from './error.ts';

/** Lets so many looks at what lies outside be taken at once, over all accounts; those beyond are sent away. */
export class AtOnce {
  readonly #most: number;
  readonly #retryMs: number;
  #running = 0;

  constructor({ most, retryMs }: { readonly most: number; readonly retryMs: number }) {
    this.#most = most;
    this.#retryMs = retryMs;
  }

  async take<Found>(look: () => Promise<Found>): Promise<Found> {
    if (this.#running >= this.#most) throw throttled('The node is looking at others now.', this.#retryMs);
    this.#running++;
    try {
      return await look();
    } finally {
      this.#running--;
    }
  }
}
