import type { Fault } from '../media/fault.ts';
import type { Batch, PacketKind, Sink, Source } from '../media/packet.ts';
import type { HandClock } from './hand-clock.ts';

/** For tests: a source and a destination that do what the test says. */

const FRAME_MS = 50;

/** A live source: a frame every 50 ms, every tenth a key frame, and sound with each where it has any. */
export class HandSource implements Source {
  bytesIn = 0;
  closed = false;
  fault: Fault | undefined;
  silent = false;
  /** Films on, but what it films is lost. */
  muted = false;
  /** All frames bear the time of the first from here on. */
  frozen = false;
  sound: 'never' | 'yes' | 'gone' = 'never';
  keys: 'yes' | 'gone' = 'yes';
  notes: readonly string[] = [];
  readonly url: string;
  readonly #clock: HandClock;
  readonly #startMs: number;
  #frames = 0;

  constructor(url: string, clock: HandClock) {
    this.url = url;
    this.#clock = clock;
    this.#startMs = clock.nowMs;
  }

  read(into: Batch): void {
    if (this.fault !== undefined) throw this.fault;
    if (this.silent) return;
    if (this.#frames === 0) this.#emit(into, 'videoHeader', 0);
    for (; this.#startMs + this.#frames * FRAME_MS <= this.#clock.nowMs; this.#frames++) {
      const dtsMs = this.frozen ? 0 : this.#frames * FRAME_MS;
      this.#emit(into, this.#frames % 10 === 0 && this.keys === 'yes' ? 'key' : 'inter', dtsMs);
      if (this.sound === 'yes') this.#emit(into, 'audio', dtsMs);
    }
  }

  #emit(into: Batch, kind: PacketKind, dtsMs: number): void {
    if (this.muted) return;
    const packet = into.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(Buffer.alloc(100, `${this.url} `), 0, 100);
    this.bytesIn += 100;
  }

  close(): void {
    this.closed = true;
  }
}

export class HandSink implements Sink {
  bytesOut = 0;
  readonly drops = { disposable: 0, untilKey: 0 };
  readonly queuedMs = 7;
  readonly queuedBytes = 0;
  flowing = false;
  fault: Fault | undefined;
  closedWithin: number | undefined;
  readonly times: number[] = [];
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  write(batch: Batch): void {
    if (this.fault !== undefined) throw this.fault;
    for (const packet of batch.packets.slice(0, batch.count)) {
      if (packet.kind === 'key') this.flowing = true;
      if (packet.kind === 'key' || packet.kind === 'inter') this.times.push(packet.dtsMs);
      this.bytesOut += packet.size;
    }
  }

  close(deadlineMs = 0): Promise<void> {
    this.closedWithin = deadlineMs;
    return Promise.resolve();
  }
}
