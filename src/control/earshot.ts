import type { Cluster } from '../cluster/cluster.ts';
import type { Log } from './record.ts';

export interface EarshotOptions {
  readonly cluster: Pick<Cluster, 'isReachable' | 'follow'>;
  readonly log: Log;
}

/** Says when the others cannot be talked to, and when they can again; runs go on meanwhile. */
export class Earshot {
  readonly #options: EarshotOptions;
  readonly #unfollow: () => void;
  #isHeard = true;

  constructor(options: EarshotOptions) {
    this.#options = options;
    this.#unfollow = options.cluster.follow(() => this.#look());
  }

  /** In a word, for whoever watches over the node. */
  get word(): 'reached' | 'away' {
    return this.#options.cluster.isReachable ? 'reached' : 'away';
  }

  close(): void {
    this.#unfollow();
  }

  #look(): void {
    const { cluster, log } = this.#options;
    if (cluster.isReachable === this.#isHeard) return;
    this.#isHeard = cluster.isReachable;
    if (this.#isHeard) log('NATS is back: the other nodes are heard again', {});
    else
      log('NATS is away: runs go on and tasks start, but what a lost node leaves has to wait', {
        cause: new Error('the connection is lost'),
      });
  }
}
