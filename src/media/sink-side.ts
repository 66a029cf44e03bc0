import type { Delay } from './delay.ts';
import { asFault, Fault } from './fault.ts';
import { GopCache, type GopLimits } from './gop.ts';
import { beginsWithKey, fillOpening } from './opening.ts';
import { Batch, isVideo, type Packet, type Sink } from './packet.ts';
import { Seat } from './seat.ts';
import type { Splicer } from './splicer.ts';
import type { Stretches } from './stretches.ts';
import { partAtKey, SUCCEEDED } from './succession.ts';
import { onAbort, type Waiting } from './waiting.ts';

export interface SinkSideParts {
  readonly splicer: Splicer;
  /** Between the timeline and the sink, of a live run that wants it. */
  readonly delay: Delay | undefined;
  readonly stretches: Stretches;
  /** Woken on every tick. */
  readonly waiting: Waiting;
  /** How much is kept for a sink that comes while none is there. */
  readonly kept: GopLimits;
}

/**
 * Gives what a relay has placed to one sink after the other: each begins with the headers in force and a key frame, and
 * is followed by the next in front of one. While nobody takes it the present GOP is kept.
 *
 * `#start` and `#parts` are shared by all relays of the process: nothing of them outlives a tick, which is synchronous.
 */
export class SinkSide {
  static readonly #start = new Batch();
  static readonly #parts = { before: new Batch(), after: new Batch() };

  readonly #splicer: Splicer;
  readonly #delay: Delay | undefined;
  readonly #stretches: Stretches;
  readonly #waiting: Waiting;
  readonly #gop: GopCache;
  #sink: Seat<Sink> | undefined;
  /** True until the present sink has been given its first key frame. */
  #isFresh = true;
  /** Who takes the present sink's place at the next key frame: another, or nobody yet. */
  #heir: { readonly seat: Seat<Sink> | undefined } | undefined;
  /** Nobody has followed yet: all that comes is kept. */
  #isParted = false;
  /** Whether the group on air is kept beside a sink, in case another has to be begun with it. */
  #keepsAll = false;
  #sentMs = 0;
  /** Output time that the last sink had taken when it left. */
  #takenMs = Number.NEGATIVE_INFINITY;
  #bytesBefore = 0;
  #pictures = 0;

  constructor({ splicer, delay, stretches, waiting, kept }: SinkSideParts) {
    this.#splicer = splicer;
    this.#delay = delay;
    this.#stretches = stretches;
    this.#waiting = waiting;
    this.#gop = new GopCache(kept);
  }

  get present(): Sink | undefined {
    return this.#sink?.holder;
  }

  /** Whether the present sink, or the one to come, is still without its first key frame. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** Whether a sink that comes now is given all that the present one has not been. */
  get losesNothing(): boolean {
    return this.#isParted || (this.#keepsAll && this.#sink !== undefined);
  }

  /** Output time of the last packet handed to a sink. */
  get sentMs(): number {
    return this.#sentMs;
  }

  /** Output time of the newest that a destination has taken. */
  get acceptedMs(): number {
    const sink = this.#sink?.holder;
    return sink === undefined || this.#isFresh ? this.#takenMs : this.#sentMs - sink.queuedMs;
  }

  get bytes(): number {
    return this.#bytesBefore + (this.#sink?.holder.bytesOut ?? 0);
  }

  /** Handed to sinks, which may have dropped some of them. */
  get pictures(): number {
    return this.#pictures;
  }

  /** See `Relay.push`. */
  push(sink: Sink, signal: AbortSignal): Promise<Fault> {
    this.#end(new Fault('push', 'closed', 'another sink took over'));
    const seat = new Seat(sink);
    this.#heir = undefined;
    this.#sink = seat;
    this.#isFresh = true;
    const forget = onAbort(signal, () => {
      if (this.#sink === seat) this.#end(new Fault('push', 'closed', 'stopped'));
    });
    return seat.left.finally(forget);
  }

  /** See `Relay.pushNext`. */
  pushNext(sink: Sink, signal: AbortSignal): Promise<Fault> {
    const seat = new Seat(sink);
    const heir = { seat };
    this.#heir = heir;
    const forget = onAbort(signal, () => {
      const stopped = new Fault('push', 'closed', 'stopped');
      if (this.#sink === seat) this.#end(stopped);
      else if (this.#heir === heir) this.#heir = undefined;
      seat.leave(stopped);
    });
    return seat.left.finally(forget);
  }

  /** See `Relay.keepGroup`. */
  async keepGroup(signal: AbortSignal): Promise<void> {
    this.#keepsAll = true;
    onAbort(signal, () => {
      this.#keepsAll = false;
    });
    await this.#waiting.until(() => !this.#gop.empty || this.#isAudioOnly, signal);
  }

  /** See `Relay.part`. */
  part(signal: AbortSignal): void {
    const heir = { seat: undefined };
    this.#heir = heir;
    onAbort(signal, () => {
      if (this.#heir === heir) this.#heir = undefined;
    });
  }

  /** See `Relay.forget`. */
  forget(): void {
    this.#isParted = false;
    this.#stretches.cut(this.#takenMs);
    this.#gop.release();
  }

  /** Lets go of what is kept: it belongs to a source that has left. */
  release(): void {
    this.#gop.release();
  }

  /** To be called on every tick, with nothing too: sinks serve their queues then. */
  give(out: Batch): void {
    const isSent = this.#sink?.holder.flowing === true && !this.#keepsAll;
    if (!isSent && !this.#startsNow(out)) this.#keep(out);
    // What flowed past since would be missing in it.
    else if (!this.#gop.empty) this.#gop.release();
    if (this.#sink !== undefined) this.#write(this.#sink, out);
  }

  /** A sink waits, and what comes begins with a key frame: it need not be kept to be started from. */
  #startsNow(out: Batch): boolean {
    return this.#sink !== undefined && this.#isFresh && this.#gop.empty && beginsWithKey(out);
  }

  #keep(out: Batch): void {
    const join = { on: this.#isParted, anywhere: this.#isParted && this.#isAudioOnly };
    for (let i = 0; i < out.count; i++) this.#gop.append(out.packets[i] as Packet, join);
  }

  get #isAudioOnly(): boolean {
    return this.#splicer.open && this.#splicer.audioOnly;
  }

  #write(seat: Seat<Sink>, out: Batch): void {
    try {
      if (this.#heir !== undefined && !this.#isFresh && this.#succeed(seat.holder, this.#heir, out)) return;
      const wasFresh = this.#isFresh;
      if (wasFresh) this.#begin(seat.holder, out);
      else seat.holder.write(out);
      this.#pictures += picturesIn(wasFresh ? SinkSide.#start : out);
      const hasMore = wasFresh || out.count > 0;
      if (!this.#isFresh && hasMore) this.#sentMs = this.#delay?.airedMs ?? this.#splicer.mediaMs;
    } catch (error) {
      this.#end(asFault('push', error));
    }
  }

  /** Lets the heir in where there is a key frame, the former sink being given what lies before it. */
  #succeed(former: Sink, heir: { readonly seat: Seat<Sink> | undefined }, out: Batch): boolean {
    const parts = SinkSide.#parts;
    if (!partAtKey(out, parts, this.#isAudioOnly)) {
      if (heir.seat !== undefined) this.#attend(heir.seat, parts.after);
      return false;
    }
    former.write(parts.before);
    if (parts.before.count > 0) this.#sentMs = (parts.before.packets[parts.before.count - 1] as Packet).dtsMs;
    this.#leave(SUCCEEDED);
    this.#gop.clear();
    if (heir.seat === undefined) {
      this.#isParted = true;
      this.#keep(parts.after);
      return true;
    }
    this.#sink = heir.seat;
    this.#isFresh = true;
    this.#write(heir.seat, parts.after);
    return true;
  }

  /** An heir that waits is served too, and may end. */
  #attend(seat: Seat<Sink>, none: Batch): void {
    try {
      seat.holder.write(none);
    } catch (error) {
      this.#heir = undefined;
      seat.leave(asFault('push', error));
    }
  }

  /** Starts a sink at a key frame: at the kept GOP's, or at the first one that comes; without video, at once. */
  #begin(sink: Sink, out: Batch): void {
    const start = SinkSide.#start;
    start.clear();
    if (this.#gop.empty && !(this.#isAudioOnly && out.count > 0) && !beginsWithKey(out)) {
      sink.write(start);
      return;
    }
    fillOpening(start, this.#delay ?? this.#splicer, this.#gop.empty ? out : this.#gop.batch);
    sink.write(start);
    this.#isFresh = false;
    this.#isParted = false;
    this.#gop.release();
  }

  #end(fault: Fault): void {
    if (this.#sink === undefined) return;
    this.#leave(fault);
    this.#stretches.cut(this.#takenMs);
    // What is kept beside it goes on to the one that follows, whole.
    this.#isParted ||= this.#keepsAll;
  }

  #leave(fault: Fault): void {
    const seat = this.#sink;
    if (seat === undefined) return;
    this.#takenMs = this.acceptedMs;
    this.#heir = undefined;
    this.#sink = undefined;
    this.#bytesBefore += seat.holder.bytesOut;
    seat.leave(fault);
  }
}

function picturesIn({ packets, count }: Batch): number {
  let pictures = 0;
  for (let i = 0; i < count; i++) if (isVideo((packets[i] as Packet).kind)) pictures++;
  return pictures;
}
