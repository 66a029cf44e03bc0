import type { Progress } from '../store/store.ts';
import {
  type FromWorker,
  isLiveOrder,
  type Peer,
  type RunNews,
  type RunOrder,
  type RunPlace,
  type RunReport,
  type ToWorker,
} from '../worker/channel.ts';
import type { Hello, Slot } from './slot.ts';
import type { Look } from './taps.ts';
import { Understudies } from './understudies.ts';

/** Who is told of the runs. */
export interface RunListener {
  news(news: RunNews): void;
  /** A worker that was out of reach for a moment still carries the run: what it told meanwhile was not heard. */
  carried(report: RunReport): void;
  /** Where a run stands, once a second. */
  reported(report: RunReport): void;
  /** How far a run has come, once a second and when it has ended. */
  progress(progress: Progress): void;
  /** The same at each key frame, for a crash within the second: worth remembering, not worth a write. */
  reached(progress: Progress): void;
  /** The run's worker died, or it came back without it: it must be claimed again. */
  lost(taskId: string, epoch: number, reason: string): void;
  /**
   * A worker introduced itself with runs; answers those (by taskId) that are still wanted with that epoch. The others
   * are stopped.
   */
  adopt(reports: readonly RunReport[]): Promise<readonly string[]>;
}

export interface PlacementsParts {
  /** All there are, the origin's too. */
  readonly slots: () => Iterable<Slot>;
  readonly listener: RunListener;
  readonly log: (message: string, facts: { readonly [name: string]: unknown }) => void;
}

/** What a worker carries for us. */
interface Placement {
  epoch: number;
  slot: Slot | undefined;
  /**
   * `due`: the worker has yet to be given the order. `stopping`: told to stop, not yet told that it ended. `moving`: the
   * same, but that it is to go on elsewhere. `cut`: its worker has found the lease over, which may be true of the whole node.
   */
  state: 'due' | 'given' | 'stopping' | 'moving' | 'cut';
  /** Undefined for a run adopted from a former control process. */
  order: RunOrder | undefined;
  report: RunReport | undefined;
}

const MOVED = 'moved to another worker';
const CUT = 'its worker had not heard in time that it may go on';

/** Which worker carries which run, what it was told last and what it has told. */
export class Placements {
  readonly #parts: PlacementsParts;
  readonly #placements = new Map<string, Placement>();
  /** Orders that no worker was there to take. */
  readonly #waiting = new Set<string>();
  readonly #understudies = new Understudies();
  readonly #adopting = new Set<Promise<void>>();
  #adoptionFault: unknown;
  #isClosed = false;

  constructor(parts: PlacementsParts) {
    this.#parts = parts;
  }

  /** Gives the run to a worker; a task that has one already is changed or replaced there, so that it never runs twice. */
  place(order: RunOrder): void {
    const { taskId, epoch } = order;
    const former = this.#placements.get(taskId);
    if (former !== undefined && epoch < former.epoch) return;
    // It is claimed anew when it has ended, and ordered as the task is then.
    if (former?.state === 'moving' && epoch === former.epoch) return;
    const report = former?.epoch === epoch ? former.report : undefined;
    const placement: Placement = { epoch, slot: former?.slot, state: 'due', order, report };
    this.#placements.set(taskId, placement);
    if (placement.slot === undefined) this.#assign(taskId, placement);
    else this.#give(placement);
  }

  stop(taskId: string, epoch: number): void {
    const placement = this.#placements.get(taskId);
    if (placement === undefined || placement.epoch > epoch) return;
    if (placement.slot === undefined) {
      this.#forget(taskId);
      return;
    }
    placement.state = 'stopping';
    placement.order = undefined;
    this.#understudies.slotOf(taskId)?.send({ t: 'stop', taskId, epoch });
    placement.slot.send({ t: 'stop', taskId, epoch });
  }

  /**
   * Has a worker make a run ready that is on air elsewhere. Asked again without the order, until it is, or `refused`: then
   * it will not be.
   */
  prepare(taskId: string, order?: RunOrder): 'ready' | 'underway' | 'refused' {
    if (this.#placements.has(taskId)) return 'refused';
    if (this.#understudies.slotOf(taskId) !== undefined)
      return this.#understudies.isReady(taskId) ? 'ready' : 'underway';
    const slot = this.#leastBusy();
    if (order === undefined || slot === undefined || !isLiveOrder(order)) return 'refused';
    this.#understudies.ask(slot, order);
    return 'underway';
  }

  /** Whether a worker may still have the task on air. */
  has(taskId: string): boolean {
    return this.#placements.has(taskId);
  }

  report(taskId: string): RunReport | undefined {
    return this.#placements.get(taskId)?.report;
  }

  /** Asks the worker to show what the task carries, under that id. False where there is no such run. */
  tap(taskId: string, id: string, look: Look): boolean {
    const placement = this.#placements.get(taskId);
    if (placement?.state !== 'given' || placement.slot?.up !== true) return false;
    placement.slot.send({ t: 'tap', taskId, epoch: placement.epoch, id, look });
    return true;
  }

  /** How many runs there are, and how many packets they have dropped, by reason, as they last told. */
  get totals(): { readonly runs: number; readonly dropped: Readonly<Record<string, number>> } {
    const dropped: Record<string, number> = {};
    for (const { report } of this.#placements.values()) {
      for (const [reason, count] of Object.entries(report?.dropped ?? {})) {
        dropped[reason] = (dropped[reason] ?? 0) + count;
      }
    }
    return { runs: this.#placements.size, dropped };
  }

  /** Takes all its runs off a slot whose process is gone. */
  bury(slot: Slot, reason: string): void {
    this.#understudies.forgetAt(slot);
    for (const taskId of [...slot.runs]) {
      const placement = this.#placements.get(taskId);
      if (placement !== undefined) this.#lose(taskId, placement, `its worker was lost: ${reason}`);
    }
  }

  /**
   * Begins to move one run off the workers that are not wanted any more, and ends those that carry none. To be called over
   * and over: one after the other, so that neither sources nor destinations see all of them come back at once.
   */
  drain(): void {
    const slots = [...this.#parts.slots()];
    if (this.#adopting.size > 0 || !slots.some(isOpen)) return;
    for (const slot of slots) {
      if (slot.role !== 'worker' || slot.wanted || !slot.up) continue;
      if (slot.runs.size === 0) slot.dismiss();
      else if (this.#moveOne(slot)) return;
    }
  }

  /** Resolves when all runs that workers have brought are settled with the listener. Throws what went wrong. */
  async adopted(): Promise<void> {
    await Promise.all(this.#adopting);
    if (this.#adoptionFault !== undefined) throw this.#adoptionFault;
  }

  get adoptionFailed(): boolean {
    return this.#adoptionFault !== undefined;
  }

  /** From now on nobody is told that a run was lost. */
  close(): void {
    this.#isClosed = true;
  }

  /** The node has lost its lease, and with it every claim: there is nothing left that could be lost or stopped. */
  cut(): void {
    for (const slot of this.#parts.slots()) this.#understudies.forgetAt(slot);
    for (const taskId of [...this.#placements.keys()]) this.#forget(taskId);
  }

  /** The node has its lease: what was cut was cut by a worker that had stood still, and is lost with what it carried. */
  renewed(): void {
    for (const [taskId, placement] of [...this.#placements]) {
      if (placement.state === 'cut') this.#lose(taskId, placement, CUT);
    }
  }

  hear(slot: Slot, message: Exclude<FromWorker, Hello>): void {
    if (message.t === 'news') this.#hearNews(message.news);
    else if (message.t === 'ended') this.#ended(slot, message);
    else if (message.t === 'prepared') this.#hearPrepared(slot, message);
    else if (message.t === 'places') for (const place of message.places) this.#keepPlace(slot, place);
    else if (message.t === 'reports') {
      slot.hear(message.process);
      for (const report of message.reports) this.#keepReport(slot, report);
    }
  }

  #hearNews(news: RunNews): void {
    const placement = this.#placements.get(news.taskId);
    const isLast = news.type === 'finished' || news.type === 'gaveUp';
    // It has ended by itself before it could be moved.
    if (isLast && placement?.state === 'moving' && placement.epoch === news.epoch) placement.state = 'stopping';
    this.#parts.listener.news(news);
  }

  /** A run that is not to be there, e.g. one that a change reached just after its own end, is stopped. */
  #keepReport(slot: Slot, report: RunReport): void {
    const placement = this.#placements.get(report.taskId);
    const { taskId, epoch } = report;
    if (placement?.slot !== slot) slot.send({ t: 'stop', taskId, epoch });
    else if (placement.epoch === epoch) {
      placement.report = report;
      this.#parts.listener.reported(report);
      this.#tellProgress(report);
    }
  }

  #keepPlace(slot: Slot, place: RunPlace): void {
    const placement = this.#placements.get(place.taskId);
    if (placement?.slot === slot && placement.epoch === place.epoch) this.#parts.listener.reached(place);
  }

  #ended(slot: Slot, end: Extract<FromWorker, { t: 'ended' }>): void {
    const placement = this.#placements.get(end.taskId);
    if (placement?.slot !== slot || placement.epoch !== end.epoch) return;
    this.#tellProgress(end);
    // It is lost with its worker, when that is gone.
    if (end.leaving && placement.state === 'given') return;
    if (end.cut && (placement.state === 'given' || placement.state === 'cut')) placement.state = 'cut';
    else if (placement.state === 'moving') this.#lose(end.taskId, placement, MOVED);
    else if (placement.state !== 'due') this.#forget(end.taskId);
  }

  #hearPrepared(slot: Slot, { taskId, epoch, isReady }: Extract<FromWorker, { t: 'prepared' }>): void {
    if (this.#understudies.slotOf(taskId) !== slot) return;
    if (isReady) this.#understudies.noteReady(taskId);
    else this.#understudies.forget(taskId);
    const placement = this.#placements.get(taskId);
    // Where it could not be made ready, it moves all the same.
    if (placement?.epoch === epoch && placement.slot?.wanted === false) this.#move(taskId, placement);
  }

  #tellProgress({ taskId, epoch, breakpoint }: Omit<Progress, 'breakpoint'> & Partial<Progress>): void {
    if (breakpoint !== undefined) this.#parts.listener.progress({ taskId, epoch, breakpoint });
  }

  /** Brings what we think the worker carries and what it says it carries together. */
  reconcile(slot: Slot, peer: Peer<ToWorker>, runs: readonly RunReport[]): void {
    this.#understudies.forgetAt(slot);
    const byTask = new Map(runs.map(run => [run.taskId, run]));
    for (const taskId of [...slot.runs]) this.#settle(taskId, byTask.get(taskId));
    const strangers = runs.filter(run => this.#takeIn(slot, run));
    if (strangers.length > 0) this.#adopt(peer, strangers);
    for (const taskId of [...this.#waiting]) {
      const placement = this.#placements.get(taskId);
      if (placement !== undefined) this.#assign(taskId, placement);
    }
  }

  /** One run of ours on a worker that has come back: `run` is what it carries for that task. */
  #settle(taskId: string, run: RunReport | undefined): void {
    const placement = this.#placements.get(taskId);
    if (placement === undefined) return;
    const carries = run?.epoch === placement.epoch;
    if (carries) {
      placement.report = run;
      this.#parts.listener.reported(run);
      this.#tellProgress(run);
      this.#parts.listener.carried(run);
    }
    if (placement.state === 'stopping' || placement.state === 'moving') {
      if (run !== undefined) placement.slot?.send({ t: 'stop', taskId, epoch: placement.epoch });
      else if (placement.state === 'moving') this.#lose(taskId, placement, MOVED);
      else this.#forget(taskId);
    } else if (placement.state === 'due' || (run !== undefined && run.epoch < placement.epoch)) {
      this.#give(placement);
    } else if (!carries) {
      this.#lose(taskId, placement, 'its worker came back without it');
    }
  }

  /** Notes a run that we did not know of; answers whether its adoption has to be asked for. */
  #takeIn(slot: Slot, run: RunReport): boolean {
    const { taskId, epoch } = run;
    const known = this.#placements.get(taskId);
    if (known?.slot === slot) return false;
    if (known !== undefined) {
      slot.send({ t: 'stop', taskId, epoch });
      return false;
    }
    this.#placements.set(taskId, { epoch, slot, state: 'given', order: undefined, report: run });
    slot.runs.add(taskId);
    this.#tellProgress(run);
    return true;
  }

  #adopt(peer: Peer<ToWorker>, runs: readonly RunReport[]): void {
    const adoption = this.#parts.listener
      .adopt(runs)
      .then(wanted => this.#stopOthers(runs, new Set(wanted)))
      .catch((error: unknown) => {
        this.#adoptionFault ??= error;
        this.#parts.log('runs could not be adopted', { cause: error });
        // Nobody has answered for them: the worker asks again when it dials again.
        for (const { taskId } of runs) if (this.#placements.get(taskId)?.order === undefined) this.#forget(taskId);
        peer.close();
      })
      .finally(() => this.#adopting.delete(adoption));
    this.#adopting.add(adoption);
  }

  #stopOthers(runs: readonly RunReport[], wanted: ReadonlySet<string>): void {
    for (const { taskId, epoch } of runs) {
      if (!wanted.has(taskId) && this.#placements.get(taskId)?.epoch === epoch) this.stop(taskId, epoch);
    }
    this.#parts.log('runs adopted', { adopted: wanted.size, stopped: runs.length - wanted.size });
  }

  /** Answers false where none is left but those on their way already. */
  #moveOne(slot: Slot): boolean {
    for (const taskId of slot.runs) {
      const placement = this.#placements.get(taskId);
      if (placement?.state !== 'given' || this.#understudies.slotOf(taskId) !== undefined) continue;
      const next = this.#leastBusy();
      if (next !== undefined && Understudies.canBeFor(placement.order, placement.report)) {
        this.#understudies.ask(next, placement.order);
      } else this.#move(taskId, placement);
      return true;
    }
    return false;
  }

  #move(taskId: string, placement: Placement): void {
    if (placement.state !== 'given') return;
    placement.state = 'moving';
    placement.slot?.send({ t: 'stop', taskId, epoch: placement.epoch });
  }

  /** To the worker that has made it ready, or else to the one with the fewest runs. */
  #assign(taskId: string, placement: Placement): void {
    const ready = this.#understudies.slotOf(taskId);
    const slot = ready !== undefined && isOpen(ready) ? ready : this.#leastBusy();
    if (slot === undefined) {
      this.#waiting.add(taskId);
      return;
    }
    this.#waiting.delete(taskId);
    this.#understudies.forget(taskId);
    slot.runs.add(taskId);
    placement.slot = slot;
    this.#give(placement);
  }

  #leastBusy(): Slot | undefined {
    const load = (slot: Slot): number => slot.runs.size + this.#understudies.countAt(slot);
    let least: Slot | undefined;
    for (const slot of this.#parts.slots()) {
      if (isOpen(slot) && (least === undefined || load(slot) < load(least))) least = slot;
    }
    return least;
  }

  /** A worker that is away is given its orders when it is back. */
  #give(placement: Placement): void {
    if (placement.order === undefined || placement.slot?.up !== true) return;
    placement.slot.send({ t: 'start', order: placement.order });
    placement.state = 'given';
  }

  #lose(taskId: string, { epoch, state }: Placement, reason: string): void {
    this.#forget(taskId);
    if (state !== 'stopping' && !this.#isClosed) this.#parts.listener.lost(taskId, epoch, reason);
  }

  #forget(taskId: string): void {
    this.#placements.get(taskId)?.slot?.runs.delete(taskId);
    this.#placements.delete(taskId);
    this.#waiting.delete(taskId);
  }
}

/** Takes new runs. */
const isOpen = (slot: Slot): boolean => slot.role === 'worker' && slot.up && slot.wanted;
