import type { Store } from '../store/store.ts';
import type { Sleep } from './deadline.ts';
import type { Log } from './record.ts';

export interface HousekeepingOptions {
  readonly store: Pick<Store, 'purgeEvents' | 'purgeDeliveries' | 'purgeAudit'>;
  readonly keepEventsMs: number;
  /** Wall clock. */
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly log: Log;
}

/** What was sent, or could not be, is kept for so long, so that it can be looked at and sent again. */
export const KEEP_DELIVERIES_MS = 30 * 24 * 3_600_000;
const ROUND_MS = 3_600_000;
/** A start has other things to do. */
const FIRST_ROUND_MS = 60_000;

/** Removes what is too old to be asked for. The store does it in portions, so that nobody waits long behind them. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #closed = new AbortController();
  #rounds: Promise<void> | undefined;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#rounds ??= this.#goRound();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#rounds;
  }

  async #goRound(): Promise<void> {
    const { signal } = this.#closed;
    for (let waitMs = FIRST_ROUND_MS; ; waitMs = ROUND_MS) {
      await this.#options.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#purge();
    }
  }

  async #purge(): Promise<void> {
    const { store, now, keepEventsMs, log } = this.#options;
    try {
      const deliveries = await store.purgeDeliveries(now() - KEEP_DELIVERIES_MS);
      const events = await store.purgeEvents(now() - keepEventsMs);
      const audit = await store.purgeAudit(now() - keepEventsMs);
      if (deliveries + events + audit > 0) log('old events and callbacks were removed', { events, deliveries, audit });
    } catch (cause) {
      log('old events and callbacks could not be removed; that is tried again in an hour', { cause });
    }
  }
}
