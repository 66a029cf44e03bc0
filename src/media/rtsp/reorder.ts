import { uint16At, uint32At } from '../bytes.ts';

/** What waits, for how long, and how much of it. */
export interface ReorderLimits {
  readonly waitMs: number;
  readonly packets: number;
  readonly bytes: number;
}

/** A packet that is late by more than this is missed by whoever watches; on a network of one place it is far less. */
const USUAL_LIMITS: ReorderLimits = { waitMs: 200, packets: 512, bytes: 1024 * 1024 };
const TURN = 0x1_0000;
const HEAD_BYTES = 12;
/** Further ahead, or behind, a sender has begun anew: RFC 3550, section A.1. */
const MOST_AHEAD = 3_000;
const MOST_BEHIND = 100;

/** Takes the packet bytes[0, length), which is good for the length of the call, and when it came. */
export type TakeDatagram = (bytes: Buffer, length: number, cameMs: number) => void;

/**
 * Puts the RTP packets of one track into the order of their numbers. What is missing is waited for within limits, and then
 * passed over: whoever takes the packets sees the hole in their numbers.
 */
export class Reorder {
  /** Packets that came again, or after they had been passed over. */
  late = 0;
  readonly #take: TakeDatagram;
  readonly #limits: ReorderLimits;
  /** By number, in the order in which they came. */
  readonly #held = new Map<number, { readonly packet: Buffer; readonly cameMs: number }>();
  #heldBytes = 0;
  #next: number | undefined;
  #ssrc = 0;
  /** The number that, next, would prove that the sender has begun anew: one stray packet does not. */
  #probation = -1;

  constructor(take: TakeDatagram, limits: ReorderLimits = USUAL_LIMITS) {
    this.#take = take;
    this.#limits = limits;
  }

  /** How many packets wait. */
  get held(): number {
    return this.#held.size;
  }

  put(bytes: Buffer, length: number, cameMs: number): void {
    if (length < HEAD_BYTES) return;
    const sequence = uint16At(bytes, 2);
    if (sequence === this.#next && this.#held.size === 0 && uint32At(bytes, 8) === this.#ssrc) {
      this.#next = (sequence + 1) % TURN;
      this.#take(bytes, length, cameMs);
    } else this.#place(bytes, length, cameMs);
  }

  /** Gives up what has been waited for long enough: all that had come by then has been put. */
  expire(heardMs: number): void {
    for (let [first] = this.#held.values(); first !== undefined; [first] = this.#held.values()) {
      if (heardMs - first.cameMs < this.#limits.waitMs) return;
      this.#skip();
    }
  }

  #place(bytes: Buffer, length: number, cameMs: number): void {
    const [sequence, ssrc] = [uint16At(bytes, 2), uint32At(bytes, 8)];
    this.#next ??= this.#begin(sequence, ssrc);
    const ahead = (sequence - this.#next + TURN) % TURN;
    const isFar = ssrc !== this.#ssrc || (ahead > MOST_AHEAD && TURN - ahead > MOST_BEHIND);
    if (isFar && !this.#hasBegunAnew(sequence, ssrc)) return;
    if (!isFar && (ahead > MOST_AHEAD || this.#held.has(sequence))) {
      this.late++;
      return;
    }
    // Shown for the length of the call only.
    this.#held.set(sequence, { packet: Buffer.from(bytes.subarray(0, length)), cameMs });
    this.#heldBytes += length;
    this.#follow();
    while (this.#held.size > this.#limits.packets || this.#heldBytes > this.#limits.bytes) this.#skip();
  }

  #begin(sequence: number, ssrc: number): number {
    this.#ssrc = ssrc;
    return sequence;
  }

  /** Two packets in a row say so. What was held is let go of first: it belongs in front. */
  #hasBegunAnew(sequence: number, ssrc: number): boolean {
    const isProved = sequence === this.#probation;
    this.#probation = isProved ? -1 : (sequence + 1) % TURN;
    if (!isProved) return false;
    while (this.#held.size > 0) this.#skip();
    this.#next = this.#begin(sequence, ssrc);
    return true;
  }

  /** Hands on what follows without a hole. */
  #follow(): void {
    for (let next = this.#next ?? 0; this.#held.size > 0; ) {
      const held = this.#held.get(next);
      if (held === undefined) return;
      this.#held.delete(next);
      this.#heldBytes -= held.packet.length;
      next = (next + 1) % TURN;
      this.#next = next;
      this.#take(held.packet, held.packet.length, held.cameMs);
    }
  }

  /** Passes over the hole in front of what is held. */
  #skip(): void {
    const next = this.#next ?? 0;
    let nearest = TURN;
    for (const sequence of this.#held.keys()) nearest = Math.min(nearest, (sequence - next + TURN) % TURN);
    this.#next = (next + nearest) % TURN;
    this.#follow();
  }
}
