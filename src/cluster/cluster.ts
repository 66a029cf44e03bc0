/** A node's right to act. `signal` aborts when it is lost; `deadline()` is on the node's own monotonic clock. */
export interface Lease {
  readonly nodeId: string;
  readonly signal: AbortSignal;
  deadline(): number;
}

/** Agrees who does what. A single node agrees with itself. */
export interface Cluster {
  /** Joins and holds the node's lease until `close`. */
  join(): Promise<Lease>;
  /**
   * Tries to make this node the one that runs the task under the given epoch. False: another holds it.
   * Epochs only rise; a claim with an older epoch than the one that stands is refused.
   */
  claim(taskId: string, epoch: number): Promise<boolean>;
  release(taskId: string, epoch: number): Promise<void>;
  close(): Promise<void>;
}
