import { uint16At } from '../bytes.ts';
import { Fault } from '../fault.ts';
import { audioCodec, videoCodec } from '../flv/describe.ts';
import { compositionMs } from '../flv/tag.ts';
import type { Encoded } from '../outlet.ts';
import { type Batch, isVideo, type Packet } from '../packet.ts';
import {
  AVC_DELIMITER,
  HEVC_DELIMITER,
  insertSets,
  type ParameterSets,
  parameterSetsOf,
  pictureAt,
  unitType,
} from '../parameter-sets.ts';
import { type Clock, Packetizer, wrap33 } from './packetizer.ts';
import { TS_PACKET_BYTES } from './packets.ts';
import { type ListedStream, MAP_PID, mapTable, opusDescriptors, programTable } from './tables.ts';

const VIDEO_PID = 0x100;
const AUDIO_PID = 0x101;
const VIDEO_STREAM_ID = 0xe0;
const AUDIO_STREAM_ID = 0xc0;
const PRIVATE_STREAM_ID = 0xbd;
const STREAM_TYPES = { avc: 0x1b, hevc: 0x24, aac: 0x0f, mp3: 0x03, opus: 0x06 } as const;

/** Between the clock and the time at which a frame is decoded: sound that is written behind its pictures is still in time. */
const AHEAD_90 = 400 * 90;
/** Receivers want the tables now and then, and the clock at least ten times a second. */
const TABLES_MS = 400;
const CLOCK_MS = 80;

const PES_HEAD_BYTES = 9;
const STAMP_BYTES = 5;
const DELIMITERS = { avc: Buffer.of(0, 0, 0, 1, 9, 0xf0), hevc: Buffer.of(0, 0, 0, 1, 0x46, 1, 0x50) } as const;
const DELIMITER_TYPES = { avc: AVC_DELIMITER, hevc: HEVC_DELIMITER } as const;
const ADTS_BYTES = 7;
const LONGEST_ADTS = 8191;
/** Of what a codec puts in front of its frames, the most. */
const MOST_EXTRA_BYTES = PES_HEAD_BYTES + 2 * STAMP_BYTES + 16;
/** How much of a tag is its head: of MP3, AAC and Opus. */
const SOUND_HEAD_BYTES = { mp3: 1, aac: 2, opus: 5 } as const;
const OPUS_CHANNELS_AT = 5 + 9;

/** A PES packet before it is cut; one at a time, for every writer of the process. */
let scratch = Buffer.allocUnsafeSlow(256 * 1024);

interface AudioTrack {
  readonly codec: keyof typeof SOUND_HEAD_BYTES;
  readonly channels: number;
  /** Profile, rate and channels as ADTS says them in its third and fourth byte; of AAC. */
  readonly adts: readonly [number, number];
}

/**
 * Writes MPEG transport streams (ISO/IEC 13818-1): one programme of one video and one audio. What it cannot say is a Fault
 * of side `push` that names the codec.
 */
export class TsWriter {
  readonly #tables = new Packetizer(0);
  readonly #map = new Packetizer(MAP_PID);
  readonly #videoOut = new Packetizer(VIDEO_PID);
  readonly #audioOut = new Packetizer(AUDIO_PID);
  /** The parameter sets in force. */
  #video: ParameterSets | undefined;
  #audio: AudioTrack | undefined;
  #version = -1;
  #listed = '';
  #tablesAtMs = Number.NEGATIVE_INFINITY;
  #clockAtMs = Number.NEGATIVE_INFINITY;

  /** Writes the batch in place of what was in `out`. */
  encode(batch: Batch, out: Encoded): void {
    let room = 0;
    for (let i = 0; i < batch.count; i++) room += this.#roomFor(batch.packets[i] as Packet);
    out.reserve(room);
    let at = 0;
    for (let i = 0; i < batch.count; i++) {
      at = this.#packet(batch.packets[i] as Packet, out.bytes, at);
      out.ends[i] = at;
    }
    out.length = at;
  }

  /** With the tables and a clock of its own in front. */
  #roomFor({ size, kind }: Packet): number {
    const sets = kind === 'key' ? (this.#video?.bytes.length ?? 0) : 0;
    return Packetizer.roomFor(spanOf(size) + sets) + 3 * TS_PACKET_BYTES;
  }

  #packet(packet: Packet, out: Buffer, at: number): number {
    const { kind } = packet;
    if (kind === 'videoHeader') this.#video = videoTrackOf(packet.copyPayload());
    else if (kind === 'audioHeader') this.#audio = audioTrackOf(packet.copyPayload());
    else if (isVideo(kind)) return this.#picture(packet, out, at);
    else if (kind === 'audio') return this.#sound(packet, out, at);
    return at;
  }

  #picture(packet: Packet, out: Buffer, at: number): number {
    const track = this.#video;
    // In front of its header nobody could decode it.
    if (track === undefined) return at;
    const isKey = packet.kind === 'key';
    const end = this.#lists(packet.dtsMs, isKey) ? this.#writeTables(packet.dtsMs, out, at) : at;
    if (isKey) insertSets(packet, track);
    const length = putVideoPes(packet, track.codec);
    const clock: Clock = { at90: packet.dtsMs * 90, isRandomAccess: isKey };
    this.#clockAtMs = packet.dtsMs;
    return this.#videoOut.write(out, end, scratch.subarray(0, length), clock);
  }

  #sound(packet: Packet, out: Buffer, at: number): number {
    this.#audio ??= mp3TrackOf(packet);
    const track = this.#audio;
    if (track === undefined) return at;
    const { dtsMs } = packet;
    let end = this.#lists(dtsMs, false) ? this.#writeTables(dtsMs, out, at) : at;
    const clock: Clock = { at90: dtsMs * 90, isRandomAccess: this.#video === undefined };
    const isDue = dtsMs - this.#clockAtMs >= CLOCK_MS;
    if (isDue) this.#clockAtMs = dtsMs;
    const length = putAudioPes(packet, track);
    const carriesClock = isDue && this.#video === undefined;
    if (isDue && !carriesClock) end = this.#videoOut.writeClock(out, end, { ...clock, isRandomAccess: false });
    return this.#audioOut.write(out, end, scratch.subarray(0, length), carriesClock ? clock : undefined);
  }

  #lists(dtsMs: number, isKey: boolean): boolean {
    return (
      isKey || dtsMs - this.#tablesAtMs >= TABLES_MS || dtsMs < this.#tablesAtMs || this.#listed !== this.#streams()
    );
  }

  #streams(): string {
    return `${this.#video?.codec} ${this.#audio?.codec} ${this.#audio?.channels}`;
  }

  #writeTables(dtsMs: number, out: Buffer, at: number): number {
    this.#tablesAtMs = dtsMs;
    if (this.#listed !== this.#streams()) this.#version++;
    this.#listed = this.#streams();
    const end = this.#tables.write(out, at, pointed(programTable()));
    return this.#map.write(out, end, pointed(mapTable(this.#listedStreams(), this.#version)));
  }

  #listedStreams(): readonly ListedStream[] {
    const [video, audio] = [this.#video, this.#audio];
    const none = Buffer.alloc(0);
    return [
      ...(video === undefined ? [] : [{ type: STREAM_TYPES[video.codec], pid: VIDEO_PID, descriptors: none }]),
      ...(audio === undefined
        ? []
        : [
            {
              type: STREAM_TYPES[audio.codec],
              pid: AUDIO_PID,
              descriptors: audio.codec === 'opus' ? opusDescriptors(audio.channels) : none,
            },
          ]),
    ];
  }
}

/** Bytes of a frame as a PES packet, at most. */
const spanOf = (size: number): number => size + MOST_EXTRA_BYTES + (size >> 6);

/** A section begins behind a pointer to it. */
const pointed = (section: Buffer): Buffer => Buffer.concat([Buffer.of(0), section]);

const unsaid = (what: string): Fault => new Fault('push', 'unsupported', `a transport stream cannot carry ${what}`);

function videoTrackOf(header: Buffer): ParameterSets {
  const codec = videoCodec(header);
  if (codec !== 'H.264' && codec !== 'H.265') throw unsaid(codec);
  const sets = parameterSetsOf(header);
  if (sets === undefined) throw unsaid(`${codec} without readable parameter sets`);
  return sets;
}

function audioTrackOf(header: Buffer): AudioTrack {
  const codec = audioCodec(header);
  if (codec === 'AAC' && (header[0] as number) >> 4 === 10) return aacTrackOf(header.subarray(2));
  if (codec === 'Opus') return { codec: 'opus', channels: header[OPUS_CHANNELS_AT] ?? 2, adts: [0, 0] };
  throw unsaid(codec);
}

/** ADTS has room for the first four object types, a rate of the table and up to eight channels. */
function aacTrackOf(config: Buffer): AudioTrack {
  const bits = config.length < 2 ? 0 : uint16At(config, 0);
  const objectType = bits >> 11;
  const rateIndex = (bits >> 7) & 15;
  const channels = (bits >> 3) & 15;
  // HE-AAC is its core with an extension that decoders find by themselves.
  const profile = objectType === 5 || objectType === 29 ? 2 : objectType;
  if (profile < 1 || profile > 4 || rateIndex > 12 || channels < 1 || channels > 7) {
    throw unsaid(`AAC of object type ${objectType}, rate index ${rateIndex}, channel configuration ${channels}`);
  }
  const third = ((profile - 1) << 6) | (rateIndex << 2) | (channels >> 2);
  return { codec: 'aac', channels, adts: [third, (channels & 3) << 6] };
}

/** The one sound that needs no header in front. */
function mp3TrackOf(packet: Packet): AudioTrack | undefined {
  const codec = audioCodec(packet.copyPayload());
  if (codec === 'MP3') return { codec: 'mp3', channels: 2, adts: [0, 0] };
  if (codec === 'AAC' || codec === 'Opus') return undefined;
  throw unsaid(codec);
}

/*
 * PES packets are put into the scratch from the back: the frame with its tag's head first, then what stands in front of
 * it, over that head.
 */

/** Answers the length, which the packet itself leaves open. */
function putVideoPes(packet: Packet, codec: ParameterSets['codec']): number {
  const bodyAt = pictureAt(packet);
  if (bodyAt < 0) throw unsaid('a picture of another codec than its header');
  growScratch(spanOf(packet.size));
  const ptsMs = packet.dtsMs + compositionMs(packet);
  const headBytes = PES_HEAD_BYTES + (ptsMs === packet.dtsMs ? 1 : 2) * STAMP_BYTES;
  const brings = unitType(packet, bodyAt, codec) === DELIMITER_TYPES[codec];
  const from = headBytes + (brings ? 0 : DELIMITERS[codec].length);
  const end = packet.copyTo(scratch, from - bodyAt);
  putStartCodes(from, end);
  if (!brings) DELIMITERS[codec].copy(scratch, headBytes);
  putPesHead(VIDEO_STREAM_ID, { dtsMs: packet.dtsMs, ptsMs, bytes: 0 });
  return end;
}

function putAudioPes(packet: Packet, { codec, adts }: AudioTrack): number {
  const { dtsMs, size } = packet;
  growScratch(spanOf(size));
  const bodyBytes = size - SOUND_HEAD_BYTES[codec];
  const headBytes = PES_HEAD_BYTES + STAMP_BYTES;
  const extra = codec === 'aac' ? ADTS_BYTES : codec === 'opus' ? 2 + Math.floor(bodyBytes / 255) + 1 : 0;
  const end = packet.copyTo(scratch, headBytes + extra - SOUND_HEAD_BYTES[codec]);
  if (codec === 'aac') putAdts(headBytes, adts, bodyBytes);
  if (codec === 'opus') putOpusControl(headBytes, bodyBytes);
  const streamId = codec === 'opus' ? PRIVATE_STREAM_ID : AUDIO_STREAM_ID;
  putPesHead(streamId, { dtsMs, ptsMs: dtsMs, bytes: end - 6 });
  return end;
}

/** ISO/IEC 14496-3, section 1.A.2.2. */
function putAdts(at: number, [third, fourth]: readonly [number, number], bodyBytes: number): void {
  const bytes = bodyBytes + ADTS_BYTES;
  if (bytes > LONGEST_ADTS) throw unsaid(`an AAC frame of ${bodyBytes} bytes`);
  scratch[at] = 0xff;
  scratch[at + 1] = 0xf1;
  scratch[at + 2] = third;
  scratch[at + 3] = fourth | (bytes >> 11);
  scratch[at + 4] = (bytes >> 3) & 0xff;
  scratch[at + 5] = ((bytes & 7) << 5) | 0x1f;
  scratch[at + 6] = 0xfc;
}

/** The control header without trims: ETSI TS 103 491, section 5.1. */
function putOpusControl(at: number, bodyBytes: number): void {
  scratch[at] = 0x7f;
  scratch[at + 1] = 0xe0;
  let end = at + 2;
  for (let left = bodyBytes; left >= 255; left -= 255) scratch[end++] = 255;
  scratch[end] = bodyBytes % 255;
}

interface PesTimes {
  readonly dtsMs: number;
  readonly ptsMs: number;
  /** Behind the length itself; 0 leaves it open. */
  readonly bytes: number;
}

/** Section 2.4.3.6. */
function putPesHead(streamId: number, { dtsMs, ptsMs, bytes }: PesTimes): void {
  const both = ptsMs !== dtsMs;
  scratch.writeUInt32BE(0x100 | streamId, 0);
  scratch.writeUInt16BE(bytes > 0xffff ? 0 : bytes, 4);
  scratch[6] = 0x84;
  scratch[7] = both ? 0xc0 : 0x80;
  scratch[8] = (both ? 2 : 1) * STAMP_BYTES;
  putStamp(PES_HEAD_BYTES, both ? 3 : 2, ptsMs * 90 + AHEAD_90);
  if (both) putStamp(PES_HEAD_BYTES + STAMP_BYTES, 1, dtsMs * 90 + AHEAD_90);
}

/** 33 bits in five bytes, marker bits between: section 2.4.3.7. */
function putStamp(at: number, prefix: number, at90: number): void {
  const time = wrap33(at90);
  const low = time % 2 ** 30;
  scratch[at] = (prefix << 4) | (Math.floor(time / 2 ** 30) << 1) | 1;
  scratch[at + 1] = low >> 22;
  scratch[at + 2] = ((low >> 14) & 0xfe) | 1;
  scratch[at + 3] = (low >> 7) & 0xff;
  scratch[at + 4] = ((low << 1) & 0xfe) | 1;
}

/** Lengths of four bytes give way to start codes of four bytes. */
function putStartCodes(from: number, to: number): void {
  for (let at = from; at + 4 <= to; ) {
    const length = scratch.readUInt32BE(at);
    scratch.writeUInt32BE(1, at);
    at += 4 + length;
  }
}

function growScratch(bytes: number): void {
  if (bytes > scratch.length) scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
}
