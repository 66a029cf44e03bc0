import type { Cluster, Lease, MemberFacts } from '../cluster/cluster.ts';
import type { Claims } from './claims.ts';
import type { Sleep } from './deadline.ts';
import type { Reconciler } from './reconciler.ts';
import type { Log } from './record.ts';
import type { Supervisor } from './supervisor.ts';

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
  #joining: Promise<void> | undefined;

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
  }

  /** Holds no more on to it: what becomes of the lease is the cluster's business. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#joining;
  }

  #begin(lease: Lease): void {
    this.#lease = lease;
    const deadlineMs = lease.deadline();
    this.#options.supervisor.lease(Number.isFinite(deadlineMs) ? deadlineMs : null);
    lease.onRenewal(untilMs => this.#options.supervisor.lease(untilMs));
    lease.signal.addEventListener('abort', () => this.#lose(lease), { once: true });
  }

  #lose(lease: Lease): void {
    if (this.#closed.signal.aborted || this.#lease !== lease) return;
    const { claims, supervisor, log } = this.#options;
    supervisor.cut();
    claims.cut();
    log('the lease of this node is lost: all its runs are ended', { cause: lease.signal.reason });
    this.#joining = this.#joinAnew();
  }

  async #joinAnew(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; !this.#closed.signal.aborted; waitMs = Math.min(MOST_WAIT_MS, waitMs * 2)) {
      await this.#options.sleep(waitMs, this.#closed.signal).catch(() => undefined);
      if (this.#closed.signal.aborted) return;
      const lease = await this.#options.cluster.join(this.#options.facts).catch(() => undefined);
      if (lease?.signal.aborted === false) return this.#resume(lease);
    }
  }

  #resume(lease: Lease): void {
    if (this.#closed.signal.aborted) return;
    const { claims, reconciler, log } = this.#options;
    this.#begin(lease);
    claims.resume();
    reconciler.hasten();
    log('this node has a lease again', {});
  }
}
