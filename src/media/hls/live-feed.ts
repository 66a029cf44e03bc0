import { setTimeout as sleepFor } from 'node:timers/promises';
import { within } from '../deadline.ts';
import type { Announced, Demuxer } from '../demuxer.ts';
import { asFault, type Fault } from '../fault.ts';
import type { Feed, FeedState } from '../feed.ts';
import type { Movie } from '../mp4/movie.ts';
import type { Batch } from '../packet.ts';
import { isUnsupported } from '../tracks.ts';
import { Aside, Ranges } from './aside.ts';
import { FragmentDemuxer } from './fragments.ts';
import type { LiveLines } from './live-lines.ts';
import { type DueSegment, type LiveList, nameOf } from './live-list.ts';
import { LiveParts } from './live-parts.ts';
import type { LiveSegment } from './live-segment.ts';
import type { Segment } from './playlist.ts';
import { demuxerFor } from './segment-demuxer.ts';

/** How often a segment is asked for, and how long that may take, in target durations and at the most. */
const MOST_ASKS = 3;
const OPEN_TARGETS = 1.25;
const LONGEST_OPEN_MS = 6_000;
/** Between two of those asks. */
const ASK_AGAIN_TARGETS = 0.25;
/** So many segments that cannot be had in a row are the end of the source. */
const MOST_MISSED = 2;

interface Opened {
  readonly segment: LiveSegment;
  readonly map: Movie | undefined;
  /** Of fragments of MP4. */
  readonly aside: Aside | undefined;
}

/** A segment on its way. */
interface Opening {
  readonly due: DueSegment;
  opened?: Opened;
  fault?: Fault;
}

/** Reads the segments of a live list as they are listed, the next one opened ahead. One that cannot be had is missed. */
export class LiveFeed implements Feed {
  readonly #list: LiveList;
  readonly #lines: LiveLines;
  readonly #parts: LiveParts;
  readonly #ranges = new Ranges();
  readonly #tellsMisses: boolean;
  readonly #closing = new AbortController();
  #opening: Opening | undefined;
  #present: LiveSegment | undefined;
  #demuxer: Demuxer | undefined;
  /** The map that the demuxer was made with. */
  #map: Movie | undefined;
  #missed = 0;
  /** The next segment does not follow on what was read of the present one. */
  #isTorn = false;
  #played: string | undefined;
  #ended = false;

  /** `tellsMisses`: false where another feed goes on meanwhile, so that a missing segment leaves a hole in time. */
  constructor(list: LiveList, { lines, tellsMisses }: { lines: LiveLines; tellsMisses: boolean }) {
    this.#list = list;
    this.#lines = lines;
    this.#parts = new LiveParts(lines);
    this.#tellsMisses = tellsMisses;
  }

  get announced(): Announced | undefined {
    return this.#demuxer?.announced;
  }

  get notes(): readonly string[] {
    return this.#demuxer?.notes ?? [];
  }

  /** The name of the newest segment that was begun to be read. */
  get played(): string | undefined {
    return this.#played;
  }

  /** Whether it waits for the list to name another segment. */
  get waitsForList(): boolean {
    return this.#present === undefined && this.#opening === undefined;
  }

  more(into: Batch): FeedState {
    if (this.#ended) return 'end';
    this.#openNext();
    const isReady = this.#opening?.opened?.aside?.look(this.#present === undefined) ?? true;
    if (this.#present === undefined) return isReady ? this.#turnTo() : 'starved';
    try {
      return this.#read(this.#present, into);
    } catch (error) {
      return this.#tear(error, into);
    }
  }

  /** What is live is asked for again on the next tick. */
  wait(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#ended = true;
    this.#closing.abort();
    this.#present?.close();
    this.#present = undefined;
    this.#opening?.opened?.segment.close();
    this.#opening = undefined;
  }

  #read(present: LiveSegment, into: Batch): FeedState {
    const bytes = present.take();
    if (bytes === undefined) return 'starved';
    if (bytes.length > 0) {
      this.#demuxer ??= demuxerFor(bytes, undefined);
      this.#demuxer.push(bytes, into);
      return 'more';
    }
    this.#leavePresent();
    this.#missed = 0;
    this.#demuxer?.end(into);
    return 'more';
  }

  /** The rest of the present segment cannot be had, or makes no sense. */
  #tear(error: unknown, into: Batch): FeedState {
    if (isUnsupported(error)) throw error;
    this.#leavePresent();
    this.#miss(asFault('pull', error));
    try {
      this.#demuxer?.end(into);
    } catch {
      // It was what made no sense.
    }
    // What it holds cannot be told from what is damaged; a demuxer of fragments begins anew by itself.
    if (this.#map === undefined) this.#demuxer = undefined;
    else this.#demuxer = new FragmentDemuxer(this.#map);
    return 'more';
  }

  #leavePresent(): void {
    this.#present?.close();
    this.#present = undefined;
  }

  #miss(fault: Fault): void {
    this.#isTorn = true;
    if (++this.#missed >= MOST_MISSED) throw fault;
  }

  /** Goes on to the next segment, if it is open. */
  #turnTo(): FeedState {
    const opening = this.#opening;
    if (opening === undefined) {
      this.#ended = this.#list.ended;
      return this.#ended ? 'end' : 'starved';
    }
    if (opening.fault !== undefined) {
      this.#opening = undefined;
      this.#miss(opening.fault);
      return 'more';
    }
    if (opening.opened === undefined) return 'starved';
    this.#opening = undefined;
    this.#openNext();
    return this.#begin(opening.due, opening.opened) ? 'joint' : 'more';
  }

  /** Makes ready for the segment; answers whether its times are those of another part. */
  #begin({ joint, segment }: DueSegment, { segment: bytes, map, aside }: Opened): boolean {
    this.#present = bytes;
    const isOther = joint || map !== this.#map || (this.#isTorn && this.#tellsMisses);
    const hasBegun = this.#played !== undefined;
    this.#isTorn = false;
    this.#played = nameOf(segment);
    if (map !== this.#map || joint) this.#demuxer = map === undefined ? undefined : new FragmentDemuxer(map);
    this.#map = map;
    if (this.#demuxer instanceof FragmentDemuxer && aside?.piece !== undefined) this.#demuxer.aside(aside.piece);
    return hasBegun && isOther;
  }

  #openNext(): void {
    if (this.#opening !== undefined) return;
    const due = this.#list.next();
    if (due === undefined) return;
    const opening: Opening = { due };
    this.#opening = opening;
    this.#open(due).then(
      opened => {
        if (this.#ended) opened.segment.close();
        else opening.opened = opened;
      },
      (error: unknown) => {
        opening.fault = asFault('pull', error);
      },
    );
  }

  /** What is encrypted cannot be read from the middle. */
  #aside(place: Segment, { segment, map }: Pick<Opened, 'segment' | 'map'>): Aside | undefined {
    if (map === undefined || place.key !== undefined) return undefined;
    const signal = this.#closing.signal;
    return new Aside({ lines: this.#lines, place, movie: map, segment, signal }, this.#ranges);
  }

  #open({ segment }: DueSegment): Promise<Opened> {
    const { targetMs } = this.#list;
    const { signal } = this.#closing;
    const waitMs = Math.min(OPEN_TARGETS * targetMs, LONGEST_OPEN_MS);
    const late = `segment ${segment.sequence} of the playlist did not begin`;
    return within({ side: 'pull', signal, late, waitMs }, async own => {
      for (let asks = 1; ; asks++) {
        try {
          const opened = await this.#parts.open(segment, { signal: own, life: signal });
          return { ...opened, aside: this.#aside(segment, opened) };
        } catch (error) {
          if (asks === MOST_ASKS || own.aborted || isUnsupported(error)) throw error;
          await sleepFor(ASK_AGAIN_TARGETS * targetMs, undefined, { signal: own });
        }
      }
    });
  }
}
