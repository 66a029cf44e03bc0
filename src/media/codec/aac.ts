import { BitReader } from '../bytes.ts';

export interface AacConfig {
  /** 2 is AAC-LC, 5 HE-AAC, 29 HE-AAC v2. */
  readonly objectType: number;
  /** Of the decoded sound: with HE-AAC signalled, of its extension. */
  readonly sampleRate: number;
  /** 0 when a program config element inside the stream says it. */
  readonly channels: number;
}

const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350] as const;
const ESCAPED_RATE = 15;
/** Channels by channelConfiguration; the ones not listed are reserved. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8] as const;

/** AudioSpecificConfig: ISO/IEC 14496-3, section 1.6.2.1. Undefined when it is cut short or uses reserved values. */
export function parseAacConfig(config: Buffer): AacConfig | undefined {
  const bits = new BitReader(config);
  const objectType = readObjectType(bits);
  const coreRate = readRate(bits);
  const channels = CHANNELS[bits.bits(4)];
  const extended = objectType === 5 || objectType === 29;
  const sampleRate = extended ? readRate(bits) : coreRate;
  if (bits.overrun || objectType === 0 || channels === undefined) return undefined;
  return sampleRate === undefined || coreRate === undefined ? undefined : { objectType, sampleRate, channels };
}

function readObjectType(bits: BitReader): number {
  const type = bits.bits(5);
  return type === 31 ? 32 + bits.bits(6) : type;
}

function readRate(bits: BitReader): number | undefined {
  const index = bits.bits(4);
  if (index !== ESCAPED_RATE) return RATES[index];
  const rate = bits.bits(24);
  return rate === 0 ? undefined : rate;
}
