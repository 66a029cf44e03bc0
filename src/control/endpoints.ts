import type { Delivery, Endpoint, Store } from '../store/store.ts';
import type { Log } from './record.ts';

export interface EndpointsOptions {
  readonly store: Pick<Store, 'endpoints' | 'putEndpoint' | 'removeEndpoint'>;
  /** Wall clock. */
  readonly now: () => number;
  readonly log: Log;
}

/** A receiver that has taken nothing for so long is not sent anything any more, until its owner says so. */
export const PAUSED_AFTER_MS = 5 * 24 * 3_600_000;
/** Failures further apart than any gap of the schedule say nothing of the time in between. */
const APART_MS = 36 * 3_600_000;
/** What a failing receiver's row says of its newest failure may be so old. */
const REWRITTEN_AFTER_MS = 60_000;

interface Failing {
  readonly row: Endpoint;
  readonly lastFailedAt: number;
  readonly writtenAt: number;
}

/** Who takes nothing, and since when. One that takes callbacks is not known here. */
export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #failing = new Map<string, Failing>();

  constructor(options: EndpointsOptions) {
    this.#options = options;
  }

  /** Answers how many there are. */
  async load(): Promise<number> {
    const { store, now } = this.#options;
    for (const row of await store.endpoints()) {
      this.#failing.set(row.id, { row, lastFailedAt: now(), writtenAt: row.failingSince });
    }
    return this.#failing.size;
  }

  find(id: string): Endpoint | undefined {
    return this.#failing.get(id)?.row;
  }

  isPaused(id: string): boolean {
    return this.find(id)?.pausedAt != null;
  }

  /** Notes a try that failed; answers the receiver where this pauses it. */
  async failed(delivery: Delivery, error: string): Promise<Endpoint | undefined> {
    const now = this.#options.now();
    const known = this.#failing.get(delivery.endpoint);
    // A clock that was set back makes nothing older.
    const isOne = known !== undefined && now - known.lastFailedAt <= APART_MS && known.row.failingSince <= now;
    const before = isOne ? known : undefined;
    const failingSince = before?.row.failingSince ?? sinceOf(delivery, now);
    const isPaused = known?.row.pausedAt != null;
    const pauses = !isPaused && now - failingSince >= PAUSED_AFTER_MS;
    const pausedAt = pauses ? now : (known?.row.pausedAt ?? null);
    const { endpoint: id, accountId, url } = delivery;
    const row: Endpoint = { id, accountId, url, failingSince, pausedAt, lastError: error };
    const isStale = before === undefined || now - before.writtenAt >= REWRITTEN_AFTER_MS || pauses;
    this.#failing.set(id, { row, lastFailedAt: now, writtenAt: isStale ? now : before.writtenAt });
    if (isStale) await this.#write(() => this.#options.store.putEndpoint(row));
    return pauses ? row : undefined;
  }

  /** It has taken something, or is to be sent to again: known as well from now on, and anew where it fails again. */
  forgive(id: string): Endpoint | undefined {
    const row = this.find(id);
    this.#failing.delete(id);
    return row;
  }

  /** The last to go, behind whatever follows from it: a process that ends before finds it again. */
  async remove(id: string): Promise<void> {
    if (!this.#failing.has(id)) await this.#write(() => this.#options.store.removeEndpoint(id));
  }

  /** It only says less of a receiver when it cannot be written; what is here goes on to hold. */
  async #write(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (cause) {
      this.#options.log('how a receiver of callbacks fares cannot be stored', { cause });
    }
  }
}

/** As of the first event that it could not be told of. */
const sinceOf = ({ attempts, createdAt }: Delivery, now: number): number =>
  attempts === 0 ? Math.min(createdAt, now) : now;
