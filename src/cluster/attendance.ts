import { type Beat, markOf } from './beat.ts';
import type { Deaths } from './deaths.ts';
import type { HeldLease, LeaseClock } from './held-lease.ts';
import type { Timing } from './timing.ts';
import type { Witness } from './witness.ts';

export interface AttendanceOptions {
  readonly witness: Witness;
  /** Its place among the witnesses. */
  readonly index: number;
  readonly lease: HeldLease;
  readonly deaths: Deaths;
  readonly timing: Timing;
  readonly clock: LeaseClock & { wall(): number };
  beat(): Beat;
  /** Whoever can be told of a beat before it is looked for knows better when it was sent. */
  sends(beat: Beat): void;
  /** After each look, and each try to renew. */
  seen(): void;
}

export type Standing = 'untried' | 'held' | 'refused' | 'away';

const SHORTEST_WAIT_MS = 20;
const MOST_SENT = 50;

/** One witness of one lease: renews there and looks who else is there, whatever becomes of the other witnesses. */
export class Attendance {
  readonly #options: AttendanceOptions;
  /** When our newest beats were sent, by their marks. */
  readonly #sent = new Map<string, number>();
  #renewedAt = Number.NEGATIVE_INFINITY;
  #standing: Standing = 'untried';
  #cause: unknown;
  #hasLooked = false;
  /** What was asked last, whether or not it was waited for to the end. */
  #underway: Promise<unknown> = Promise.resolve();
  /** What stood under our name before we wrote there. */
  #found: Beat | undefined;

  constructor(options: AttendanceOptions) {
    this.#options = options;
  }

  get standing(): Standing {
    return this.#standing;
  }

  get found(): Beat | undefined {
    return this.#found;
  }

  /** Why it is away. */
  get cause(): unknown {
    return this.#cause;
  }

  /** Until the lease is lost. */
  async keep(): Promise<void> {
    const { lease, clock } = this.#options;
    while (!lease.signal.aborted) {
      await this.#attend();
      await clock.sleep(this.#waitMs(), lease.signal);
    }
  }

  /** Nothing is written before it is known what stood there. */
  async #attend(): Promise<void> {
    if (!this.#hasLooked && !(await this.#try(() => this.#look()))) return;
    const isDue = this.#options.clock.sinceBoot() - this.#renewedAt >= this.#patienceMs;
    const isThere = !isDue || (await this.#try(() => this.#renew()));
    if (isThere && (isDue || this.#isUrgent)) await this.#try(() => this.#look());
  }

  /** Behind what is still under way: it is to be the last that is read of the lease. */
  async farewell(beat: Beat): Promise<void> {
    await this.#underway;
    await this.#options.witness.renew(this.#options.lease.node, beat);
  }

  /** Somebody who is missed is looked for with beats of ours, which prove that the look is fresh. */
  get #patienceMs(): number {
    const { timing } = this.#options;
    return this.#isUrgent ? timing.lookMs * 0.9 : timing.renewMs;
  }

  get #isUrgent(): boolean {
    return this.#standing !== 'held' || this.#options.deaths.isMissingSomebody;
  }

  #waitMs(): number {
    const { timing, deaths, clock } = this.#options;
    const verdictMs = deaths.nextVerdictAt - clock.sinceBoot();
    return Math.max(SHORTEST_WAIT_MS, Math.min(timing.lookMs, verdictMs));
  }

  async #try(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (cause) {
      this.#cause = cause;
      if (this.#standing !== 'refused') this.#standing = 'away';
      return false;
    } finally {
      this.#options.seen();
    }
  }

  async #renew(): Promise<void> {
    const { witness, lease, clock } = this.#options;
    const sentAt = clock.sinceBoot();
    const beat = this.#options.beat();
    this.#remember(markOf(beat), sentAt);
    this.#renewedAt = sentAt;
    this.#options.sends(beat);
    const answer = await this.#within(witness.renew(lease.node, beat));
    if (lease.signal.aborted) return;
    this.#standing = answer;
    if (answer === 'held') lease.prove(sentAt);
    else if (lease.isHeld) lease.lose(new Error(`another node goes by the name ${lease.node}`));
  }

  #remember(mark: string, sentAt: number): void {
    this.#sent.set(mark, sentAt);
    const [oldest] = this.#sent.keys();
    if (oldest !== undefined && this.#sent.size > MOST_SENT) this.#sent.delete(oldest);
  }

  async #look(): Promise<void> {
    const { witness, index, lease, deaths, clock } = this.#options;
    const { beats, era } = await this.#within(witness.look());
    const own = beats.get(lease.node);
    if (!this.#hasLooked) this.#found = own;
    this.#hasLooked = true;
    const provenAt = own && this.#sent.get(markOf(own));
    deaths.saw(index, { beats, era, finishedAt: clock.sinceBoot(), provenAt, wall: clock.wall() });
  }

  /** What comes later is not waited for, and proves nothing. */
  async #within<T>(work: Promise<T>): Promise<T> {
    const { clock, timing, lease } = this.#options;
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, lease.signal]);
    const late = clock.sleep(timing.callMs, signal).then(() => {
      throw new Error('the answer did not come in time');
    });
    late.catch(() => undefined);
    this.#underway = work.catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      over.abort();
    }
  }
}
