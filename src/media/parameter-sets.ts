import { uint16At } from './bytes.ts';
import { parseAvcConfig } from './codec/h264.ts';
import { payloadByte, VideoCodecId } from './flv/tag.ts';
import type { Packet } from './packet.ts';

const LENGTH_BYTES = 4;
const HEVC_FOURCCS: ReadonlySet<string> = new Set(['hvc1', 'hev1']);
/** Access unit delimiters. */
export const AVC_DELIMITER = 9;
const AVC_SPS = 7;
export const HEVC_DELIMITER = 35;
const HEVC_VPS = 32;
const HEVC_SPS = 33;

/** Parameter sets as they stand inside a frame, and how such a frame begins. */
export interface ParameterSets {
  readonly bytes: Buffer;
  readonly codec: 'avc' | 'hevc';
}

/**
 * The parameter sets of a codec header, undefined where there are none or they cannot be said in a frame. A decoder that
 * has begun with another header finds them there: not all take a new header in the middle of a stream.
 */
export function parameterSetsOf(header: Buffer): ParameterSets | undefined {
  const codec = codecOf(header);
  const units = codec === 'avc' ? avcUnits(header.subarray(5)) : codec === 'hevc' ? hevcUnits(header.subarray(5)) : [];
  if (codec === undefined || units.length === 0) return undefined;
  const bytes = Buffer.concat(units.flatMap(unit => [Buffer.of(0, 0, unit.length >> 8, unit.length & 0xff), unit]));
  return { bytes, codec };
}

/** Puts the sets in front of a key frame's picture, unless it brings its own. */
export function insertSets(packet: Packet, { bytes, codec }: ParameterSets): void {
  let at = pictureAt(packet);
  if (at < 0) return;
  if (unitType(packet, at, codec) === (codec === 'avc' ? AVC_DELIMITER : HEVC_DELIMITER)) {
    at += LENGTH_BYTES + unitLength(packet, at);
  }
  const type = unitType(packet, at, codec);
  const brings = codec === 'avc' ? type === AVC_SPS : type === HEVC_VPS || type === HEVC_SPS;
  if (!brings && at < packet.size) packet.insert(at, bytes);
}

function codecOf(header: Buffer): 'avc' | 'hevc' | undefined {
  const first = header[0] ?? 0;
  if ((first & 0x80) !== 0) {
    const fourCc = header.toString('latin1', 1, 5);
    return fourCc === 'avc1' ? 'avc' : HEVC_FOURCCS.has(fourCc) ? 'hevc' : undefined;
  }
  const codec = first & 15;
  return codec === VideoCodecId.h264 ? 'avc' : codec === VideoCodecId.h265 ? 'hevc' : undefined;
}

function avcUnits(record: Buffer): readonly Buffer[] {
  const config = parseAvcConfig(record);
  return config === undefined || config.nalLengthBytes !== LENGTH_BYTES ? [] : [...config.sps, ...config.pps];
}

/** The arrays of a HEVCDecoderConfigurationRecord: ISO/IEC 14496-15, section 8.3.3.1. */
function hevcUnits(record: Buffer): readonly Buffer[] {
  if (record.length < 23 || ((record[21] as number) & 3) + 1 !== LENGTH_BYTES) return [];
  const units: Buffer[] = [];
  let at = 23;
  for (let arrays = record[22] as number; arrays > 0; arrays--) {
    if (at + 3 > record.length) return [];
    let count = uint16At(record, at + 1);
    for (at += 3; count > 0; count--) {
      const end = at + 2 + (at + 2 <= record.length ? uint16At(record, at) : record.length);
      if (end > record.length) return [];
      units.push(record.subarray(at + 2, end));
      at = end;
    }
  }
  return units;
}

/** Where the first unit of the frame stands; -1 where the tag is of another form. */
export function pictureAt(packet: Packet): number {
  const first = payloadByte(packet, 0);
  if ((first & 0x80) === 0) return payloadByte(packet, 1) === 1 ? 5 : -1;
  const type = first & 15;
  return type === 1 ? 8 : type === 3 ? 5 : -1;
}

function unitLength(packet: Packet, at: number): number {
  let length = 0;
  for (let i = 0; i < LENGTH_BYTES; i++) length = length * 256 + payloadByte(packet, at + i);
  return length;
}

/** The type of the unit that stands there; -1 behind the end. */
export function unitType(packet: Packet, at: number, codec: 'avc' | 'hevc'): number {
  const head = payloadByte(packet, at + LENGTH_BYTES);
  if (head < 0) return -1;
  return codec === 'avc' ? head & 31 : (head >> 1) & 63;
}
