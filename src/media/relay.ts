import { CHANGED_OVER, Changeover } from './changeover.ts';
import type { Monotonic } from './clock.ts';
import { Delay } from './delay.ts';
import { asFault, Fault } from './fault.ts';
import { fourCcOf } from './flv/describe.ts';
import type { FlvViewer } from './flv/viewer.ts';
import { GopCache } from './gop.ts';
import { LastGroup } from './last-group.ts';
import { beginsWithKey, fillOpening } from './opening.ts';
import { Pacer } from './pacer.ts';
import { Batch, isVideo, type PacedSource, type Packet, type Sink, type Source } from './packet.ts';
import { PlayoutPacer } from './playout-pacer.ts';
import { Seat } from './seat.ts';
import type { Spare } from './spare.ts';
import { Splicer } from './splicer.ts';
import { Stretches } from './stretches.ts';
import type { Strip } from './strip.ts';
import { partAtKey, SUCCEEDED } from './succession.ts';
import { Tap } from './tap.ts';
import { type Patience, USUAL_PATIENCE, Vigil } from './vigil.ts';
import type { Vitals } from './vitals.ts';
import { onAbort, Waiting } from './waiting.ts';

/** What is kept for a sink that comes while none is there. */
const KEPT = { bytes: 8 * 1024 * 1024, ms: 10_000 };

/** Taken at a time of a source that is held to the pace of life: its output is to be even. */
const FEW_BYTES = 32 * 1024;

/** A track that has not come for so long is gone. */
const TRACK_GONE_MS = 5_000;

/** A destination that has so much media waiting gets no more of a file until it has taken some. */
const SLOW_MS = 300;
/** Media this late is passed over. */
const MOST_LATE_MS = 10_000;
/** A pause in the supply of files this long has emptied what the destination had in hand. */
const PAUSE_MS = 1_000;
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
  static readonly #parts = { before: new Batch(), after: new Batch() };

  readonly splicer = new Splicer();
  readonly #now: Monotonic;
  readonly #vigil: Vigil;
  readonly #gop = new GopCache(KEPT);
  /** Between the timeline and the sink, of a live run that wants it. */
  readonly #delay: Delay | undefined;
  /** Of a run that shows it when its source is gone. */
  readonly #lastGroup: LastGroup | undefined;
  /** What is on air is no source, but stands for one. */
  #isSlate = false;
  #pacer = new Pacer();
  #source: Seat<Source | PacedSource> | undefined;
  /** The source, as what it is: one of the two or none. */
  #live: Source | undefined;
  #paced: PacedSource | undefined;
  /** The schedule of a paced source for the present sink. */
  #schedule: PlayoutPacer | undefined;
  #segment = Number.NaN;
  #dry = false;
  #restsUntilMs = 0;
  readonly #stretches = new Stretches();
  #keyMs = Number.NaN;
  #skips = 0;
  #held = 0;
  #sink: Seat<Sink> | undefined;
  /** True until the present sink has been given its first key frame. */
  #sinkFresh = true;
  /** Who takes the present sink's place at the next key frame: another, or nobody yet. */
  #heir: { readonly seat: Seat<Sink> | undefined } | undefined;
  /** Nobody has followed yet: all that comes is kept. */
  #isParted = false;
  /** Whether the group on air is kept beside a sink, in case another has to be begun with it. */
  #keepsAll = false;
  /** Who takes the place of the live source on air, as the same stream from elsewhere. */
  #twin:
    | { readonly seat: Seat<Source | PacedSource>; readonly spare: Spare; readonly changeover: Changeover }
    | undefined;
  /** Beside the source on air; nearly always none. */
  #spares: Spare[] = [];
  #sentMs = 0;
  /** Output time that the last sink had taken when it left. */
  #takenMs = Number.NEGATIVE_INFINITY;
  #bytesInBefore = 0;
  #bytesOutBefore = 0;
  #picturesOut = 0;
  /** While somebody looks at what is sent. */
  #tap: Tap | undefined;
  readonly #waiting = new Waiting();

  constructor(options: RelayOptions) {
    const { delayMs = 0, keepsGroup = false } = options;
    this.#now = options.now;
    this.#lastGroup = keepsGroup ? new LastGroup(KEPT) : undefined;
    this.#delay = delayMs > 0 ? new Delay({ ms: delayMs }) : undefined;
    this.#vigil = new Vigil({ ...USUAL_PATIENCE, ...options.patience });
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

  /** Pictures that have come so far, and those handed to sinks, which may have dropped some of them. */
  get pictures(): { readonly in: number; readonly out: number } {
    return { in: this.splicer.pictures, out: this.#picturesOut };
  }

  /** Between the last two key frames of the source, or since the last where that is longer; 0 while it is not known. */
  get keyFrameMs(): number {
    const { forMs, lastGopMs } = this.splicer.keyless(this.#now());
    return Math.max(forMs, lastGopMs);
  }

  /** Whether a sink is there, accepted and perhaps still without media. */
  get hasSink(): boolean {
    return this.#sink !== undefined;
  }

  /** When the media time of the live source last moved. */
  get mediaAtMs(): number {
    return this.#vigil.mediaAtMs;
  }

  /** With the live source; it may change while one is on air. */
  set patience(patience: Patience) {
    this.#vigil.patience = patience;
  }

  /** How often media of files was passed over because it was too late. */
  get skips(): number {
    return this.#skips;
  }

  /** The newest frame of a paced source that a destination has taken: its segment, and its time there. */
  get accepted(): { readonly segment: number; readonly mediaMs: number } | undefined {
    return this.#stretches.at(this.#acceptedMs());
  }

  /** Output time of the newest key frame of a paced source. */
  get newestKeyMs(): number {
    return this.#keyMs;
  }

  /** The same, once a destination has taken it. */
  get takenKeyMs(): number | undefined {
    return this.#acceptedMs() >= this.#keyMs ? this.#keyMs : undefined;
  }

  /** True while media comes from the source and goes to a destination that has been given a key frame. */
  get onAir(): boolean {
    return (this.#isOpen || this.heldMs > 0) && this.#sink?.holder.flowing === true;
  }

  get #isOpen(): boolean {
    return this.#source !== undefined && this.splicer.open;
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
    const isLive = this.#live !== undefined;
    const hasSource = this.#source !== undefined && !this.#isSlate;
    return {
      pulling: hasSource && (isLive ? splicer.open : this.onAir),
      isLive,
      mediaMs: splicer.mediaMs,
      held: this.#held,
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
    this.#spares = this.#spares.filter(spare => spare !== source);
    const left = this.#seat(source, signal);
    this.#live = source;
    this.#isSlate = isSlate;
    this.#vigil.begin(source, this.#now());
    this.#pacer = new Pacer();
    this.splicer.begin(isAnother ? 'another' : 'live');
    return left;
  }

  /**
   * The same with a spare that brings the stream on air another way: at a key frame of a time that both have, as though it
   * were one source, which the former leaves as CHANGED_OVER. If that one ends before, nothing comes of it.
   */
  pullNext(spare: Spare, signal: AbortSignal): { readonly left: Promise<Fault>; readonly changeover: Changeover } {
    const seat = new Seat<Source | PacedSource>(spare);
    const changeover = new Changeover(spare, this.splicer.lastIn.keyMs);
    const twin = { seat, spare, changeover };
    this.#twin = twin;
    this.watch(spare);
    const forget = onAbort(signal, () => {
      const stopped = new Fault('pull', 'closed', 'stopped');
      if (this.#source === seat) this.#endSource(stopped);
      else if (this.#twin === twin) this.#twin = undefined;
      this.unwatch(spare);
      seat.leave(stopped);
    });
    return { left: seat.left.finally(forget), changeover };
  }

  /** Reads it every tick beside the source on air, until it is pulled or not watched any more. */
  watch(spare: Spare): void {
    this.#restsUntilMs = 0;
    this.#spares = [...this.#spares, spare];
  }

  unwatch(spare: Spare): void {
    this.#spares = this.#spares.filter(other => other !== spare);
  }

  /**
   * The same with files. They are read only while there is a sink, and no faster than it takes them: nothing of them is
   * dropped, and none goes by unseen. Their faults are their own: the promise ends by abort or replacement alone.
   */
  play(source: PacedSource, signal: AbortSignal): Promise<Fault> {
    const left = this.#seat(source, signal);
    this.#paced = source;
    this.#isSlate = false;
    this.#segment = Number.NaN;
    this.#schedule = undefined;
    return left;
  }

  #seat(source: Source | PacedSource, signal: AbortSignal): Promise<Fault> {
    this.#endSource(new Fault('pull', 'closed', 'another source took over'));
    const seat = new Seat(source);
    this.#twin = undefined;
    this.#source = seat;
    this.#restsUntilMs = 0;
    // What is held back goes on, and with it what is kept of it.
    if (this.#delay === undefined) this.#gop.release();
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
    this.#heir = undefined;
    this.#sink = seat;
    this.#sinkFresh = true;
    this.#restsUntilMs = 0;
    // Behind a sink that has left for this one the schedule goes on.
    if (!this.#isParted) this.#schedule = undefined;
    const forget = onAbort(signal, () => {
      if (this.#sink === seat) this.#endSink(new Fault('push', 'closed', 'stopped'));
    });
    return seat.left.finally(forget);
  }

  /**
   * The same at the next key frame, in the place of the present sink, which is given all that lies before it and leaves as
   * SUCCEEDED. If that one ends before, so does its succession.
   */
  pushNext(sink: Sink, signal: AbortSignal): Promise<Fault> {
    const seat = new Seat(sink);
    const heir = { seat };
    this.#heir = heir;
    const forget = onAbort(signal, () => {
      const stopped = new Fault('push', 'closed', 'stopped');
      if (this.#sink === seat) this.#endSink(stopped);
      else if (this.#heir === heir) this.#heir = undefined;
      seat.leave(stopped);
    });
    return seat.left.finally(forget);
  }

  /**
   * Keeps the group on air from the next key frame on, beside the sink that takes it, so that the next one misses nothing if
   * this one ends early. Resolves when there is such a group. Rejects on abort, which ends the keeping.
   */
  async keepGroup(signal: AbortSignal): Promise<void> {
    this.#keepsAll = true;
    onAbort(signal, () => {
      this.#keepsAll = false;
    });
    await this.#waiting.until(() => !this.#gop.empty || (this.splicer.open && this.splicer.audioOnly), signal);
  }

  /** Has the present sink leave in the same way; what comes from that key frame on is kept for the next `push`. */
  part(signal: AbortSignal): void {
    const heir = { seat: undefined };
    this.#heir = heir;
    onAbort(signal, () => {
      if (this.#heir === heir) this.#heir = undefined;
    });
  }

  /** What is kept for a sink that has not come will be read again. */
  forget(): void {
    this.#isParted = false;
    this.#stretches.cut(this.#takenMs);
    this.#gop.release();
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
    const came = Relay.#came;
    const out = Relay.#out;
    came.clear();
    out.clear();
    if (this.#live !== undefined) this.#read(this.#live, came, out, nowMs);
    else if (this.#paced !== undefined) this.#play(this.#paced, came, out, nowMs);
    if (this.#lastGroup !== undefined && !this.#isSlate) this.#lastGroup.append(out);
    if (this.#delay !== undefined) this.#holdBack(this.#delay, out, nowMs);
    const isSent = this.#sink?.holder.flowing === true && !this.#keepsAll;
    if (!isSent && !this.#startsNow(out)) this.#keep(out);
    // What flowed past since would be missing in it.
    else if (!this.#gop.empty) this.#gop.release();
    if (this.#sink !== undefined) this.#write(this.#sink, out);
    if (this.#tap !== undefined) this.#showTo(this.#tap, out, nowMs);
    // Behind the writing, because they read into the same buffers as the source on air.
    if (this.#spares.length > 0) for (const spare of this.#spares) spare.tick();
    this.#waiting.wake();
    this.#restsUntilMs = this.#mayRest() ? nowMs + REST_MS : 0;
  }

  /** Nothing but media of files is awaited, and all that was due is on its way. */
  #mayRest(): boolean {
    const plays = this.#paced?.state === 'ok' && this.#spares.length === 0;
    return plays && !this.#sinkFresh && this.#sink?.holder.queuedBytes === 0;
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

  /** A sink waits, and what comes begins with a key frame: it need not be kept to be started from. */
  #startsNow(out: Batch): boolean {
    return this.#sink !== undefined && this.#sinkFresh && this.#gop.empty && beginsWithKey(out);
  }

  #keep(out: Batch): void {
    const join = { on: this.#isParted, anywhere: this.#isParted && this.splicer.open && this.splicer.audioOnly };
    for (let i = 0; i < out.count; i++) this.#gop.append(out.packets[i] as Packet, join);
  }

  #read(source: Source, came: Batch, out: Batch, nowMs: number): void {
    try {
      if (this.#pacer.waitMs(nowMs) > 0) return;
      if (this.#pacer.isNear(nowMs)) source.read(came, FEW_BYTES);
      else source.read(came);
    } catch (error) {
      this.#endSource(asFault('pull', error));
    }
    const cut = this.#twin?.changeover.cutIn(came);
    if (cut !== undefined) came.count = cut.index;
    if (came.count > 0) this.#take(came, out, nowMs);
    if (cut !== undefined) {
      this.#changeOver(cut.keyMs, nowMs);
      return;
    }
    const fault = this.#live === undefined ? undefined : this.#vigil.verdict(source, this.splicer, nowMs);
    if (fault !== undefined) this.#endSource(fault);
  }

  #changeOver(keyMs: number, nowMs: number): void {
    const twin = this.#twin;
    if (twin === undefined) return;
    const { seat, spare } = twin;
    this.#endSource(CHANGED_OVER);
    this.unwatch(spare);
    spare.beginAtKey(keyMs, this.splicer.lastIn.audioMs);
    this.#source = seat;
    this.#live = spare;
    this.#vigil.begin(spare, nowMs);
  }

  #take(came: Batch, out: Batch, nowMs: number): void {
    this.#vigil.note(came, nowMs);
    this.splicer.place(came, out, nowMs, this.#delay?.clockMs(nowMs));
    this.#stretches.noteLive(out);
    if (out.count > 0) this.#pacer.advance(this.splicer.mediaMs, nowMs);
  }

  #play(source: PacedSource, came: Batch, out: Batch, nowMs: number): void {
    const sink = this.#sink?.holder;
    // Nothing is read for nobody: the place in the file is kept.
    if (sink === undefined) return;
    this.#schedule ??= new PlayoutPacer(this.splicer.mediaMs, nowMs);
    const slow = sink.queuedMs > SLOW_MS;
    if (slow) this.#held++;
    if (!slow) {
      const aheadMs = this.#sinkFresh ? 0 : REST_MS;
      this.#readFile(source, came, this.#schedule.dueMs(nowMs) + aheadMs);
      this.splicer.place(came, out, nowMs);
      this.#stretches.note(this.#segment, this.splicer.shiftMs, out);
      this.#noteKey(out);
    }
    this.#keepSchedule(this.#schedule, slow ? 'slow' : source.state, nowMs);
  }

  #readFile(source: PacedSource, came: Batch, dueMs: number): void {
    this.#enter(source);
    source.read(came, dueMs - this.splicer.shiftMs);
    if (came.count > 0 || source.segment === this.#segment) return;
    this.#enter(source);
    source.read(came, dueMs - this.splicer.shiftMs);
  }

  #enter({ segment, starts }: PacedSource): void {
    if (segment === this.#segment) return;
    this.#segment = segment;
    this.splicer.beginFile(starts);
  }

  #noteKey(out: Batch): void {
    for (let i = 0; i < out.count; i++) {
      const { kind, dtsMs } = out.packets[i] as Packet;
      if (kind === 'key') this.#keyMs = dtsMs;
    }
  }

  #keepSchedule(schedule: PlayoutPacer, state: PacedSource['state'] | 'slow', nowMs: number): void {
    const { mediaMs } = this.splicer;
    if (state !== 'ok') schedule.hold(mediaMs, nowMs);
    const lateMs = schedule.lagMs(nowMs);
    if (this.#dry && state !== 'dry' && lateMs >= PAUSE_MS) {
      schedule.start(mediaMs, nowMs);
    } else if (state !== 'dry' && lateMs > MOST_LATE_MS) {
      this.#skips++;
      this.#paced?.skip(lateMs);
      schedule.start(mediaMs, nowMs);
    }
    this.#dry = state === 'dry';
  }

  #acceptedMs(): number {
    const sink = this.#sink?.holder;
    return sink === undefined || this.#sinkFresh ? this.#takenMs : this.#sentMs - sink.queuedMs;
  }

  #write(seat: Seat<Sink>, out: Batch): void {
    try {
      if (this.#heir !== undefined && !this.#sinkFresh && this.#succeed(seat.holder, this.#heir, out)) return;
      const wasFresh = this.#sinkFresh;
      if (wasFresh) this.#startSink(seat.holder, out);
      else seat.holder.write(out);
      this.#picturesOut += picturesIn(wasFresh ? Relay.#start : out);
      const hasMore = wasFresh || out.count > 0;
      if (!this.#sinkFresh && hasMore) this.#sentMs = this.#delay?.airedMs ?? this.splicer.mediaMs;
    } catch (error) {
      this.#endSink(asFault('push', error));
    }
  }

  /** Lets the heir in where there is a key frame, the former sink being given what lies before it. */
  #succeed(former: Sink, heir: { readonly seat: Seat<Sink> | undefined }, out: Batch): boolean {
    const parts = Relay.#parts;
    if (!partAtKey(out, parts, this.splicer.open && this.splicer.audioOnly)) {
      if (heir.seat !== undefined) this.#attend(heir.seat, parts.after);
      return false;
    }
    former.write(parts.before);
    if (parts.before.count > 0) this.#sentMs = (parts.before.packets[parts.before.count - 1] as Packet).dtsMs;
    this.#leaveSink(SUCCEEDED);
    this.#gop.clear();
    if (heir.seat === undefined) {
      this.#isParted = true;
      this.#keep(parts.after);
      return true;
    }
    this.#sink = heir.seat;
    this.#sinkFresh = true;
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
  #startSink(sink: Sink, out: Batch): void {
    const start = Relay.#start;
    start.clear();
    const audioOnly = this.splicer.open && this.splicer.audioOnly;
    if (this.#gop.empty && !(audioOnly && out.count > 0) && !beginsWithKey(out)) {
      sink.write(start);
      return;
    }
    fillOpening(start, this.#delay ?? this.splicer, this.#gop.empty ? out : this.#gop.batch);
    sink.write(start);
    this.#sinkFresh = false;
    this.#isParted = false;
    this.#gop.release();
  }

  #endSource(fault: Fault): void {
    const seat = this.#source;
    if (seat === undefined) return;
    this.#source = undefined;
    this.#twin = undefined;
    this.#live = undefined;
    this.#paced = undefined;
    this.#bytesInBefore += seat.holder.bytesIn;
    seat.holder.close();
    seat.leave(fault);
  }

  #endSink(fault: Fault): void {
    if (this.#sink === undefined) return;
    this.#leaveSink(fault);
    this.#stretches.cut(this.#takenMs);
    // What is kept beside it goes on to the one that follows, whole.
    this.#isParted ||= this.#keepsAll;
  }

  #leaveSink(fault: Fault): void {
    const seat = this.#sink;
    if (seat === undefined) return;
    this.#takenMs = this.#acceptedMs();
    this.#heir = undefined;
    this.#sink = undefined;
    this.#bytesOutBefore += seat.holder.bytesOut;
    seat.leave(fault);
  }
}

function picturesIn({ packets, count }: Batch): number {
  let pictures = 0;
  for (let i = 0; i < count; i++) if (isVideo((packets[i] as Packet).kind)) pictures++;
  return pictures;
}
