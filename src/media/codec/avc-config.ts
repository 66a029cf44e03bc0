import { BitReader } from '../bytes.ts';
import { withoutEmulation } from './h264.ts';

/** The profiles whose record goes on behind the parameter sets: ISO/IEC 14496-15, section 5.3.3.1.2. */
const EXTENDED_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 144]);
const MOST_SPS = 31;
const MOST_PPS = 255;

/**
 * AVCDecoderConfigurationRecord with 4-byte lengths: ISO/IEC 14496-15, section 5.3.3.1. The first set has at least
 * four bytes.
 */
export function avcConfig(sps: readonly Buffer[], pps: readonly Buffer[]): Buffer {
  const first = sps[0] as Buffer;
  const head = Buffer.of(1, first[1] as number, first[2] as number, first[3] as number, 0xff);
  const own = sps.slice(0, MOST_SPS);
  const others = pps.slice(0, MOST_PPS);
  return Buffer.concat([
    head,
    Buffer.of(0xe0 | own.length),
    ...own.flatMap(withLength),
    Buffer.of(others.length),
    ...others.flatMap(withLength),
    ...depths(first),
  ]);
}

/** A parameter set with the 16-bit length that configuration records put in front. */
export const withLength = (unit: Buffer): Buffer[] => [Buffer.of(unit.length >> 8, unit.length & 0xff), unit];

/** Chroma format and bit depths, where the profile asks for them. */
function depths(sps: Buffer): Buffer[] {
  if (!EXTENDED_PROFILES.has(sps[1] as number)) return [];
  const bits = new BitReader(withoutEmulation(sps.subarray(4, 64)));
  bits.unsigned(); // seq_parameter_set_id
  const chroma = bits.unsigned();
  if (chroma === 3) bits.bit(); // separate_colour_plane_flag
  const luma = bits.unsigned();
  const depth = bits.unsigned();
  return bits.overrun ? [] : [Buffer.of(0xfc | (chroma & 3), 0xf8 | (luma & 7), 0xf8 | (depth & 7), 0)];
}
