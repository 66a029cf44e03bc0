import type { Cluster, Lease, Member, MemberFacts, Offer, Taker } from './cluster.ts';

/**
 * A single node agrees with itself: its lease has no end but the node's own, an offer is its own to take, and a claim is
 * refused only where a newer one stands. Nothing is remembered over a restart; the epochs in the store are, and they
 * only rise.
 */
export class SingleCluster implements Cluster {
  readonly #lost = new AbortController();
  readonly #epochs = new Map<string, number>();
  readonly #lease: Lease;
  #facts: (() => MemberFacts) | undefined;
  #taker: Taker | undefined;

  constructor(node: string) {
    this.#lease = {
      node,
      signal: this.#lost.signal,
      deadline: () => Number.POSITIVE_INFINITY,
      onRenewal: () => () => {},
    };
  }

  async join(facts: () => MemberFacts): Promise<Lease> {
    this.#lost.signal.throwIfAborted();
    this.#facts = facts;
    return this.#lease;
  }

  get members(): readonly Member[] {
    const facts = this.#facts?.();
    return facts === undefined ? [] : [{ ...facts, name: this.#lease.node, presence: 'present' }];
  }

  /** Whoever else is named had this node's data before it. */
  isGone(node: string): boolean {
    return node !== this.#lease.node;
  }

  readonly isReachable = true;

  follow(): () => void {
    return () => {};
  }

  /** Regions are for those who have more than one. */
  async offer(offers: readonly Offer[]): Promise<void> {
    const taker = this.#taker;
    if (taker === undefined || this.#lost.signal.aborted) return;
    await Promise.all(offers.map(offer => taker.take(offer)));
  }

  serve(taker: Taker): () => void {
    this.#taker = taker;
    return () => {
      this.#taker = undefined;
    };
  }

  async claim(taskId: string, epoch: number): Promise<boolean> {
    if (this.#lost.signal.aborted) return false;
    const standing = this.#epochs.get(taskId);
    if (standing !== undefined && standing > epoch) return false;
    this.#epochs.set(taskId, epoch);
    return true;
  }

  /** A late release of an older epoch leaves the newer claim alone. */
  async release(taskId: string, epoch: number): Promise<void> {
    if (this.#epochs.get(taskId) === epoch) this.#epochs.delete(taskId);
  }

  /** There is nobody else to tell. */
  say(): void {}

  hear(): () => void {
    return () => {};
  }

  async ask(node: string): Promise<unknown> {
    throw new Error(`there is no node ${node}`);
  }

  answer(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    this.#epochs.clear();
    this.#lost.abort(new Error('the node has left'));
  }
}
