import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ChannelListener, Child, Conversation, Peer, RunOrder, RunReport, ToWorker } from '../worker/channel.ts';
import type { Load } from './load.ts';
import { type Machine, thisMachine } from './machine.ts';
import { Placements, type RunListener } from './placements.ts';
import { type Hello, Slot } from './slot.ts';
import { numbersFor, type Role } from './survivors.ts';
import { type Look, Taps } from './taps.ts';

export interface SupervisorOptions {
  readonly socketPath: string;
  readonly workers: number;
  readonly spawn: (slot: number) => Child;
  readonly spawnOrigin?: (() => Child) | undefined;
  /** Of the processes that are started here; survivors of another edition are replaced. Absent: any will do. */
  readonly editions?: { readonly worker: string; readonly origin: string };
  readonly listener: RunListener;
  /** Monotonic. */
  readonly now: () => number;
  readonly log: (message: string, facts: { readonly [name: string]: unknown }) => void;
  /** Where the children are noted, so that a later control process knows whom to wait for. */
  readonly childrenFile: string;
  /** The one this runs on where absent. */
  readonly machine?: Machine;
}

/** One place for a process, as it stands. */
export interface ProcessFacts {
  readonly role: Role;
  readonly slot: number;
  readonly pid: number | undefined;
  readonly isUp: boolean;
  /** False of one that is drained and not replaced. */
  readonly isWanted: boolean;
  readonly runs: number;
  readonly load: Load | undefined;
  /** Since the process was started; undefined while it has not told. */
  readonly uptimeMs: number | undefined;
  /** How often it was lost here. */
  readonly losses: number;
}

/** The built-in RTMP server cannot have its port. */
export class OriginPortTaken extends Error {
  override readonly name = 'OriginPortTaken';
}

type LeaseWord = Extract<ToWorker, { t: 'lease' }>;

/** Over since ever. */
const LOST = { t: 'lease', untilMs: 0 } as const;

const WATCH_MS = 250;
/** A watch that comes later than this says that we stood still, not the workers. */
const LATE_MS = 500;
const START_MS = 10_000;
/** Runs take up to 5 s to close their pushes, and the whole node is to end within 10 s. */
const END_MS = 6_500;
const KILL_MS = 500;
const EXIT_PORT_TAKEN = 6;

/**
 * Keeps the workers and the origin alive, takes over those that a former control process has left, and replaces what of
 * them is not as it would be started now.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #machine: Machine;
  readonly #survivors: ReturnType<Machine['survivors']>;
  readonly #slots = new Map<string, Slot>();
  readonly #placements: Placements;
  readonly #taps: Taps;
  #watchers: (() => void)[] = [];
  #channel: ChannelListener | undefined;
  #endWatch: () => void = () => {};
  #watchedAtMs = 0;
  #originAddress: string | undefined;
  #originCode: number | null = null;
  #hasStarted = false;
  #isClosing = false;
  #isLettingGo = false;
  #closing: Promise<void> | undefined;
  /** What the workers were told last; undefined where nobody has said anything yet. */
  #lease: LeaseWord | undefined;
  /** Workers that were out of reach when all runs were to be cut. */
  readonly #uncut = new Set<Slot>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#machine = options.machine ?? thisMachine;
    this.#survivors = this.#machine.survivors(options.childrenFile);
    const { listener, log } = options;
    this.#placements = new Placements({ slots: () => this.#slots.values(), listener, log });
    this.#taps = new Taps({ newId: randomUUID, ask: (...wish) => this.#placements.tap(...wish) });
  }

  /** Every worker, and the origin if there is to be one, is connected. */
  get ready(): boolean {
    const isFilled = this.#slots.size > 0 || this.#options.workers === 0;
    return isFilled && [...this.#slots.values()].every(slot => slot.up || !slot.wanted);
  }

  get originAddress(): string | undefined {
    return this.#originAddress;
  }

  /**
   * Takes over whatever a former control process left alive, fills the other slots, and resolves when it is known of
   * every process what has become of it. Throws when another control process is at work here.
   */
  async start(): Promise<void> {
    const { now, socketPath } = this.#options;
    this.#channel = await this.#machine.listen(socketPath, peer => this.#accept(peer));
    try {
      this.#watchedAtMs = now();
      this.#endWatch = this.#machine.every(WATCH_MS, () => this.#look());
      this.#fill();
      await this.#until(() => this.#isDecided(), START_MS);
      await this.#placements.adopted();
      if (this.#originCode === EXIT_PORT_TAKEN) throw new OriginPortTaken('the RTMP port is taken');
      this.#hasStarted = true;
    } catch (error) {
      // What carries media is left to whoever can adopt it.
      await this.close({ stopWorkers: !this.#placements.adoptionFailed });
      throw error;
    }
  }

  /** Gives the run to a worker; a task that has one already is changed or replaced there, so that it never runs twice. */
  place(order: RunOrder): void {
    this.#placements.place(order);
  }

  stop(taskId: string, epoch: number): void {
    this.#placements.stop(taskId, epoch);
  }

  /**
   * How long this node may push, in milliseconds since the machine was started; null: for ever, for it is alone. Every worker
   * is told, and each that comes. To be called before the first order, and whenever the node has proven its lease anew.
   * `dialsPerSecond` is the node's, of which each worker has its share; absent: as before.
   */
  lease(untilMs: number | null, dialsPerSecond?: number): void {
    const share = dialsPerSecond === undefined ? undefined : dialsPerSecond / this.#options.workers;
    const dials = share ?? this.#lease?.dialsPerSecond;
    this.#lease = { t: 'lease', untilMs, ...(dials === undefined ? {} : { dialsPerSecond: dials }) };
    for (const slot of this.#workers) slot.send(this.#lease);
    this.#placements.renewed();
  }

  /** The node has lost its lease: whatever still runs is broken off without a word, and nothing is placed any more. */
  cut(): void {
    this.#lease = { ...this.#lease, ...LOST };
    for (const slot of this.#workers) {
      if (slot.up) slot.send(this.#lease);
      else this.#uncut.add(slot);
    }
    this.#placements.cut();
  }

  get #workers(): readonly Slot[] {
    return [...this.#slots.values()].filter(({ role }) => role === 'worker');
  }

  /** See Placements. */
  prepare(taskId: string, order?: RunOrder): ReturnType<Placements['prepare']> {
    return this.#placements.prepare(taskId, order);
  }

  /** Whether a worker may still have the task on air, stopped or not. */
  carries(taskId: string): boolean {
    return this.#placements.has(taskId);
  }

  report(taskId: string): RunReport | undefined {
    return this.#placements.report(taskId);
  }

  /** FLV of what the task carries, or one key frame of it, from its worker. Rejects with NotShown. */
  show(taskId: string, look: Look): Promise<Readable> {
    return this.#taps.open(taskId, look);
  }

  /** How many look at live pictures. */
  get viewers(): number {
    return this.#taps.viewers;
  }

  /** The processes there are. */
  get processes(): readonly ProcessFacts[] {
    return [...this.#slots.values()].map(slot => ({
      ...nameOf(slot),
      pid: slot.pid,
      isUp: slot.up,
      isWanted: slot.wanted,
      runs: slot.runs.size,
      load: slot.load,
      uptimeMs: slot.uptimeMs,
      losses: slot.losses,
    }));
  }

  get totals(): Placements['totals'] {
    return this.#placements.totals;
  }

  /** Lets go of the workers, which go on for a while, or ends them cleanly first. Idempotent. */
  close(options: { readonly stopWorkers: boolean }): Promise<void> {
    this.#isClosing = true;
    this.#placements.close();
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

  /**
   * Makes a slot for each process that is wanted and for each that is there, once: survivors dial as soon as somebody
   * listens, and the first of them may be here before the listening is told.
   */
  #fill(): void {
    if (this.#slots.size > 0) return;
    const { workers, spawn, spawnOrigin, editions } = this.#options;
    const survivors = this.#survivors.read();
    const present = survivors.filter(({ role }) => role === 'worker');
    for (const number of numbersFor(present, { count: workers, edition: editions?.worker })) {
      this.#addSlot('worker', number, () => spawn(number));
    }
    if (spawnOrigin !== undefined) this.#addSlot('origin', 0, spawnOrigin);
    for (const survivor of survivors) this.#slotAt(survivor.role, survivor.slot).expect(survivor);
    for (const slot of this.#slots.values()) if (slot.empty) slot.start();
  }

  #addSlot(role: Role, number: number, spawn?: () => Child): Slot {
    const { now, editions } = this.#options;
    const slot = new Slot({
      role,
      number,
      spawn,
      edition: editions?.[role],
      now,
      machine: this.#machine,
      died: (_, reason, code) => this.#bury(slot, reason, code),
      changed: () => this.#note(),
    });
    this.#slots.set(`${role}-${number}`, slot);
    return slot;
  }

  /** A survivor beyond those that are wanted now has a slot that is not filled again, and is drained. */
  #slotAt(role: Role, number: number): Slot {
    return this.#slots.get(`${role}-${number}`) ?? this.#addSlot(role, number);
  }

  #accept(peer: Peer<ToWorker>): Conversation {
    let slot: Slot | undefined;
    return {
      message: message => {
        // Once a connection: a second one would tell of a time before the orders that followed the first.
        if (message.t === 'hello') slot ??= this.#greet(message, peer);
        else if (message.t === 'untapped') this.#taps.refused(message.id);
        else if (slot?.speaksTo(peer)) this.#placements.hear(slot, message);
      },
      tapped: (id, bytes) => this.#taps.take(id, bytes),
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
    this.#fill();
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
    } else this.#enlist(slot, peer, hello);
    this.#wake();
    return slot;
  }

  /** Before anything else it is told whether it may push at all. */
  #enlist(slot: Slot, peer: Peer<ToWorker>, { runs }: Hello): void {
    const isUncut = this.#uncut.delete(slot);
    if (isUncut) slot.send(LOST);
    if (this.#lease !== undefined) slot.send(this.#lease);
    this.#placements.reconcile(slot, peer, isUncut ? [] : runs);
  }

  #bury(slot: Slot, reason: string, code: number | null): void {
    if (slot.role === 'origin') {
      this.#originAddress = undefined;
      this.#originCode = code;
    }
    const message = slot.dismissed ? 'process replaced' : 'process lost';
    if (!this.#isClosing) this.#options.log(message, { ...nameOf(slot), reason, runs: slot.runs.size });
    this.#placements.bury(slot, reason);
    this.#uncut.delete(slot);
    if (!slot.wanted) this.#slots.delete(`${slot.role}-${slot.number}`);
    this.#wake();
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
    if (this.#hasStarted && !this.#isClosing) this.#placements.drain();
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
