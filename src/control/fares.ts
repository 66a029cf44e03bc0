import type { Cluster } from '../cluster/cluster.ts';
import type { RunReport } from '../worker/channel.ts';
import type { Claims } from './claims.ts';
import { type Health, healthOf } from './health.ts';
import type { Signals } from './signals.ts';

const TELL_MS = 1_000;
/** A node that has told nothing of a run for so long does not carry it any more, or cannot be heard. */
const SILENT_MS = 5_000;
/** A report is of half a kilobyte or less: so many stay far below what a message may have. */
const REPORTS_AT_ONCE = 200;
const TOPIC = 'reports';

export interface FaresOptions {
  readonly cluster: Pick<Cluster, 'members' | 'say' | 'hear'>;
  readonly claims: Pick<Claims, 'held' | 'runOf'>;
  readonly signals: Pick<Signals, 'note'>;
  /** Wall clock. */
  readonly now: () => number;
}

interface Fare {
  readonly health: Health;
  readonly node: string;
}

/** How runs fare, those of other nodes too: each tells the others once a second what its runs have told it. */
export class Fares {
  readonly #options: FaresOptions;
  readonly #elsewhere = new Map<string, Fare>();
  #telling: NodeJS.Timeout | undefined;
  #unhear: () => void = () => {};

  constructor(options: FaresOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unhear = this.#options.cluster.hear(TOPIC, (message, from) => this.#hear(message, from));
    this.#telling ??= setInterval(() => this.tell(), TELL_MS).unref();
  }

  close(): void {
    clearInterval(this.#telling);
    this.#unhear();
  }

  /** As its newest report has it; undefined where none has come lately. */
  runOf(taskId: string): Health | undefined {
    const own = this.#options.claims.runOf(taskId);
    if (own !== undefined) return own;
    const fare = this.#elsewhere.get(taskId);
    return fare !== undefined && this.#isFresh(fare) ? fare.health : undefined;
  }

  tell(): void {
    this.#sweep();
    const { cluster, claims } = this.#options;
    if (cluster.members.length <= 1) return;
    const reports = claims.held.flatMap(({ health }) => health?.report ?? []);
    for (let from = 0; from < reports.length; from += REPORTS_AT_ONCE)
      cluster.say(TOPIC, reports.slice(from, from + REPORTS_AT_ONCE));
  }

  #hear(message: unknown, node: string): void {
    if (!Array.isArray(message)) return;
    const now = this.#options.now();
    for (const report of message.filter(isReport)) {
      const known = this.#elsewhere.get(report.taskId);
      if (known !== undefined && known.health.report.epoch > report.epoch && this.#isFresh(known)) continue;
      this.#elsewhere.set(report.taskId, { health: healthOf(report, now), node });
      if (this.#options.claims.runOf(report.taskId) === undefined) this.#options.signals.note(report);
    }
  }

  #isFresh({ health }: Fare): boolean {
    return Math.abs(this.#options.now() - health.heardAt) < SILENT_MS;
  }

  #sweep(): void {
    for (const [taskId, fare] of this.#elsewhere) if (!this.#isFresh(fare)) this.#elsewhere.delete(taskId);
  }
}

const FIGURES = ['epoch', 'pushEpoch', 'pullEpoch', 'bytesIn', 'bytesOut', 'mediaMs', 'queuedMs'] as const;

/** The parsed edge: what is not a report of a kind that is known here is passed over. */
function isReport(value: unknown): value is RunReport {
  if (typeof value !== 'object' || value === null) return false;
  const report = value as { readonly [key in keyof RunReport]?: unknown };
  return (
    typeof report.taskId === 'string' &&
    typeof report.state === 'string' &&
    typeof report.reason === 'string' &&
    typeof report.dropped === 'object' &&
    report.dropped !== null &&
    FIGURES.every(figure => Number.isFinite(report[figure]))
  );
}
