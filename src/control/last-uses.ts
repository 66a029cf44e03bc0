import type { Store } from '../store/store.ts';

/** Near enough to tell whether somebody still uses a key, and seldom enough to cost nothing. */
const STEP_MS = 60_000;
const MOST_KNOWN = 10_000;

export interface LastUsesOptions {
  readonly store: Pick<Store, 'setLastUse'>;
  /** Wall clock. */
  readonly now: () => number;
}

/** When keys were used last, to the minute. */
export class LastUses {
  readonly #options: LastUsesOptions;
  readonly #noted = new Map<string, number>();

  constructor(options: LastUsesOptions) {
    this.#options = options;
  }

  note(keyId: string): void {
    const { store, now } = this.#options;
    const at = now();
    const noted = this.#noted.get(keyId);
    // A clock that was set back stops nothing for longer.
    if (noted !== undefined && Math.abs(at - noted) < STEP_MS) return;
    this.#noted.delete(keyId);
    const [oldest] = this.#noted.size < MOST_KNOWN ? [] : this.#noted.keys();
    if (oldest !== undefined) this.#noted.delete(oldest);
    this.#noted.set(keyId, at);
    // A call is not refused for what nobody may ever ask.
    store.setLastUse(keyId, at).catch(() => this.#noted.delete(keyId));
  }
}
