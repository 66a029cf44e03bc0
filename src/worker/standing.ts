import type { Fault, Side } from '../media/fault.ts';
import type { Vitals } from '../media/vitals.ts';
import type { RunFailure, RunHealth, RunNews, RunOrder, RunReport, RunRetry } from './channel.ts';
import { type Loss, Losses } from './losses.ts';
import { Outage } from './outage.ts';
import type { RunParts } from './run.ts';
import { type AlarmName, type PushVitals, Watch } from './watch.ts';

export interface StandingParts extends Pick<RunParts, 'now' | 'tell'> {
  readonly order: RunOrder;
  /** The run has given up: it is to close its push and end. */
  readonly gaveUp: () => void;
}

/** Where a run stands: it tells whenever that changes, and says for how long a side that was lost is still tried. */
export class Standing {
  readonly #parts: StandingParts;
  readonly #outage: Outage;
  readonly #losses = new Losses();
  readonly #watch: Watch;
  #policy: RunRetry | undefined;
  #state: RunReport['state'] = 'opening';
  #reason = '';
  #sinceMs: number;

  constructor(parts: StandingParts) {
    this.#parts = parts;
    this.#sinceMs = parts.now();
    this.#policy = parts.order.retry;
    this.#outage = new Outage(parts.now());
    const { taskId, epoch } = parts.order;
    this.#watch = new Watch({
      now: parts.now,
      tell: alarm => parts.tell({ taskId, epoch, type: 'alarm', ...alarm }),
    });
  }

  get state(): RunReport['state'] {
    return this.#state;
  }

  /** Where it stands and what went wrong, for the run's report. */
  report(): Pick<RunReport, 'state' | 'reason'> & { readonly health: RunHealth } {
    const nowMs = this.#parts.now();
    const stateForMs = Math.round(nowMs - this.#sinceMs);
    const { alarms } = this.#watch;
    return { state: this.#state, reason: this.#reason, health: { stateForMs, ...this.#losses.health(nowMs), alarms } };
  }

  /** A failure that nobody waits for, such as a file that is passed over. */
  count(loss: Loss): void {
    this.#losses.count(loss, this.#parts.now());
    this.#watch.lost(loss);
  }

  /** What is wrong from now on, or no more. */
  hold(alarm: AlarmName, wrong: string | undefined): void {
    this.#watch.hold(alarm, wrong);
  }

  /** To be called once a second. */
  look(vitals: Vitals, push: PushVitals): void {
    this.#watch.look(vitals, push);
  }

  /** Another order: what it names anew has all its tries before it. */
  change({ retry }: RunOrder, { isNew }: { readonly isNew: boolean }): void {
    this.#policy = retry;
    if (!isNew) return;
    this.#outage.startOver(this.#parts.now());
    this.#watch.forget();
  }

  flows(): void {
    if (this.#state === 'flowing') return;
    this.#outage.end();
    this.#losses.flows();
    this.tell('flowing', 'run', '');
  }

  /** Tells that a side was lost; answers how long to wait before it is tried again. */
  lost(loss: Loss, backoffMs: number): number {
    const nowMs = this.#parts.now();
    this.#losses.note(loss, nowMs);
    const waitMs = this.waitMs(loss, backoffMs);
    if (waitMs === undefined) return 0;
    this.#losses.waits(loss.side, nowMs + waitMs);
    this.tell('broke', loss.side, loss.message, failureOf(loss, { attempt: this.#losses.attempt, retryInMs: waitMs }));
    this.#watch.lost(loss);
    return waitMs;
  }

  /** How long to wait before a lost side is tried again; undefined when the run has given up, of which it has told. */
  waitMs({ side, message }: Pick<Fault, 'side' | 'message'>, backoffMs: number): number | undefined {
    const policy = this.#policy;
    const waitMs = this.#outage.waitMs(policy, { nowMs: this.#parts.now(), backoffMs });
    if (waitMs === undefined && policy !== undefined) this.giveUp(side, `gave up ${triesOf(policy)}: ${message}`);
    return waitMs;
  }

  giveUp(side: Side | 'run', reason: string): void {
    this.tell('gaveUp', side, reason);
    // A tick that has found it out is to write what it has read before everything is closed.
    queueMicrotask(this.#parts.gaveUp);
  }

  tell(
    type: 'flowing' | 'broke' | 'gaveUp' | 'finished',
    side: Side | 'run',
    reason: string,
    failure?: RunFailure,
  ): void {
    const { taskId, epoch } = this.#parts.order;
    const state = type === 'flowing' ? 'flowing' : 'broken';
    if (state !== this.#state) this.#sinceMs = this.#parts.now();
    this.#state = state;
    this.#reason = reason;
    const news: RunNews = { taskId, epoch, type, side, reason, ...(failure === undefined ? {} : { failure }) };
    this.#parts.tell(news);
  }
}

const failureOf = (
  { kind = 'lost', refusal, calm = false }: Loss,
  counted: Pick<RunFailure, 'attempt' | 'retryInMs'>,
): RunFailure => ({ kind, ...counted, ...(refusal === undefined ? {} : { refusal }), ...(calm ? { calm } : {}) });

function triesOf({ count, intervalMs }: RunRetry): string {
  const apart = `${Math.round(intervalMs / 1000)} s`;
  if (count === 0) return 'without another try';
  return count === 1 ? `after 1 try, ${apart} later` : `after ${count} tries, ${apart} apart`;
}
