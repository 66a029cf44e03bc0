import { CodecHeaders } from './codec-headers.ts';
import { type Batch, isHeader, isVideo, type Packet, type TrackStarts } from './packet.ts';
import { lengthFrom, pass, settle } from './passage.ts';
import { behind, LONGEST_FRAME_MS, PlacedTrack } from './placed-track.ts';

/** A step back by more than this is a source that began to count anew, not jitter. */
const BACKWARD_JUMP_MS = 1_000;
/** The same live, where the other track tells jitter from a step of the clock that both go by. */
const LIVE_BACKWARD_MS = 250;
/** A step ahead by more than this that the clock on the wall does not explain is a broken source clock. */
const FORWARD_JUMP_MS = 3_000;
/** A hole of up to this much in a file is played as it is; a longer one is a broken clock. */
const FILE_GAP_MS = 10_000;
/** In front of a delay a longer hole in a live source is closed: what is held makes up for it. */
const HOLE_MS = 500;
/** Without any sign of video for this much media time, a source counts as audio only. */
const AUDIO_ONLY_AFTER_MS = 1_000;
/** A source that comes back within this much of where its clock should stand is taken to count on. */
const SAME_CLOCK_MS = 5_000;
/** Live sound this far off the pictures was made by a clock that the source has left, until it goes on so for as long. */
const STRAY_MS = 1_000;
/** Whose key frames are further apart has lost some. */
const MOST_USUAL_MS = 15_000;

/** What was repaired or left out, in packets; for reports. */
export interface SplicerCounts {
  /** Came before the first key frame of their source. */
  beforeKey: number;
  /** Moved by a millisecond or so to keep a track strictly rising. */
  nudged: number;
  /** Steps of a source's clock that were taken out. */
  jumps: number;
}

/** Encoders that look for cuts show some key frames early: the late ones say how long one may have to wait. */
const usualOf = (formerMs: number, gapMs: number): number => Math.max(gapMs, (3 * formerMs + gapMs) / 4);

/** The key frames of one source. */
class Keys {
  /** By the clock on the wall. */
  atMs = Number.NaN;
  usualMs = 0;
  /** Between the last two of them; 0 before there are two. */
  gapMs = 0;
  inMs = Number.NaN;

  note(inMs: number, wallMs: number): void {
    const gapMs = inMs - this.inMs;
    if (gapMs > 0) this.usualMs = usualOf(this.usualMs, Math.min(gapMs, MOST_USUAL_MS));
    this.gapMs = Math.max(0, gapMs || 0);
    this.inMs = inMs;
    this.atMs = wallMs;
  }
}

/**
 * Joins sources end to end on one output timeline that outlives them all: strictly rising per track, both tracks
 * moved by one shared shift so that their offset stays what the source made it, each source starting at a key frame.
 *
 * Between two live sources the timeline goes on with the clock on the wall, so that output time stays true. A source
 * that comes back with its clock still running keeps its former shift.
 *
 * Between two files no clock counts: the next one lies as close behind the former as both tracks let it. Where pictures
 * are reordered, sound stands later than the picture by the same at the end of one file and at the start of the next, and
 * neither track has a hole.
 */
export class Splicer {
  readonly counts: SplicerCounts = { beforeKey: 0, nudged: 0, jumps: 0 };
  /** Pictures that have come so far, of all sources. */
  pictures = 0;

  readonly #headers = new CodecHeaders();
  readonly #video = new PlacedTrack();
  readonly #audio = new PlacedTrack();
  /** The shift the newest jump or source start settled on; a track that jumps too takes it over. */
  #shiftMs = 0;
  /** Where the former file ends on the output timeline; undefined while sources are live. */
  #joinMs: number | undefined;
  #starts: TrackStarts = UNKNOWN;
  /** Where the output stands by now, where it has a clock of its own. */
  #liveMs: number | undefined;
  /** Whether the present source may be the former one, come back. */
  #mayCountOn = false;
  #anchorOutMs: number | undefined;
  #anchorWallMs = 0;
  #gate: 'closed' | 'open' = 'closed';
  /** Audio may run before video shows up late; video then has its own gate. */
  #videoOpen = false;
  #videoSeen = false;
  #firstAudioInMs: number | undefined;
  /** Since when the present source's sound has come with times far off its pictures', and none of it has passed. */
  #strayFromMs: number | undefined;
  #keys = new Keys();

  /** The codec headers and metadata in force, for a sink that starts now. */
  get metadata(): Buffer | undefined {
    return this.#headers.metadata;
  }

  get videoHeader(): Buffer | undefined {
    return this.#headers.videoHeader;
  }

  get audioHeader(): Buffer | undefined {
    return this.#headers.audioHeader;
  }

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

  /**
   * From the present source's clock to output time. For a gapless source that has shown nothing yet, it is what it will
   * be if that source counts from zero.
   */
  get shiftMs(): number {
    return this.#shiftMs;
  }

  /** The present source's own times of its last sound and its last key frame. */
  get lastIn(): { readonly audioMs: number; readonly keyMs: number } {
    return { audioMs: this.#audio.placed ? this.#audio.lastInMs : Number.NEGATIVE_INFINITY, keyMs: this.#keys.inMs };
  }

  /** Which tracks the present source has shown. */
  get shows(): { readonly video: boolean; readonly audio: boolean } {
    return { video: this.#video.placed, audio: this.#audio.placed };
  }

  /** How long the present source's pictures have come without a key frame, and how far those are apart. */
  keyless(wallMs: number): { readonly forMs: number; readonly usualGopMs: number; readonly lastGopMs: number } {
    const { atMs, usualMs, gapMs } = this.#keys;
    const waits = this.#video.placed && this.#video.lastWallMs > atMs;
    return { forMs: waits ? wallMs - atMs : 0, usualGopMs: usualMs, lastGopMs: gapMs };
  }

  /** The track that the source on air has shown, and then not for so long, while the other one goes on. */
  trackGone(wallMs: number, afterMs: number): 'video' | 'audio' | undefined {
    const [video, audio] = [this.#video, this.#audio];
    if (!video.placed || !audio.placed || Math.abs(video.lastWallMs - audio.lastWallMs) <= afterMs / 2)
      return undefined;
    const gone = video.lastWallMs < audio.lastWallMs ? video : audio;
    if (wallMs - gone.lastWallMs <= afterMs) return undefined;
    return gone === video ? 'video' : 'audio';
  }

  /** A new source follows: no video of it passes before its first key frame, and of a live one no audio either. */
  begin(join: 'live' | 'another' = 'live'): void {
    this.#joinMs = undefined;
    this.#mayCountOn = join === 'live';
    this.#close();
  }

  /** A file follows, whose tracks begin there as far as that is known. */
  beginFile(starts: TrackStarts = UNKNOWN): void {
    const shown = this.#video.placed || this.#audio.placed;
    // A file that showed nothing has not moved the end, whatever frame duration its clock seemed to have.
    if (shown || this.#joinMs === undefined) this.#joinMs = this.#endMs();
    this.#starts = starts;
    this.#shiftMs = this.#shiftBehind(this.#joinMs, 0);
    this.#mayCountOn = false;
    // Whatever live source follows goes on where the files have ended.
    this.#anchorOutMs = undefined;
    this.#close();
  }

  #close(): void {
    this.#gate = 'closed';
    this.#videoOpen = false;
    this.#videoSeen = false;
    this.#firstAudioInMs = undefined;
    this.#strayFromMs = undefined;
    this.#video.placed = false;
    this.#audio.placed = false;
    this.#keys = new Keys();
  }

  /** How far to move a file that begins at `earliestMs`: each track behind its own end, where both can be told. */
  #shiftBehind(joinMs: number, earliestMs: number): number {
    const { videoMs, audioMs } = this.#starts;
    const shiftMs = Math.max(behind(this.#video, videoMs), behind(this.#audio, audioMs));
    const first = Math.min(videoMs ?? Number.POSITIVE_INFINITY, audioMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(shiftMs) ? Math.ceil(shiftMs) : joinMs - (Number.isFinite(first) ? first : earliestMs);
  }

  #endMs(): number {
    return Math.ceil(Math.max(this.#video.endMs(), this.#audio.endMs(), 0));
  }

  /**
   * Moves what may pass from `from` to `to`, with output times. The packets themselves change places, so that neither
   * batch allocates; `from` is used up. `liveMs`: where the output stands, if it does not go with the clock on the wall.
   */
  place(from: Batch, to: Batch, wallMs: number, liveMs?: number): void {
    this.#liveMs = liveMs;
    to.clear();
    for (let i = 0; i < from.count; i++) {
      const packet = from.packets[i] as Packet;
      const kind = packet.kind;
      if (kind === 'metadata' || kind === 'videoHeader' || kind === 'audioHeader') {
        if (kind === 'videoHeader') this.#videoSeen = true;
        this.#headers.keep(packet);
        continue;
      }
      if (!this.#mayPass(packet, wallMs, from)) {
        this.counts.beforeKey++;
        continue;
      }
      if (this.#gate === 'closed') this.#openGapless(from, i, to);
      if (this.#headers.areDue) this.#headers.send(to, Math.max(packet.dtsMs + this.#shiftMs, this.mediaMs));
      if (kind === 'key') this.#takeKey(packet, wallMs);
      packet.dtsMs = this.#timeOf(packet, wallMs);
      pass(from, i, to);
      settle(to);
    }
    from.clear();
  }

  #takeKey(packet: Packet, wallMs: number): void {
    this.#headers.enrich(packet);
    this.#keys.note(packet.dtsMs, wallMs);
  }

  #mayPass(packet: Packet, wallMs: number, from: Batch): boolean {
    const gapless = this.#joinMs !== undefined;
    if (isVideo(packet.kind)) {
      this.pictures++;
      this.#videoSeen = true;
      if (this.#videoOpen) return true;
      if (packet.kind !== 'key') return false;
      this.#videoOpen = true;
      if (this.#gate === 'closed' && !gapless) this.#openAt(packet.dtsMs, wallMs, from);
      return true;
    }
    if (gapless) return true;
    if (this.#gate === 'open') return this.#audio.placed || this.#mayBegin(packet.dtsMs, wallMs);
    this.#firstAudioInMs ??= packet.dtsMs;
    if (this.#videoSeen || packet.dtsMs - this.#firstAudioInMs < AUDIO_ONLY_AFTER_MS) return false;
    this.#openAt(packet.dtsMs, wallMs, from);
    return true;
  }

  /** Whether sound may join the pictures: behind the former source's, and by the clock that the pictures go by. */
  #mayBegin(inMs: number, wallMs: number): boolean {
    if (this.#video.placed && Math.abs(inMs - this.#video.lastInMs) > STRAY_MS) {
      this.#strayFromMs ??= wallMs;
      if (wallMs - this.#strayFromMs < STRAY_MS) return false;
    }
    return inMs + this.#shiftMs > this.#audio.lastOutMs;
  }

  /**
   * Settles where the present source's clock lies on the output timeline. What has come with its first frame is as old as
   * it is long: it makes up for what is missing.
   */
  #openAt(inMs: number, wallMs: number, from: Batch): void {
    this.#gate = 'open';
    if (this.#anchorOutMs === undefined) {
      this.#anchorOutMs = this.#endMs();
      this.#anchorWallMs = wallMs;
      this.#shiftMs = this.#anchorOutMs - inMs;
    } else if (!this.#countsOn(inMs, wallMs)) {
      const endMs = Math.max(this.#video.endMs(), this.#audio.endMs());
      const liveMs = this.#liveMs ?? this.#anchorOutMs + (wallMs - this.#anchorWallMs);
      this.#shiftMs = Math.ceil(Math.max(endMs, liveMs - lengthFrom(from, inMs))) - inMs;
    }
    this.#video.shiftMs = this.#shiftMs;
    this.#audio.shiftMs = this.#shiftMs;
  }

  /**
   * Settles where a file lies on the output timeline: its earliest frame at the join, so that neither track is cut and
   * their offset stays. The batch shows what it begins with, from its first frame that may pass on.
   */
  #openGapless(from: Batch, first: number, to: Batch): void {
    let earliestMs = Number.POSITIVE_INFINITY;
    let videoOpen = false;
    for (let i = first; i < from.count; i++) {
      const { kind, dtsMs } = from.packets[i] as Packet;
      videoOpen ||= kind === 'key';
      if (isHeader(kind) || (isVideo(kind) && !videoOpen)) continue;
      earliestMs = Math.min(earliestMs, dtsMs);
    }
    this.#gate = 'open';
    const joinMs = this.#joinMs ?? 0;
    this.#shiftMs = this.#shiftBehind(joinMs, earliestMs);
    this.#video.shiftMs = this.#shiftMs;
    this.#audio.shiftMs = this.#shiftMs;
    this.#headers.send(to, joinMs);
  }

  /** Whether the source's clock stands where the former one's would by now, and nothing would be sent twice. */
  #countsOn(inMs: number, wallMs: number): boolean {
    if (!this.#mayCountOn || this.#liveMs !== undefined) return false;
    const track = this.#video.lastOutMs >= this.#audio.lastOutMs ? this.#video : this.#audio;
    const expectedMs = track.lastInMs + (wallMs - track.lastWallMs);
    const goesOn = inMs + this.#shiftMs > Math.max(this.#video.lastOutMs, this.#audio.lastOutMs);
    return goesOn && track.shiftMs === this.#shiftMs && Math.abs(inMs - expectedMs) <= SAME_CLOCK_MS;
  }

  #timeOf(packet: Packet, wallMs: number): number {
    const track = isVideo(packet.kind) ? this.#video : this.#audio;
    const inMs = packet.dtsMs;
    if (this.#joinMs !== undefined) this.#followFile(track, inMs);
    else if (track.placed) this.#followClock(track, inMs, wallMs);
    // The other track may have stepped since the source began.
    else track.shiftMs = this.#shiftMs;
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
  #followClock(track: PlacedTrack, inMs: number, wallMs: number): void {
    const live = this.#liveMs;
    if (live !== undefined && inMs + track.shiftMs > this.mediaMs + Math.max(HOLE_MS, 4 * track.frameMs)) {
      this.#takeOutJump(track, inMs, Math.max(this.#endMs(), live));
      return;
    }
    const stepMs = inMs - track.lastInMs;
    if (this.#stepsToOther(track, inMs, wallMs)) return;
    if (stepMs >= -LIVE_BACKWARD_MS && stepMs <= wallMs - track.lastWallMs + FORWARD_JUMP_MS) {
      track.noteStep(stepMs);
      return;
    }
    this.#takeOutJump(track, inMs, track.endMs());
  }

  /**
   * Lets a track that steps to where the other one's clock stands already go on with that one, whatever was made of that
   * step: what is a hole, jitter or a jump for one track is the same for both, and they stay together.
   */
  #stepsToOther(track: PlacedTrack, inMs: number, wallMs: number): boolean {
    const other = track === this.#video ? this.#audio : this.#video;
    const stepMs = Math.abs(inMs - track.lastInMs);
    if (stepMs <= LONGEST_FRAME_MS && inMs >= track.lastInMs && track.shiftMs === other.shiftMs) return false;
    const isThere = other.placed && wallMs - other.lastWallMs <= STRAY_MS;
    if (!isThere || Math.abs(inMs - other.lastInMs) >= stepMs / 2) return false;
    if (track.shiftMs !== other.shiftMs) this.counts.jumps++;
    track.shiftMs = other.shiftMs;
    this.#shiftMs = other.shiftMs;
    return true;
  }

  /** The same for a file, whose clock has nothing to do with the wall: what counts is how far the file has come. */
  #followFile(track: PlacedTrack, inMs: number): void {
    if (!track.placed) track.shiftMs = this.#shiftMs;
    const outMs = inMs + track.shiftMs;
    const earliestMs = track.placed ? track.lastOutMs - BACKWARD_JUMP_MS : this.mediaMs - FILE_GAP_MS;
    if (outMs < earliestMs || outMs > this.mediaMs + FILE_GAP_MS) this.#takeOutJump(track, inMs, this.#endMs());
    else if (track.placed) track.noteStep(inMs - track.lastInMs);
  }

  /** Lets the track go on at `endMs`, or with the other one if that has made the same jump before. */
  #takeOutJump(track: PlacedTrack, inMs: number, endMs: number): void {
    this.counts.jumps++;
    const other = track === this.#video ? this.#audio : this.#video;
    const asOther = inMs + this.#shiftMs;
    const otherWentFirst = this.#shiftMs !== track.shiftMs && Math.abs(asOther - other.lastOutMs) <= FORWARD_JUMP_MS;
    if (!otherWentFirst) this.#shiftMs = Math.ceil(endMs) - inMs;
    track.shiftMs = this.#shiftMs;
  }
}

const UNKNOWN: TrackStarts = { videoMs: undefined, audioMs: undefined };
