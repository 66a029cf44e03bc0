import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { FAMILIES, type FamilyName } from './families.ts';

/** One figure with what it is about. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What is known at the moment; what is left out is told as nothing. */
export type Figures = { readonly [name in FamilyName]?: readonly Sample[] };

export interface MetricsOptions {
  readonly read: () => Promise<Figures>;
  /** Of Node itself: memory, event loop, garbage; off in tests of figures alone. */
  readonly ofNode?: boolean;
}

/** Node's own look at its event loop: ten a second will do. */
const LOOP_PRECISION_MS = 100;

const QUICK = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const SLOW = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const LATE = [0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600];

/** What happens too often to be asked for later: it is counted where it happens. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #read: MetricsOptions['read'];
  readonly #families: readonly (readonly [FamilyName, Gauge | Counter])[];
  readonly #answers: Histogram<'dialect' | 'status'>;
  readonly #callbacks: Counter<'dialect' | 'outcome'>;
  readonly #receivers: Histogram<'dialect'>;
  readonly #commits: Histogram;
  readonly #writes: Counter;
  readonly #starts: Histogram;

  constructor({ read, ofNode = true }: MetricsOptions) {
    this.#read = read;
    const registers = [this.#registry];
    this.#families = Object.entries(FAMILIES).map(([name, { kind, help, labels }]) => {
      const shape = { name, help, labelNames: [...labels], registers };
      // The keys of a constant of ours.
      return [name as FamilyName, kind === 'gauge' ? new Gauge(shape) : new Counter(shape)] as const;
    });
    this.#answers = new Histogram({
      ...{ name: 'millrace_api_request_duration_seconds', help: 'Requests, by how long they took', buckets: QUICK },
      ...{ labelNames: ['dialect', 'status'], registers },
    });
    this.#callbacks = new Counter({
      ...{ name: 'millrace_callback_attempts_total', help: 'Tries of callbacks, by what came of them' },
      ...{ labelNames: ['dialect', 'outcome'], registers },
    });
    this.#receivers = new Histogram({
      ...{ name: 'millrace_callback_duration_seconds', help: 'How long receivers took to answer', buckets: SLOW },
      ...{ labelNames: ['dialect'], registers },
    });
    this.#commits = new Histogram({
      ...{ name: 'millrace_store_commit_duration_seconds', help: 'Commits, up to the disk', buckets: QUICK, registers },
    });
    this.#writes = new Counter({ name: 'millrace_store_writes_total', help: 'Writes that were committed', registers });
    this.#starts = new Histogram({
      ...{ name: 'millrace_schedule_lag_seconds', help: 'How late what was due was begun', buckets: LATE, registers },
    });
    if (ofNode) collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  answered({ dialect, status, ms }: { readonly dialect: string; readonly status: number; readonly ms: number }): void {
    this.#answers.observe({ dialect, status: `${Math.floor(status / 100)}xx` }, ms / 1_000);
  }

  called({ dialect, outcome, ms }: { readonly dialect: string; readonly outcome: string; readonly ms: number }): void {
    this.#callbacks.inc({ dialect, outcome });
    this.#receivers.observe({ dialect }, ms / 1_000);
  }

  committed({ ms, writes }: { readonly ms: number; readonly writes: number }): void {
    this.#commits.observe(ms / 1_000);
    this.#writes.inc(writes);
  }

  /** Something was due so long before it was begun. */
  begun(lateMs: number): void {
    this.#starts.observe(Math.max(0, lateMs) / 1_000);
  }

  /** All of it, in the text format of Prometheus. */
  async text(): Promise<string> {
    const figures = await this.#read();
    for (const [name, metric] of this.#families) {
      metric.reset();
      for (const { labels, value } of figures[name] ?? []) metric.inc({ ...labels }, value);
    }
    return this.#registry.metrics();
  }
}
