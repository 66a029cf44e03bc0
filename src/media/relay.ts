import type { Changeover } from './changeover.ts';
import type { Monotonic } from './clock.ts';
import { Delay } from './delay.ts';
import type { Fault } from './fault.ts';
import { fourCcOf } from './flv/describe.ts';
import type { FlvViewer } from './flv/viewer.ts';
import { LastGroup } from './last-group.ts';
import { Batch, type PacedSource, type Sink, type Source } from './packet.ts';
import { PlayoutReader } from './playout-reader.ts';
import { SinkSide } from './sink-side.ts';
import { SourceSide } from './source-side.ts';
import type { Spare } from './spare.ts';
import { Splicer } from './splicer.ts';
import { Stretches } from './stretches.ts';
import type { Strip } from './strip.ts';
import { Tap } from './tap.ts';
import { type Patience, USUAL_PATIENCE } from './vigil.ts';
import type { Vitals } from './vitals.ts';
import { Waiting } from './waiting.ts';

/** What is kept for a sink that comes while none is there. */
const KEPT = { bytes: 8 * 1024 * 1024, ms: 10_000 };

/** A track that has not come for so long is gone. */
const TRACK_GONE_MS = 5_000;

/** A visit costs more than what it brings, and files may be given ahead: so they have one on every second tick. */
const REST_MS = 75;

export interface RelayOptions {
  readonly now: Monotonic;
  readonly patience?: Partial<Patience>;
  /** How much of a live source is held back. */
  readonly delayMs?: number | undefined;
  /** Whether the last pictures are kept, to be shown when no more come. */
  readonly keepsGroup?: boolean;
}

/**
 * The one packet loop: on a tick its source side takes what there is and places it on the run's timeline, and its sink
 * side gives it. It never waits and never retries; sources and sinks come and go while the timeline stays.
 *
 * `#batches` is shared by all relays of the process: a tick is synchronous, and nothing of a batch outlives it.
 */
export class Relay {
  static readonly #batches = { came: new Batch(), out: new Batch() };

  readonly splicer = new Splicer();
  readonly #now: Monotonic;
  /** Between the timeline and the sink, of a live run that wants it. */
  readonly #delay: Delay | undefined;
  /** Of a run that shows it when its source is gone. */
  readonly #lastGroup: LastGroup | undefined;
  #restsUntilMs = 0;
  readonly #stretches = new Stretches();
  readonly #sinks: SinkSide;
  readonly #playout: PlayoutReader;
  readonly #sources: SourceSide;
  /** While somebody looks at what is sent. */
  #tap: Tap | undefined;
  readonly #waiting = new Waiting();

  constructor(options: RelayOptions) {
    const { delayMs = 0, keepsGroup = false } = options;
    this.#now = options.now;
    this.#lastGroup = keepsGroup ? new LastGroup(KEPT) : undefined;
    this.#delay = delayMs > 0 ? new Delay({ ms: delayMs }) : undefined;
    const shared = { splicer: this.splicer, stretches: this.#stretches, delay: this.#delay };
    this.#sinks = new SinkSide({ ...shared, waiting: this.#waiting, kept: KEPT });
    this.#playout = new PlayoutReader({ ...shared, sinks: this.#sinks, restMs: REST_MS });
    const patience = { ...USUAL_PATIENCE, ...options.patience };
    this.#sources = new SourceSide({ ...shared, playout: this.#playout, patience });
  }

  /** Output time of the last packet handed to a sink. */
  get mediaMs(): number {
    return this.#sinks.sentMs;
  }

  get bytesIn(): number {
    return this.#sources.bytes;
  }

  get bytesOut(): number {
    return this.#sinks.bytes;
  }

  /** Pictures that have come so far, and those handed to sinks, which may have dropped some of them. */
  get pictures(): { readonly in: number; readonly out: number } {
    return { in: this.splicer.pictures, out: this.#sinks.pictures };
  }

  /** Between the last two key frames of the source, or since the last where that is longer; 0 while it is not known. */
  get keyFrameMs(): number {
    const { forMs, lastGopMs } = this.splicer.keyless(this.#now());
    return Math.max(forMs, lastGopMs);
  }

  /** Whether a sink is there, accepted and perhaps still without media. */
  get hasSink(): boolean {
    return this.#sinks.present !== undefined;
  }

  /** When the media time of the live source last moved. */
  get mediaAtMs(): number {
    return this.#sources.mediaAtMs;
  }

  /** With the live source; it may change while one is on air. */
  set patience(patience: Patience) {
    this.#sources.patience = patience;
  }

  /** How often media of files was passed over because it was too late. */
  get skips(): number {
    return this.#playout.skips;
  }

  /** The newest frame of a paced source that a destination has taken: its segment, and its time there. */
  get accepted(): { readonly segment: number; readonly mediaMs: number } | undefined {
    return this.#stretches.at(this.#sinks.acceptedMs);
  }

  /** Output time of the newest key frame of a paced source. */
  get newestKeyMs(): number {
    return this.#playout.newestKeyMs;
  }

  /** The same, once a destination has taken it. */
  get takenKeyMs(): number | undefined {
    const { newestKeyMs } = this;
    return this.#sinks.acceptedMs >= newestKeyMs ? newestKeyMs : undefined;
  }

  /** True while media comes from the source and goes to a destination that has been given a key frame. */
  get onAir(): boolean {
    return (this.#isOpen || this.heldMs > 0) && this.#sinks.present?.flowing === true;
  }

  get #isOpen(): boolean {
    return this.#sources.isThere && this.splicer.open;
  }

  /** Whether it has placed anything yet. */
  get hadMedia(): boolean {
    return this.splicer.mediaMs > 0;
  }

  /** The last pictures, where they are kept. */
  get lastGroup(): Strip | undefined {
    return this.#lastGroup?.strip({ video: this.splicer.videoHeader, audio: undefined });
  }

  /** The codecs of what it has placed that only enhanced RTMP has names for. */
  get fourCcs(): readonly string[] {
    return [this.splicer.videoHeader, this.splicer.audioHeader].flatMap(header => fourCcOf(header) ?? []);
  }

  /** Media that is held back: so long nobody notices that there is no source. */
  get heldMs(): number {
    return this.#delay?.heldMs ?? 0;
  }

  /** For who looks once a second. */
  vitals(): Vitals {
    const { splicer } = this;
    const nowMs = this.#now();
    const { forMs, usualGopMs } = splicer.keyless(nowMs);
    const { isLive, isThere, isSlate } = this.#sources;
    return {
      pulling: isThere && !isSlate && (isLive ? splicer.open : this.onAir),
      isLive,
      mediaMs: splicer.mediaMs,
      held: this.#playout.held,
      shows: splicer.shows,
      gone: splicer.trackGone(nowMs, TRACK_GONE_MS),
      keylessMs: forMs,
      usualGopMs,
    };
  }

  /**
   * Takes the source into the loop, in the place of the former one. Resolves, never rejects, with the Fault that ended
   * it: closed, silent, garbage, or replaced. The relay closes the source. `isAnother`: its clock has nothing to do with the
   * former one's.
   */
  pull(source: Source, signal: AbortSignal, { isAnother = false, isSlate = false } = {}): Promise<Fault> {
    this.#leave();
    return this.#sources.pull(source, signal, { isAnother, isSlate, nowMs: this.#now() });
  }

  /**
   * The same with a spare that brings the stream on air another way: at a key frame of a time that both have, as though it
   * were one source, which the former leaves as CHANGED_OVER. If that one ends before, nothing comes of it.
   */
  pullNext(spare: Spare, signal: AbortSignal): { readonly left: Promise<Fault>; readonly changeover: Changeover } {
    this.#restsUntilMs = 0;
    return this.#sources.pullNext(spare, signal);
  }

  /** Reads it every tick beside the source on air, until it is pulled or not watched any more. */
  watch(spare: Spare): void {
    this.#restsUntilMs = 0;
    this.#sources.watch(spare);
  }

  unwatch(spare: Spare): void {
    this.#sources.unwatch(spare);
  }

  /**
   * The same with files. They are read only while there is a sink, and no faster than it takes them: nothing of them is
   * dropped, and none goes by unseen. Their faults are their own: the promise ends by abort or replacement alone.
   */
  play(source: PacedSource, signal: AbortSignal): Promise<Fault> {
    this.#leave();
    return this.#sources.play(source, signal);
  }

  /** The present source gives way to another. */
  #leave(): void {
    this.#restsUntilMs = 0;
    // What is held back goes on, and with it what is kept of it.
    if (this.#delay === undefined) this.#sinks.release();
  }

  /**
   * Takes the sink into the loop: it is given metadata, codec headers, and media from a key frame on. Resolves with the
   * Fault that ended it, or on abort. The caller closes the sink, so that it can be closed cleanly.
   */
  push(sink: Sink, signal: AbortSignal): Promise<Fault> {
    this.#restsUntilMs = 0;
    // Behind a sink that has left for this one the schedule goes on.
    if (!this.#sinks.losesNothing) this.#playout.reschedule();
    return this.#sinks.push(sink, signal);
  }

  /**
   * The same at the next key frame, in the place of the present sink, which is given all that lies before it and leaves as
   * SUCCEEDED. If that one ends before, so does its succession.
   */
  pushNext(sink: Sink, signal: AbortSignal): Promise<Fault> {
    return this.#sinks.pushNext(sink, signal);
  }

  /**
   * Keeps the group on air from the next key frame on, beside the sink that takes it, so that the next one misses nothing if
   * this one ends early. Resolves when there is such a group. Rejects on abort, which ends the keeping.
   */
  keepGroup(signal: AbortSignal): Promise<void> {
    return this.#sinks.keepGroup(signal);
  }

  /** Has the present sink leave in the same way; what comes from that key frame on is kept for the next `push`. */
  part(signal: AbortSignal): void {
    this.#sinks.part(signal);
  }

  /** What is kept for a sink that has not come will be read again. */
  forget(): void {
    this.#sinks.forget();
  }

  /** Resolves when the present source has shown what a push needs: codec headers and a key frame. Rejects on abort. */
  ready(signal: AbortSignal): Promise<void> {
    return this.#waiting.until(() => this.#isOpen, signal);
  }

  /** Resolves when there is media for a push to begin with. Rejects on abort. */
  due(signal: AbortSignal): Promise<void> {
    const delay = this.#delay;
    if (delay === undefined) return this.ready(signal);
    return this.#waiting.until(() => delay.airs && (delay.heldMs > 0 || this.#isOpen), signal);
  }

  /** Resolves when media of the present source goes to a sink that has been given its first key frame. Rejects on abort. */
  flowing(signal: AbortSignal): Promise<void> {
    return this.#waiting.until(() => this.onAir, signal);
  }

  /** Shows what is sent to somebody who looks; false where too many do. */
  show(viewer: FlvViewer): boolean {
    this.#tap ??= new Tap();
    return this.#tap.add(viewer, this.#now());
  }

  /** Ends what is shown, for good. */
  hide(): void {
    this.#tap?.close();
    this.#tap = undefined;
  }

  tick(): void {
    const nowMs = this.#now();
    if (nowMs < this.#restsUntilMs) return;
    const batches = Relay.#batches;
    const { came, out } = batches;
    came.clear();
    out.clear();
    this.#sources.take(batches, nowMs);
    if (this.#lastGroup !== undefined && !this.#sources.isSlate) this.#lastGroup.append(out);
    if (this.#delay !== undefined) this.#holdBack(this.#delay, out, nowMs);
    this.#sinks.give(out);
    if (this.#tap !== undefined) this.#showTo(this.#tap, out, nowMs);
    this.#sources.tickSpares();
    this.#waiting.wake();
    this.#restsUntilMs = this.#mayRest() ? nowMs + REST_MS : 0;
  }

  /** Nothing but media of files is awaited, and all that was due is on its way. */
  #mayRest(): boolean {
    return this.#sources.isAhead && !this.#sinks.isFresh && this.#sinks.present?.queuedBytes === 0;
  }

  #showTo(tap: Tap, out: Batch, nowMs: number): void {
    const { open, audioOnly } = this.splicer;
    if (!tap.tick(out, { inForce: this.#delay ?? this.splicer, audioOnly: open && audioOnly }, nowMs)) this.hide();
  }

  #holdBack(delay: Delay, out: Batch, nowMs: number): void {
    delay.put(out, nowMs);
    out.clear();
    delay.take(out, nowMs);
  }
}
