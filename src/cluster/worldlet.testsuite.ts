import type { Beat } from './beat.ts';
import { facts } from './cluster.testsuite.ts';
import type { Lease } from './cluster.ts';
import type { LeaseMemory } from './lease-file.ts';
import { Membership, type Word } from './membership.ts';
import { timingOf } from './timing.ts';
import type { Sighting, Witness } from './witness.ts';

/** The same numbers from 0 to 1 for the same seed. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Time that passes only when it is told to, for everybody in it. */
export class Time {
  #now = 0;
  #events: { readonly at: number; readonly work: () => void }[] = [];

  get now(): number {
    return this.#now;
  }

  in(ms: number, work: () => void): void {
    const at = this.#now + Math.max(0, ms);
    const place = this.#events.findLastIndex(event => event.at <= at) + 1;
    this.#events.splice(place, 0, { at, work });
  }

  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (let next = this.#events[0]; next && next.at <= until; next = this.#events[0]) {
      this.#events.shift();
      this.#now = next.at;
      next.work();
      await new Promise(resolve => setImmediate(resolve));
    }
    this.#now = until;
  }
}

/** A place that keeps beats, as a database does, or as NATS: there they end after a while. */
export class Place {
  readonly #time: Time;
  readonly #endsMs: number;
  #wipes = 0;
  #kept = new Map<string, { readonly beat: Beat; readonly at: number }>();

  constructor(time: Time, endsMs = Number.POSITIVE_INFINITY) {
    this.#time = time;
    this.#endsMs = endsMs;
  }

  renew(node: string, beat: Beat): 'held' | 'refused' {
    const found = this.#kept.get(node);
    const isOther = found !== undefined && found.beat.incarnation !== beat.incarnation && !found.beat.hasLeft;
    if (isOther && this.#time.now - found.at < beat.ttlMs * 0.6) return 'refused';
    this.#kept.set(node, { beat, at: this.#time.now });
    return 'held';
  }

  look(): Sighting {
    const lasting = [...this.#kept].filter(([, { at }]) => this.#time.now - at < this.#endsMs);
    return { beats: new Map(lasting.map(([node, { beat }]) => [node, beat])), era: `era ${this.#wipes}` };
  }

  wipe(): void {
    this.#kept = new Map();
    this.#wipes += 1;
  }
}

/** How a node's messages fare on their way to a witness and back. */
export interface Road {
  isCut: boolean;
  mostDelayMs: number;
  /** One in so many is lost, or its answer. */
  lostOneIn: number;
}

/** A computer: its clock goes a little wrong, and all that runs on it may stand still. */
export class Machine {
  readonly name: string;
  readonly roads: readonly Road[];
  readonly #time: Time;
  readonly #rate: number;
  readonly #random: () => number;
  readonly #ttlMs: number;
  readonly #places: readonly Place[];
  #waiting: (() => void)[] = [];
  #isFrozen = false;
  #run = 0;
  #incarnation: string;
  #bootedAt = 0;
  #kept: number | undefined;
  #boots = 0;
  membership: Membership;
  /** Until when, by its own clock, what it pushes is let through. */
  actsUntil = Number.NEGATIVE_INFINITY;
  lease: Lease | undefined;
  trouble: unknown;
  wallOffMs = 0;
  /** Messages to them may be late or lost. */
  others: readonly Machine[] = [];

  constructor(options: {
    name: string;
    time: Time;
    places: readonly Place[];
    random?: () => number;
    rate?: number;
    ttlMs?: number;
    incarnation?: string;
  }) {
    this.name = options.name;
    this.#time = options.time;
    this.#places = options.places;
    this.#random = options.random ?? (() => 0.5);
    this.#rate = options.rate ?? 1;
    this.#ttlMs = options.ttlMs ?? 10_000;
    this.#incarnation = options.incarnation ?? options.name;
    this.roads = options.places.map(() => ({ isCut: false, mostDelayMs: 4, lostOneIn: Number.POSITIVE_INFINITY }));
    this.membership = this.#newMembership();
  }

  get clock(): number {
    return (this.#time.now - this.#bootedAt) * this.#rate + 1_000;
  }

  get #wall(): number {
    return this.#time.now + this.wallOffMs + 1e12;
  }

  get isActing(): boolean {
    return this.actsUntil > this.clock;
  }

  /** Joins, and again whenever the lease is lost. */
  async live(): Promise<void> {
    const run = this.#run;
    while (run === this.#run) {
      try {
        const lease = await this.membership.join(() => ({ ...facts(), wall: this.#wall }));
        if (run !== this.#run) return;
        this.#act(lease);
        await new Promise(resolve => lease.signal.addEventListener('abort', resolve, { once: true }));
        this.actsUntil = Number.NEGATIVE_INFINITY;
      } catch (error) {
        this.trouble = error;
        await this.#sleep(500, new AbortController().signal);
      }
    }
  }

  #act(lease: Lease): void {
    this.lease = lease;
    this.actsUntil = lease.deadline();
    const run = this.#run;
    lease.onRenewal(deadline => {
      if (run === this.#run) this.actsUntil = deadline;
    });
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const work of this.#waiting.splice(0)) this.#do(work);
  }

  /** The control process dies, and what it has started acts on until the deadline. Another one follows at once. */
  restart(): void {
    this.#run += 1;
    this.#waiting = [];
    this.membership = this.#newMembership();
    void this.live();
  }

  /** All that runs there dies. */
  reboot(): void {
    this.#run += 1;
    this.#waiting = [];
    this.actsUntil = Number.NEGATIVE_INFINITY;
    this.#bootedAt = this.#time.now;
    this.#kept = undefined;
    this.#boots += 1;
    this.membership = this.#newMembership();
    void this.live();
  }

  die(): void {
    this.#run += 1;
    this.actsUntil = Number.NEGATIVE_INFINITY;
  }

  async leave(): Promise<void> {
    this.actsUntil = Number.NEGATIVE_INFINITY;
    const { membership } = this;
    await membership.close(false);
    this.#run += 1;
  }

  tell(word: Word): void {
    for (const other of this.others) this.#travel(0, () => other.hear(this.name, word));
  }

  hear(from: string, word: Word): void {
    const { membership } = this;
    this.#do(() => membership.hear(from, word));
  }

  #newMembership(): Membership {
    let ids = 0;
    const run = this.#run;
    return new Membership({
      node: this.name,
      incarnation: this.#incarnation,
      memory: this.#memory(),
      timing: timingOf(this.#ttlMs),
      witnesses: this.#places.map((place, index) => this.#witness(place, index)),
      clock: {
        sinceBoot: () => this.clock,
        wall: () => this.#wall,
        sleep: (ms, signal) => this.#sleep(ms, signal),
      },
      tell: word => this.tell(word),
      newId: () => `${this.name}-${this.#boots}-${run}-${++ids}`,
    });
  }

  #memory(): LeaseMemory {
    return {
      read: () => this.#kept,
      write: until => {
        this.#kept = until;
      },
      clear: () => {
        this.#kept = undefined;
      },
    };
  }

  #witness(place: Place, index: number): Witness {
    const run = this.#run;
    return {
      renew: (node, beat) => this.#call(index, run, () => place.renew(node, beat)),
      look: () => this.#call(index, run, () => place.look()),
    };
  }

  #call<T>(index: number, run: number, work: () => T): Promise<T> {
    return new Promise(resolve => {
      this.#travel(index, () => {
        const answer = work();
        this.#travel(index, () => this.#do(() => run === this.#run && resolve(answer)));
      });
    });
  }

  #travel(index: number, arrive: () => void): void {
    const road = this.roads[index];
    if (!road || road.isCut || this.#random() * road.lostOneIn < 1) return;
    this.#time.in(this.#random() * road.mostDelayMs, arrive);
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const run = this.#run;
    return new Promise(resolve => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      else this.#time.in(Math.max(1, ms) / this.#rate, () => this.#do(() => run === this.#run && resolve()));
    });
  }

  #do(work: () => void): void {
    if (this.#isFrozen) this.#waiting.push(work);
    else work();
  }
}
