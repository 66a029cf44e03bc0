import { CHANGED_OVER, Changeover } from './changeover.ts';
import type { Delay } from './delay.ts';
import { asFault, Fault } from './fault.ts';
import { Pacer } from './pacer.ts';
import type { Batch, PacedSource, Source } from './packet.ts';
import type { PlayoutReader, TickBatches } from './playout-reader.ts';
import { Seat } from './seat.ts';
import type { Spare } from './spare.ts';
import type { Splicer } from './splicer.ts';
import type { Stretches } from './stretches.ts';
import { type Patience, Vigil } from './vigil.ts';
import { onAbort } from './waiting.ts';

/** Taken at a time of a source that is held to the pace of life: its output is to be even. */
const FEW_BYTES = 32 * 1024;

export interface SourceSideParts {
  readonly splicer: Splicer;
  readonly stretches: Stretches;
  /** Between the timeline and the sink, of a live run that wants it. */
  readonly delay: Delay | undefined;
  readonly playout: PlayoutReader;
  readonly patience: Patience;
}

interface Twin {
  readonly seat: Seat<Source | PacedSource>;
  readonly spare: Spare;
  readonly changeover: Changeover;
}

/** Takes what a relay places from one source after the other, and closes each when it has ended or is replaced. */
export class SourceSide {
  readonly #splicer: Splicer;
  readonly #stretches: Stretches;
  readonly #delay: Delay | undefined;
  readonly #playout: PlayoutReader;
  readonly #vigil: Vigil;
  #pacer = new Pacer();
  #source: Seat<Source | PacedSource> | undefined;
  /** The source, as what it is: one of the two or none. */
  #live: Source | undefined;
  #paced: PacedSource | undefined;
  /** What is on air is no source, but stands for one. */
  #isSlate = false;
  /** Who takes the place of the live source on air, as the same stream from elsewhere. */
  #twin: Twin | undefined;
  /** Beside the source on air; nearly always none. */
  #spares: Spare[] = [];
  #bytesBefore = 0;

  constructor({ splicer, stretches, delay, playout, patience }: SourceSideParts) {
    this.#splicer = splicer;
    this.#stretches = stretches;
    this.#delay = delay;
    this.#playout = playout;
    this.#vigil = new Vigil(patience);
  }

  get isThere(): boolean {
    return this.#source !== undefined;
  }

  get isLive(): boolean {
    return this.#live !== undefined;
  }

  get isSlate(): boolean {
    return this.#isSlate;
  }

  /** Files alone are read, and all that was due of them has come. */
  get isAhead(): boolean {
    return this.#paced?.state === 'ok' && this.#spares.length === 0;
  }

  get bytes(): number {
    return this.#bytesBefore + (this.#source?.holder.bytesIn ?? 0);
  }

  get mediaAtMs(): number {
    return this.#vigil.mediaAtMs;
  }

  set patience(patience: Patience) {
    this.#vigil.patience = patience;
  }

  /** See `Relay.pull`. */
  pull(
    source: Source,
    signal: AbortSignal,
    how: { isAnother: boolean; isSlate: boolean; nowMs: number },
  ): Promise<Fault> {
    this.unwatch(source);
    const left = this.#seat(source, signal);
    this.#live = source;
    this.#isSlate = how.isSlate;
    this.#vigil.begin(source, how.nowMs);
    this.#pacer = new Pacer();
    this.#splicer.begin(how.isAnother ? 'another' : 'live');
    return left;
  }

  /** See `Relay.pullNext`. */
  pullNext(spare: Spare, signal: AbortSignal): { readonly left: Promise<Fault>; readonly changeover: Changeover } {
    const seat = new Seat<Source | PacedSource>(spare);
    const changeover = new Changeover(spare, this.#splicer.lastIn.keyMs);
    const twin = { seat, spare, changeover };
    this.#twin = twin;
    this.watch(spare);
    const forget = onAbort(signal, () => {
      const stopped = new Fault('pull', 'closed', 'stopped');
      if (this.#source === seat) this.#end(stopped);
      else if (this.#twin === twin) this.#twin = undefined;
      this.unwatch(spare);
      seat.leave(stopped);
    });
    return { left: seat.left.finally(forget), changeover };
  }

  /** See `Relay.play`. */
  play(source: PacedSource, signal: AbortSignal): Promise<Fault> {
    const left = this.#seat(source, signal);
    this.#paced = source;
    this.#isSlate = false;
    this.#playout.begin();
    return left;
  }

  watch(spare: Spare): void {
    this.#spares = [...this.#spares, spare];
  }

  unwatch(spare: Source): void {
    this.#spares = this.#spares.filter(other => other !== spare);
  }

  /** Appends what has come, placed. */
  take(batches: TickBatches, nowMs: number): void {
    if (this.#live !== undefined) this.#read(this.#live, batches, nowMs);
    else if (this.#paced !== undefined) this.#playout.read(this.#paced, batches, nowMs);
  }

  /** To be called behind the writing: spares read into the same buffers as the source on air. */
  tickSpares(): void {
    if (this.#spares.length > 0) for (const spare of this.#spares) spare.tick();
  }

  #seat(source: Source | PacedSource, signal: AbortSignal): Promise<Fault> {
    this.#end(new Fault('pull', 'closed', 'another source took over'));
    const seat = new Seat(source);
    this.#twin = undefined;
    this.#source = seat;
    const forget = onAbort(signal, () => {
      if (this.#source === seat) this.#end(new Fault('pull', 'closed', 'stopped'));
    });
    return seat.left.finally(forget);
  }

  #read(source: Source, { came, out }: TickBatches, nowMs: number): void {
    try {
      if (this.#pacer.waitMs(nowMs) > 0) return;
      if (this.#pacer.isNear(nowMs)) source.read(came, FEW_BYTES);
      else source.read(came);
    } catch (error) {
      this.#end(asFault('pull', error));
    }
    const cut = this.#twin?.changeover.cutIn(came);
    if (cut !== undefined) came.count = cut.index;
    if (came.count > 0) this.#place(came, out, nowMs);
    if (cut !== undefined) {
      this.#changeOver(cut.keyMs, nowMs);
      return;
    }
    const fault = this.#live === undefined ? undefined : this.#vigil.verdict(source, this.#splicer, nowMs);
    if (fault !== undefined) this.#end(fault);
  }

  #changeOver(keyMs: number, nowMs: number): void {
    const twin = this.#twin;
    if (twin === undefined) return;
    const { seat, spare } = twin;
    this.#end(CHANGED_OVER);
    this.unwatch(spare);
    spare.beginAtKey(keyMs, this.#splicer.lastIn.audioMs);
    this.#source = seat;
    this.#live = spare;
    this.#vigil.begin(spare, nowMs);
  }

  #place(came: Batch, out: Batch, nowMs: number): void {
    this.#vigil.note(came, nowMs);
    this.#splicer.place(came, out, nowMs, this.#delay?.clockMs(nowMs));
    this.#stretches.noteLive(out);
    if (out.count > 0) this.#pacer.advance(this.#splicer.mediaMs, nowMs);
  }

  #end(fault: Fault): void {
    const seat = this.#source;
    if (seat === undefined) return;
    this.#source = undefined;
    this.#twin = undefined;
    this.#live = undefined;
    this.#paced = undefined;
    this.#bytesBefore += seat.holder.bytesIn;
    seat.holder.close();
    seat.leave(fault);
  }
}
