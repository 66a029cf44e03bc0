import type { Cluster } from '../cluster/cluster.ts';
import type { Store } from '../store/store.ts';
import { canonicalPush, leadsToPeer } from './push-address.ts';
import type { Log } from './record.ts';
import { isActive } from './run-news.ts';

/** Another task pushes there: a run of this one would be a second pusher. */
export class DestinationTaken extends Error {
  override readonly name = 'DestinationTaken';

  constructor() {
    super('its destination is pushed to by another task');
  }
}

export interface DestinationsOptions {
  readonly store: Pick<Store, 'takeDestination' | 'leaveDestination' | 'get' | 'release'>;
  readonly cluster: Pick<Cluster, 'isGone' | 'say' | 'hear'>;
  /** Told which tasks may try again, for the one that they have waited for has left. */
  readonly freed: (taskIds: readonly string[]) => void;
  readonly log: Log;
}

const TOPIC = 'destination';

/**
 * One destination, one task. Whoever is about to push takes the address in the store, and leaves it when its push is
 * closed and it is not to go on: the store has one row for each address, whatever node asks.
 */
export class Destinations {
  readonly #options: DestinationsOptions;
  /** Who waits here for whom. */
  readonly #waiting = new Map<string, string>();
  readonly #deafen: () => void;

  constructor(options: DestinationsOptions) {
    this.#options = options;
    this.#deafen = options.cluster.hear(TOPIC, message => this.#free(leaverOf(message)));
  }

  /** Rejects with DestinationTaken while another task has the address. */
  async take(taskId: string, url: string): Promise<void> {
    if (!leadsToPeer(url)) return;
    const address = canonicalPush(url);
    const holder = await this.#options.store.takeDestination(address, taskId);
    if (holder === undefined || (await this.#takeFromDead(holder, { address, taskId }))) {
      this.#waiting.delete(taskId);
      return;
    }
    this.#waiting.set(taskId, holder);
    throw new DestinationTaken();
  }

  /** To be called once the task's push is closed, whatever is to follow: where it is to go on, it keeps the address. */
  async leave(taskId: string): Promise<void> {
    this.#waiting.delete(taskId);
    const { store, cluster, log } = this.#options;
    try {
      await store.leaveDestination(taskId);
    } catch (cause) {
      // Whoever wants it finds out by itself that nobody acts for the task any more.
      log('a destination was not left', { taskId, cause });
    }
    cluster.say(TOPIC, { left: taskId });
    this.#free(taskId);
  }

  close(): void {
    this.#deafen();
  }

  /** Nobody else clears what a node has left behind that died while it closed the push of a task that was over. */
  async #takeFromDead(holder: string, { address, taskId }: { address: string; taskId: string }): Promise<boolean> {
    const { store, cluster } = this.#options;
    const task = await store.get(holder);
    if (task === undefined || isActive(task) || task.node === '' || !cluster.isGone(task.node)) return false;
    await store.release(holder, task.node, task.epoch);
    return (await store.takeDestination(address, taskId)) === undefined;
  }

  #free(holder: string | undefined): void {
    const freed = [...this.#waiting].filter(([, awaited]) => awaited === holder).map(([taskId]) => taskId);
    if (freed.length > 0) this.#options.freed(freed);
  }
}

/** What other nodes say was written by any version of ours. */
const leaverOf = (message: unknown): string | undefined =>
  typeof message === 'object' && message !== null && 'left' in message && typeof message.left === 'string'
    ? message.left
    : undefined;
