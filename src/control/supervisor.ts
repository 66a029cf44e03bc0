import type { Progress } from '../store/store.ts';
import type {
  ChannelListener,
  Child,
  Conversation,
  FromWorker,
  Peer,
  RunNews,
  RunOrder,
  RunPlace,
  RunReport,
  ToWorker,
} from '../worker/channel.ts';
import { type Machine, thisMachine } from './machine.ts';
import { type Hello, Slot } from './slot.ts';
import type { Role } from './survivors.ts';

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

export interface SupervisorOptions {
  readonly socketPath: string;
  readonly workers: number;
  readonly spawn: (slot: number) => Child;
  readonly spawnOrigin?: (() => Child) | undefined;
  readonly listener: RunListener;
  /** Monotonic. */
  readonly now: () => number;
  readonly log: (message: string, facts: { readonly [name: string]: unknown }) => void;
  /** Where the children are noted, so that a later control process knows whom to wait for. */
  readonly childrenFile: string;
  /** The one this runs on where absent. */
  readonly machine?: Machine;
}

/** The built-in RTMP server cannot have its port. */
export class OriginPortTaken extends Error {
  override readonly name = 'OriginPortTaken';
}

/** What a worker carries for us. */
interface Placement {
  epoch: number;
  slot: Slot | undefined;
  /** `due`: the worker has yet to be given the order. `stopping`: told to stop, not yet told that it ended. */
  state: 'due' | 'given' | 'stopping';
  /** Undefined for a run adopted from a former control process. */
  order: RunOrder | undefined;
  report: RunReport | undefined;
}

const WATCH_MS = 250;
/** A watch that comes later than this says that we stood still, not the workers. */
const LATE_MS = 500;
const START_MS = 10_000;
/** Runs take up to 5 s to close their pushes, and the whole node is to end within 10 s. */
const END_MS = 6_500;
const KILL_MS = 500;
const EXIT_PORT_TAKEN = 6;

/** Which worker has which run. Keeps the workers alive, and takes over those of a control process that died. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #machine: Machine;
  readonly #survivors: ReturnType<Machine['survivors']>;
  readonly #slots = new Map<string, Slot>();
  readonly #placements = new Map<string, Placement>();
  /** Orders that no worker was there to take. */
  readonly #waiting = new Set<string>();
  readonly #adopting = new Set<Promise<void>>();
  #watchers: (() => void)[] = [];
  #channel: ChannelListener | undefined;
  #endWatch: () => void = () => {};
  #watchedAtMs = 0;
  #originAddress: string | undefined;
  #originCode: number | null = null;
  #adoptionFault: unknown;
  #isClosing = false;
  #isLettingGo = false;
  #closing: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#machine = options.machine ?? thisMachine;
    this.#survivors = this.#machine.survivors(options.childrenFile);
  }

  /** Every worker, and the origin if there is to be one, is connected. */
  get ready(): boolean {
    return this.#slots.size > 0 && [...this.#slots.values()].every(slot => slot.up || !slot.wanted);
  }

  get originAddress(): string | undefined {
    return this.#originAddress;
  }

  /**
   * Takes over whatever a former control process left alive, fills the other slots, and resolves when it is known of
   * every process what has become of it. Throws when another control process is at work here.
   */
  async start(): Promise<void> {
    const { workers, spawn, spawnOrigin, now, socketPath } = this.#options;
    this.#channel = await this.#machine.listen(socketPath, peer => this.#accept(peer));
    try {
      this.#watchedAtMs = now();
      this.#endWatch = this.#machine.every(WATCH_MS, () => this.#look());
      for (let number = 0; number < workers; number++) this.#addSlot('worker', number, () => spawn(number));
      if (spawnOrigin !== undefined) this.#addSlot('origin', 0, spawnOrigin);
      for (const survivor of this.#survivors.read()) this.#slotAt(survivor.role, survivor.slot).expect(survivor);
      for (const slot of this.#slots.values()) if (slot.empty) slot.start();
      await this.#until(() => this.#isDecided(), START_MS);
      await Promise.all(this.#adopting);
      if (this.#adoptionFault !== undefined) throw this.#adoptionFault;
      if (this.#originCode === EXIT_PORT_TAKEN) throw new OriginPortTaken('the RTMP port is taken');
    } catch (error) {
      // What carries media is left to whoever can adopt it.
      await this.close({ stopWorkers: this.#adoptionFault === undefined });
      throw error;
    }
  }

  /** Gives the run to a worker; a task that has one already is changed or replaced there, so that it never runs twice. */
  place(order: RunOrder): void {
    const { taskId, epoch } = order;
    const former = this.#placements.get(taskId);
    if (former !== undefined && epoch < former.epoch) return;
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
    placement.slot.send({ t: 'stop', taskId, epoch });
  }

  /** Has a live run go to one of its sources, 0 being the primary; `auto` undoes that. False where there is no such run. */
  switchTo(taskId: string, to: number | 'auto'): boolean {
    const placement = this.#placements.get(taskId);
    if (placement?.state !== 'given' || placement.slot === undefined) return false;
    placement.slot.send({ t: 'switch', taskId, epoch: placement.epoch, to });
    return true;
  }

  report(taskId: string): RunReport | undefined {
    return this.#placements.get(taskId)?.report;
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

  /** Lets go of the workers, which go on for a while, or ends them cleanly first. Idempotent. */
  close(options: { readonly stopWorkers: boolean }): Promise<void> {
    this.#isClosing = true;
    this.#isLettingGo ||= !options.stopWorkers && this.#closing === undefined;
    this.#closing ??= this.#close(options.stopWorkers);
    return this.#closing;
  }

  async #close(stopWorkers: boolean): Promise<void> {
    for (const slot of this.#slots.values()) slot.retire();
    if (stopWorkers) await this.#endAll();
    this.#endWatch();
    await this.#channel?.close();
  }

  async #endAll(): Promise<void> {
    const slots = [...this.#slots.values()];
    const areGone = (): boolean => slots.every(slot => slot.empty);
    for (const slot of slots) slot.end();
    await this.#until(areGone, END_MS);
    for (const slot of slots) slot.kill('SIGKILL');
    await this.#until(areGone, KILL_MS);
    if (areGone()) this.#survivors.remove();
  }

  /** It is known of every process what has become of it, or that it is of no use to go on. */
  #isDecided(): boolean {
    return this.#originCode === EXIT_PORT_TAKEN || [...this.#slots.values()].every(slot => !slot.undecided);
  }

  #addSlot(role: Role, number: number, spawn?: () => Child): Slot {
    const { now } = this.#options;
    const slot = new Slot({
      role,
      number,
      spawn,
      now,
      machine: this.#machine,
      died: (_, reason, code) => this.#bury(slot, reason, code),
      changed: () => this.#note(),
    });
    this.#slots.set(`${role}-${number}`, slot);
    return slot;
  }

  /** A survivor beyond the number of workers wanted now has a slot that is not filled again. */
  #slotAt(role: Role, number: number): Slot {
    return this.#slots.get(`${role}-${number}`) ?? this.#addSlot(role, number);
  }

  #accept(peer: Peer<ToWorker>): Conversation {
    let slot: Slot | undefined;
    return {
      message: message => {
        // Once a connection: a second one would tell of a time before the orders that followed the first.
        if (message.t === 'hello') slot ??= this.#greet(message, peer);
        else if (slot?.speaksTo(peer)) this.#hear(slot, message);
      },
      closed: () => {
        slot?.hungUp(peer);
        this.#wake();
      },
    };
  }

  /** A process that does not belong here is sent home: its place is taken by another. */
  #greet(hello: Hello, peer: Peer<ToWorker>): Slot | undefined {
    if (this.#isLettingGo) {
      // Whoever follows adopts it.
      peer.close();
      return undefined;
    }
    const slot = this.#slotAt(hello.role, hello.slot);
    const isOurs = (hello.role === 'worker' || slot.wanted) && slot.greet(hello, peer);
    if (!isOurs) {
      this.#options.log('stranger sent home', { ...nameOf(slot), pid: hello.pid });
      peer.send({ t: 'exit' });
      return undefined;
    }
    if (hello.role === 'origin') {
      this.#originAddress = hello.address;
      this.#originCode = null;
    } else this.#reconcile(slot, peer, hello.runs);
    this.#wake();
    return slot;
  }

  #hear(slot: Slot, message: Exclude<FromWorker, Hello>): void {
    if (message.t === 'news') this.#options.listener.news(message.news);
    else if (message.t === 'ended') this.#ended(slot, message);
    else if (message.t === 'places') for (const place of message.places) this.#keepPlace(slot, place);
    else {
      slot.hear();
      for (const report of message.reports) this.#keepReport(slot, report);
    }
  }

  /** A run that is not to be there, e.g. one that a change reached just after its own end, is stopped. */
  #keepReport(slot: Slot, report: RunReport): void {
    const placement = this.#placements.get(report.taskId);
    const { taskId, epoch } = report;
    if (placement?.slot !== slot) slot.send({ t: 'stop', taskId, epoch });
    else if (placement.epoch === epoch) {
      placement.report = report;
      this.#options.listener.reported(report);
      this.#tellProgress(report);
    }
  }

  #keepPlace(slot: Slot, place: RunPlace): void {
    const placement = this.#placements.get(place.taskId);
    if (placement?.slot === slot && placement.epoch === place.epoch) this.#options.listener.reached(place);
  }

  #ended(slot: Slot, end: Extract<FromWorker, { t: 'ended' }>): void {
    const placement = this.#placements.get(end.taskId);
    if (placement?.slot !== slot || placement.epoch !== end.epoch) return;
    this.#tellProgress(end);
    // It is lost with its worker, when that is gone.
    if (end.leaving && placement.state === 'given') return;
    if (placement.state !== 'due') this.#forget(end.taskId);
  }

  #tellProgress({ taskId, epoch, breakpoint }: Omit<Progress, 'breakpoint'> & Partial<Progress>): void {
    if (breakpoint !== undefined) this.#options.listener.progress({ taskId, epoch, breakpoint });
  }

  /** Brings what we think the worker carries and what it says it carries together. */
  #reconcile(slot: Slot, peer: Peer<ToWorker>, runs: readonly RunReport[]): void {
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
      this.#options.listener.reported(run);
      this.#tellProgress(run);
      this.#options.listener.carried(run);
    }
    if (placement.state === 'stopping') {
      if (run === undefined) this.#forget(taskId);
      else placement.slot?.send({ t: 'stop', taskId, epoch: placement.epoch });
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
    const adoption = this.#options.listener
      .adopt(runs)
      .then(wanted => this.#stopOthers(runs, new Set(wanted)))
      .catch((error: unknown) => {
        this.#adoptionFault ??= error;
        this.#options.log('runs could not be adopted', { cause: error });
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
    this.#options.log('runs adopted', { adopted: wanted.size, stopped: runs.length - wanted.size });
  }

  /** To the worker with the fewest runs. */
  #assign(taskId: string, placement: Placement): void {
    let least: Slot | undefined;
    for (const slot of this.#slots.values()) {
      if (slot.role !== 'worker' || !slot.up || !slot.wanted) continue;
      if (least === undefined || slot.runs.size < least.runs.size) least = slot;
    }
    if (least === undefined) {
      this.#waiting.add(taskId);
      return;
    }
    this.#waiting.delete(taskId);
    least.runs.add(taskId);
    placement.slot = least;
    this.#give(placement);
  }

  /** A worker that is away is given its orders when it is back. */
  #give(placement: Placement): void {
    if (placement.order === undefined || placement.slot?.up !== true) return;
    placement.slot.send({ t: 'start', order: placement.order });
    placement.state = 'given';
  }

  #bury(slot: Slot, reason: string, code: number | null): void {
    if (slot.role === 'origin') {
      this.#originAddress = undefined;
      this.#originCode = code;
    }
    const taskIds = [...slot.runs];
    if (!this.#isClosing) this.#options.log('process lost', { ...nameOf(slot), reason, runs: taskIds.length });
    for (const taskId of taskIds) {
      const placement = this.#placements.get(taskId);
      if (placement !== undefined) this.#lose(taskId, placement, `its worker was lost: ${reason}`);
    }
    if (!slot.wanted) this.#slots.delete(`${slot.role}-${slot.number}`);
    this.#wake();
  }

  #lose(taskId: string, { epoch, state }: Placement, reason: string): void {
    this.#forget(taskId);
    if (state !== 'stopping' && !this.#isClosing) this.#options.listener.lost(taskId, epoch, reason);
  }

  #forget(taskId: string): void {
    this.#placements.get(taskId)?.slot?.runs.delete(taskId);
    this.#placements.delete(taskId);
    this.#waiting.delete(taskId);
  }

  /** Whoever takes over reads the list as it was; it must not change under them. */
  #note(): void {
    if (this.#isClosing) return;
    const survivors = [...this.#slots.values()].flatMap(slot => slot.survivor ?? []);
    try {
      this.#survivors.write(survivors);
    } catch (error) {
      // A full disk must not cost the workers; they introduce themselves anyway.
      this.#options.log('the list of children could not be written', { cause: error });
    }
  }

  #look(): void {
    const nowMs = this.#options.now();
    const lateMs = nowMs - this.#watchedAtMs - WATCH_MS;
    this.#watchedAtMs = nowMs;
    for (const slot of [...this.#slots.values()]) {
      if (lateMs > LATE_MS) slot.excuse(lateMs);
      slot.check();
    }
    this.#wake();
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Waits for the condition, looked at after every change, or until the time is over. */
  async #until(holds: () => boolean, limitMs: number): Promise<void> {
    const endMs = this.#options.now() + limitMs;
    while (!holds() && this.#options.now() < endMs) {
      await new Promise<void>(resolve => {
        this.#watchers.push(resolve);
      });
      this.#watchers = [];
    }
  }
}

const nameOf = (slot: Slot): { readonly role: Role; readonly slot: number } => ({ role: slot.role, slot: slot.number });
