import { Fault } from './fault.ts';
import type { Item } from './item.ts';
import { type Batch, isHeader, isVideo, type PacedSource, type Packet, type TrackStarts } from './packet.ts';
import { hasAudio, headersOf, type ReadyItem } from './ready-item.ts';
import { Silence } from './silence.ts';
import { Waiting } from './waiting.ts';

/** The next item is wanted when the present one has less than this to go. */
const AHEAD_MS = 20_000;
/** A hole in a file's times longer than this is passed over. */
const LONGEST_HOLE_MS = 10_000;
const HOLE_STEP_MS = 1_000;
const HOLE_STEPS = 600;
/** Items remembered for `locate`: more than can be in a sink's queue. */
const MOST_RECENT = 16;

/** What happens to the items, told from within a tick. `place` is whatever the listener gave with an item. */
export interface ListListener<Place> {
  /** The item's first frames were handed over. */
  started(place: Place, item: Item): void;
  /** It was played to its end, when so much of it had been played. */
  finished(place: Place, item: Item, playedMs: number): void;
  /** It broke when so much of it had been played; what comes next follows. */
  failed(place: Place, fault: Fault, playedMs: number): void;
  /** There is nothing to play now, or nothing that may follow without a new publish. */
  ranDry(): void;
  /** The present item is so late that this much of it should be passed over. */
  late(place: Place, at: { readonly fileMs: number; readonly durationMs: number | undefined }, lateMs: number): void;
}

export interface PutOptions<Place> {
  readonly place: Place;
  /** Takes the present item's place at once. */
  readonly cut?: boolean;
  /** Waits for `admit` before it is played: it needs a new publish. */
  readonly apart?: boolean;
}

/** One item's turn: its head first, then what it reads, in times that begin at 0. */
class Turn<Place> {
  place: Place;
  readonly item: Item;
  readonly apart: boolean;
  readonly starts: TrackStarts;
  /** How far it has come. */
  atMs = 0;
  started = false;
  #head: Batch | undefined;
  #headAt = 0;
  /** How far ahead of its due time a hole has been searched for its end. */
  #leapMs = 0;
  readonly #silence: Silence | undefined;

  constructor({ item, head }: ReadyItem, options: { place: Place; apart: boolean; silence: Silence | undefined }) {
    this.item = item;
    this.place = options.place;
    this.apart = options.apart;
    this.#head = head;
    this.#silence = options.silence;
    this.starts = startsOf(head, item.startMs, options.silence !== undefined);
  }

  get needsNext(): boolean {
    const { durationMs, startMs } = this.item;
    return durationMs === undefined || durationMs - startMs - this.atMs < AHEAD_MS;
  }

  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end' {
    const from = into.count;
    try {
      return this.#readOn(into, untilMs, from);
    } finally {
      // Also what came before a fault.
      this.#shift(into, from);
      this.#silence?.fill(into, this.atMs);
    }
  }

  #readOn(into: Batch, untilMs: number, from: number): 'ok' | 'starved' | 'end' {
    const { item } = this;
    if (this.#head !== undefined && !this.#readHead(this.#head, into, untilMs + item.startMs)) return 'ok';
    let state = item.read(into, untilMs + item.startMs);
    if (untilMs - this.atMs <= LONGEST_HOLE_MS) return state;
    for (let i = 0; i < HOLE_STEPS && state === 'ok' && into.count === from; i++) {
      this.#leapMs += HOLE_STEP_MS;
      state = item.read(into, untilMs + item.startMs + this.#leapMs);
    }
    if (into.count > from) this.#leapMs = 0;
    return state;
  }

  /** Hands over what is due of the head; true when all of it is out. */
  #readHead(head: Batch, into: Batch, untilMs: number): boolean {
    if (this.#headAt === 0 && this.#silence !== undefined) this.#sayHeader(this.#silence.header, into);
    for (; this.#headAt < head.count; this.#headAt++) {
      const packet = head.packets[this.#headAt] as Packet;
      if (packet.dtsMs >= untilMs && !isHeader(packet.kind)) return false;
      into.next().show(packet, packet.dtsMs);
    }
    this.#head = undefined;
    return true;
  }

  #sayHeader(header: Buffer, into: Batch): void {
    const packet = into.next();
    packet.reset('audioHeader', this.item.startMs);
    packet.addSpan(header, 0, header.length);
  }

  #shift(into: Batch, from: number): void {
    for (let i = from; i < into.count; i++) {
      const packet = into.packets[i] as Packet;
      packet.dtsMs = Math.round(packet.dtsMs - this.item.startMs);
      if (!isHeader(packet.kind)) this.#reach(packet);
    }
  }

  #reach(packet: Packet): void {
    this.started = true;
    if (this.#silence === undefined || isVideo(packet.kind)) this.atMs = Math.max(this.atMs, packet.dtsMs);
  }
}

/**
 * Items played one behind the other: the present one, and the next, opened ahead. Opening, and what comes after what, is
 * its owner's business; it waits for `wanted` and puts the next item in.
 */
export class ListSource<Place> implements PacedSource {
  state: PacedSource['state'] = 'dry';
  readonly #listener: ListListener<Place>;
  readonly #silent: boolean;
  readonly #waiting = new Waiting();
  readonly #recent: { readonly segment: number; readonly turn: { place: Place; readonly startMs: number } }[] = [];
  #segment = 0;
  #bytesIn = 0;
  #present: Turn<Place> | undefined;
  #next: Turn<Place> | undefined;
  /** Its last packets are being shown: closed when they have been seen. */
  #leaving: Item | undefined;
  #audioHeader: Buffer | undefined;

  constructor(listener: ListListener<Place>, options: { silence?: boolean } = {}) {
    this.#listener = listener;
    this.#silent = options.silence ?? false;
  }

  get segment(): number {
    return this.#segment;
  }

  get starts(): TrackStarts {
    return this.#present?.starts ?? NOWHERE;
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  /** The place of the item on air. */
  get playing(): Place | undefined {
    return this.#present?.place;
  }

  /** Where the item on air ends in its file, where that is known. */
  get durationMs(): number | undefined {
    return this.#present?.item.durationMs;
  }

  /** Resolves when there is room for an item and the time to open it has come. Rejects on abort. */
  wanted(signal: AbortSignal): Promise<void> {
    return this.#waiting.until(() => this.#next === undefined && (this.#present?.needsNext ?? true), signal);
  }

  /** Resolves when an item can be played, perhaps after `admit`. Rejects on abort. */
  ready(signal: AbortSignal): Promise<void> {
    return this.#waiting.until(() => this.#present !== undefined || this.parted, signal);
  }

  /** Resolves when everything put in has been played. Rejects on abort. */
  playedOut(signal: AbortSignal): Promise<void> {
    return this.#waiting.until(() => this.#present === undefined && this.#next === undefined, signal);
  }

  /** Takes an item, to be played behind the present one and in place of the next. The list closes it. */
  put(ready: ReadyItem, { place, cut = false, apart = false }: PutOptions<Place>): void {
    this.#audioHeader = headersOf(ready).audio ?? this.#audioHeader;
    const silence = this.#silent && !hasAudio(ready) ? new Silence(this.#audioHeader) : undefined;
    this.dropNext();
    this.#next = new Turn(ready, { place, apart, silence });
    if (!cut && this.#present !== undefined) return;
    this.#endPresent();
    if (!apart) this.#advance();
    else this.#listener.ranDry();
    this.#waiting.wake();
  }

  /** Lets an item in that was put in apart, once there is a new publish. */
  admit(): void {
    if (this.#present !== undefined || this.#next === undefined) return;
    this.#advance();
    this.#waiting.wake();
  }

  /** True while an item waits for `admit`. */
  get parted(): boolean {
    return this.#present === undefined && this.#next !== undefined;
  }

  dropNext(): void {
    this.#next?.item.close();
    this.#next = undefined;
    this.#waiting.wake();
  }

  /** Lets everything go: another place follows. */
  clear(): void {
    this.dropNext();
    this.#endPresent();
    this.state = 'dry';
    this.#waiting.wake();
  }

  /** Says that the item on air stands in another place from now on, in another list perhaps. */
  move(place: Place): void {
    if (this.#present === undefined) return;
    this.#present.place = place;
    const newest = this.#recent.at(-1);
    if (newest !== undefined) newest.turn.place = place;
  }

  /** What lies at this time of a segment: its place, and the time in the file. */
  locate(segment: number, mediaMs: number): { readonly place: Place; readonly fileMs: number } | undefined {
    const turn = this.#recent.find(recent => recent.segment === segment)?.turn;
    return turn === undefined ? undefined : { place: turn.place, fileMs: turn.startMs + mediaMs };
  }

  read(into: Batch, untilMs: number): void {
    this.#closeLeaving();
    const turn = this.#present;
    this.state = turn === undefined ? 'dry' : 'ok';
    if (turn === undefined) return;
    const from = into.count;
    const hadStarted = turn.started;
    const end = this.#readTurn(turn, into, untilMs);
    for (let i = from; i < into.count; i++) this.#bytesIn += (into.packets[i] as Packet).size;
    if (turn.started && !hadStarted) this.#listener.started(turn.place, turn.item);
    if (end !== undefined) this.#end(turn, end);
    this.#waiting.wake();
  }

  skip(lateMs: number): void {
    const turn = this.#present;
    if (turn === undefined) return;
    const { startMs, durationMs } = turn.item;
    this.#listener.late(turn.place, { fileMs: startMs + turn.atMs, durationMs }, lateMs);
  }

  close(): void {
    this.clear();
  }

  /** Answers how the turn ended, if it did. */
  #readTurn(turn: Turn<Place>, into: Batch, untilMs: number): 'finished' | Fault | undefined {
    try {
      const state = turn.read(into, untilMs);
      if (state === 'end') return 'finished';
      this.state = state;
      return undefined;
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
  }

  #end(turn: Turn<Place>, end: 'finished' | Fault): void {
    this.#leaving = turn.item;
    this.#present = undefined;
    if (end === 'finished') this.#listener.finished(turn.place, turn.item, turn.atMs);
    else this.#listener.failed(turn.place, end, turn.atMs);
    if (this.#next !== undefined && !this.#next.apart) {
      this.#advance();
      return;
    }
    this.#listener.ranDry();
  }

  #endPresent(): void {
    this.#closeLeaving();
    this.#present?.item.close();
    this.#present = undefined;
  }

  #closeLeaving(): void {
    this.#leaving?.close();
    this.#leaving = undefined;
  }

  #advance(): void {
    const turn = this.#next;
    if (turn === undefined) return;
    this.#next = undefined;
    this.#present = turn;
    this.#segment++;
    this.#recent.push({ segment: this.#segment, turn: { place: turn.place, startMs: turn.item.startMs } });
    if (this.#recent.length > MOST_RECENT) this.#recent.shift();
  }
}

const NOWHERE: TrackStarts = { videoMs: undefined, audioMs: undefined };

/** Silence that is added begins with the turn. */
function startsOf(head: Batch, startMs: number, silent: boolean): TrackStarts {
  let videoMs: number | undefined;
  let audioMs = silent ? 0 : undefined;
  for (let i = 0; i < head.count; i++) {
    const { kind, dtsMs } = head.packets[i] as Packet;
    if (isHeader(kind)) continue;
    if (isVideo(kind)) videoMs ??= Math.round(dtsMs - startMs);
    else audioMs ??= Math.round(dtsMs - startMs);
  }
  return { videoMs, audioMs };
}
