import type { Monotonic } from './clock.ts';
import { asFault, Fault } from './fault.ts';
import { GopCache } from './gop.ts';
import { Pacer } from './pacer.ts';
import { Batch, isHeader, type Packet, type PacketKind, type Sink, type Source } from './packet.ts';
import { Splicer } from './splicer.ts';

/** What is kept for a sink that comes while none is there. */
const KEPT = { bytes: 8 * 1024 * 1024, ms: 10_000 };

/** A source or sink in the loop, and whom to tell when it leaves. */
class Seat<T> {
  readonly holder: T;
  readonly #leave: (fault: Fault) => void;
  readonly left: Promise<Fault>;

  constructor(holder: T) {
    this.holder = holder;
    const { promise, resolve } = Promise.withResolvers<Fault>();
    this.left = promise;
    this.#leave = resolve;
  }

  leave(fault: Fault): void {
    this.#leave(fault);
  }
}

/**
 * The one packet loop: on a tick it takes what its source holds, places it on the run's timeline and writes it to its
 * sink. It never waits and never retries; sources and sinks come and go while the timeline stays. While no sink is
 * flowing it keeps the present GOP, so that a sink that comes starts at once with headers and a key frame.
 *
 * `#came` and `#out` are shared by all relays of the process: a tick is synchronous, and nothing of a batch outlives it.
 */
export class Relay {
  static readonly #came = new Batch();
  static readonly #out = new Batch();
  static readonly #start = new Batch();

  readonly splicer = new Splicer();
  readonly #now: Monotonic;
  readonly #silentMs: number;
  readonly #gop = new GopCache(KEPT);
  #pacer = new Pacer();
  #source: Seat<Source> | undefined;
  #sink: Seat<Sink> | undefined;
  /** True until the present sink has been given its first key frame. */
  #sinkFresh = true;
  /** When the source's media time last moved: bytes alone are no sign of life. */
  #mediaAtMs = 0;
  #lastInMs = Number.NaN;
  #sentMs = 0;
  #bytesInBefore = 0;
  #bytesOutBefore = 0;
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  constructor(options: { now: Monotonic; silentMs?: number }) {
    this.#now = options.now;
    this.#silentMs = options.silentMs ?? 5_000;
  }

  /** Output time of the last packet handed to a sink. */
  get mediaMs(): number {
    return this.#sentMs;
  }

  get bytesIn(): number {
    return this.#bytesInBefore + (this.#source?.holder.bytesIn ?? 0);
  }

  get bytesOut(): number {
    return this.#bytesOutBefore + (this.#sink?.holder.bytesOut ?? 0);
  }

  /** True while media comes from the source and goes to a destination that has been given a key frame. */
  get onAir(): boolean {
    return this.#source !== undefined && this.splicer.open && this.#sink?.holder.flowing === true;
  }

  /**
   * Takes the source into the loop, in the place of the former one. Resolves, never rejects, with the Fault that ended
   * it: closed, silent, garbage, or replaced. The relay closes the source.
   */
  pull(source: Source, signal: AbortSignal): Promise<Fault> {
    this.#endSource(new Fault('pull', 'closed', 'another source took over'));
    const seat = new Seat(source);
    this.#source = seat;
    this.#mediaAtMs = this.#now();
    this.#lastInMs = Number.NaN;
    this.#pacer = new Pacer();
    this.#gop.release();
    this.splicer.begin();
    const forget = onAbort(signal, () => {
      if (this.#source === seat) this.#endSource(new Fault('pull', 'closed', 'stopped'));
    });
    return seat.left.finally(forget);
  }

  /**
   * Takes the sink into the loop: it is given metadata, codec headers, and media from a key frame on. Resolves with the
   * Fault that ended it, or on abort. The caller closes the sink, so that it can be closed cleanly.
   */
  push(sink: Sink, signal: AbortSignal): Promise<Fault> {
    this.#endSink(new Fault('push', 'closed', 'another sink took over'));
    const seat = new Seat(sink);
    this.#sink = seat;
    this.#sinkFresh = true;
    const forget = onAbort(signal, () => {
      if (this.#sink === seat) this.#endSink(new Fault('push', 'closed', 'stopped'));
    });
    return seat.left.finally(forget);
  }

  /** Resolves when the present source has shown what a push needs: codec headers and a key frame. Rejects on abort. */
  ready(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#source !== undefined && this.splicer.open, signal);
  }

  /** Resolves when media of the present source goes to a sink that has been given its first key frame. Rejects on abort. */
  flowing(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.onAir, signal);
  }

  tick(): void {
    const nowMs = this.#now();
    const came = Relay.#came;
    const out = Relay.#out;
    came.clear();
    out.clear();
    if (this.#source !== undefined) this.#read(this.#source, came, out, nowMs);
    if (this.#sink?.holder.flowing !== true) this.#keep(out);
    // What flowed past since would be missing in it.
    else if (!this.#gop.empty) this.#gop.release();
    if (this.#sink !== undefined) this.#write(this.#sink, out);
    if (this.#waiting.length > 0) this.#wake();
  }

  #keep(out: Batch): void {
    for (let i = 0; i < out.count; i++) this.#gop.append(out.packets[i] as Packet);
  }

  #read(seat: Seat<Source>, came: Batch, out: Batch, nowMs: number): void {
    try {
      if (this.#pacer.waitMs(nowMs) > 0) return;
      seat.holder.read(came);
    } catch (error) {
      this.#endSource(asFault('pull', error));
    }
    if (came.count > 0) this.#take(came, out, nowMs);
    else if (nowMs - this.#mediaAtMs > this.#silentMs) this.#endSilent();
  }

  #take(came: Batch, out: Batch, nowMs: number): void {
    const last = came.packets[came.count - 1] as Packet;
    if (!isHeader(last.kind) && last.dtsMs !== this.#lastInMs) {
      this.#lastInMs = last.dtsMs;
      this.#mediaAtMs = nowMs;
    } else if (nowMs - this.#mediaAtMs > this.#silentMs) {
      this.#endSilent();
    }
    this.splicer.place(came, out, nowMs);
    if (out.count > 0) this.#pacer.advance(this.splicer.mediaMs, nowMs);
  }

  #endSilent(): void {
    const seconds = Math.round(this.#silentMs / 1000);
    this.#endSource(new Fault('pull', 'silent', `the source sent no media for ${seconds} s`));
  }

  #write(seat: Seat<Sink>, out: Batch): void {
    try {
      if (this.#sinkFresh) this.#startSink(seat.holder, out);
      else seat.holder.write(out);
      if (!this.#sinkFresh && out.count > 0) this.#sentMs = this.splicer.mediaMs;
    } catch (error) {
      this.#endSink(asFault('push', error));
    }
  }

  /** Starts a sink at a key frame: at the kept GOP's, or at the first one that comes; without video, at once. */
  #startSink(sink: Sink, out: Batch): void {
    const start = Relay.#start;
    start.clear();
    const audioOnly = this.splicer.open && this.splicer.audioOnly;
    if (this.#gop.empty && !(audioOnly && out.count > 0)) {
      sink.write(start);
      return;
    }
    this.#addHeaders(start);
    showMedia(this.#gop.empty ? out : this.#gop.batch, start);
    setHeaderTimes(start);
    this.#sinkFresh = false;
    sink.write(start);
    this.#gop.release();
  }

  #addHeaders(start: Batch): void {
    addHeader(start, 'metadata', this.splicer.metadata);
    addHeader(start, 'videoHeader', this.splicer.videoHeader);
    addHeader(start, 'audioHeader', this.splicer.audioHeader);
  }

  #endSource(fault: Fault): void {
    const seat = this.#source;
    if (seat === undefined) return;
    this.#source = undefined;
    this.#bytesInBefore += seat.holder.bytesIn;
    seat.holder.close();
    seat.leave(fault);
  }

  #endSink(fault: Fault): void {
    const seat = this.#sink;
    if (seat === undefined) return;
    this.#sink = undefined;
    this.#bytesOutBefore += seat.holder.bytesOut;
    seat.leave(fault);
  }

  #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (holds()) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { holds, resolve };
    this.#waiting.push(entry);
    const forget = onAbort(signal, () => {
      this.#waiting = this.#waiting.filter(other => other !== entry);
      reject(signal.reason);
    });
    return promise.finally(forget);
  }

  #wake(): void {
    const still = this.#waiting.filter(entry => !entry.holds());
    if (still.length === this.#waiting.length) return;
    const done = this.#waiting.filter(entry => !still.includes(entry));
    this.#waiting = still;
    for (const entry of done) entry.resolve();
  }
}

/** The worker's tick: visits every relay in one go. Fewer wake-ups are what makes a relay cheap. */
export class Heartbeat {
  readonly #tickMs: number;
  readonly #onBug: (relay: Relay, error: unknown) => void;
  readonly #relays = new Set<Relay>();
  #timer: NodeJS.Timeout | undefined;

  /** `onBug` is told of what only our own mistake can throw out of a tick; the other relays go on. */
  constructor(options: { tickMs: number; onBug: (relay: Relay, error: unknown) => void }) {
    this.#tickMs = options.tickMs;
    this.#onBug = options.onBug;
  }

  add(relay: Relay): void {
    this.#relays.add(relay);
    this.#timer ??= setInterval(() => this.#beat(), this.#tickMs);
  }

  remove(relay: Relay): void {
    this.#relays.delete(relay);
    if (this.#relays.size === 0) this.close();
  }

  #beat(): void {
    for (const relay of this.#relays) {
      try {
        relay.tick();
      } catch (error) {
        this.#onBug(relay, error);
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#relays.clear();
  }
}

function addHeader(batch: Batch, kind: PacketKind, bytes: Buffer | undefined): void {
  if (bytes === undefined) return;
  const packet = batch.next();
  packet.reset(kind, 0);
  packet.addSpan(bytes, 0, bytes.length);
}

function showMedia(from: Batch, into: Batch): void {
  for (let i = 0; i < from.count; i++) {
    const packet = from.packets[i] as Packet;
    if (!isHeader(packet.kind)) into.next().show(packet, packet.dtsMs);
  }
}

/** Codec headers carry the time of the first frame behind them. */
function setHeaderTimes(batch: Batch): void {
  let firstMs = 0;
  for (let i = 0; i < batch.count; i++) {
    const packet = batch.packets[i] as Packet;
    if (isHeader(packet.kind)) continue;
    firstMs = packet.dtsMs;
    break;
  }
  for (let i = 0; i < batch.count; i++) {
    const packet = batch.packets[i] as Packet;
    if (!isHeader(packet.kind)) return;
    packet.dtsMs = firstMs;
  }
}

/** Runs the action when the signal aborts, now if it has; answers how to call it off. */
function onAbort(signal: AbortSignal, action: () => void): () => void {
  if (signal.aborted) action();
  else signal.addEventListener('abort', action, { once: true });
  return () => signal.removeEventListener('abort', action);
}
