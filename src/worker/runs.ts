import type { Fence } from '../media/fence.ts';
import type { FlvViewer } from '../media/flv/viewer.ts';
import type { Relay } from '../media/relay.ts';
import { type Breakpoint, startCursor } from '../task/playlist.ts';
import { isListOrder, isLiveOrder, type RunNews, type RunOrder, type RunPlace, type RunReport } from './channel.ts';
import { Playout, type PlayoutParts } from './playout.ts';
import { Run } from './run.ts';
import { Slates } from './slates.ts';
import { Understudies, type UnderstudiesOptions } from './understudies.ts';

interface Entry {
  readonly run: Run | Playout;
  readonly epoch: number;
  /** What follows when this one has closed its push: never two pushes of one task at once. */
  next: RunOrder | undefined;
  /** The epoch of one that was to follow and was stopped before it could. */
  stopped: number | undefined;
  stopping: Promise<void> | undefined;
  isCut: boolean;
}

/** How a run ended. */
export interface RunEnd {
  readonly breakpoint?: Breakpoint | undefined;
  /** It was broken off, or never begun, for want of a lease. */
  readonly isCut?: boolean;
}

export interface RunsOptions extends UnderstudiesOptions, Pick<PlayoutParts, 'openItem'> {
  readonly ended: (taskId: string, epoch: number, end?: RunEnd) => void;
  readonly fence?: Pick<Fence, 'holds'>;
}

/** The runs of this worker, one a task. */
export class Runs {
  readonly #options: RunsOptions;
  readonly #parts: RunsOptions;
  readonly #understudies: Understudies;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor(options: RunsOptions) {
    this.#options = options;
    this.#parts = { ...options, slates: new Slates(options), tell: news => this.#tell(news) };
    this.#understudies = new Understudies(this.#parts);
  }

  get reports(): readonly RunReport[] {
    return [...this.#entries.values()].map(({ run }) => run.report());
  }

  /** Looks at what all of them carry; to be called once a second. */
  look(): void {
    for (const { run } of this.#entries.values()) run.look();
  }

  /** Of lists whose destination has taken a key frame since the last call. */
  newPlaces(): readonly RunPlace[] {
    const places: RunPlace[] = [];
    for (const [taskId, { run, epoch }] of this.#entries) {
      const breakpoint = run instanceof Playout ? run.newPlace() : undefined;
      if (breakpoint !== undefined) places.push({ taskId, epoch, breakpoint });
    }
    return places;
  }

  /** The same epoch again is a change, a higher one replaces, an older one is not heard. */
  start(order: RunOrder): void {
    if (this.#closed || !this.#mayBegin(order)) return;
    const entry = this.#entries.get(order.taskId);
    if (entry === undefined) this.#begin(order);
    else if (order.epoch === entry.epoch && entry.stopping === undefined && change(entry.run, order)) return;
    else if (order.epoch >= (entry.next?.epoch ?? entry.epoch)) {
      entry.next = order;
      this.#end(entry);
    }
  }

  /** Makes a live run ready to follow one that another worker carries; `start` has it enter. */
  prepare(order: RunOrder): void {
    const { taskId, epoch } = order;
    if (isLiveOrder(order) && !this.#closed && this.#isRight && !this.#entries.has(taskId))
      this.#understudies.prepare(order);
    else this.#options.prepared(taskId, epoch, false);
  }

  /** Nobody is there any more who could have them enter. */
  discardUnderstudies(): void {
    this.#understudies.discardAll();
  }

  stop(taskId: string, epoch: number): void {
    this.#understudies.discard(taskId, epoch);
    const entry = this.#entries.get(taskId);
    if (entry === undefined) {
      this.#options.ended(taskId, epoch);
      return;
    }
    if (entry.epoch > epoch) return;
    if (entry.next !== undefined && entry.next.epoch <= epoch) {
      entry.stopped = entry.next.epoch;
      entry.next = undefined;
    }
    this.#end(entry);
  }

  /** Shows what the run carries; false where there is no such run, or too many look at it. */
  show(taskId: string, epoch: number, viewer: FlvViewer): boolean {
    const entry = this.#entries.get(taskId);
    return entry?.epoch === epoch && entry.stopping === undefined && entry.run.show(viewer);
  }

  takeBug(relay: Relay, error: unknown): void {
    for (const { run } of this.#entries.values()) if (run.takeBug(relay, error)) return;
    this.#understudies.takeBug(relay, error);
  }

  /** Breaks off every run: their pushes are gone already, and nobody is told good-bye. */
  cut(): void {
    this.#understudies.discardAll();
    for (const entry of this.#entries.values()) {
      entry.isCut = true;
      if (entry.next !== undefined) entry.stopped = entry.next.epoch;
      entry.next = undefined;
      void this.#end(entry);
    }
  }

  /** Ends every run, pushes cleanly; none begins after that. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#understudies.discardAll();
    await Promise.all([...this.#entries.values()].map(entry => this.#end(entry)));
  }

  get #isRight(): boolean {
    return this.#options.fence?.holds ?? true;
  }

  /** What is ordered without a lease was ordered before it was lost. */
  #mayBegin({ taskId, epoch }: RunOrder): boolean {
    if (this.#isRight) return true;
    this.#options.ended(taskId, epoch, { isCut: true });
    return false;
  }

  #begin(order: RunOrder): void {
    if (!this.#mayBegin(order)) return;
    const { taskId, epoch } = order;
    const run = this.#make(order);
    if (run === undefined) {
      this.#options.ended(taskId, epoch);
      return;
    }
    const entry: Entry = { run, epoch, next: undefined, stopped: undefined, stopping: undefined, isCut: false };
    this.#entries.set(taskId, entry);
    void run.ended.then(() => this.#finish(taskId, entry));
  }

  #make(order: RunOrder): Run | Playout | undefined {
    if (isLiveOrder(order)) return this.#understudies.enter(order) ?? new Run({ ...this.#parts, order });
    return isListOrder(order) ? new Playout({ ...this.#parts, order }) : undefined;
  }

  /** With the number of the push that it was seen on. */
  #tell(news: RunNews): void {
    const pushEpoch = this.#entries.get(news.taskId)?.run.report().pushEpoch;
    this.#options.tell(pushEpoch === undefined ? news : { ...news, pushEpoch });
  }

  #end(entry: Entry): Promise<void> {
    const { run } = entry;
    // A run that will not close its push in time counts as ended: the next one must not wait for ever.
    entry.stopping ??= run.stop().then(() => this.#finish(run.report().taskId, entry));
    return entry.stopping;
  }

  #finish(taskId: string, entry: Entry): void {
    if (this.#entries.get(taskId) !== entry) return;
    this.#entries.delete(taskId);
    const { breakpoint } = entry.run.report();
    const end: RunEnd = { breakpoint, isCut: entry.isCut };
    this.#options.ended(taskId, entry.epoch, end);
    if (entry.stopped !== undefined && entry.stopped > entry.epoch) this.#options.ended(taskId, entry.stopped, end);
    if (entry.next !== undefined && !this.#closed) this.#begin(following(entry.next, breakpoint));
  }
}

/** Whoever wrote the order did not know yet where the former run would end. */
function following(order: RunOrder, at: Breakpoint | undefined): RunOrder {
  if (!isListOrder(order) || at === undefined) return order;
  const { list, version, jump } = order.source;
  return { ...order, source: { ...order.source, from: startCursor(list, version, at, jump) } };
}

/** False where the run cannot become what is ordered: a stream does not turn into a list. */
function change(run: Run | Playout, order: RunOrder): boolean {
  if (run instanceof Run && isLiveOrder(order)) run.change(order);
  else if (run instanceof Playout && isListOrder(order)) run.change(order);
  else return false;
  return true;
}
