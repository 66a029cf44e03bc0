import { BitReader } from '../bytes.ts';

/** What StreamMuxConfig says of a stream of one programme and one layer. */
export interface LatmConfig {
  /** The AudioSpecificConfig in it, from a byte of its own on. */
  readonly config: Buffer;
  readonly framesPerUnit: number;
}

const RATES: readonly number[] = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];
const ESCAPED_RATE = 15;
const SBR = 5;
const PARAMETRIC_STEREO = 29;
const AAC_LC = 2;
const EXTENSION_SYNC = 0x2b7;
const STEREO_SYNC = 0x548;
const LONG_FRAME = 1024;
const SHORT_FRAME = 960;

/** Of the sound in front of what an extension makes of it. */
export interface CoreSound {
  readonly rate: number;
  readonly samplesPerFrame: number;
}

/** StreamMuxConfig: ISO/IEC 14496-3, section 1.7.3.2.3. Undefined for the forms that nobody sends over RTP. */
export function parseLatmConfig(bytes: Buffer): LatmConfig | undefined {
  const bits = new BitReader(bytes);
  const isPlain = bits.bit() === 0; // audioMuxVersion
  const isOneTime = bits.bit() === 1; // allStreamsSameTimeFraming
  const framesPerUnit = bits.bits(6) + 1;
  const isOneStream = bits.bits(7) === 0; // numProgram, numLayer
  if (!isPlain || !isOneTime || !isOneStream) return undefined;
  const start = bits.position;
  if (readCore(bits) === undefined) return undefined;
  const end = endOfExtension(bytes, bits.position);
  bits.bits(end - bits.position);
  const isVariable = bits.bits(3) === 0; // frameLengthType
  return bits.overrun || !isVariable ? undefined : { config: cut(bytes, start, end), framesPerUnit };
}

/** Undefined where it is cut short, or of a codec that does not come as AAC. */
export const coreSoundOf = (config: Buffer): CoreSound | undefined => readCore(new BitReader(config));

/** AudioSpecificConfig up to the end of GASpecificConfig: sections 1.6.2.1 and 4.4.1. */
function readCore(bits: BitReader): CoreSound | undefined {
  let type = bits.bits(5);
  const rate = readRate(bits);
  const channels = bits.bits(4);
  if (type === SBR || type === PARAMETRIC_STEREO) {
    readRate(bits);
    type = bits.bits(5);
  }
  const samplesPerFrame = bits.bit() === 1 ? SHORT_FRAME : LONG_FRAME;
  // Without a programme config element, a core coder or an extension.
  const isPlain = channels !== 0 && bits.bits(2) === 0;
  const isAac = type >= 1 && type <= 4;
  return rate === undefined || !isPlain || !isAac || bits.overrun ? undefined : { rate, samplesPerFrame };
}

/** Where an extension that old decoders do not see ends, if one follows: section 1.6.5.3. */
function endOfExtension(bytes: Buffer, from: number): number {
  const bits = new BitReader(bytes);
  bits.bits(from);
  if (bits.bits(11) !== EXTENSION_SYNC || bits.bits(5) !== SBR) return from;
  const isPresent = bits.bit() === 1;
  if (isPresent) readRate(bits);
  const end = bits.position;
  return isPresent && bits.bits(11) === STEREO_SYNC ? bits.position + 1 : end;
}

function readRate(bits: BitReader): number | undefined {
  const index = bits.bits(4);
  const rate = index === ESCAPED_RATE ? bits.bits(24) : RATES[index];
  return rate === 0 ? undefined : rate;
}

/** AudioSpecificConfig for AAC-LC, for servers that do not tell it; undefined for a rate or channels without a number. */
export function plainConfig(rate: number, channels: number): Buffer | undefined {
  const index = RATES.indexOf(rate);
  if (index < 0 || channels < 1 || channels > 6) return undefined;
  const config = (AAC_LC << 11) | (index << 7) | (channels << 3);
  return Buffer.of(config >> 8, config & 0xff);
}

function cut(bytes: Buffer, from: number, to: number): Buffer {
  const bits = new BitReader(bytes);
  bits.bits(from);
  const out = Buffer.alloc(Math.ceil((to - from) / 8));
  for (let i = 0; i < to - from; i++) out[i >> 3] = (out[i >> 3] as number) | (bits.bit() << (7 - (i & 7)));
  return out;
}
