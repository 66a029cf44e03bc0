import { uint24At } from '../bytes.ts';
import type { Packet, PacketKind } from '../packet.ts';

/** Types of FLV tags, and of the RTMP messages that carry the same bodies: FLV 10.1, section E.4.1. */
export const TagType = { audio: 8, video: 9, script: 18 } as const;

/** CodecID of a video tag, section E.4.3.1. 12 is not in the specification: Chinese CDNs carry H.265 so. */
export const VideoCodecId = { h263: 2, screen: 3, vp6: 4, h264: 7, h265: 12 } as const;
/** SoundFormat of an audio tag, section E.4.2.1. 9 announces the enhanced form. */
export const SoundFormat = { mp3: 2, enhanced: 9, aac: 10, speex: 11 } as const;

const FRAME_KEY = 1;
const FRAME_DISPOSABLE = 3;
const FRAME_GENERATED_KEY = 4;
const FRAME_COMMAND = 5;

/** Packet types of enhanced RTMP (Veovera, v2): the low nibble where the codec used to stand. */
const Enhanced = { sequenceStart: 0, coded: 1, sequenceEnd: 2, codedX: 3, mpegTsStart: 5, modEx: 7 } as const;
const FOURCC_AVC = 0x61766331; // "avc1"
const FOURCC_HEVC = 0x68766331; // "hvc1"
/** Frame type or sound format, AVCPacketType, and three bytes of composition time. */
const AVC_HEADER_BYTES = 5;
/** How many NAL units are looked at for the first slice: access unit delimiter, SEI, parameter sets stand before it. */
const UNITS_LOOKED_AT = 4;

/** The byte at `index` of the payload, over its spans; -1 behind its end. */
export function payloadByte(packet: Packet, index: number): number {
  let left = index;
  for (let i = 0; i < packet.spanCount; i++) {
    const start = packet.starts[i] as number;
    const length = (packet.ends[i] as number) - start;
    if (left < length) return (packet.buffers[i] as Buffer)[start + left] as number;
    left -= length;
  }
  return -1;
}

/**
 * What the body of a video tag is; undefined for what no destination needs: end of sequence, commands, empty bodies,
 * HDR metadata, and the extra tracks of enhanced multitrack (its main track comes in plain tags).
 */
export function classifyVideo(packet: Packet): PacketKind | undefined {
  const first = payloadByte(packet, 0);
  if (first < 0) return undefined;
  const frame = (first >> 4) & 7;
  if (frame === FRAME_COMMAND) return undefined;
  if ((first & 0x80) !== 0) return classifyEnhancedVideo(packet, frame);
  const codec = first & 15;
  if (codec !== VideoCodecId.h264 && codec !== VideoCodecId.h265) return classifyFrame(frame);
  if (packet.size <= AVC_HEADER_BYTES) return undefined;
  const type = payloadByte(packet, 1);
  if (type === 0) return 'videoHeader';
  if (type !== 1) return undefined;
  if (frame === FRAME_KEY) return 'key';
  return codec === VideoCodecId.h264 && nothingRefersTo(packet, AVC_HEADER_BYTES) ? 'disposable' : 'inter';
}

function classifyEnhancedVideo(packet: Packet, frame: number): PacketKind | undefined {
  const at = enhancedTypeAt(packet);
  const type = payloadByte(packet, at) & 15;
  // Type, FourCC, then at least one byte of body.
  if (at < 0 || packet.size <= at + 5) return undefined;
  if (type === Enhanced.sequenceStart || type === Enhanced.mpegTsStart) return 'videoHeader';
  if (type !== Enhanced.coded && type !== Enhanced.codedX) return undefined;
  if (frame === FRAME_KEY) return 'key';
  if (at !== 0 || payloadUint32(packet, 1) !== FOURCC_AVC) return 'inter';
  return nothingRefersTo(packet, type === Enhanced.coded ? 8 : 5) ? 'disposable' : 'inter';
}

/** How much later than it is decoded a frame is shown; 0 for codecs whose bodies do not say. */
export function compositionMs(packet: Packet): number {
  const first = payloadByte(packet, 0);
  if ((first & 0x80) === 0) {
    const codec = first & 15;
    return codec === VideoCodecId.h264 || codec === VideoCodecId.h265 ? payloadInt24(packet, 2) : 0;
  }
  const at = enhancedTypeAt(packet);
  if (at < 0 || (payloadByte(packet, at) & 15) !== Enhanced.coded) return 0;
  const fourCc = payloadUint32(packet, at + 1);
  return fourCc === FOURCC_AVC || fourCc === FOURCC_HEVC ? payloadInt24(packet, at + 5) : 0;
}

const payloadInt24 = (packet: Packet, index: number): number =>
  ((payloadByte(packet, index) << 24) |
    (payloadByte(packet, index + 1) << 16) |
    (payloadByte(packet, index + 2) << 8)) >>
  8;

function classifyFrame(frame: number): PacketKind {
  if (frame === FRAME_KEY || frame === FRAME_GENERATED_KEY) return 'key';
  return frame === FRAME_DISPOSABLE ? 'disposable' : 'inter';
}

/** What the body of an audio tag is; undefined for empty bodies and for what is neither configuration nor sound. */
export function classifyAudio(packet: Packet): PacketKind | undefined {
  const format = payloadByte(packet, 0) >> 4;
  if (packet.size < 2) return undefined;
  if (format === SoundFormat.enhanced) return classifyEnhancedAudio(packet);
  if (format !== SoundFormat.aac) return 'audio';
  // An AAC body without a byte of sound would only disturb a decoder.
  if (packet.size < 3) return undefined;
  return payloadByte(packet, 1) === 0 ? 'audioHeader' : 'audio';
}

function classifyEnhancedAudio(packet: Packet): PacketKind | undefined {
  const at = enhancedTypeAt(packet);
  if (at < 0 || packet.size < at + 5) return undefined;
  const type = payloadByte(packet, at) & 15;
  if (type === Enhanced.sequenceStart) return 'audioHeader';
  return type === Enhanced.coded ? 'audio' : undefined;
}

/** Where the byte with the packet type stands, behind any ModEx prefixes; -1 when they do not end. */
function enhancedTypeAt(packet: Packet): number {
  let at = 0;
  for (let prefixes = 0; prefixes < 8; prefixes++) {
    if ((payloadByte(packet, at) & 15) !== Enhanced.modEx) return at < packet.size ? at : -1;
    let length = payloadByte(packet, at + 1) + 1;
    at += 2;
    if (length === 256) {
      length = ((payloadByte(packet, at) << 8) | payloadByte(packet, at + 1)) + 1;
      at += 2;
    }
    if (length <= 0 || at + length >= packet.size) return -1;
    at += length;
  }
  return -1;
}

/**
 * True when the first H.264 slice says with nal_ref_idc 0 that no picture refers to it. False when unsure. It reads over
 * span ends: what a frame is must not depend on how the network cut it.
 */
function nothingRefersTo(packet: Packet, bodyAt: number): boolean {
  let at = bodyAt;
  for (let i = 0; i < UNITS_LOOKED_AT && at + 5 <= packet.size; i++) {
    const length = payloadUint32(packet, at);
    if (length === 0 || length > packet.size) return false;
    const header = payloadByte(packet, at + 4);
    const type = header & 31;
    if (type >= 1 && type <= 5) return type !== 5 && (header & 0x60) === 0;
    at += 4 + length;
  }
  return false;
}

function payloadUint32(packet: Packet, index: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value = (value << 8) | payloadByte(packet, index + i);
  return value >>> 0;
}

const SET_DATA_FRAME = '@setDataFrame';
const ON_META_DATA = '\x02\x00\x0aonMetaData';

/**
 * Where in bytes[from..to) the AMF0 string "onMetaData" begins, behind the zero byte that an AMF3 data message leads
 * with and the "@setDataFrame" that a publisher says; -1 when the body is other data.
 */
export function metadataAt(bytes: Buffer, from: number, to: number): number {
  let at = from;
  if (bytes[at] === 0 && at < to) at++;
  const prefixEnd = at + 3 + SET_DATA_FRAME.length;
  if (prefixEnd <= to && bytes.toString('latin1', at + 3, prefixEnd) === SET_DATA_FRAME) at = prefixEnd;
  const nameEnd = at + ON_META_DATA.length;
  return nameEnd <= to && bytes.toString('latin1', at, nameEnd) === ON_META_DATA ? at : -1;
}

/** A tag header: 11 bytes, section E.4.1. `at` has 11 bytes behind it. */
export interface TagHead {
  readonly type: number;
  readonly size: number;
  readonly timestamp: number;
}

export const TAG_HEAD_BYTES = 11;

export function readTagHead(bytes: Buffer, at: number): TagHead {
  const timestamp = (uint24At(bytes, at + 4) | ((bytes[at + 7] as number) << 24)) >>> 0;
  return { type: (bytes[at] as number) & 31, size: uint24At(bytes, at + 1), timestamp };
}
