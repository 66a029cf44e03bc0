import type { Heartbeat } from '../../../src/media/heartbeat.ts';
import type { Relay } from '../../../src/media/relay.ts';
import type { BeatListener } from '../../../src/worker/worker.ts';
import type { Life, Timeline } from './timeline.ts';

/** While something is about to happen: as a worker ticks, only less often. */
const BUSY_MS = 250;
/** A list is read by its schedule, which takes a tick that comes later than a second for a hiccup. */
const LIST_MS = 980;
/** In a calm nothing happens that a tick would find before something is opened or breaks, which wakes the relay. */
const IDLE_MS = 60_000;
const AWAKE_MS = 900;
const FRESH_MS = 2_000;

interface Seat {
  readonly relay: Relay;
  /** Whose relay it is, once it has been seen to read or write. */
  key: string | undefined;
  isList: boolean;
  busyUntilMs: number;
  /** Beats with the lists that are on air, and has no time of its own. */
  isWithLists: boolean;
  cancel: () => void;
}

export interface BeatsParts {
  readonly timeline: Timeline;
  readonly life: Life;
  readonly on: BeatListener;
  readonly isCalm: () => boolean;
  /** A source is kept beside the one on air, and is to be read as well. */
  readonly hasSpare: (key: string) => boolean;
}

/**
 * The heartbeat of a worker, without the beats in which nothing would happen: that is what makes days pass in seconds.
 * Whoever makes something happen pokes the relay.
 */
export class Beats implements Pick<Heartbeat, 'add' | 'remove' | 'close'> {
  /** The relay whose turn it is: those it reads from and writes to say whose they are. */
  static #turn: Seat | undefined;

  static isOf(key: string, kind: 'list' | 'live' | 'sink'): void {
    const seat = Beats.#turn;
    if (seat === undefined) return;
    seat.key = key;
    if (kind === 'list') seat.isList = true;
  }

  readonly #parts: BeatsParts;
  readonly #seats = new Map<Relay, Seat>();
  #lists: Seat[] = [];

  constructor(parts: BeatsParts) {
    this.#parts = parts;
  }

  add(relay: Relay): void {
    const busyUntilMs = this.#parts.timeline.elapsed() + FRESH_MS;
    const seat: Seat = { relay, key: undefined, isList: false, busyUntilMs, isWithLists: false, cancel: () => {} };
    this.#seats.set(relay, seat);
    this.#await(seat, BUSY_MS);
  }

  remove(relay: Relay): void {
    const seat = this.#seats.get(relay);
    if (seat !== undefined) this.#rest(seat);
    this.#seats.delete(relay);
  }

  close(): void {
    for (const relay of [...this.#seats.keys()]) this.remove(relay);
  }

  /** Something happens to this relay's peers, or will within that time. */
  poke(key: string, forMs: number): void {
    const nowMs = this.#parts.timeline.elapsed();
    for (const seat of this.#seats.values()) {
      if (seat.key !== undefined && seat.key !== key) continue;
      const wasBusy = seat.busyUntilMs > nowMs;
      seat.busyUntilMs = Math.max(seat.busyUntilMs, nowMs + forMs);
      if (wasBusy) continue;
      this.#rest(seat);
      this.#await(seat, BUSY_MS / 5);
    }
  }

  /** A calm is over. */
  wake(): void {
    for (const { key } of [...this.#seats.values()]) if (key !== undefined) this.poke(key, 0);
  }

  /** A file is open: news only for a list that is not on air. */
  nudge(key: string, forMs: number): void {
    if (!this.#lists.some(seat => seat.key === key)) this.poke(key, forMs);
  }

  #rest(seat: Seat): void {
    seat.cancel();
    seat.isWithLists = false;
    this.#lists = this.#lists.filter(other => other !== seat);
  }

  #await(seat: Seat, ms: number): void {
    const { timeline, life } = this.#parts;
    seat.cancel = timeline.after(ms, life, () => this.#beat(seat));
  }

  #beat(seat: Seat): void {
    const { timeline, on } = this.#parts;
    this.#tick(seat);
    if (!this.#seats.has(seat.relay)) return;
    const isBusy = timeline.elapsed() < seat.busyUntilMs;
    if (!isBusy && seat.isList && seat.relay.onAir) this.#joinLists(seat);
    else this.#await(seat, isBusy ? BUSY_MS : this.#isAwake(seat) ? AWAKE_MS : IDLE_MS);
    if (seat.isList) on.onBeat();
  }

  #isAwake({ key }: Seat): boolean {
    const { isCalm, hasSpare } = this.#parts;
    return !isCalm() || (key !== undefined && hasSpare(key));
  }

  /** All lists on air beat together, as all relays of a worker do. */
  #joinLists(seat: Seat): void {
    seat.isWithLists = true;
    this.#lists.push(seat);
    if (this.#lists.length === 1) this.#beatLists();
  }

  #beatLists(): void {
    const { timeline, life, on } = this.#parts;
    timeline.after(LIST_MS, life, () => {
      for (const seat of this.#lists) {
        this.#tick(seat);
        if (!seat.isWithLists || seat.relay.onAir) continue;
        this.#rest(seat);
        this.#await(seat, BUSY_MS);
      }
      on.onBeat();
      if (this.#lists.length > 0) this.#beatLists();
    });
  }

  #tick(seat: Seat): void {
    Beats.#turn = seat;
    try {
      seat.relay.tick();
    } catch (error) {
      this.#parts.on.onBug(seat.relay, error);
    } finally {
      Beats.#turn = undefined;
    }
  }
}
