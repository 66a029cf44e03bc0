import type { Fault } from '../../../src/media/fault.ts';
import type { Batch, Packet, Sink } from '../../../src/media/packet.ts';
import { Beats } from './beats.ts';
import type { Visitor } from './field.ts';
import { type FrameName, readName } from './sim-item.ts';
import { Life, type ProcessClock, type Timeline } from './timeline.ts';
import { keyOf } from './whose.ts';

export interface SimSinkParts {
  readonly timeline: Timeline;
  readonly clock: ProcessClock;
  /** How long the destination takes for a goodbye. */
  readonly goodbyeMs: () => number;
  readonly gone: () => void;
}

interface Queued {
  readonly dtsMs: number;
  readonly atMs: number;
  readonly name: FrameName | undefined;
}

/** One push: what it has been given lies in a queue for a while, and is taken then. */
export class SimSink implements Sink {
  bytesOut = 0;
  readonly drops = { disposable: 0, untilKey: 0 };
  readonly queuedBytes = 0;
  flowing = false;
  fault: Fault | undefined;
  /** How long a frame waits before the destination takes it. */
  lagMs = 0;
  stalled = false;
  visitor: Visitor | undefined;
  readonly life = new Life('sink');
  readonly url: string;
  readonly startMs: number;
  readonly #key: string;
  /** The destination has taken everything in front of this frame. */
  onReached: (name: FrameName) => void = () => {};
  /** A frame of another source than the last one has come. */
  onSwitch: (from: number, to: number) => void = () => {};
  /** Its writer is told that it is over. */
  onLost: () => void = () => {};
  readonly #parts: SimSinkParts;
  #queue: Queued[] = [];
  #source: number | undefined;
  #closing: Promise<void> | undefined;

  constructor(url: string, parts: SimSinkParts) {
    this.url = url;
    this.#key = keyOf(url);
    this.#parts = parts;
    this.startMs = parts.timeline.elapsed();
  }

  get queuedMs(): number {
    this.#take();
    const [first] = this.#queue;
    const last = this.#queue.at(-1);
    return first === undefined || last === undefined ? 0 : last.dtsMs - first.dtsMs;
  }

  write(batch: Batch): void {
    Beats.isOf(this.#key, 'sink');
    if (this.fault !== undefined) {
      this.onLost();
      throw this.fault;
    }
    for (let at = 0; at < batch.count; at++) this.#add(batch.packets[at]);
    this.#take();
  }

  #add(packet: Packet | undefined): void {
    if (packet?.kind !== 'key') return;
    const { timeline } = this.#parts;
    const payload = packet.copyPayload();
    const name = payload.length === 8 ? readName(payload) : undefined;
    if (payload.length === 4) this.#noteSource(payload.readUInt32BE(0));
    this.#queue.push({ dtsMs: packet.dtsMs, atMs: timeline.elapsed(), name });
    if (this.#queue.length === 1) this.#reach();
    this.bytesOut += packet.size;
    this.flowing = true;
  }

  #noteSource(number: number): void {
    const before = this.#source;
    this.#source = number;
    if (before !== undefined && before !== number) this.onSwitch(before, number);
  }

  #take(): void {
    if (this.stalled) return;
    const untilMs = this.#parts.timeline.elapsed() - this.lagMs;
    while (this.#queue[0] !== undefined && this.#queue[0].atMs <= untilMs) {
      this.#queue.shift();
      this.#reach();
    }
  }

  #reach(): void {
    const name = this.#queue[0]?.name;
    if (name !== undefined) this.onReached(name);
  }

  /** The destination knows of the push until it is over, by a goodbye or by the deadline. */
  close(deadlineMs = 0): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const { clock, goodbyeMs } = this.#parts;
    const ms = this.fault === undefined ? goodbyeMs() : 0;
    await clock.sleep(Math.min(deadlineMs, ms), new AbortController().signal);
    this.leave();
  }

  leave(): void {
    this.life.end();
    this.#parts.gone();
  }
}
