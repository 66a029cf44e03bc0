import { uint16At } from '../bytes.ts';
import type { Announced, Demuxer } from '../demuxer.ts';
import { Fault } from '../fault.ts';
import type { Batch } from '../packet.ts';
import { isUnsupported, type TrackChoice } from '../tracks.ts';
import { AudioFrames, aacRules, mp3Rules } from './audio.ts';
import { OpusPackets } from './opus.ts';
import { TS_PACKET_BYTES, TsPackets } from './packets.ts';
import { type Payload, PesReader } from './pes.ts';
import { type Program, parsePat, parsePmt, type TsStream } from './program.ts';
import { SectionReader } from './sections.ts';
import { avcRules, hevcRules } from './units.ts';
import { Unwrap33 } from './unwrap33.ts';
import { VideoUnits } from './video.ts';

const PAT_PID = 0;
const NULL_PID = 0x1fff;
const HEAD_BYTES = 4;
/** In the head of a packet: it carries a payload and nothing else. */
const PAYLOAD = 0x10;
const MOST_PROGRAMS = 64;
/** A stream that has not said by now what it carries will not. */
const UNANNOUNCED_BYTES = 8 * 1024 * 1024;
/** So many scrambled packets without a clear one are no bit errors. */
const SCRAMBLED_PACKETS = 8;

/** What was repaired or left out; for reports. */
export interface TsCounts {
  /** Packets that did not follow on the one before of their PID. */
  continuity: number;
  /** Packets that a receiver marked as damaged. */
  damaged: number;
}

export interface TsOptions {
  /** Where the stream's clock is expected to stand, for one that is read from the middle. */
  readonly nearMs?: number;
  readonly tracks?: TrackChoice | undefined;
}

/** One elementary stream being read. */
class Track {
  readonly stream: TsStream;
  readonly pes: PesReader;
  /** The continuity counter of its last packet; -1 before the first. */
  counter = -1;
  scrambled = 0;
  readonly #high: number;
  readonly #low: number;

  constructor(stream: TsStream, unwrap: Unwrap33) {
    this.stream = stream;
    this.#high = stream.pid >> 8;
    this.#low = stream.pid & 0xff;
    const spans = stream.codec === 'h264' || stream.codec === 'h265';
    this.pes = new PesReader(payloadOf(stream), unwrap, spans);
  }

  /** Takes the packet if all of it goes on with what its last one began, as nearly all packets of pictures do. */
  goOn(bytes: Buffer, at: number, into: Batch): boolean {
    const counter = (this.counter + 1) & 15;
    // No damage and no start, this PID; neither scrambled nor with anything in front of its payload, and the next one.
    if (bytes[at + 1] !== this.#high || bytes[at + 2] !== this.#low || bytes[at + 3] !== (PAYLOAD | counter))
      return false;
    if (this.counter < 0) return false;
    this.counter = counter;
    this.scrambled = 0;
    this.pes.goOn(bytes, at + HEAD_BYTES, at + TS_PACKET_BYTES, into);
    return true;
  }
}

function payloadOf({ codec, channels }: TsStream): Payload {
  if (codec === 'h264') return new VideoUnits(avcRules);
  if (codec === 'h265') return new VideoUnits(hevcRules);
  if (codec === 'opus') return new OpusPackets(channels);
  return new AudioFrames(codec === 'aac' ? aacRules : mp3Rules);
}

/** Reads MPEG transport streams (ISO/IEC 13818-1): of the first programme that can be played, one video and one audio. */
export class TsDemuxer implements Demuxer {
  readonly counts: TsCounts = { continuity: 0, damaged: 0 };
  #packets = new TsPackets();
  readonly #unwrap: Unwrap33;
  readonly #pat = new SectionReader();
  /** The maps that the PAT lists, by PID; once one is chosen, that alone. */
  #maps = new Map<number, SectionReader>();
  #chosen = false;
  #video: Track | undefined;
  #audio: Track | undefined;
  #bytes = 0;
  readonly #tracks: TrackChoice | undefined;
  /** The map in force. */
  #map: Buffer | undefined;
  #program: Program | undefined;
  /** Sound whose frames cannot be relayed, whatever the map calls it; by PID, with the reason. */
  readonly #refused = new Map<number, string>();

  constructor({ nearMs, tracks }: TsOptions = {}) {
    this.#unwrap = new Unwrap33(nearMs === undefined ? undefined : nearMs * 90);
    this.#tracks = tracks;
  }

  get announced(): Announced | undefined {
    return this.#program && { video: this.#program.video !== undefined, audio: this.#program.audio !== undefined };
  }

  get notes(): readonly string[] {
    return this.#program?.notes ?? [];
  }

  /** The PID by whose times places in the stream are found; undefined until it is known. */
  get clockPid(): number | undefined {
    return (this.#video ?? this.#audio)?.stream.pid;
  }

  push(bytes: Buffer, into: Batch): void {
    this.#bytes += bytes.length;
    const packets = this.#packets;
    packets.feed(bytes);
    for (let at = packets.next(); at >= 0; at = packets.next()) {
      // Of sound it may come out only now that it cannot be relayed.
      if (this.#video?.goOn(packets.bytes, at, into) !== true) this.#packet(packets.bytes, at, into);
    }
    if (this.#program === undefined && this.#bytes > UNANNOUNCED_BYTES) {
      const bound = `${UNANNOUNCED_BYTES >> 20} MB`;
      throw new Fault('pull', 'garbage', `the transport stream lists no programme in its first ${bound}`);
    }
  }

  end(into: Batch): void {
    for (let at = this.#packets.next(true); at >= 0; at = this.#packets.next(true)) {
      this.#packet(this.#packets.bytes, at, into);
    }
    this.#packets = new TsPackets();
    for (const track of [this.#video, this.#audio]) {
      if (track === undefined) continue;
      this.#finish(track, into);
      // Writers of HLS begin to count anew in every segment.
      track.counter = -1;
    }
  }

  /** The packet bytes[at, at + 188): section 2.4.3.2. */
  #packet(bytes: Buffer, at: number, into: Batch): void {
    const second = bytes[at + 1] as number;
    const pid = ((second & 0x1f) << 8) | (bytes[at + 2] as number);
    if (pid === NULL_PID) return;
    if ((second & 0x80) !== 0) {
      this.counts.damaged++;
      return;
    }
    const track = this.#trackOf(pid);
    if (track !== undefined) this.#take(track, bytes, at, into);
    else if (pid === PAT_PID) this.#learnPrograms(payloadIn(bytes, at), startsUnit(bytes, at));
    else if (this.#maps.has(pid))
      this.#learnStreams(pid, payloadIn(bytes, at), { starts: startsUnit(bytes, at), into });
  }

  /** Sound that shows not to be what can be relayed leaves the picture, or other sound. */
  #leaveOut(track: Track, error: unknown, into: Batch): void {
    if (track !== this.#audio || this.#map === undefined || !isUnsupported(error)) throw error;
    this.#refused.set(track.stream.pid, error.message);
    // What it still holds is not asked for: it would fail again.
    this.#audio = undefined;
    const program = this.#read(this.#map);
    if (program !== undefined) this.#play(program, into);
  }

  #trackOf(pid: number): Track | undefined {
    if (this.#video?.stream.pid === pid) return this.#video;
    return this.#audio?.stream.pid === pid ? this.#audio : undefined;
  }

  #take(track: Track, bytes: Buffer, at: number, into: Batch): void {
    try {
      this.#media(track, bytes, at, into);
    } catch (error) {
      this.#leaveOut(track, error, into);
    }
  }

  #finish(track: Track, into: Batch): void {
    try {
      track.pes.finish(into);
    } catch (error) {
      this.#leaveOut(track, error, into);
    }
  }

  /** Without an object per packet: there are thousands of them a second. */
  #media(track: Track, bytes: Buffer, at: number, into: Batch): void {
    const flags = bytes[at + 3] as number;
    if ((flags & 0xc0) !== 0) {
      refuseScrambled(track);
      return;
    }
    track.scrambled = 0;
    if ((flags & 0x10) === 0) return;
    const from = payloadAt(bytes, at);
    if (!this.#follows(track, flags & 15, isDiscontinuity(bytes, at))) return;
    const end = at + TS_PACKET_BYTES;
    if (from >= end) return;
    if (startsUnit(bytes, at)) track.pes.start(bytes, from, end, into);
    else track.pes.goOn(bytes, from, end, into);
  }

  /** False for a packet sent twice. What a missing packet belonged to is given up. */
  #follows(track: Track, counter: number, discontinuity: boolean): boolean {
    const last = track.counter;
    track.counter = counter;
    if (last === -1 || counter === ((last + 1) & 15)) return true;
    if (discontinuity) {
      track.pes.lose();
      return true;
    }
    if (counter === last) return false;
    this.counts.continuity++;
    track.pes.lose();
    return true;
  }

  #learnPrograms(payload: Buffer, starts: boolean): void {
    for (const section of this.#pat.push(payload, starts)) {
      const pids = parsePat(section);
      if (pids === undefined || pids.length === 0) continue;
      if (this.#chosen && pids.some(pid => this.#maps.has(pid))) continue;
      this.#chosen = false;
      this.#maps = new Map(pids.slice(0, MOST_PROGRAMS).map(pid => [pid, this.#maps.get(pid) ?? new SectionReader()]));
    }
  }

  #learnStreams(pid: number, payload: Buffer, { starts, into }: { starts: boolean; into: Batch }): void {
    const reader = this.#maps.get(pid);
    for (const section of reader?.push(payload, starts) ?? []) {
      const program = this.#read(section);
      if (program === undefined || reader === undefined) continue;
      this.#chosen = true;
      this.#maps = new Map([[pid, reader]]);
      this.#map = Buffer.from(section);
      this.#play(program, into);
    }
  }

  #read(section: Buffer): Program | undefined {
    return parsePmt(section, { tracks: this.#tracks, refused: this.#refused });
  }

  #play(program: Program, into: Batch): void {
    this.#video = this.#change(this.#video, program.video, into);
    this.#audio = this.#change(this.#audio, program.audio, into);
    this.#program = program;
  }

  #change(track: Track | undefined, stream: TsStream | undefined, into: Batch): Track | undefined {
    if (track !== undefined && stream?.pid === track.stream.pid && stream.codec === track.stream.codec) return track;
    track?.pes.finish(into);
    return stream === undefined ? undefined : new Track(stream, this.#unwrap);
  }
}

function refuseScrambled(track: Track): void {
  if (++track.scrambled < SCRAMBLED_PACKETS) return;
  throw new Fault('pull', 'unsupported', 'the transport stream is scrambled');
}

/** Whether a PES packet or a section begins in the packet. */
const startsUnit = (bytes: Buffer, at: number): boolean => ((bytes[at + 1] as number) & 0x40) !== 0;

/** Where the payload of the packet begins, behind its adaptation field; at most at the packet's end. */
function payloadAt(bytes: Buffer, at: number): number {
  const adaptation = ((bytes[at + 3] as number) & 0x20) !== 0;
  const from = adaptation ? at + 5 + (bytes[at + 4] as number) : at + 4;
  return Math.min(from, at + TS_PACKET_BYTES);
}

function isDiscontinuity(bytes: Buffer, at: number): boolean {
  return ((bytes[at + 3] as number) & 0x20) !== 0 && bytes[at + 4] !== 0 && ((bytes[at + 5] as number) & 0x80) !== 0;
}

const payloadIn = (bytes: Buffer, at: number): Buffer =>
  (uint16At(bytes, at + 2) & 0x10) === 0 ? NOTHING : bytes.subarray(payloadAt(bytes, at), at + TS_PACKET_BYTES);

const NOTHING = Buffer.alloc(0);
