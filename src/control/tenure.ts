import type { Cluster, Lease, MemberFacts } from '../cluster/cluster.ts';
import type { Claims } from './claims.ts';
import type { Sleep } from './deadline.ts';
import type { Reconciler } from './reconciler.ts';
import type { Log } from './record.ts';
import type { Supervisor } from './supervisor.ts';

/** How often the workers are told of a deadline that has moved. */
const TELL_MS = 200;
const FIRST_WAIT_MS = 500;
const MOST_WAIT_MS = 5_000;

export interface TenureOptions {
  readonly cluster: Pick<Cluster, 'join'>;
  readonly facts: () => MemberFacts;
  readonly supervisor: Pick<Supervisor, 'lease' | 'cut'>;
  readonly claims: Pick<Claims, 'cut' | 'resume'>;
  readonly reconciler: Pick<Reconciler, 'hasten'>;
  readonly sleep: Sleep;
  readonly log: Log;
}

/** Holds the node's lease: hands its deadline on to the workers, ends everything when it is lost, and joins anew. */
export class Tenure {
  readonly #options: TenureOptions;
  readonly #closed = new AbortController();
  #lease: Lease | undefined;
  #loop: Promise<void> | undefined;
  #toldMs: number | undefined;

  constructor(options: TenureOptions) {
    this.#options = options;
  }

  /** Whether the node may act. */
  get holds(): boolean {
    return this.#lease?.signal.aborted === false;
  }

  /** Resolves with the first lease; throws where it cannot be had. */
  async start(): Promise<void> {
    this.#begin(await this.#options.cluster.join(this.#options.facts));
    this.#loop = this.#run();
  }

  /** Holds no more on to it: what becomes of the lease is the cluster's business. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#loop;
  }

  #begin(lease: Lease): void {
    this.#lease = lease;
    this.#tell(lease);
    lease.signal.addEventListener('abort', () => this.#lose(lease), { once: true });
  }

  #tell(lease: Lease): void {
    const deadlineMs = lease.deadline();
    if (deadlineMs === this.#toldMs) return;
    this.#toldMs = deadlineMs;
    this.#options.supervisor.lease(Number.isFinite(deadlineMs) ? deadlineMs : null);
  }

  #lose(lease: Lease): void {
    if (this.#closed.signal.aborted || this.#lease !== lease) return;
    const { claims, supervisor, log } = this.#options;
    supervisor.cut();
    claims.cut();
    log('the lease of this node is lost: all its runs are ended', { cause: lease.signal.reason });
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      const lease = this.#lease;
      if (lease?.signal.aborted === false) this.#tell(lease);
      else await this.#joinAnew();
      // A lease without an end has nothing to be told of.
      if (this.#toldMs === Number.POSITIVE_INFINITY) return;
      await this.#options.sleep(TELL_MS, this.#closed.signal).catch(() => undefined);
    }
  }

  async #joinAnew(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; !this.#closed.signal.aborted; waitMs = Math.min(MOST_WAIT_MS, waitMs * 2)) {
      const lease = await this.#options.cluster.join(this.#options.facts).catch(() => undefined);
      if (lease?.signal.aborted === false) return this.#resume(lease);
      await this.#options.sleep(waitMs, this.#closed.signal).catch(() => undefined);
    }
  }

  #resume(lease: Lease): void {
    const { claims, reconciler, log } = this.#options;
    this.#begin(lease);
    claims.resume();
    reconciler.hasten();
    log('this node has a lease again', {});
  }
}
