import type { SenderReport } from './rtp.ts';

const TURN = 2 ** 32;
const HALF_TURN = 2 ** 31;
/** Where the timeline of a source begins: times in front of it stay positive. */
const START_MS = 60_000;
/** A clock that steps by more than this has begun anew. */
const JUMP_MS = 10_000;
/** What a server says of its clocks is not believed where media would lie so far from when it came. */
const BELIEVED_MS = 10_000;
/** So long after both tracks are there they are put together at once; later, little by little. */
const YOUNG_MS = 10_000;
/** Closer than this nobody sees. */
const NEAR_MS = 5;
/** Further apart than this, tracks that were together are brought nearer by so much a report. */
const DRIFTED_MS = 20;
const SLEW_MS = 2;
/** Reports that suddenly differ by more than this are wrong. */
const MOST_DRIFT_MS = 1_000;

/** The RTP clock of one track, on the timeline that all tracks of a source share. */
export class TrackClock {
  /** Ticks a second. */
  readonly rate: number;
  readonly #shared: Clocks;
  /** Where the server says that the track begins: RTP-Info. */
  readonly #told: number | undefined;
  #last: number | undefined;
  /** Of tick 0. */
  #originMs: number | undefined;
  #report: { readonly wallMs: number; readonly ticks: number } | undefined;

  constructor(shared: Clocks, rate: number, told?: number) {
    this.#shared = shared;
    this.rate = rate;
    this.#told = told;
  }

  get isPlaced(): boolean {
    return this.#originMs !== undefined;
  }

  /** Undoes the wrapping at 32 bits. */
  ticksOf(timestamp: number): number {
    const last = this.#last;
    const ticks = last === undefined ? timestamp : near(timestamp, last);
    this.#last = ticks;
    if (last !== undefined && Math.abs(ticks - last) * 1000 > JUMP_MS * this.rate) {
      this.#report = undefined;
      this.#shared.jumped();
    }
    return ticks;
  }

  /** On the source's timeline. The first one settles where the track lies. */
  msOf(ticks: number): number {
    this.#originMs ??= this.#shared.place(this, ticks) - this.#length(ticks);
    return this.#originMs + this.#length(ticks);
  }

  /** By how much the clock on the sender's wall is ahead of the timeline; undefined while it is not known. */
  get wallLeadMs(): number | undefined {
    if (this.#report === undefined || this.#originMs === undefined) return undefined;
    return this.#report.wallMs - this.#originMs - this.#length(this.#report.ticks);
  }

  /** The time of the sender's wall at a tick, as far as it has reported that. */
  wallMsOf(ticks: number): number | undefined {
    return this.#report === undefined ? undefined : this.#report.wallMs + this.#length(ticks - this.#report.ticks);
  }

  /** How far behind the track's beginning, as the server tells that, the tick is. */
  sinceToldMs(ticks: number): number | undefined {
    return this.#told === undefined ? undefined : this.#length(near(ticks % TURN, this.#told) - this.#told);
  }

  hear({ wallMs, timestamp }: Omit<SenderReport, 'middle'>): void {
    const ticks = this.#last === undefined ? timestamp : near(timestamp, this.#last);
    const isStray = this.#last !== undefined && Math.abs(this.#length(ticks - this.#last)) > JUMP_MS;
    if (isStray) return;
    this.#report = { wallMs, ticks };
    this.#shared.align();
  }

  move(byMs: number): void {
    if (this.#originMs !== undefined) this.#originMs += byMs;
  }

  #length(ticks: number): number {
    return (ticks * 1000) / this.rate;
  }
}

/**
 * Puts the tracks of a source on one timeline: by where the server says that they begin, by what senders report of the
 * clock on their wall, and else by when they come. Tracks are only ever moved ahead: a time that falls looks like a new clock.
 */
export class Clocks {
  readonly #now: () => number;
  readonly #beganMs: number;
  readonly #tracks: TrackClock[] = [];
  #isTold = false;
  #youngUntilMs = Number.POSITIVE_INFINITY;
  #hasJumped = false;

  constructor(now: () => number) {
    this.#now = now;
    this.#beganMs = now();
  }

  /** A track whose clock ticks so often a second, and begins there as far as the server says so. */
  add(rate: number, told?: number): TrackClock {
    const track = new TrackClock(this, rate, told);
    this.#tracks.push(track);
    this.#isTold = this.#tracks.length === 1 ? told !== undefined : this.#isTold && told !== undefined;
    return track;
  }

  /** Where a track's first tick lies. */
  place(track: TrackClock, ticks: number): number {
    const nowMs = this.#now();
    const cameMs = START_MS + nowMs - this.#beganMs;
    this.#youngUntilMs = nowMs + YOUNG_MS;
    const told = this.#byReport(track, ticks) ?? this.#byBeginning(track, ticks);
    return told !== undefined && Math.abs(told - cameMs) <= BELIEVED_MS ? told : cameMs;
  }

  #byReport(track: TrackClock, ticks: number): number | undefined {
    const leadMs = this.#tracks.find(other => other !== track && other.wallLeadMs !== undefined)?.wallLeadMs;
    const wallMs = track.wallMsOf(ticks);
    return leadMs === undefined || wallMs === undefined ? undefined : wallMs - leadMs;
  }

  #byBeginning(track: TrackClock, ticks: number): number | undefined {
    const since = this.#isTold ? track.sinceToldMs(ticks) : undefined;
    return since === undefined ? undefined : START_MS + since;
  }

  /** A track's clock has begun anew: what was known of how they lie says nothing any more. */
  jumped(): void {
    this.#hasJumped = true;
  }

  /** Moves the track that is too early by what its sender's wall says. */
  align(): void {
    const [one, other] = this.#tracks;
    const [lead, otherLead] = [one?.wallLeadMs, other?.wallLeadMs];
    if (lead === undefined || otherLead === undefined) return;
    const apartMs = lead - otherLead;
    const byMs = this.#step(Math.abs(apartMs));
    if (byMs > 0) (apartMs > 0 ? one : other)?.move(byMs);
  }

  #step(apartMs: number): number {
    const wasJump = this.#hasJumped;
    this.#hasJumped = false;
    const isYoung = this.#now() <= this.#youngUntilMs;
    if (wasJump || (isYoung && apartMs <= BELIEVED_MS)) return apartMs > NEAR_MS ? apartMs : 0;
    return apartMs > DRIFTED_MS && apartMs <= MOST_DRIFT_MS ? SLEW_MS : 0;
  }
}

/** The number that is the timestamp modulo a turn, and nearest to the other. */
function near(timestamp: number, last: number): number {
  const step = (((timestamp - last) % TURN) + TURN + HALF_TURN) % TURN;
  return last + step - HALF_TURN;
}
