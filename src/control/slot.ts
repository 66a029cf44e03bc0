import type { Child, ChildEnd, FromWorker, Peer, ProcessVitals, ToWorker } from '../worker/channel.ts';
import { type Load, loadBetween } from './load.ts';
import type { Machine } from './machine.ts';
import type { Role, Survivor } from './survivors.ts';

export type Hello = Extract<FromWorker, { t: 'hello' }>;

export interface SlotOptions {
  readonly role: Role;
  readonly number: number;
  /** Absent: whoever stands here now is the last one. */
  readonly spawn?: (() => Child) | undefined;
  /** Of what is started here; absent: any will do. */
  readonly edition?: string | undefined;
  readonly now: () => number;
  readonly machine: Pick<Machine, 'birthOf' | 'kill'>;
  /** Its process is gone for certain. */
  readonly died: (slot: Slot, reason: string, code: number | null) => void;
  /** The processes that stand here have changed. */
  readonly changed: () => void;
}

/** A worker is given this long to introduce itself; longer when the ones before it were too slow. */
const HELLO_MS = 3_000;
const HELLO_CAP_MS = 30_000;
/** A worker reports every second: silent for this long, its event loop is blocked. */
const SILENT_MS = 3_000;
/** For a worker that lives while its channel has gone. */
const REDIAL_MS = 1_000;
/** For one that a former control process started. */
const SURVIVOR_MS = 3_000;
/** For one of another edition to end by itself. */
const DISMISSED_MS = 4_000;
const CRASH_LIMIT = 5;
const CRASH_WINDOW_MS = 60_000;
const CRASH_WAIT_MS = 1_000;
const CRASH_WAIT_CAP_MS = 10_000;

/**
 * One place for a child process, which is kept filled. Between a fault of the process and the next one stands the
 * proof that it is gone: two at once would push twice.
 */
export class Slot {
  readonly role: Role;
  readonly number: number;
  readonly runs = new Set<string>();
  readonly #options: SlotOptions;
  /** `awaited`: started by us or by a former control process, yet to introduce itself. `dying`: told to end, not yet gone. */
  #state: 'empty' | 'awaited' | 'up' | 'away' | 'dying' = 'empty';
  #child: Child | undefined;
  #pid: number | undefined;
  #birth: string | undefined;
  #edition = '';
  #peer: Peer<ToWorker> | undefined;
  #deadlineMs = 0;
  #reason = '';
  #code: number | null = null;
  #slowStarts = 0;
  #vitals: ProcessVitals | undefined;
  #load: Load | undefined;
  #crashesAtMs: number[] = [];
  #losses = 0;
  #retired = false;
  #dismissed = false;

  constructor(options: SlotOptions) {
    this.role = options.role;
    this.number = options.number;
    this.#options = options;
  }

  get up(): boolean {
    return this.#state === 'up';
  }

  get empty(): boolean {
    return this.#state === 'empty';
  }

  /** True while it is not known yet what becomes of the process that should stand here. */
  get undecided(): boolean {
    return this.#state === 'awaited' || this.#state === 'dying';
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  /** What its process costs, as it has last told. */
  get load(): Load | undefined {
    return this.#load;
  }

  /** Since its process was started, as it has last told. */
  get uptimeMs(): number | undefined {
    return this.#vitals?.atMs;
  }

  /** How many processes were lost here that nobody had told to end. */
  get losses(): number {
    return this.#losses;
  }

  get wanted(): boolean {
    return this.#options.spawn !== undefined;
  }

  get survivor(): Survivor | undefined {
    if (this.#pid === undefined || this.#birth === undefined) return undefined;
    return { role: this.role, slot: this.number, pid: this.#pid, birth: this.#birth, edition: this.#edition };
  }

  /** The process that stands here, or stood here last, was told to make room. */
  get dismissed(): boolean {
    return this.#dismissed;
  }

  /** Fills the slot with a new process. */
  start(): void {
    const { spawn } = this.#options;
    if (this.#retired || spawn === undefined) return;
    this.#await(Math.min(HELLO_CAP_MS, HELLO_MS * 2 ** this.#slowStarts));
    this.#edition = this.#options.edition ?? '';
    this.#dismissed = false;
    try {
      const child = spawn();
      this.#child = child;
      this.#identify(child.pid);
      void child.exited.then(end => this.#exited(child, end));
      this.#options.changed();
    } catch (error) {
      this.#reason = `it could not be started: ${error instanceof Error ? error.message : error}`;
      this.#bury();
    }
  }

  /**
   * Fills the slot with a process of a former control process, which will introduce itself. A worker of another edition
   * has a slot of its own, to be drained; where there can be only one, it makes room at once.
   */
  expect({ pid, birth, edition }: Survivor): void {
    this.#pid = pid;
    this.#birth = birth;
    this.#edition = edition;
    this.#await(SURVIVOR_MS);
    const own = this.#options.edition;
    if (!this.wanted || own === undefined || edition === own) return;
    this.#dismissed = true;
    this.#reason = 'it was of another edition';
    this.#state = 'dying';
    this.#deadlineMs = this.#options.now() + DISMISSED_MS;
    this.kill('SIGTERM');
  }

  /** Tells a process that nothing is left for to end. */
  dismiss(): void {
    if (this.#dismissed) return;
    this.#dismissed = true;
    this.#reason = 'nothing was left for it';
    this.send({ t: 'exit' });
  }

  /** Answers whether this is the process that belongs here. */
  greet(hello: Hello, peer: Peer<ToWorker>): boolean {
    if (this.#retired || this.#state === 'dying' || (this.#pid !== undefined && this.#pid !== hello.pid)) return false;
    const isStranger = this.#pid === undefined;
    if (isStranger) {
      this.#identify(hello.pid);
      this.#edition = '';
    }
    this.#peer = peer;
    this.#state = 'up';
    this.#slowStarts = 0;
    this.hear();
    if (isStranger) this.#options.changed();
    return true;
  }

  hear(vitals?: ProcessVitals): void {
    if (vitals !== undefined) {
      this.#load = loadBetween(this.#vitals, vitals);
      this.#vitals = vitals;
    }
    if (!this.#retired) this.#deadlineMs = this.#options.now() + SILENT_MS;
  }

  speaksTo(peer: Peer<ToWorker>): boolean {
    return this.#peer === peer;
  }

  send(message: ToWorker): void {
    this.#peer?.send(message);
  }

  hungUp(peer: Peer<ToWorker>): void {
    if (this.#peer !== peer) return;
    this.#peer = undefined;
    if (this.#state !== 'up') return;
    this.#state = 'away';
    if (!this.#retired) this.#deadlineMs = this.#options.now() + REDIAL_MS;
    this.check();
  }

  /** Puts the deadline off by a time in which this process itself stood still. */
  excuse(ms: number): void {
    this.#deadlineMs += ms;
  }

  check(): void {
    if (this.#state === 'empty') {
      if (this.#options.now() >= this.#deadlineMs) this.start();
      return;
    }
    if (this.#state !== 'up' && this.#isGone()) this.#bury();
    else if (this.#options.now() >= this.#deadlineMs) this.#killLate();
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#child !== undefined) this.#child.kill(signal);
    else if (this.#pid !== undefined && !this.#isGone()) this.#options.machine.kill(this.#pid, signal);
  }

  /** From now on none is watched, and none follows the one that stands here. */
  retire(): void {
    this.#retired = true;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** Asks the process to end. */
  end(): void {
    this.retire();
    if (this.#state === 'up') this.send({ t: 'exit' });
    else this.kill('SIGTERM');
  }

  #await(ms: number): void {
    this.#state = 'awaited';
    this.#reason = '';
    this.#code = null;
    this.#deadlineMs = this.#options.now() + ms;
  }

  #identify(pid: number | undefined): void {
    this.#pid = pid;
    this.#birth = pid === undefined ? undefined : this.#options.machine.birthOf(pid);
  }

  #killLate(): void {
    const late = { awaited: 'did not introduce itself', up: 'was silent', away: 'did not dial again' };
    if (this.#state === 'empty') return;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#state === 'awaited') this.#slowStarts++;
    if (this.#state !== 'dying') this.#reason = `it ${late[this.#state]} in time and was killed`;
    this.#state = 'dying';
    this.kill('SIGKILL');
    this.check();
  }

  /** Of a child of our own the exit tells; of another's child only the process table. */
  #isGone(): boolean {
    return (
      this.#child === undefined && (this.#pid === undefined || this.#options.machine.birthOf(this.#pid) !== this.#birth)
    );
  }

  #exited(child: Child, { code, signal }: ChildEnd): void {
    if (this.#child !== child) return;
    this.#code = code;
    if (this.#reason === '') this.#reason = signal === null ? `it exited with ${code}` : `it was ended by ${signal}`;
    this.#bury();
  }

  #bury(): void {
    const reason = this.#reason === '' ? 'it is gone' : this.#reason;
    if (!this.#dismissed && !this.#retired) this.#losses++;
    this.#peer?.close();
    this.#peer = undefined;
    this.#child = undefined;
    this.#pid = undefined;
    this.#birth = undefined;
    this.#vitals = undefined;
    this.#load = undefined;
    this.#state = 'empty';
    this.#deadlineMs = this.#options.now() + this.#crashWaitMs();
    this.#options.changed();
    this.#options.died(this, reason, this.#code);
    if (this.#state === 'empty') this.check();
  }

  /** A process that crashes once is replaced at once, one that does so over and over at a calmer pace. */
  #crashWaitMs(): number {
    const nowMs = this.#options.now();
    this.#crashesAtMs = [...this.#crashesAtMs.filter(at => at > nowMs - CRASH_WINDOW_MS), nowMs];
    const beyond = this.#crashesAtMs.length - CRASH_LIMIT;
    return beyond <= 0 ? 0 : Math.min(CRASH_WAIT_CAP_MS, CRASH_WAIT_MS * 2 ** (beyond - 1));
  }
}
