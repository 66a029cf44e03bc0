import type { Batch, PacedSource, Packet } from './packet.ts';
import { PlayoutPacer } from './playout-pacer.ts';
import type { SinkSide } from './sink-side.ts';
import type { Splicer } from './splicer.ts';
import type { Stretches } from './stretches.ts';

/** A destination that has so much media waiting gets no more of a file until it has taken some. */
const SLOW_MS = 300;
/** Media this late is passed over. */
const MOST_LATE_MS = 10_000;
/** A pause in the supply of files this long has emptied what the destination had in hand. */
const PAUSE_MS = 1_000;

export interface PlayoutReaderParts {
  readonly splicer: Splicer;
  readonly stretches: Stretches;
  readonly sinks: Pick<SinkSide, 'present' | 'isFresh'>;
  /** How long a relay may go without a visit while it has given that much ahead. */
  readonly restMs: number;
}

/** What came in a tick, and what was placed of it. */
export interface TickBatches {
  readonly came: Batch;
  readonly out: Batch;
}

/**
 * Reads files only while there is a sink, and no faster than it takes them: up to where one schedule for the present
 * sink stands, which goes on over files and rounds.
 */
export class PlayoutReader {
  readonly #splicer: Splicer;
  readonly #stretches: Stretches;
  readonly #sinks: Pick<SinkSide, 'present' | 'isFresh'>;
  readonly #restMs: number;
  /** For the present sink. */
  #schedule: PlayoutPacer | undefined;
  #segment = Number.NaN;
  #dry = false;
  #keyMs = Number.NaN;
  #skips = 0;
  #held = 0;

  constructor({ splicer, stretches, sinks, restMs }: PlayoutReaderParts) {
    this.#splicer = splicer;
    this.#stretches = stretches;
    this.#sinks = sinks;
    this.#restMs = restMs;
  }

  /** Output time of the newest key frame. */
  get newestKeyMs(): number {
    return this.#keyMs;
  }

  /** How often media was passed over because it was too late. */
  get skips(): number {
    return this.#skips;
  }

  /** On how many ticks a sink was given nothing because it was slow. */
  get held(): number {
    return this.#held;
  }

  /** Another source is to be read. */
  begin(): void {
    this.#segment = Number.NaN;
    this.#schedule = undefined;
  }

  /** Another sink is to be read for, which has nothing in hand. */
  reschedule(): void {
    this.#schedule = undefined;
  }

  read(source: PacedSource, { came, out }: TickBatches, nowMs: number): void {
    const sink = this.#sinks.present;
    // Nothing is read for nobody: the place in the file is kept.
    if (sink === undefined) return;
    this.#schedule ??= new PlayoutPacer(this.#splicer.mediaMs, nowMs);
    const slow = sink.queuedMs > SLOW_MS;
    if (slow) this.#held++;
    if (!slow) {
      const aheadMs = this.#sinks.isFresh ? 0 : this.#restMs;
      this.#readFile(source, came, this.#schedule.dueMs(nowMs) + aheadMs);
      this.#splicer.place(came, out, nowMs);
      this.#stretches.note(this.#segment, this.#splicer.shiftMs, out);
      this.#noteKey(out);
    }
    this.#keepSchedule(source, slow ? 'slow' : source.state, nowMs);
  }

  #readFile(source: PacedSource, came: Batch, dueMs: number): void {
    this.#enter(source);
    source.read(came, dueMs - this.#splicer.shiftMs);
    if (came.count > 0 || source.segment === this.#segment) return;
    this.#enter(source);
    source.read(came, dueMs - this.#splicer.shiftMs);
  }

  #enter({ segment, starts }: PacedSource): void {
    if (segment === this.#segment) return;
    this.#segment = segment;
    this.#splicer.beginFile(starts);
  }

  #noteKey(out: Batch): void {
    for (let i = 0; i < out.count; i++) {
      const { kind, dtsMs } = out.packets[i] as Packet;
      if (kind === 'key') this.#keyMs = dtsMs;
    }
  }

  #keepSchedule(source: PacedSource, state: PacedSource['state'] | 'slow', nowMs: number): void {
    const schedule = this.#schedule;
    if (schedule === undefined) return;
    const { mediaMs } = this.#splicer;
    if (state !== 'ok') schedule.hold(mediaMs, nowMs);
    const lateMs = schedule.lagMs(nowMs);
    if (this.#dry && state !== 'dry' && lateMs >= PAUSE_MS) {
      schedule.start(mediaMs, nowMs);
    } else if (state !== 'dry' && lateMs > MOST_LATE_MS) {
      this.#skips++;
      source.skip(lateMs);
      schedule.start(mediaMs, nowMs);
    }
    this.#dry = state === 'dry';
  }
}
