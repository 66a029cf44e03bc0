import type { Cluster } from '../cluster/cluster.ts';
import type { Store } from '../store/store.ts';
import { dueAt } from '../task/due.ts';
import type { Event, Occurrence } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { Claims } from './claims.ts';
import type { Sleep } from './deadline.ts';
import type { Offers } from './offers.ts';
import { inParallel } from './parallel.ts';
import type { Reconciler } from './reconciler.ts';
import type { Log, Record } from './record.ts';

const TICK_MS = 250;
const DUE_AT_ONCE = 500;
/** Enough for writes to share a sync to disk, few enough that a user's call between them does not wait long. */
const DECISIONS_AT_ONCE = 64;
const DAY_MS = 86_400_000;
/** How long a task stays listed after its exit. */
const KEPT_MS = 7 * DAY_MS;
const TICKS_BETWEEN_PURGES = 240;

export interface SchedulerOptions {
  /** The name of this node. */
  readonly node: string;
  readonly store: Pick<Store, 'due' | 'purge'>;
  readonly record: Pick<Record, 'tell'>;
  readonly cluster: Pick<Cluster, 'isGone'>;
  readonly claims: Pick<Claims, 'retry'>;
  readonly reconciler: Pick<Reconciler, 'tick'>;
  readonly offers: Pick<Offers, 'put' | 'isTurn' | 'hasten' | 'waiting'>;
  /** Wall clock. Asked anew on every tick and never turned into a long timer, so that any step of it is harmless. */
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly log: Log;
  /** Told of what was due how long before it was looked at. */
  readonly begun?: (lateMs: number) => void;
}

/** Starts what is due and ends what is over, decided anew from the store on every tick. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #closed = new AbortController();
  #pause = new AbortController();
  #ticking: Promise<void> | undefined;
  #isAskedAgain = false;
  #isFailing = false;
  #ticks = 0;
  #loop: Promise<void> | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** To be called once the supervisor has started: what no worker has brought back by then is claimed anew. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ticks now instead of at the next turn. */
  wake(): void {
    this.#isAskedAgain = true;
    this.#pause.abort();
  }

  /** Follows the record: what users do may be due at once. */
  follow({ type, taskId }: Event): void {
    if (type !== 'created' && type !== 'restarted' && type !== 'changed') return;
    this.#options.offers.hasten(taskId);
    this.wake();
  }

  /** Decides everything that is due. Ticks never overlap: who asks during one waits until one more has ended. */
  tick(): Promise<void> {
    this.#isAskedAgain = true;
    this.#ticking ??= this.#tickWhileAsked().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#pause.abort();
    await this.#loop;
    await this.#ticking?.catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      this.#pause = new AbortController();
      await this.tick().then(
        () => this.#recover(),
        cause => this.#fail(cause),
      );
      if (this.#closed.signal.aborted) return;
      await this.#options.sleep(TICK_MS, this.#pause.signal).catch(() => undefined);
    }
  }

  async #tickWhileAsked(): Promise<void> {
    while (this.#isAskedAgain && !this.#closed.signal.aborted) {
      this.#isAskedAgain = false;
      await this.#once();
    }
  }

  async #once(): Promise<void> {
    const { claims, reconciler, store, offers, now } = this.#options;
    await reconciler.tick();
    await claims.retry();
    // Those that wait for a node stand before those that have just fallen due.
    const limit = DUE_AT_ONCE + offers.waiting;
    const due = await store.due(now(), limit);
    await inParallel(due, DECISIONS_AT_ONCE, task => this.#decide(task));
    if (due.length === limit) this.#isAskedAgain = true;
    if (this.#ticks++ % TICKS_BETWEEN_PURGES === 0) await store.purge(now() - KEPT_MS);
  }

  async #decide(found: Task): Promise<void> {
    const { record, offers, now, begun } = this.#options;
    const { id, epoch, seq, spec } = found;
    const wanting = { id, epoch, seq, region: spec.region };
    if (!this.#mayAct(found)) return;
    const lateMs = now() - (dueAt(found) ?? now());
    const isOver = spec.endAt <= now();
    if (isOver && offers.isTurn(wanting)) await record.tell(id, task => whatIsOver(task, now()));
    else if (!isOver && (await offers.put(wanting))) begun?.(lateMs);
  }

  /** What another node may still have on air is that node's to start; that it is over, anybody may say. */
  #mayAct({ node, spec: { endAt } }: Task): boolean {
    const { node: own, cluster, now } = this.#options;
    return node === '' || node === own || endAt <= now() || cluster.isGone(node);
  }

  #fail(cause: unknown): void {
    if (!this.#isFailing)
      this.#options.log('the scheduler could not do its work; it tries again on every tick', { cause });
    this.#isFailing = true;
  }

  #recover(): void {
    if (this.#isFailing) this.#options.log('the scheduler works again', {});
    this.#isFailing = false;
  }
}

/** Decided on the task as it is in the transaction: it may have been changed since it was found due. */
const whatIsOver = ({ spec: { endAt } }: Task, now: number): readonly Occurrence[] =>
  endAt <= now ? [{ type: 'expired', cause: 'schedule', reason: '' }] : [];
