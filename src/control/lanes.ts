import type { Delivery } from '../store/store.ts';

/** How a try went, as far as it says how much its receiver can bear. */
export type Bearing = 'took' | 'failed' | 'overloaded';

export const MOST_IN_FLIGHT = 64;
export const MOST_IN_FLIGHT_PER_HOST = 32;
export const MOST_IN_FLIGHT_PER_LANE = 8;
/** Held in memory, in flight or waiting for a place; the rest stays in the store. */
export const MOST_HELD = 4096;
const MOST_QUEUED_PER_LANE = 512;
/** A lane with no more than these left is filled up again. */
const FEW_QUEUED = 64;
/** Tasks with something that found no room are remembered by their ids, up to so many; the others are found by looking. */
const MOST_TURNED_AWAY = 20_000;

/** The deliveries to one receiver, whoever's they are: scheme, host, port and path of the address. */
interface Lane {
  readonly key: string;
  readonly host: string;
  /** Whoever had a turn last comes last. */
  readonly tasks: Map<string, Delivery[]>;
  /** Tasks with something in the store that found no room. */
  readonly turnedAway: Set<string>;
  queued: number;
  inFlight: number;
  /** How many it may have in flight now. */
  share: number;
}

/**
 * Says which delivery goes next, so that a receiver that is slow holds back no other: places go round the lanes, and inside
 * a lane round its tasks. Everything here is also in the store, so whatever finds no room is only left there.
 */
export class Lanes {
  /** Whoever had a turn last comes last. */
  readonly #lanes = new Map<string, Lane>();
  readonly #held = new Set<string>();
  /** Tasks whose next event is held and has not been tried: those behind it have to wait for it. */
  readonly #untried = new Set<string>();
  readonly #perHost = new Map<string, number>();
  #inFlight = 0;
  #turnedAway = 0;

  get held(): number {
    return this.#held.size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** Whether nothing new of the task can go before what is held here. */
  hasUntried(taskId: string): boolean {
    return this.#untried.has(taskId);
  }

  /** The one that was tried first has held the others back for long enough. */
  release(taskId: string): void {
    this.#untried.delete(taskId);
  }

  hold(delivery: Delivery): void {
    if (this.#held.has(delivery.id)) return;
    const lane = this.#laneOf(delivery);
    if (lane.queued >= MOST_QUEUED_PER_LANE || (this.#held.size >= MOST_HELD && !this.#makeRoom(lane))) {
      this.#turnAway(lane, delivery.taskId);
      return;
    }
    const queue = lane.tasks.get(delivery.taskId);
    if (queue) queue.push(delivery);
    else lane.tasks.set(delivery.taskId, [delivery]);
    lane.queued += 1;
    this.#held.add(delivery.id);
    if (isUntried(delivery)) this.#untried.add(delivery.taskId);
  }

  /** The one whose turn it is, now in flight; undefined while nobody may go. */
  next(): Delivery | undefined {
    if (this.#inFlight >= MOST_IN_FLIGHT) return undefined;
    for (const lane of this.#lanes.values()) {
      if (!this.#mayGo(lane)) continue;
      this.#lanes.delete(lane.key);
      this.#lanes.set(lane.key, lane);
      return this.#take(lane);
    }
    return undefined;
  }

  /** Its place is free; it is held until it is forgotten. */
  landed(delivery: Delivery, bearing: Bearing): void {
    const lane = this.#laneOf(delivery);
    lane.inFlight -= 1;
    lane.share = shareAfter(lane.share, bearing);
    this.#inFlight -= 1;
    const atHost = (this.#perHost.get(lane.host) ?? 1) - 1;
    if (atHost > 0) this.#perHost.set(lane.host, atHost);
    else this.#perHost.delete(lane.host);
    this.#tidy(lane);
  }

  forget(delivery: Delivery): void {
    this.#held.delete(delivery.id);
    if (isUntried(delivery)) this.#untried.delete(delivery.taskId);
  }

  /** Forgets those that wait for a place; answers them. */
  drop(matches: (delivery: Delivery) => boolean): readonly Delivery[] {
    const all: Delivery[] = [];
    for (const lane of [...this.#lanes.values()]) {
      for (const [taskId, queue] of [...lane.tasks]) {
        const [dropped, kept] = [queue.filter(matches), queue.filter(delivery => !matches(delivery))];
        for (const delivery of dropped) this.forget(delivery);
        all.push(...dropped);
        lane.queued -= dropped.length;
        if (kept.length > 0) lane.tasks.set(taskId, kept);
        else lane.tasks.delete(taskId);
      }
      this.#tidy(lane);
    }
    return all;
  }

  /** Tasks with something that found no room, and for whom there is some now. */
  recall(): readonly string[] {
    if (this.#turnedAway === 0) return [];
    const recalled: string[] = [];
    for (const lane of [...this.#lanes.values()]) {
      if (lane.turnedAway.size > 0 && lane.queued <= FEW_QUEUED) recalled.push(...this.#recallOf(lane));
    }
    return recalled;
  }

  #recallOf(lane: Lane): readonly string[] {
    const some = [...lane.turnedAway].slice(0, MOST_QUEUED_PER_LANE - lane.queued);
    for (const taskId of some) lane.turnedAway.delete(taskId);
    this.#turnedAway -= some.length;
    this.#tidy(lane);
    return some;
  }

  #laneOf({ url }: Delivery): Lane {
    const { key, host } = placeOf(url);
    const standing = this.#lanes.get(key);
    if (standing) return standing;
    const share = MOST_IN_FLIGHT_PER_LANE;
    const lane: Lane = { key, host, tasks: new Map(), turnedAway: new Set(), queued: 0, inFlight: 0, share };
    this.#lanes.set(key, lane);
    return lane;
  }

  #mayGo(lane: Lane): boolean {
    const isHostFree = (this.#perHost.get(lane.host) ?? 0) < MOST_IN_FLIGHT_PER_HOST;
    return lane.queued > 0 && lane.inFlight < lane.share && isHostFree;
  }

  #take(lane: Lane): Delivery | undefined {
    const [first] = lane.tasks;
    const [taskId, queue] = first ?? ['', []];
    const delivery = queue.shift();
    lane.tasks.delete(taskId);
    if (queue.length > 0) lane.tasks.set(taskId, queue);
    lane.queued -= 1;
    lane.inFlight += 1;
    this.#inFlight += 1;
    this.#perHost.set(lane.host, (this.#perHost.get(lane.host) ?? 0) + 1);
    return delivery;
  }

  /** Takes the room from the lane that has most, so that a few long ones leave some for all others. */
  #makeRoom(wanting: Lane): boolean {
    const longest = [...this.#lanes.values()].reduce(
      (one, other) => (other.queued > one.queued ? other : one),
      wanting,
    );
    if (longest.queued <= wanting.queued + 1) return false;
    const [taskId, queue] = [...longest.tasks].at(-1) ?? ['', []];
    const delivery = queue.pop();
    if (queue.length === 0) longest.tasks.delete(taskId);
    longest.queued -= 1;
    if (delivery) this.forget(delivery);
    this.#turnAway(longest, taskId);
    return true;
  }

  #turnAway(lane: Lane, taskId: string): void {
    if (this.#turnedAway < MOST_TURNED_AWAY && !lane.turnedAway.has(taskId)) {
      lane.turnedAway.add(taskId);
      this.#turnedAway += 1;
    }
    this.#tidy(lane);
  }

  #tidy(lane: Lane): void {
    if (lane.queued === 0 && lane.inFlight === 0 && lane.turnedAway.size === 0) this.#lanes.delete(lane.key);
  }
}

/** A receiver that has too much to do is sent half as much at a time, and what it takes gives it one place back. */
function shareAfter(share: number, bearing: Bearing): number {
  if (bearing === 'overloaded') return Math.max(1, Math.floor(share / 2));
  return bearing === 'took' ? Math.min(MOST_IN_FLIGHT_PER_LANE, share + 1) : share;
}

const isUntried = ({ attempts, holdsUntil }: Delivery): boolean => attempts === 0 && holdsUntil === null;

function placeOf(url: string): { readonly key: string; readonly host: string } {
  const parsed = URL.parse(url);
  if (parsed === null) return { key: '', host: '' };
  return { key: `${parsed.protocol}//${parsed.host}${parsed.pathname}`, host: parsed.host };
}
