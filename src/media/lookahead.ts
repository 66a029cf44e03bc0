import type { Announced } from './demuxer.ts';
import { type Batch, isVideo, Packet } from './packet.ts';

/** A step of a track's clock beyond these is no gap but another clock. */
const BACKWARD_JUMP_MS = 1_000;
const FORWARD_JUMP_MS = 10_000;
/** How far one track may run ahead before the other counts as gone for now. */
const AHEAD_MS = 12_000;
const AHEAD_BYTES = 14 * 1024 * 1024;
/** How much of a new part is looked at for its earliest frame, where it has not said which tracks to wait for. */
const JOIN_MS = 1_000;
const JOIN_BYTES = 6 * 1024 * 1024;
const USUAL_FRAME_MS = 40;
const MOST_SPARE = 256;

/** Packets of one track that lie ahead, in order, and the track's place on both clocks. */
class Track {
  readonly packets: Packet[] = [];
  head = 0;
  lastInMs = 0;
  lastOutMs = Number.NEGATIVE_INFINITY;
  frameMs = USUAL_FRAME_MS;
  shiftMs = 0;
  /** Whether the present part has placed a frame on it. */
  placed = false;
  /** Where the present part begins, for a track that has yet to show up in it. */
  sinceMs = Number.POSITIVE_INFINITY;

  get length(): number {
    return this.packets.length - this.head;
  }

  get first(): Packet | undefined {
    return this.packets[this.head];
  }

  endMs(): number {
    return this.lastOutMs + this.frameMs;
  }

  shift(): Packet {
    const packet = this.packets[this.head++] as Packet;
    if (this.head >= 64 && this.head * 2 >= this.packets.length) {
      this.packets.splice(0, this.head);
      this.head = 0;
    }
    return packet;
  }
}

/**
 * Where a file's first part lies on the file's clock: by its earliest frame, by its first video frame (the tracks of a
 * piece from the middle need not begin together), or by a shift that is already known.
 */
export type Anchor = { readonly firstMs: number } | { readonly firstVideoMs: number } | { readonly shiftMs: number };

/**
 * Puts the packets of a feed on the file's own clock and hands them out by time. Files store their tracks in pieces, so
 * some of one track always lies ahead of what is due of the other. Parts with clocks of their own follow on each other
 * without a gap, and both tracks of a part are moved by one shift: their offset stays what the file made it.
 */
export class Lookahead {
  announced: Announced | undefined;
  bytes = 0;
  readonly #video = new Track();
  readonly #audio = new Track();
  readonly #spare: Packet[] = [];
  readonly #anchor: Anchor;
  /** Packets of a part whose shift is not settled yet. */
  #joining: Packet[] | undefined = [];
  #begun = false;
  #shiftMs = 0;

  constructor(anchor: Anchor = { firstMs: 0 }) {
    this.#anchor = anchor;
  }

  /** What has to be added to the clock of the present part. */
  get shiftMs(): number {
    return this.#shiftMs;
  }

  /** Whether it holds as much as it may. */
  get full(): boolean {
    return this.bytes >= AHEAD_BYTES;
  }

  get empty(): boolean {
    return this.#video.length === 0 && this.#audio.length === 0 && (this.#joining ?? []).length === 0;
  }

  /** Time of the first frame at hand. */
  get firstMs(): number | undefined {
    return firstFrame(this.#video)?.dtsMs ?? firstFrame(this.#audio)?.dtsMs;
  }

  /** Time of what is given next. */
  get nextMs(): number | undefined {
    return this.#earlier().first?.dtsMs;
  }

  /** Whether the file has video, as far as can be told. */
  get withVideo(): boolean {
    return this.announced?.video ?? this.#video.lastOutMs > Number.NEGATIVE_INFINITY;
  }

  get hasKey(): boolean {
    return this.#video.packets.some((packet, i) => i >= this.#video.head && packet.kind === 'key');
  }

  /** The first packet of each track: its codec header or, of a codec without, a frame. */
  get openings(): { readonly video: Packet | undefined; readonly audio: Packet | undefined } {
    return { video: this.#video.first, audio: this.#audio.first };
  }

  /** Milliseconds between the video frames at hand, on average; undefined for few of them. */
  get videoFrameMs(): number | undefined {
    const frames = this.#video.packets.slice(this.#video.head).filter(packet => isVideo(packet.kind));
    const first = frames[0];
    const last = frames.at(-1);
    if (first === undefined || last === undefined || frames.length < 10) return undefined;
    return (last.dtsMs - first.dtsMs) / (frames.length - 1);
  }

  /** Begins with the codec headers of the same file's head, for a file that has them nowhere else. */
  keepHeadersOf(head: Lookahead): void {
    for (const header of [head.openings.video, head.openings.audio]) {
      if (header === undefined || isFrame(header)) continue;
      const packet = new Packet();
      packet.show(header, 0);
      this.bytes += packet.size;
      this.#trackOf(packet).packets.push(packet);
    }
  }

  /** Takes all packets out of the batch. */
  add(batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      const packet = batch.packets[i] as Packet;
      if (packet.kind === 'metadata') continue;
      batch.packets[i] = this.#spare.pop() ?? new Packet();
      this.bytes += packet.size;
      if (this.#joining === undefined) this.#place(packet);
      else this.#joining.push(packet);
    }
    batch.clear();
    if (this.#joining !== undefined && this.#mayJoin(this.#joining)) this.#join(this.#joining);
  }

  /** The packets to come have a clock of their own. */
  joint(): void {
    this.finish();
    this.#joining = [];
  }

  /** Nothing more comes. */
  finish(): void {
    if (this.#joining !== undefined) this.#join(this.#joining);
  }

  /** Whether more packets must be added before all that lies before `untilMs` is at hand. */
  wants(untilMs: number): boolean {
    if (this.full) return false;
    if (this.#joining !== undefined) return true;
    const newestMs = Math.max(this.#video.lastOutMs, this.#audio.lastOutMs);
    if (newestMs < untilMs) return true;
    return this.#lags(this.#video, untilMs, newestMs) || this.#lags(this.#audio, untilMs, newestMs);
  }

  /** Whether frames before `untilMs` are still to come on the track, and soon enough to wait for them. */
  #lags(track: Track, untilMs: number, newestMs: number): boolean {
    const announced = track === this.#video ? this.announced?.video : this.announced?.audio;
    if (track.lastOutMs >= untilMs || announced === false) return false;
    const awaited = announced === true && !track.placed ? track.sinceMs : Number.NEGATIVE_INFINITY;
    return newestMs - Math.max(track.lastOutMs, awaited) <= AHEAD_MS;
  }

  /** Appends what lies before `untilMs`, both tracks by time. */
  give(into: Batch, untilMs: number): void {
    for (;;) {
      const track = this.#earlier();
      const packet = track.first;
      if (packet === undefined || packet.dtsMs >= untilMs) return;
      into.next().show(packet, packet.dtsMs);
      this.#free(track.shift());
    }
  }

  /** Appends the codec headers that stand in front, at the time the item begins. */
  giveHeaders(into: Batch, startMs: number): void {
    for (const track of [this.#video, this.#audio]) {
      const packet = track.first;
      if (packet === undefined || isFrame(packet)) continue;
      into.next().show(packet, startMs);
      this.#free(track.shift());
    }
  }

  /**
   * Drops what lies before the last key frame at or before `startMs`, but for the codec headers in force there; where
   * none has come yet, what lies before the first key frame. Without video the sound itself is cut.
   */
  dropBefore(startMs: number): void {
    const video = this.#video;
    if (!this.withVideo) {
      this.#drop(this.#audio, packet => packet.dtsMs >= startMs);
      return;
    }
    let key: Packet | undefined;
    for (let i = video.head; i < video.packets.length; i++) {
      const packet = video.packets[i] as Packet;
      if (packet.kind === 'key' && (key === undefined || packet.dtsMs <= startMs)) key = packet;
    }
    const start = key;
    this.#drop(video, packet => packet === start);
    if (start !== undefined && startMs > 0) this.#drop(this.#audio, packet => packet.dtsMs >= start.dtsMs);
    // Video that lies before any key frame leaves its sound to be kept: it may begin before the picture.
  }

  /** Drops frames up to the first that `stays`; the newest codec header before it stays in front. */
  #drop(track: Track, stays: (packet: Packet) => boolean): void {
    let header: Packet | undefined;
    for (let packet = track.first; packet !== undefined; packet = track.first) {
      if (isFrame(packet) && stays(packet)) break;
      track.shift();
      if (isFrame(packet)) this.#free(packet);
      else {
        if (header !== undefined) this.#free(header);
        header = packet;
      }
    }
    if (header === undefined) return;
    header.dtsMs = track.first?.dtsMs ?? header.dtsMs;
    if (track.head > 0) track.packets[--track.head] = header;
    else track.packets.unshift(header);
  }

  #free(packet: Packet): void {
    this.bytes -= packet.size;
    // What it showed must not be held by a packet that waits for its next use, whose list is not to be made anew.
    packet.buffers.fill(NOTHING);
    if (this.#spare.length < MOST_SPARE) this.#spare.push(packet);
  }

  #earlier(): Track {
    const video = this.#video.first;
    const audio = this.#audio.first;
    if (video === undefined) return this.#audio;
    return audio === undefined || video.dtsMs <= audio.dtsMs ? this.#video : this.#audio;
  }

  #trackOf(packet: Packet): Track {
    return packet.kind === 'audio' || packet.kind === 'audioHeader' ? this.#audio : this.#video;
  }

  #mayJoin(packets: readonly Packet[]): boolean {
    const frames = packets.filter(isFrame);
    const first = frames[0];
    if (first === undefined) return this.bytes > JOIN_BYTES;
    const video = frames.some(packet => isVideo(packet.kind));
    const audio = frames.some(packet => packet.kind === 'audio');
    const all = (video || this.announced?.video === false) && (audio || this.announced?.audio === false);
    const spanMs = Math.abs((frames.at(-1)?.dtsMs ?? 0) - first.dtsMs);
    return all || spanMs >= (this.announced === undefined ? JOIN_MS : AHEAD_MS) || this.bytes > JOIN_BYTES;
  }

  /** Settles the shift of the part that begins with these packets. */
  #join(packets: readonly Packet[]): void {
    this.#joining = undefined;
    const firsts = [packets.find(({ kind }) => isVideo(kind)), packets.find(({ kind }) => kind === 'audio')];
    const earliestMs = Math.min(...firsts.flatMap(packet => (packet === undefined ? [] : [packet.dtsMs])));
    if (Number.isFinite(earliestMs)) {
      this.#shiftMs = this.#firstShift(earliestMs, firsts[0]?.dtsMs ?? earliestMs);
      this.#begun = true;
    }
    for (const track of [this.#video, this.#audio]) {
      track.shiftMs = this.#shiftMs;
      track.placed = false;
      track.sinceMs = earliestMs + this.#shiftMs;
    }
    for (const packet of packets) this.#place(packet);
  }

  #firstShift(earliestMs: number, videoMs: number): number {
    if (this.#begun) return Math.ceil(Math.max(this.#video.endMs(), this.#audio.endMs())) - earliestMs;
    if ('shiftMs' in this.#anchor) return this.#anchor.shiftMs;
    return 'firstMs' in this.#anchor ? this.#anchor.firstMs - earliestMs : this.#anchor.firstVideoMs - videoMs;
  }

  #place(packet: Packet): void {
    const track = this.#trackOf(packet);
    if (isFrame(packet)) this.#time(track, packet);
    else packet.dtsMs = Math.max(packet.dtsMs + track.shiftMs, track.lastOutMs);
    track.packets.push(packet);
  }

  #time(track: Track, packet: Packet): void {
    const inMs = packet.dtsMs;
    if (track.placed) this.#followClock(track, inMs);
    // A track must rise, whatever the file says.
    const outMs = Math.max(inMs + track.shiftMs, track.lastOutMs + 1);
    const stepMs = outMs - track.lastOutMs;
    if (stepMs <= BACKWARD_JUMP_MS) track.frameMs = stepMs;
    track.placed = true;
    track.lastInMs = inMs;
    track.lastOutMs = outMs;
    packet.dtsMs = outMs;
  }

  /** Takes out a jump of the file's clock, which both tracks make, one after the other. */
  #followClock(track: Track, inMs: number): void {
    const stepMs = inMs - track.lastInMs;
    if (stepMs >= -BACKWARD_JUMP_MS && stepMs <= FORWARD_JUMP_MS) return;
    const other = track === this.#video ? this.#audio : this.#video;
    const asOther = inMs + this.#shiftMs;
    const otherWentFirst = this.#shiftMs !== track.shiftMs && Math.abs(asOther - other.lastOutMs) <= FORWARD_JUMP_MS;
    if (!otherWentFirst) this.#shiftMs = Math.ceil(track.endMs()) - inMs;
    track.shiftMs = this.#shiftMs;
  }
}

const NOTHING = Buffer.alloc(0);
const isFrame = (packet: Packet): boolean => packet.kind === 'audio' || isVideo(packet.kind);

function firstFrame(track: Track): Packet | undefined {
  for (let i = track.head; i < track.packets.length; i++) {
    const packet = track.packets[i] as Packet;
    if (isFrame(packet)) return packet;
  }
  return undefined;
}
