import { Attendance } from './attendance.ts';
import { type Beat, markOf } from './beat.ts';
import type { Lease, Member, MemberFacts } from './cluster.ts';
import { ClusterFault, NodeNameTaken } from './cluster-fault.ts';
import { Deaths } from './deaths.ts';
import { HeldLease, type LeaseClock } from './held-lease.ts';
import type { LeaseMemory } from './lease-file.ts';
import { JOIN_MS, type Timing } from './timing.ts';
import type { Witness } from './witness.ts';

export interface MembershipOptions {
  readonly node: string;
  /** Of the data directory. */
  readonly incarnation: string;
  readonly memory: LeaseMemory;
  readonly timing: Timing;
  readonly witnesses: readonly Witness[];
  readonly clock: LeaseClock & { wall(): number };
  newId(): string;
  /** Tells all others, without a promise that they hear it. */
  tell(word: Word): void;
}

/** That a beat is on its way. */
export interface Word {
  readonly mark: string;
  readonly hasLeft: boolean;
}

/** A clock on the wall that is off by more is told of. */
const SKEW_MS = 5_000;
/** A node that has been gone for so long is shown no more. */
const SHOWN_MS = 3_600_000;
const POLL_MS = 20;

/** Who is there: this node, by a lease that it renews, and the others, by theirs. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #deaths: Deaths;
  readonly #hearings = new Set<() => void>();
  readonly #closed = new AbortController();
  #lease: HeldLease | undefined;
  #facts: (() => MemberFacts) | undefined;
  #attendances: readonly Attendance[] = [];
  #leaseId = '';
  #beats = 0;
  #told = '';

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { node, timing, witnesses, clock } = options;
    this.#deaths = new Deaths({
      self: node,
      timing,
      sinceBoot: () => clock.sinceBoot(),
      witnesses: witnesses.length,
    });
  }

  /** Whether this node may act. */
  get isHeld(): boolean {
    return this.#lease?.isHeld === true && this.#lease.deadline() > this.#options.clock.sinceBoot();
  }

  isGone(node: string): boolean {
    return this.#deaths.isGone(node);
  }

  hear(node: string, { mark, hasLeft }: Word): void {
    this.#deaths.heardOf(node, mark, hasLeft);
  }

  /** Heard whenever somebody comes, is silent, or is gone. */
  follow(heard: () => void): () => void {
    this.#hearings.add(heard);
    return () => this.#hearings.delete(heard);
  }

  async join(facts: () => MemberFacts): Promise<Lease> {
    this.#closed.signal.throwIfAborted();
    if (this.#lease && !this.#lease.signal.aborted) throw new Error('the node has a lease');
    const { node, timing, clock, memory, newId } = this.#options;
    const until = this.#continuedUntil();
    const lease = new HeldLease({ node, holdMs: timing.holdMs, clock, until });
    lease.onRenewal(deadline => memory.write(deadline));
    this.#lease = lease;
    this.#facts = facts;
    this.#leaseId = newId();
    const attendances = this.#attend(lease);
    this.#attendances = attendances;
    for (const attendance of attendances) void attendance.keep();
    try {
      await this.#settle(lease, attendances);
      if (until === undefined) await clock.sleep(JOIN_MS, lease.signal);
      lease.signal.throwIfAborted();
    } catch (cause) {
      lease.lose(cause instanceof Error ? cause : new Error(String(cause)));
      throw cause;
    }
    return lease;
  }

  #attend(lease: HeldLease): readonly Attendance[] {
    const { witnesses, timing, clock, tell } = this.#options;
    const deaths = this.#deaths;
    const seen = () => this.#tell();
    const sends = ({ lease, n, hasLeft }: Beat) => tell({ mark: markOf({ lease, n }), hasLeft });
    const beat = () => this.#beat(false);
    return witnesses.map((witness, index) => {
      return new Attendance({ witness, index, lease, deaths, timing, clock, beat, sends, seen });
    });
  }

  #beat(hasLeft: boolean): Beat {
    const { incarnation, timing } = this.#options;
    const facts = this.#facts?.();
    if (!facts) throw new Error('the node has not joined');
    const told = hasLeft ? { ...facts, isOpen: false } : facts;
    const n = ++this.#beats;
    return { incarnation, lease: this.#leaseId, n, ttlMs: timing.ttlMs, hasLeft, facts: told };
  }

  /** Until the lease is held by all witnesses that must hold it. */
  async #settle(lease: HeldLease, attendances: readonly Attendance[]): Promise<void> {
    const { clock, timing, node } = this.#options;
    const until = clock.sinceBoot() + timing.ttlMs;
    while (!this.#isSettled(lease, attendances)) {
      lease.signal.throwIfAborted();
      if (clock.sinceBoot() > until) throw this.#refusal(node, attendances);
      await clock.sleep(POLL_MS, lease.signal);
    }
  }

  /** Where another incarnation had the name, no witness may be left out: it could be alive there. */
  #isSettled(lease: HeldLease, attendances: readonly Attendance[]): boolean {
    const standings = attendances.map(({ standing }) => standing);
    const isForeign = attendances.some(({ found }) => found && !found.hasLeft && this.#isOther(found));
    if (standings.some(standing => standing === 'refused' || standing === 'untried')) return false;
    return lease.isHeld && (!isForeign || standings.every(standing => standing === 'held'));
  }

  #refusal(node: string, attendances: readonly Attendance[]): Error {
    if (attendances.some(({ standing }) => standing === 'refused')) return new NodeNameTaken(node);
    const cause = attendances.find(({ standing }) => standing === 'away')?.cause;
    return new ClusterFault('the lease of the node could not be had in time', { cause });
  }

  #isOther({ incarnation }: Beat): boolean {
    return incarnation !== this.#options.incarnation;
  }

  /** Our lease from before this process; nobody can have held it for lost yet. */
  #continuedUntil(): number | undefined {
    const { clock, memory, timing } = this.#options;
    const now = clock.sinceBoot();
    const until = memory.read();
    return until !== undefined && until > now && until <= now + timing.holdMs ? until : undefined;
  }

  get members(): readonly Member[] {
    const { node } = this.#options;
    const facts = this.#facts?.();
    const own: readonly Member[] = facts && this.isHeld ? [{ ...facts, name: node, presence: 'present' }] : [];
    const others = this.#deaths.names.filter(name => name !== node).flatMap(name => this.#member(name) ?? []);
    return [...own, ...others].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  #member(name: string): Member | undefined {
    const presence = this.#deaths.presence(name);
    const traces = this.#deaths.traces(name).filter(({ beat }) => beat !== undefined);
    const newest = traces.reduce((best, trace) => (trace.since > best.since ? trace : best), traces[0] ?? NO_TRACE);
    if (!newest.beat) return undefined;
    const { facts } = newest.beat;
    if (presence !== 'present' && this.#options.clock.wall() - facts.wall > SHOWN_MS) return undefined;
    const { skewMs } = newest;
    return { ...facts, name, presence, ...(skewMs !== undefined && Math.abs(skewMs) > SKEW_MS ? { skewMs } : {}) };
  }

  /** Nobody is told twice of the same. */
  #tell(): void {
    const state = this.#deaths.names.map(name => `${name} ${this.#deaths.presence(name)}`).join('\n');
    if (state === this.#told) return;
    this.#told = state;
    for (const heard of this.#hearings) heard();
  }

  /** The lease ends at once, and the others are told, where they can be. */
  async close(isFollowed: boolean): Promise<void> {
    if (this.#closed.signal.aborted) return;
    const left = new Error('the node has left');
    this.#closed.abort(left);
    const wasHeld = this.isHeld;
    this.#lease?.lose(left);
    if (isFollowed) return;
    this.#options.memory.clear();
    if (wasHeld) await this.#sayFarewell();
  }

  async #sayFarewell(): Promise<void> {
    const { clock, timing } = this.#options;
    const beat = this.#beat(true);
    const farewells = Promise.allSettled(this.#attendances.map(attendance => attendance.farewell(beat)));
    const over = new AbortController();
    await Promise.race([farewells, clock.sleep(timing.callMs, over.signal)]);
    over.abort();
    this.#options.tell({ mark: markOf(beat), hasLeft: true });
  }
}

const NO_TRACE = { beat: undefined, since: Number.NEGATIVE_INFINITY, ttlMs: 0, skewMs: undefined };
