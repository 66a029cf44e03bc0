import type { Cluster, Offer } from '../cluster/cluster.ts';
import type { Store } from '../store/store.ts';
import type { Claims } from './claims.ts';
import { inParallel } from './parallel.ts';
import type { Log } from './record.ts';

const RELEASES_AT_ONCE = 32;

export interface PartingOptions {
  /** The name of this node. */
  readonly node: string;
  readonly store: Pick<Store, 'release'>;
  readonly cluster: Pick<Cluster, 'members' | 'offer'>;
  readonly claims: Pick<Claims, 'held'>;
  readonly log: Log;
}

/** What a node that ends leaves to the others, once its runs are closed: whatever it has acted for. */
export class Parting {
  readonly #options: PartingOptions;
  #isFollowed = false;

  constructor(options: PartingOptions) {
    this.#options = options;
  }

  /** Another control process goes on in this one's place, with its runs: there is nothing to leave. */
  follow(): void {
    this.#isFollowed = true;
  }

  get isFollowed(): boolean {
    return this.#isFollowed;
  }

  /** Never rejects: what cannot be told is found by the others themselves. */
  async close(): Promise<void> {
    const { node, cluster, claims, log } = this.#options;
    const hasOthers = cluster.members.some(({ name, presence }) => name !== node && presence === 'present');
    if (this.#isFollowed || !hasOthers) return;
    const held = claims.held.map(({ task }) => task);
    try {
      await inParallel(held, RELEASES_AT_ONCE, ({ id, epoch }) => this.#options.store.release(id, node, epoch));
      await cluster.offer(held.map(({ id, epoch, spec }): Offer => ({ taskId: id, epoch, region: spec.region })));
    } catch (cause) {
      log('what this node acted for was not offered to the others', { tasks: held.length, cause });
    }
  }
}
