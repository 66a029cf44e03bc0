import { reasonOf } from '../task/reason.ts';
import type { RunError, RunFailure, RunHealth, RunReport } from '../worker/channel.ts';

/** How a run fares, as its newest report has it, in times of the wall. */
export interface Health {
  readonly report: RunReport;
  /** When the report came. */
  readonly heardAt: number;
  /** Since when the run has stood in the report's state. */
  readonly since: number;
  /** Why it does not flow, in the words of the log and the task; "" while it flows. */
  readonly reason: string;
  /** Failures in a row since media flowed last. */
  readonly attempt: number;
  readonly nextRetryAt: number | null;
  readonly lastError: (Omit<RunError, 'agoMs'> & { readonly at: number }) | null;
  /** Failures so far, by side and kind, and connections beyond the first of each side. */
  readonly faults: Readonly<Record<string, number>>;
  readonly reconnects: { readonly pull: number; readonly push: number };
}

export function healthOf(report: RunReport, heardAt: number): Health {
  const { health = NOTHING_TOLD } = report;
  const { attempt, faults, lastError } = health;
  const nextRetryAt = health.retryInMs === undefined ? null : heardAt + health.retryInMs;
  return {
    report,
    heardAt,
    since: heardAt - health.stateForMs,
    reason: reasonOf({ message: report.reason, attempt, nextAt: nextRetryAt ?? undefined }),
    attempt,
    nextRetryAt,
    lastError: lastError === undefined ? null : dated(lastError, heardAt),
    faults,
    reconnects: { pull: Math.max(0, report.pullEpoch - 1), push: Math.max(0, report.pushEpoch - 1) },
  };
}

/** The same sentence for what a run tells at once. */
export const reasonOfNews = (reason: string, failure: RunFailure | undefined, heardAt: number): string =>
  failure === undefined
    ? reason
    : reasonOf({ message: reason, attempt: failure.attempt, nextAt: heardAt + failure.retryInMs });

/** A report of an earlier version's worker tells none of it. */
const NOTHING_TOLD: RunHealth = { stateForMs: 0, attempt: 0, faults: {} };

const dated = ({ agoMs, ...error }: RunError, heardAt: number): Health['lastError'] => ({
  ...error,
  at: heardAt - agoMs,
});
