import { type Batch, isHeader, isVideo, type Packet, type PacketKind } from './packet.ts';

/** A step back by more than this is a source that began to count anew, not jitter. */
const BACKWARD_JUMP_MS = 1_000;
/** A step ahead by more than this that the clock on the wall does not explain is a broken source clock. */
const FORWARD_JUMP_MS = 3_000;
/** Without any sign of video for this much media time, a source counts as audio only. */
const AUDIO_ONLY_AFTER_MS = 1_000;
/** A source that comes back within this much of where its clock should stand is taken to count on. */
const SAME_CLOCK_MS = 5_000;
const USUAL_FRAME_MS = 40;

/** What was repaired or left out, in packets; for reports. */
export interface SplicerCounts {
  /** Came before the first key frame of their source. */
  beforeKey: number;
  /** Moved by a millisecond or so to keep a track strictly rising. */
  nudged: number;
  /** Steps of a source's clock that were taken out. */
  jumps: number;
}

/** One track's place on both clocks. */
class Track {
  /** Whether this source has placed a packet on this track yet. */
  placed = false;
  lastInMs = 0;
  lastOutMs = Number.NEGATIVE_INFINITY;
  lastWallMs = 0;
  frameMs = USUAL_FRAME_MS;
  shiftMs = 0;

  endMs(): number {
    return this.lastOutMs + this.frameMs;
  }
}

/**
 * Joins sources end to end on one output timeline that outlives them all: strictly rising per track, both tracks
 * moved by one shared shift so that their offset stays what the source made it, each source starting at a key frame.
 *
 * Between two live sources the timeline goes on with the clock on the wall, so that output time stays true. A source
 * that comes back with its clock still running keeps its former shift.
 */
export class Splicer {
  readonly counts: SplicerCounts = { beforeKey: 0, nudged: 0, jumps: 0 };
  /** The codec headers and metadata in force, for a sink that starts now. */
  metadata: Buffer | undefined;
  videoHeader: Buffer | undefined;
  audioHeader: Buffer | undefined;

  readonly #video = new Track();
  readonly #audio = new Track();
  /** The shift the newest jump or source start settled on; a track that jumps too takes it over. */
  #shiftMs = 0;
  #anchorOutMs: number | undefined;
  #anchorWallMs = 0;
  #gate: 'closed' | 'open' = 'closed';
  /** Audio may run before video shows up late; video then has its own gate. */
  #videoOpen = false;
  #videoSeen = false;
  #firstAudioInMs: number | undefined;
  /** Headers that came while the gate was closed or differ from what was sent, to go out before the next frame. */
  readonly #fresh = new Set<PacketKind>();

  /** True once the present source has shown a key frame (or, without video, audio). */
  get open(): boolean {
    return this.#gate === 'open';
  }

  /** Output time of the latest packet, over both tracks. */
  get mediaMs(): number {
    return Math.max(this.#video.lastOutMs, this.#audio.lastOutMs, 0);
  }

  /** True where the present source carries no video so far. */
  get audioOnly(): boolean {
    return !this.#videoSeen;
  }

  /** A new source follows: nothing of it passes before its first key frame. */
  begin(): void {
    this.#gate = 'closed';
    this.#videoOpen = false;
    this.#videoSeen = false;
    this.#firstAudioInMs = undefined;
    this.#video.placed = false;
    this.#audio.placed = false;
  }

  /**
   * Moves what may pass from `from` to `to`, with output times. The packets themselves change places, so that neither
   * batch allocates; `from` is used up.
   */
  place(from: Batch, to: Batch, wallMs: number): void {
    to.clear();
    for (let i = 0; i < from.count; i++) {
      const packet = from.packets[i] as Packet;
      const kind = packet.kind;
      if (kind === 'metadata' || kind === 'videoHeader' || kind === 'audioHeader') {
        this.#keepHeader(packet);
        continue;
      }
      if (!this.#mayPass(packet, wallMs)) {
        this.counts.beforeKey++;
        continue;
      }
      if (this.#fresh.size > 0) this.#sendHeaders(to, packet);
      packet.dtsMs = this.#timeOf(packet, wallMs);
      pass(from, i, to);
      settle(to);
    }
    from.clear();
  }

  #keepHeader(packet: Packet): void {
    const kind = packet.kind as 'metadata' | 'videoHeader' | 'audioHeader';
    if (kind === 'videoHeader') this.#videoSeen = true;
    const bytes = packet.copyPayload();
    if (this[kind]?.equals(bytes) === true) return;
    this[kind] = bytes;
    this.#fresh.add(kind);
  }

  #sendHeaders(to: Batch, before: Packet): void {
    const atMs = Math.max(before.dtsMs + this.#shiftMs, this.mediaMs);
    this.#sendHeader(to, 'metadata', atMs);
    this.#sendHeader(to, 'videoHeader', atMs);
    this.#sendHeader(to, 'audioHeader', atMs);
    this.#fresh.clear();
  }

  #sendHeader(to: Batch, kind: 'metadata' | 'videoHeader' | 'audioHeader', atMs: number): void {
    const bytes = this[kind];
    if (bytes === undefined || !this.#fresh.has(kind)) return;
    const packet = to.next();
    packet.reset(kind, atMs);
    packet.addSpan(bytes, 0, bytes.length);
  }

  #mayPass(packet: Packet, wallMs: number): boolean {
    if (isVideo(packet.kind)) {
      this.#videoSeen = true;
      if (this.#videoOpen) return true;
      if (packet.kind !== 'key') return false;
      this.#videoOpen = true;
      if (this.#gate === 'closed') this.#openAt(packet.dtsMs, wallMs);
      return true;
    }
    if (this.#gate === 'open') return this.#audio.placed || packet.dtsMs + this.#shiftMs > this.#audio.lastOutMs;
    this.#firstAudioInMs ??= packet.dtsMs;
    if (this.#videoSeen || packet.dtsMs - this.#firstAudioInMs < AUDIO_ONLY_AFTER_MS) return false;
    this.#openAt(packet.dtsMs, wallMs);
    return true;
  }

  /** Settles where the present source's clock lies on the output timeline. */
  #openAt(inMs: number, wallMs: number): void {
    this.#gate = 'open';
    if (this.#anchorOutMs === undefined) {
      this.#anchorOutMs = 0;
      this.#anchorWallMs = wallMs;
      this.#shiftMs = -inMs;
    } else if (!this.#countsOn(inMs, wallMs)) {
      const endMs = Math.max(this.#video.endMs(), this.#audio.endMs());
      const liveMs = this.#anchorOutMs + (wallMs - this.#anchorWallMs);
      this.#shiftMs = Math.ceil(Math.max(endMs, liveMs)) - inMs;
    }
    this.#video.shiftMs = this.#shiftMs;
    this.#audio.shiftMs = this.#shiftMs;
  }

  /** Whether the source's clock stands where the former one's would by now, and nothing would be sent twice. */
  #countsOn(inMs: number, wallMs: number): boolean {
    const track = this.#video.lastOutMs >= this.#audio.lastOutMs ? this.#video : this.#audio;
    const expectedMs = track.lastInMs + (wallMs - track.lastWallMs);
    const goesOn = inMs + this.#shiftMs > Math.max(this.#video.lastOutMs, this.#audio.lastOutMs);
    return goesOn && track.shiftMs === this.#shiftMs && Math.abs(inMs - expectedMs) <= SAME_CLOCK_MS;
  }

  #timeOf(packet: Packet, wallMs: number): number {
    const track = isVideo(packet.kind) ? this.#video : this.#audio;
    const inMs = packet.dtsMs;
    if (track.placed) this.#followClock(track, inMs, wallMs);
    let outMs = inMs + track.shiftMs;
    if (outMs <= track.lastOutMs) {
      outMs = track.lastOutMs + 1;
      this.counts.nudged++;
    }
    track.placed = true;
    track.lastInMs = inMs;
    track.lastOutMs = outMs;
    track.lastWallMs = wallMs;
    return outMs;
  }

  /** Notes the frame duration, or takes out a jump of the source's clock. */
  #followClock(track: Track, inMs: number, wallMs: number): void {
    const stepMs = inMs - track.lastInMs;
    if (stepMs >= -BACKWARD_JUMP_MS && stepMs <= wallMs - track.lastWallMs + FORWARD_JUMP_MS) {
      if (stepMs > 0 && stepMs <= BACKWARD_JUMP_MS) track.frameMs = stepMs;
      return;
    }
    this.counts.jumps++;
    const other = track === this.#video ? this.#audio : this.#video;
    const asOther = inMs + this.#shiftMs;
    const otherWentFirst = this.#shiftMs !== track.shiftMs && Math.abs(asOther - other.lastOutMs) <= FORWARD_JUMP_MS;
    if (!otherWentFirst) this.#shiftMs = Math.ceil(track.endMs()) - inMs;
    track.shiftMs = this.#shiftMs;
  }
}

/** Swaps packet `index` of `from` with the next free slot of `to`. */
function pass(from: Batch, index: number, to: Batch): void {
  const slot = to.count;
  const spare = to.next();
  const packet = from.packets[index] as Packet;
  to.packets[slot] = packet;
  from.packets[index] = spare;
}

/**
 * Moves the newest packet before those of the other track that are later than it: some servers end a session whose
 * timestamps fall over both tracks. Headers are never passed over, for what follows them needs them.
 */
function settle(batch: Batch): void {
  const packets = batch.packets;
  for (let i = batch.count - 1; i > 0; i--) {
    const packet = packets[i] as Packet;
    const before = packets[i - 1] as Packet;
    if (before.dtsMs <= packet.dtsMs || isHeader(before.kind)) return;
    packets[i] = before;
    packets[i - 1] = packet;
  }
}
