/**
 * The messages between the control process and its worker processes: one JSON object a line over a local socket in the
 * data directory, which the workers dial. Few and small: what changed at once, figures once a second.
 */

/** What a run is to do. Sent again with the same epoch, it replaces the former order without breaking the push. */
export interface RunOrder {
  readonly taskId: string;
  readonly epoch: number;
  readonly source: { readonly kind: 'live'; readonly url: string };
  readonly destination: string;
}

/** Where a run stands, whole: sent in `hello` for every run and once a second for those on air. */
export interface RunReport {
  readonly taskId: string;
  readonly epoch: number;
  readonly state: 'opening' | 'flowing' | 'broken';
  readonly reason: string;
  /** Push sessions opened by this run so far. */
  readonly pushEpoch: number;
  /** Source connections opened by this run so far. */
  readonly pullEpoch: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Media time on the output timeline of the last packet handed to the destination. */
  readonly mediaMs: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly queuedMs: number;
}

/** What a run saw, told at once and once. */
export interface RunNews {
  readonly taskId: string;
  readonly epoch: number;
  readonly type: 'flowing' | 'broke' | 'gaveUp' | 'finished' | 'alarm';
  readonly side: 'pull' | 'push' | 'run';
  readonly reason: string;
  readonly alarm?: string;
}

export type ToWorker =
  | { readonly t: 'start'; readonly order: RunOrder }
  | { readonly t: 'stop'; readonly taskId: string; readonly epoch: number }
  /** Ends every run cleanly, then the process. */
  | { readonly t: 'exit' };

export type FromWorker =
  | {
      readonly t: 'hello';
      /** `worker` carries runs; `origin` is the built-in RTMP server. */
      readonly role: 'worker' | 'origin';
      readonly slot: number;
      readonly pid: number;
      /** The origin's real listening address, e.g. rtmp://127.0.0.1:1935. */
      readonly address?: string;
      readonly runs: readonly RunReport[];
    }
  | { readonly t: 'news'; readonly news: RunNews }
  /** The run is over and its push closed, after `stop` or by its own end. */
  | { readonly t: 'ended'; readonly taskId: string; readonly epoch: number }
  | { readonly t: 'reports'; readonly reports: readonly RunReport[] };
