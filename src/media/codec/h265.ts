import { BitReader, uint16At } from '../bytes.ts';
import { withLength } from './avc-config.ts';
import { withoutEmulation } from './h264.ts';

/** nal_unit_type: H.265 table 7-1. */
export const HevcUnit = { vps: 32, sps: 33, pps: 34, delimiter: 35, endOfSequence: 36, filler: 38 } as const;

/** What a sequence parameter set says of its pictures. */
export interface HevcPicture {
  /** As shown, cropping applied. */
  readonly width: number;
  readonly height: number;
  /** general_profile_space to general_level_idc, as records repeat them. */
  readonly profile: Buffer;
  readonly chroma: number;
  readonly lumaDepth: number;
  readonly chromaDepth: number;
  readonly layers: number;
  readonly nested: number;
}

const LARGEST_SIDE = 16_384;
const PROFILE_BYTES = 12;
const PROFILE_BITS = 88;

/** seq_parameter_set_rbsp: H.265 section 7.3.2.2.1. Undefined when it is cut short or says what cannot be. */
export function parseHevcSps(unit: Buffer): HevcPicture | undefined {
  const plain = withoutEmulation(unit.subarray(2, 256));
  if (plain.length < 1 + PROFILE_BYTES) return undefined;
  const bits = new BitReader(plain);
  bits.bits(4); // sps_video_parameter_set_id
  const moreLayers = bits.bits(3);
  const nested = bits.bit();
  skip(bits, PROFILE_BYTES * 8);
  skipLayers(bits, moreLayers);
  bits.unsigned(); // sps_seq_parameter_set_id
  const chroma = bits.unsigned();
  if (chroma === 3) bits.bit(); // separate_colour_plane_flag
  const size = readSize(bits, chroma);
  const lumaDepth = bits.unsigned() + 8;
  const chromaDepth = bits.unsigned() + 8;
  if (bits.overrun || size === undefined || chroma > 3 || lumaDepth > 15 || chromaDepth > 15) return undefined;
  const profile = Buffer.from(plain.subarray(1, 1 + PROFILE_BYTES));
  return { ...size, profile, chroma, lumaDepth, chromaDepth, layers: moreLayers + 1, nested };
}

/** The layers' part of profile_tier_level: section 7.3.3. */
function skipLayers(bits: BitReader, count: number): void {
  const told: number[] = [];
  for (let i = 0; i < count; i++) told.push(bits.bits(2));
  if (count > 0) skip(bits, 2 * (8 - count));
  for (const flags of told) skip(bits, ((flags & 2) !== 0 ? PROFILE_BITS : 0) + ((flags & 1) !== 0 ? 8 : 0));
}

function skip(bits: BitReader, count: number): void {
  for (let left = count; left > 0; left -= 32) bits.bits(Math.min(left, 32));
}

function readSize(bits: BitReader, chroma: number): { width: number; height: number } | undefined {
  let width = bits.unsigned();
  let height = bits.unsigned();
  if (bits.bit() === 1) {
    width -= (bits.unsigned() + bits.unsigned()) * (chroma === 1 || chroma === 2 ? 2 : 1);
    height -= (bits.unsigned() + bits.unsigned()) * (chroma === 1 ? 2 : 1);
  }
  const possible = width > 0 && height > 0 && width <= LARGEST_SIDE && height <= LARGEST_SIDE;
  return possible ? { width, height } : undefined;
}

export interface HevcSets {
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

/** HEVCDecoderConfigurationRecord with 4-byte lengths: ISO/IEC 14496-15, section 8.3.3.1. */
export function hevcConfig(sets: HevcSets, picture: HevcPicture): Buffer {
  const { profile, chroma, lumaDepth, chromaDepth, layers, nested } = picture;
  return Buffer.concat([
    Buffer.of(1),
    profile,
    Buffer.of(0xf0, 0, 0xfc, 0xfc | chroma, 0xf8 | (lumaDepth - 8), 0xf8 | (chromaDepth - 8), 0, 0),
    Buffer.of((layers << 3) | (nested << 2) | 3, 3),
    ...unitArray(HevcUnit.vps, sets.vps),
    ...unitArray(HevcUnit.sps, sets.sps),
    ...unitArray(HevcUnit.pps, sets.pps),
  ]);
}

/** The array is complete: sets stand nowhere else. */
const unitArray = (type: number, units: readonly Buffer[]): Buffer[] => [
  Buffer.of(0x80 | type, units.length >> 8, units.length & 0xff),
  ...units.flatMap(withLength),
];

const RECORD_HEAD_BYTES = 23;

/** What the first sequence parameter set of a configuration record says; undefined without one. */
export function parseHevcConfig(record: Buffer): HevcPicture | undefined {
  let at = RECORD_HEAD_BYTES;
  for (let arrays = record[at - 1] ?? 0; arrays > 0 && at + 3 <= record.length; arrays--) {
    const type = (record[at] as number) & 63;
    let count = uint16At(record, at + 1);
    at += 3;
    for (; count > 0 && at + 2 <= record.length; count--) {
      const end = at + 2 + uint16At(record, at);
      if (type === HevcUnit.sps && end <= record.length) return parseHevcSps(record.subarray(at + 2, end));
      at = end;
    }
  }
  return undefined;
}
