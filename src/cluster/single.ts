import type { Cluster, Lease } from './cluster.ts';

/**
 * A single node agrees with itself: its lease has no end but the node's own, and a claim is refused only where a newer
 * one stands. Nothing is remembered over a restart; the epochs in the store are, and they only rise.
 */
export class SingleCluster implements Cluster {
  readonly #lost = new AbortController();
  readonly #epochs = new Map<string, number>();
  readonly #lease: Lease;

  constructor(nodeId: string) {
    this.#lease = { nodeId, signal: this.#lost.signal, deadline: () => Number.POSITIVE_INFINITY };
  }

  async join(): Promise<Lease> {
    this.#lost.signal.throwIfAborted();
    return this.#lease;
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

  async close(): Promise<void> {
    this.#epochs.clear();
    this.#lost.abort(new Error('the node has left'));
  }
}
