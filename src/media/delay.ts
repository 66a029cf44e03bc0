import type { InForce } from './opening.ts';
import { type Batch, isHeader, type Packet } from './packet.ts';
import { PacketQueue } from './packet-queue.ts';

export interface DelayOptions {
  /** How much media is held back. */
  readonly ms: number;
  /** Beyond so much the oldest goes out, however young it is. */
  readonly mostBytes?: number;
}

const MOST_BYTES = 64 * 1024 * 1024;
/** How far the held media may be from what is wanted before the pace is changed, at the least. */
const SLACK_MS = 500;
/** What was lost of the delay comes back by going out so slowly, and what is too much goes out so fast. */
const SLOWER = 0.98;
const FASTER = 1.05;
/** A tick that is later than this was no hiccup; what it missed comes at the faster pace. */
const LONGEST_TICK_MS = 1_000;

/**
 * Holds back what a live run airs, so that a source may be away for a while and nobody sees it. It goes out by a clock of
 * its own, at the pace of life, from when as much is held as is wanted. While the source is away the held media shrinks;
 * what joins then goes on where the former ended, or where the clock stands if nothing is left.
 */
export class Delay implements InForce {
  metadata: Buffer | undefined;
  videoHeader: Buffer | undefined;
  audioHeader: Buffer | undefined;

  readonly #wantedMs: number;
  readonly #mostBytes: number;
  readonly #queue = new PacketQueue();
  #firstAtMs: number | undefined;
  #airs = false;
  /** Output time up to which packets have gone out, or would have. */
  #clockMs = 0;
  #clockAtMs = 0;
  #newestMs = 0;
  #airedMs = 0;
  #pace: 'even' | 'slower' | 'faster' = 'even';

  constructor({ ms, mostBytes = MOST_BYTES }: DelayOptions) {
    this.#wantedMs = ms;
    this.#mostBytes = mostBytes;
  }

  /** Whether it has begun to give out. */
  get airs(): boolean {
    return this.#airs;
  }

  /** Media that is still to go out. */
  get heldMs(): number {
    return this.#queue.length === 0 ? 0 : Math.max(0, this.#newestMs - this.#clockMs);
  }

  get heldBytes(): number {
    return this.#queue.bytes;
  }

  /** Output time of the newest packet that has gone out. */
  get airedMs(): number {
    return this.#airedMs;
  }

  /** Output time at which media that comes now would go out at once; undefined before anything has. */
  clockMs(nowMs: number): number | undefined {
    return this.#airs ? this.#clockMs + nowMs - this.#clockAtMs : undefined;
  }

  /** Takes the batch's packets in. */
  put(batch: Batch, nowMs: number): void {
    for (let i = 0; i < batch.count; i++) {
      const packet = batch.packets[i] as Packet;
      this.#queue.append(packet, nowMs);
      if (!isHeader(packet.kind)) this.#newestMs = Math.max(this.#newestMs, packet.dtsMs);
    }
    if (batch.count > 0) this.#firstAtMs ??= nowMs;
  }

  /** Appends what is due. Its bytes are valid until the next `put`. */
  take(into: Batch, nowMs: number): void {
    if (!this.#airs && !this.#begins(nowMs)) return;
    this.#runClock(nowMs);
    for (let next = this.#queue.first; next !== undefined; next = this.#queue.first) {
      const isTooMuch = this.#queue.bytes > this.#mostBytes;
      if (next.dtsMs > this.#clockMs && !isTooMuch) return;
      if (isTooMuch) this.#clockMs = Math.max(this.#clockMs, next.dtsMs);
      this.#give(next, into);
    }
  }

  #begins(nowMs: number): boolean {
    const first = this.#queue.first;
    if (first === undefined || this.#firstAtMs === undefined) return false;
    const isFull = this.#newestMs - first.dtsMs >= this.#wantedMs || this.#queue.bytes > this.#mostBytes;
    if (!isFull && nowMs - this.#firstAtMs < this.#wantedMs) return false;
    this.#airs = true;
    this.#clockMs = first.dtsMs;
    this.#clockAtMs = nowMs;
    return true;
  }

  #runClock(nowMs: number): void {
    const passedMs = Math.min(nowMs - this.#clockAtMs, LONGEST_TICK_MS);
    this.#clockAtMs = nowMs;
    this.#clockMs += passedMs * this.#rate();
  }

  #rate(): number {
    if (this.#queue.length === 0) return 1;
    const missingMs = this.#wantedMs - (this.#newestMs - this.#clockMs);
    const slackMs = Math.max(SLACK_MS, this.#wantedMs / 10);
    if (missingMs > slackMs) this.#pace = 'slower';
    else if (missingMs < -slackMs) this.#pace = 'faster';
    else if (this.#pace === 'slower' ? missingMs <= 0 : missingMs >= 0) this.#pace = 'even';
    return this.#pace === 'even' ? 1 : this.#pace === 'slower' ? SLOWER : FASTER;
  }

  #give(packet: Packet, into: Batch): void {
    const { kind } = packet;
    if (kind === 'metadata' || kind === 'videoHeader' || kind === 'audioHeader') this[kind] = packet.copyPayload();
    else this.#airedMs = Math.max(this.#airedMs, packet.dtsMs);
    this.#queue.shift(into);
  }
}
