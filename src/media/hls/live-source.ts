import type { Monotonic } from '../clock.ts';
import { asFault, Fault } from '../fault.ts';
import type { Feed } from '../feed.ts';
import { metadataOf } from '../flv/metadata.ts';
import { Lookahead } from '../lookahead.ts';
import { Batch, type Source } from '../packet.ts';
import { Sheets } from '../sheets.ts';

/** Read ahead of what is due, so that a pause of the server is not seen. */
const AHEAD_MS = 3_000;
const AHEAD_BYTES = 384 * 1024;
/** Whatever its bytes, so much is at hand for the next ticks. */
const LEAST_AHEAD_MS = 200;
/** At hand before anything is given. */
const PRIME_MS = 500;
/** Steps of a feed in one call: a list that holds next to no frames must not hold up the others. */
const MOST_STEPS = 64;
/** How fast what lies too far behind the live edge is caught up with. */
const CATCH_UP = 1.05;
/** A visit costs more than what it brings. What is read ahead is never late, so it goes out on every second tick. */
const REST_MS = 75;
/** A step of the clock in front of what is due is a hole, and not waited out. */
const HOLE_MS = 1_000;

/** What a live list looks like from its source. */
export interface LiveEdge {
  /** Whether more is listed than a player of a live stream should lie behind. */
  readonly isFar: boolean;
  /** Why nothing more is to be expected, if so. */
  verdict(): Fault | undefined;
  /** The newest that was begun to be read is remembered, and nothing is fetched any more. */
  close(): void;
  readonly bytesIn: number;
}

export interface LiveHlsParts {
  readonly feed: Feed;
  readonly edge: LiveEdge;
  readonly now: Monotonic;
}

/** A live stream that lies in segments: they come at once, and go out at the pace of their own clock. */
export class LiveHlsSource implements Source {
  readonly #feed: Feed;
  readonly #edge: LiveEdge;
  readonly #now: Monotonic;
  readonly #lookahead = new Lookahead({ shiftMs: 0 });
  readonly #sheets = new Sheets();
  readonly #batch = new Batch();
  /** Media time that is due, and when that was; undefined while there is nothing to give. */
  #due: { readonly mediaMs: number; readonly atMs: number } | undefined;
  #hasMetadata = false;
  #restsUntilMs = 0;
  #state: 'more' | 'starved' | 'over' = 'more';
  /** Why nothing more comes; what came before goes first. */
  #end: Fault | undefined;

  constructor({ feed, edge, now }: LiveHlsParts) {
    this.#feed = feed;
    this.#edge = edge;
    this.#now = now;
  }

  get notes(): readonly string[] {
    return this.#feed.notes;
  }

  get bytesIn(): number {
    return this.#edge.bytesIn;
  }

  read(into: Batch): void {
    const before = into.count;
    this.#sheets.release();
    const nowMs = this.#now();
    // The end is told at once.
    if (nowMs < this.#restsUntilMs && this.#end === undefined) return;
    const dueMs = this.#dueMs(nowMs);
    this.#fill(dueMs);
    this.#begin(nowMs);
    if (this.#due !== undefined) this.#give(into, nowMs);
    if (into.count > before) this.#restsUntilMs = nowMs + REST_MS;
    if (this.#end !== undefined && into.count === before && this.#lookahead.empty) throw this.#end;
  }

  close(): void {
    this.#feed.close();
    this.#edge.close();
  }

  #dueMs(nowMs: number): number | undefined {
    const due = this.#due;
    if (due === undefined) return undefined;
    const mediaMs = due.mediaMs + (nowMs - due.atMs) * (this.#edge.isFar ? CATCH_UP : 1);
    this.#due = { mediaMs, atMs: nowMs };
    return mediaMs;
  }

  /** Reads on until enough is at hand or nothing comes. */
  #fill(dueMs: number | undefined): void {
    for (let step = 0; step < MOST_STEPS && this.#state !== 'over' && this.#wants(dueMs); step++) {
      if (this.#step() === 'more') continue;
      const fault = this.#edge.verdict();
      if (fault !== undefined) this.#over(fault);
      return;
    }
  }

  #wants(dueMs: number | undefined): boolean {
    const lookahead = this.#lookahead;
    const fromMs = dueMs ?? lookahead.nextMs;
    const leastMs = this.#due === undefined ? PRIME_MS : LEAST_AHEAD_MS;
    if (fromMs === undefined || lookahead.wants(fromMs + leastMs)) return true;
    return lookahead.bytes < AHEAD_BYTES && lookahead.wants(fromMs + AHEAD_MS);
  }

  #step(): 'more' | 'starved' {
    try {
      const state = this.#feed.more(this.#batch);
      this.#lookahead.announced = this.#feed.announced;
      this.#sheets.made(this.#batch);
      this.#lookahead.add(this.#batch);
      if (state === 'joint') this.#lookahead.joint();
      if (state === 'end') this.#over(this.#edge.verdict() ?? new Fault('pull', 'closed', 'the stream has ended'));
      this.#state = state === 'starved' ? 'starved' : this.#end === undefined ? 'more' : 'over';
      return state === 'starved' ? 'starved' : 'more';
    } catch (error) {
      this.#over(asFault('pull', error));
      return 'more';
    }
  }

  #over(fault: Fault): void {
    this.#end ??= fault;
    this.#state = 'over';
    this.#lookahead.finish();
  }

  /** Settles what is due, once enough is at hand, and again behind a pause or a hole. */
  #begin(nowMs: number): void {
    const lookahead = this.#lookahead;
    const { nextMs } = lookahead;
    const due = this.#due;
    if (nextMs === undefined) {
      this.#due = undefined;
    } else if (due === undefined) {
      const isPrimed = !lookahead.wants(nextMs + PRIME_MS) || this.#state === 'over';
      if (isPrimed) this.#due = { mediaMs: nextMs, atMs: nowMs };
    } else if (nextMs > due.mediaMs + HOLE_MS) {
      this.#due = { mediaMs: nextMs, atMs: nowMs };
    }
  }

  #give(into: Batch, nowMs: number): void {
    const dueMs = this.#due?.mediaMs ?? nowMs;
    if (!this.#hasMetadata) this.#giveMetadata(into);
    const from = into.count;
    // What is due at this very moment goes too.
    this.#lookahead.give(into, dueMs + 1);
    this.#sheets.given(into, from);
  }

  #giveMetadata(into: Batch): void {
    this.#hasMetadata = true;
    const { openings, videoFrameMs, nextMs = 0 } = this.#lookahead;
    const metadata = metadataOf({ ...openings, frameMs: videoFrameMs });
    const packet = into.next();
    packet.reset('metadata', nextMs);
    packet.addSpan(metadata, 0, metadata.length);
  }
}
