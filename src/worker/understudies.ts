import type { Relay } from '../media/relay.ts';
import { onceReached, under, whenOver } from './attempts.ts';
import type { LiveOrder, RunNews, RunOrder } from './channel.ts';
import { coverOf } from './cover.ts';
import { Run, type RunParts, type SinkWish } from './run.ts';

export interface UnderstudiesOptions extends Omit<RunParts, 'order'> {
  /** It waits for its cue, or it will not come: told once as ready and once as not. */
  readonly prepared: (taskId: string, epoch: number, isReady: boolean) => void;
}

/** The run on air is to have carried what lies in front of the key frame that this one begins with. */
const SETTLE_MS = 200;
/** One whose cue has not come so long behind what it holds back is not wanted any more. */
const LIFE_MS = 15_000;

interface Outlook {
  readonly ready: () => void;
  readonly failed: () => void;
}

/**
 * A live run that is to follow another one on the same destination: it has its source and what a push begins with, and
 * has dialled the destination, where it publishes on its cue alone. Until then nobody hears anything of it.
 */
class Understudy {
  readonly run: Run;
  readonly epoch: number;
  readonly #parts: RunParts;
  readonly #cue = Promise.withResolvers<void>();
  readonly #outlook: Outlook;
  #order: RunOrder<LiveOrder>;
  #isOnAir = false;

  constructor(parts: RunParts, outlook: Outlook) {
    this.#parts = parts;
    this.#outlook = outlook;
    this.#order = parts.order;
    this.epoch = parts.order.epoch;
    this.run = new Run({
      ...parts,
      tell: news => this.#tell(news),
      openSink: (url, signal, wish) => parts.openSink(url, signal, { ...wish, ...this.#hold(signal) }),
    });
  }

  /** It is the run from here on, as it is ordered now. */
  enter(order: RunOrder<LiveOrder>): Run {
    this.#isOnAir = true;
    this.#order = order;
    this.run.change(order);
    this.#cue.resolve();
    return this.run;
  }

  #hold(signal: AbortSignal): SinkWish {
    return this.#isOnAir ? {} : { held: () => this.#held(signal) };
  }

  #held(signal: AbortSignal): Promise<void> {
    onceReached(this.#parts.sleep(SETTLE_MS, signal), this.#outlook.ready);
    return this.#cue.promise;
  }

  #tell(news: RunNews): void {
    if (this.#isOnAir) this.#parts.tell({ ...news, epoch: this.#order.epoch });
    // What it cannot do beside the run on air, that one's successor has to try for itself.
    else if (news.type === 'broke' || news.type === 'gaveUp') this.#outlook.failed();
  }
}

/** The understudies of a worker, one a task. */
export class Understudies {
  readonly #options: UnderstudiesOptions;
  readonly #entries = new Map<string, Understudy>();

  constructor(options: UnderstudiesOptions) {
    this.#options = options;
  }

  prepare(order: RunOrder<LiveOrder>): void {
    const { taskId, epoch } = order;
    this.discard(taskId, epoch);
    if (this.#entries.has(taskId)) return;
    const understudy = new Understudy(
      { ...this.#options, order },
      {
        ready: () => this.#options.prepared(taskId, epoch, true),
        failed: () => this.discard(taskId, epoch),
      },
    );
    this.#entries.set(taskId, understudy);
    void this.#bound(order, understudy);
  }

  /** The one that was made ready for this task, now its run; undefined where there is none. */
  enter(order: RunOrder<LiveOrder>): Run | undefined {
    const understudy = this.#entries.get(order.taskId);
    this.#entries.delete(order.taskId);
    return understudy?.enter(order);
  }

  discard(taskId: string, epoch: number): void {
    const understudy = this.#entries.get(taskId);
    if (understudy === undefined || understudy.epoch > epoch) return;
    this.#entries.delete(taskId);
    void understudy.run.stop();
    this.#options.prepared(taskId, understudy.epoch, false);
  }

  /** Nobody is left who could give them their cue. */
  discardAll(): void {
    for (const [taskId, { epoch }] of [...this.#entries]) this.discard(taskId, epoch);
  }

  takeBug(relay: Relay, error: unknown): boolean {
    return [...this.#entries.values()].some(({ run }) => run.takeBug(relay, error));
  }

  async #bound(order: RunOrder<LiveOrder>, understudy: Understudy): Promise<void> {
    const lifeMs = LIFE_MS + coverOf(order.cover).delayMs;
    await under(undefined, over =>
      Promise.race([understudy.run.ended, whenOver(this.#options.sleep(lifeMs, over.signal))]),
    );
    if (this.#entries.get(order.taskId) === understudy) this.discard(order.taskId, order.epoch);
  }
}
