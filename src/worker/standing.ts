import type { Fault, Side } from '../media/fault.ts';
import type { RunNews, RunOrder, RunReport, RunRetry } from './channel.ts';
import { Outage } from './outage.ts';
import type { RunParts } from './run.ts';

export interface StandingParts extends Pick<RunParts, 'now' | 'tell'> {
  readonly order: RunOrder;
  /** The run has given up: it is to close its push and end. */
  readonly gaveUp: () => void;
}

/** Where a run stands: it tells whenever that changes, and says for how long a side that was lost is still tried. */
export class Standing {
  readonly #parts: StandingParts;
  readonly #outage: Outage;
  #policy: RunRetry | undefined;
  #state: RunReport['state'] = 'opening';
  #reason = '';

  constructor(parts: StandingParts) {
    this.#parts = parts;
    this.#policy = parts.order.retry;
    this.#outage = new Outage(parts.now());
  }

  get state(): RunReport['state'] {
    return this.#state;
  }

  /** Why it does not flow; "" otherwise. */
  get reason(): string {
    return this.#reason;
  }

  /** Another order: what it names anew has all its tries before it. */
  change({ retry }: RunOrder, { isNew }: { readonly isNew: boolean }): void {
    this.#policy = retry;
    if (isNew) this.#outage.startOver(this.#parts.now());
  }

  flows(): void {
    if (this.#state === 'flowing') return;
    this.#outage.end();
    this.tell('flowing', 'run', '');
  }

  /** Tells that a side was lost; answers how long to wait before it is tried again. */
  lost(fault: Pick<Fault, 'side' | 'message'>, backoffMs: number): number {
    const waitMs = this.waitMs(fault, backoffMs);
    if (waitMs === undefined) return 0;
    this.tell('broke', fault.side, fault.message);
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

  tell(type: 'flowing' | 'broke' | 'gaveUp' | 'finished', side: Side | 'run', reason: string): void {
    const { taskId, epoch } = this.#parts.order;
    this.#state = type === 'flowing' ? 'flowing' : 'broken';
    this.#reason = reason;
    const news: RunNews = { taskId, epoch, type, side, reason };
    this.#parts.tell(news);
  }
}

function triesOf({ count, intervalMs }: RunRetry): string {
  const apart = `${Math.round(intervalMs / 1000)} s`;
  if (count === 0) return 'without another try';
  return count === 1 ? `after 1 try, ${apart} later` : `after ${count} tries, ${apart} apart`;
}
