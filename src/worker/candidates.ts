import { redactUrl } from '../media/address.ts';
import type { Fault } from '../media/fault.ts';
import { type Outcome, Retry } from './attempts.ts';
import { Referrals } from './referrals.ts';

/** Named in the reason why nothing can be pulled; of more it is said how many there are. */
const MOST_NAMED = 3;

interface Moment {
  readonly nowMs: number;
  readonly random01: number;
}

/** One of the addresses that a run may pull from, and how its tries went. */
export class Candidate {
  readonly url: string;
  /** Fit for a log. */
  readonly address: string;
  readonly #retry = new Retry();
  #restUntilMs = Number.NEGATIVE_INFINITY;
  /** Failed tries since media of any source flowed last. */
  misses = 0;
  /** Failed since the last round of all was over. */
  wasTried = false;
  /** Why it failed last. */
  fault: Fault | undefined;
  readonly #retryBeside = new Retry();
  /** What the newest connection to it has asked for. */
  referrals = new Referrals();
  #restBesideUntilMs = Number.NEGATIVE_INFINITY;

  constructor(url: string) {
    this.url = url;
    this.address = redactUrl(url);
  }

  restMs(nowMs: number): number {
    return Math.max(0, this.#restUntilMs - nowMs);
  }

  rest(ms: number, nowMs: number): void {
    this.#restUntilMs = nowMs + ms;
  }

  restAtMost(ms: number, nowMs: number): void {
    this.rest(Math.min(this.restMs(nowMs), ms), nowMs);
  }

  fail(outcome: Outcome, { nowMs, random01 }: Moment): void {
    this.misses++;
    this.wasTried = true;
    this.fault = outcome.fault;
    this.rest(this.#retry.waitMs(outcome, random01), nowMs);
  }

  restBesideMs(nowMs: number): number {
    return Math.max(0, this.#restBesideUntilMs - nowMs);
  }

  /** The same where another source was on air: when that one fails, it is tried at once all the same. */
  failBeside(fault: Fault, { nowMs, random01 }: Moment): void {
    this.fault = fault;
    this.#restBesideUntilMs = nowMs + this.#retryBeside.waitMs({ fault, healthyMs: 0 }, random01);
  }

  flow(): void {
    this.#retryBeside.reset();
    this.#restBesideUntilMs = Number.NEGATIVE_INFINITY;
  }
}

/** All addresses of a run in their order, the primary first. Each has a back-off of its own. */
export class Candidates {
  #all: readonly Candidate[];
  /** Which of them is gone back to whenever it is well. */
  preferred = 0;
  readonly #standInFor: 'source' | 'list';

  /** `list`: all of them are standbys, of a list whose files come first. */
  constructor(urls: readonly string[], standInFor: 'source' | 'list' = 'source') {
    this.#all = urls.map(url => new Candidate(url));
    this.#standInFor = standInFor;
  }

  get count(): number {
    return this.#all.length;
  }

  /** Everybody has failed since media flowed, or since this was last said. */
  get haveAllFailed(): boolean {
    return this.#all.every(({ wasTried }) => wasTried);
  }

  at(index: number): Candidate | undefined {
    return this.#all[index];
  }

  has(candidate: Candidate): boolean {
    return this.#all.includes(candidate);
  }

  isPreferred(candidate: Candidate): boolean {
    return this.#all[this.preferred] === candidate;
  }

  /** The first that could take the other's place. */
  beside(other: Candidate): Candidate | undefined {
    return this.#all.find(candidate => candidate !== other);
  }

  /** Whom to try next: who may be tried soonest; of those, who has failed least; of those, the preferred, and the first. */
  next(nowMs: number): Candidate | undefined {
    return [...this.#all].sort(
      (one, other) =>
        one.restMs(nowMs) - other.restMs(nowMs) || one.misses - other.misses || this.#rank(one) - this.#rank(other),
    )[0];
  }

  /** Media flows: whatever fails from now on begins another search. */
  flow(onAir: Candidate): void {
    onAir.flow();
    for (const candidate of this.#all) {
      candidate.misses = 0;
      candidate.wasTried = false;
    }
  }

  /** A round of tries is over; nobody is tried again within `ms` where that differs from what was `planned`. */
  endRound({
    ms,
    plannedMs,
    nowMs,
  }: {
    readonly ms: number;
    readonly plannedMs: number;
    readonly nowMs: number;
  }): void {
    for (const candidate of this.#all) {
      candidate.wasTried = false;
      if (ms !== plannedMs) candidate.rest(ms, nowMs);
    }
  }

  /** Other addresses; who is still among them keeps what is known of it. */
  change(urls: readonly string[]): void {
    const former = [...this.#all];
    this.#all = urls.map(url => {
      const at = former.findIndex(candidate => candidate.url === url);
      return former.splice(at < 0 ? former.length : at, 1)[0] ?? new Candidate(url);
    });
    this.preferred = 0;
  }

  /** Why none of them can be pulled. */
  reason(): string {
    const said = this.#all.map(one => `${this.nameOf(one)}: ${one.fault?.message ?? 'not tried'}`);
    const [only] = this.#all;
    const isList = this.#standInFor === 'list';
    if (this.#all.length === 1 && !isList) return only?.fault?.message ?? '';
    const more = said.length > MOST_NAMED ? `; and ${said.length - MOST_NAMED} more` : '';
    const what = isList ? 'no file of the list can be played and no standby pulled' : 'no source can be pulled';
    return `${what}; ${said.slice(0, MOST_NAMED).join('; ')}${more}`;
  }

  /** 0 for the primary, from 1 on for standbys; less for one that is not among them any more. */
  numberOf(candidate: Candidate): number {
    const index = this.#all.indexOf(candidate);
    return index < 0 || this.#standInFor === 'source' ? index : index + 1;
  }

  /** As operators are told. */
  nameOf(candidate: Candidate): string {
    const number = this.numberOf(candidate);
    return number === 0 ? 'the source' : `standby ${number}`;
  }

  #rank(candidate: Candidate): number {
    return this.isPreferred(candidate) ? -1 : this.#all.indexOf(candidate);
  }
}
