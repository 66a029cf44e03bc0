import type { Cluster } from '../cluster/cluster.ts';
import type { Progress, Store } from '../store/store.ts';
import type { Cause, Event, Occurrence } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { RunNews, RunOrder, RunReport } from '../worker/channel.ts';
import { Alarms } from './alarms.ts';
import type { Breakpoints } from './breakpoints.ts';
import { type Claim, concernsRun, pushOf } from './claim.ts';
import type { Destinations } from './destinations.ts';
import { Fulfilment, type FulfilmentOptions } from './fulfilment.ts';
import { type Health, healthOf, reasonOfNews } from './health.ts';
import { inParallel } from './parallel.ts';
import type { Record } from './record.ts';
import { Releases } from './releases.ts';
import { isActive, missedNews, occurrencesOf } from './run-news.ts';
import type { Signals } from './signals.ts';
import { Untold } from './untold.ts';

/** Enough to keep the store busy, few enough that a user's call between them does not wait long. */
const CLAIMS_AT_ONCE = 32;
/** A claim that waits for the world (a domain, another node) is tried on every eighth tick. */
const ROUNDS_BETWEEN_TRIES = 8;

/** A task with a claim; `health` is undefined while its run has not reported. */
export interface Held {
  readonly task: Task;
  readonly health: Health | undefined;
}

export interface ClaimsOptions extends Omit<FulfilmentOptions, 'destinations'> {
  /** The name of this node. */
  readonly node: string;
  readonly store: Pick<Store, 'get' | 'domain' | 'release'>;
  readonly record: Record;
  readonly cluster: Pick<Cluster, 'claim' | 'release'>;
  readonly breakpoints: Pick<Breakpoints, 'note' | 'hold' | 'forget' | 'unsaved'>;
  /** The supervisor's ears: give a run its order, or a new one under the same epoch. */
  readonly place: (order: RunOrder) => void;
  readonly stop: (taskId: string, epoch: number) => void;
  /** Whether a worker may still have the run of the task on air, under whatever epoch. */
  readonly carries: (taskId: string) => boolean;
  /** Wall clock. */
  readonly now: () => number;
  /** So that no two tasks push to one address; absent where nobody looks. */
  readonly destinations?: Pick<Destinations, 'take' | 'leave'>;
  /** Remembers what runs carry. */
  readonly signals?: Pick<Signals, 'note'>;
}

/**
 * Turns claims into orders and what runs say into news. It listens on both sides: to the record, whose events start,
 * change and stop runs, and to the supervisor, whose runs move tasks.
 */
export class Claims {
  readonly #options: ClaimsOptions;
  readonly #alarms = new Alarms();
  readonly #claims = new Map<string, Claim>();
  /** What the next tick has to look at again. */
  readonly #unsettled = new Set<Claim>();
  readonly #untold: Untold;
  readonly #releases: Releases;
  readonly #fulfilment: Fulfilment;
  readonly #closed = new AbortController();
  #isCut = false;
  #round = 0;

  constructor(options: ClaimsOptions) {
    this.#options = options;
    const { record, log } = options;
    const tell = async (news: RunNews): Promise<void> => {
      await record.tell(news.taskId, task => this.#occurrences(task, news));
    };
    this.#untold = new Untold({ tell, log });
    this.#fulfilment = new Fulfilment(options, {
      closed: this.#closed.signal,
      isCurrent: claim => this.#claims.get(claim.task.id) === claim,
      lookAgain: claim => this.#unsettled.add(claim),
      tell: news => this.#untold.add(news),
    });
    this.#releases = new Releases({ ...options, released: taskId => options.destinations?.leave(taskId) });
  }

  /** Looks again at what could not be settled before. Called on every tick. */
  async retry(): Promise<void> {
    this.#round += 1;
    const lost = [...this.#unsettled].filter(claim => this.#resume(claim));
    await inParallel(lost, CLAIMS_AT_ONCE, claim => this.#claimAnew(claim));
    await this.#untold.retry();
    await this.#releases.retry();
    if (this.#round % ROUNDS_BETWEEN_TRIES === 0) await this.#fulfilment.followAssets(this.#claims.values());
  }

  /** What they have waited for may have come. */
  tryAgain(taskIds: readonly string[]): void {
    for (const taskId of taskIds) {
      const claim = this.#claims.get(taskId);
      if (claim?.state !== 'waiting') continue;
      this.#unsettled.delete(claim);
      void this.#fulfilment.begin(claim);
    }
  }

  /** Follows the record: every event of every task comes by here after its commit, those of other nodes a little later. */
  follow(event: Event, task: Task): void {
    this.#alarms.follow(event);
    const claim = this.#claims.get(event.taskId);
    if (claim !== undefined && event.seq <= claim.seq) return;
    if (claim) Object.assign(claim, { task, seq: event.seq });
    if (event.type === 'claimed') this.#follow(event, task);
    else if (event.to === 'stopped' || event.to === 'exited') this.#end(event);
    else if (event.type === 'restarted' && event.to === 'recovering') this.#startOver(event);
    else if (claim?.state === 'placed' && concernsRun(event)) this.#fulfilment.place(claim);
  }

  /** Ends the run at once, of whose task it was heard that it is over; the event that says so may come late. */
  halt(taskId: string): void {
    const claim = this.#claims.get(taskId);
    if (claim) this.#options.stop(taskId, claim.epoch);
  }

  /** Another node has the task by now, under a newer epoch. */
  yield(taskId: string, epoch: number): void {
    const claim = this.#claims.get(taskId);
    if (claim === undefined || claim.epoch >= epoch) return;
    this.#forget(taskId);
    this.#options.stop(taskId, claim.epoch);
    this.#options.log('a task is acted for by another node', { taskId, epoch });
  }

  /** The lease is lost: whatever this node had is anybody's. What it has heard is not told any more. */
  cut(): void {
    this.#isCut = true;
    for (const taskId of [...this.#claims.keys()]) this.#forget(taskId);
  }

  /** Another lease is held: tasks may be claimed again. */
  resume(): void {
    this.#isCut = false;
  }

  /** Ends the run so that another node may have the task. False where there is none under that epoch. */
  leave(taskId: string, epoch: number): boolean {
    const claim = this.#claims.get(taskId);
    if (claim?.epoch !== epoch || claim.state === 'lost') return false;
    claim.state = 'leaving';
    this.#options.stop(taskId, epoch);
    return true;
  }

  /** The other node does not have it: it is claimed anew here. */
  stay(taskId: string, epoch: number, reason: string): void {
    if (this.#claims.get(taskId)?.state === 'leaving') this.lost(taskId, epoch, reason);
  }

  /** What a worker would be told for the task as it stands, whoever acts for it. */
  orderOf(task: Task): Promise<RunOrder> {
    return this.#fulfilment.orderOf(task);
  }

  /** The epoch under which this node acts for the task; undefined where it does not. */
  epochOf(taskId: string): number | undefined {
    return this.#claims.get(taskId)?.epoch;
  }

  /** The newest event that was followed of a task that this node acts for. */
  seqOf(taskId: string): number | undefined {
    return this.#claims.get(taskId)?.seq;
  }

  /** Nobody acts for it any more once its run is gone. */
  release(taskId: string, epoch: number): void {
    this.#releases.add(taskId, epoch);
  }

  news(news: RunNews): void {
    if (this.#closed.signal.aborted || this.#isCut) return;
    const reason = reasonOfNews(news.reason, news.failure, this.#options.now());
    void this.#untold.add({ ...news, reason });
  }

  /** Resolves when what was heard is in the record, or cannot be. */
  told(): Promise<void> {
    return this.#untold.told();
  }

  /** How the run of a task fares; undefined where none has reported yet. */
  runOf(taskId: string): Health | undefined {
    return this.#claims.get(taskId)?.health;
  }

  /** How many tasks this node acts for. */
  get size(): number {
    return this.#claims.size;
  }

  /** The tasks that this node acts for, and how their runs fare. */
  get held(): readonly Held[] {
    return [...this.#claims.values()].map(({ task, health }) => ({ task, health }));
  }

  reported(report: RunReport): void {
    const claim = this.#claims.get(report.taskId);
    if (claim?.epoch !== report.epoch) return;
    const now = this.#options.now();
    claim.health = healthOf(report, now);
    this.#options.signals?.note(report);
    // Behind news that are on their way, the task is not as it stands here.
    if (this.#untold.has(report.taskId)) return;
    for (const news of this.#alarms.missed(claim.task, report, now)) this.news(news);
  }

  /** Heard to the very last: runs that end with the node are to go on where they ended. */
  progress(progress: Progress): void {
    this.#options.breakpoints.note(progress);
    this.#forgetUnlessOnAir(progress.taskId);
  }

  reached(progress: Progress): void {
    this.#options.breakpoints.hold(progress);
    this.#forgetUnlessOnAir(progress.taskId);
  }

  /** A run that is stopped tells its last place when its claim is gone. */
  #forgetUnlessOnAir(taskId: string): void {
    if (!this.#claims.has(taskId)) this.#options.breakpoints.forget(taskId);
  }

  lost(taskId: string, epoch: number, reason: string): void {
    const claim = this.#claims.get(taskId);
    if (claim?.epoch !== epoch || this.#closed.signal.aborted) return;
    claim.state = 'lost';
    claim.reason = reason;
    void this.#claimAnew(claim);
  }

  carried(report: RunReport): void {
    const claim = this.#claims.get(report.taskId);
    const news = claim?.epoch === report.epoch ? missedNews(claim.task, report) : undefined;
    if (news) this.news(news);
  }

  /** Answers which of a worker's runs are still wanted; the others are stopped by the supervisor. */
  async adopt(reports: readonly RunReport[]): Promise<readonly string[]> {
    await inParallel(reports, CLAIMS_AT_ONCE, report => this.#adoptOne(report));
    // Asked once more at the very end: a user may have stopped one of them while the others were looked up.
    return reports.filter(({ taskId, epoch }) => this.#claims.get(taskId)?.epoch === epoch).map(({ taskId }) => taskId);
  }

  /** Hears no more of the runs: those that end with the node are wanted again when it comes back. */
  close(): void {
    this.#closed.abort();
  }

  async #adoptOne(report: RunReport): Promise<void> {
    const { taskId, epoch } = report;
    const task = await this.#options.store.get(taskId);
    if (!task || !isActive(task) || task.epoch !== epoch || !this.#isOurs(task) || this.#isCut) return;
    const health = healthOf(report, this.#options.now());
    const claim: Claim = { epoch, seq: task.seq, task, state: 'adopted', destination: undefined, reason: '', health };
    this.#claims.set(taskId, claim);
    this.#unsettled.add(claim);
    const news = missedNews(task, report);
    if (news) await this.#untold.add(news);
  }

  /** True for a lost claim, which the caller claims anew; the others go on here. */
  #resume(claim: Claim): boolean {
    const { id } = claim.task;
    const stands = this.#claims.get(id) === claim;
    const hasFailed = claim.state !== 'lost' && claim.reason !== '';
    const rests = hasFailed && this.#round % ROUNDS_BETWEEN_TRIES !== 0;
    if (stands && rests) return false;
    this.#unsettled.delete(claim);
    // Its end may have come before the supervisor knew that it was adopted.
    if (!stands && claim.state === 'adopted') this.#options.stop(id, claim.epoch);
    if (!stands) return false;
    if (claim.state === 'waiting' || claim.state === 'adopted') void this.#fulfilment.begin(claim);
    return claim.state === 'lost';
  }

  /** The run of the epoch before has no place any more; a claim under the next one follows. */
  #startOver(event: Event): void {
    const claim = this.#claims.get(event.taskId);
    if (!claim) return;
    this.#options.stop(event.taskId, claim.epoch);
    const next: Claim = { ...claim, epoch: event.epoch, state: 'lost', reason: 'started over', restarted: true };
    next.health = undefined;
    this.#claims.set(event.taskId, next);
    void this.#claimAnew(next);
  }

  #end({ taskId, from, to, epoch }: Event): void {
    const claim = this.#claims.get(taskId);
    const wasActive = from !== to && from !== 'stopped' && epoch > 0;
    if (claim) this.#forget(taskId);
    this.#options.breakpoints.forget(taskId);
    if (!claim && !wasActive) return;
    const ended = claim?.epoch ?? epoch;
    this.#options.stop(taskId, ended);
    if (claim) this.release(taskId, ended);
    this.#options.cluster.release(taskId, ended).catch(cause => {
      this.#options.log('a claim was not released', { taskId, epoch: ended, cause });
    });
  }

  #forget(taskId: string): void {
    this.#claims.delete(taskId);
    this.#untold.forget(taskId);
    this.#options.breakpoints.forget(taskId);
  }

  /** A claim of another node ends ours; what was claimed for this node, here or elsewhere, is acted for. */
  #follow({ taskId, epoch, seq }: Event, task: Task): void {
    if (task.epoch !== epoch) return;
    if (task.node !== this.#options.node) this.yield(taskId, epoch);
    else if (!this.#isCut && isActive(task)) this.#open(task, seq);
  }

  /** No name is written where an earlier version has claimed it. */
  #isOurs({ node }: Task): boolean {
    return node === this.#options.node || node === '';
  }

  #open(task: Task, seq: number): void {
    const claim: Claim = { epoch: task.epoch, seq, task, state: 'placing', destination: undefined, reason: '' };
    this.#claims.set(task.id, claim);
    void this.#fulfilment.begin(claim);
  }

  async #claimAnew(claim: Claim): Promise<void> {
    const { id } = claim.task;
    try {
      await this.#tellClaimed(id, claim.epoch, claim.reason, claim.restarted ? 'user' : 'system');
    } catch (cause) {
      this.#options.log('a lost run was not claimed anew', { taskId: id, epoch: claim.epoch, cause });
      if (this.#claims.get(id) === claim) this.#unsettled.add(claim);
    }
  }

  async #tellClaimed(taskId: string, epoch: number, reason: string, cause: Cause): Promise<void> {
    const { record, node } = this.#options;
    await record.tell(taskId, task => (this.#isOurs(task) ? [{ type: 'claimed', cause, reason, epoch, node }] : []));
  }

  #occurrences(task: Task, news: RunNews): readonly Occurrence[] {
    // What a file did while its run was being stopped comes too late for whoever was told the exit.
    if (news.item !== undefined && !isActive(task)) return [];
    const occurrences = [...occurrencesOf(task, news), ...this.#alarms.due(task, news, this.#options.now())];
    const position = this.#options.breakpoints.unsaved(task.id);
    const seenAt = { ...pushOf(news), ...(position === undefined ? {} : { position }) };
    return occurrences.map(occurrence => ({ ...occurrence, ...seenAt }));
  }
}
