import { uint16At } from '../bytes.ts';

/** The header of an ADTS frame: ISO/IEC 14496-3, section 1.A.2.2. */
export interface AdtsHead {
  /** Header included. */
  readonly frameBytes: number;
  readonly headBytes: number;
  readonly sampleRate: number;
  /** AudioSpecificConfig of two bytes, as a number. */
  readonly config: number;
  /** Frames of 1024 samples inside; more than one cannot be told apart without decoding. */
  readonly blocks: number;
}

export const ADTS_HEAD_BYTES = 7;
const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350] as const;

/** Undefined where no header stands. `at` has seven bytes behind it. */
export function readAdtsHead(bytes: Buffer, at: number): AdtsHead | undefined {
  // The sync word and layer 0; the bit between them tells MPEG-2 from MPEG-4, which does not matter.
  if ((uint16At(bytes, at) & 0xfff6) !== 0xfff0) return undefined;
  const second = bytes[at + 2] as number;
  const third = bytes[at + 3] as number;
  const rateIndex = (second >> 2) & 15;
  const sampleRate = RATES[rateIndex];
  const headBytes = ((bytes[at + 1] as number) & 1) === 1 ? ADTS_HEAD_BYTES : ADTS_HEAD_BYTES + 2;
  const frameBytes = ((third & 3) << 11) | (uint16At(bytes, at + 4) >> 5);
  if (sampleRate === undefined || frameBytes <= headBytes) return undefined;
  const objectType = (second >> 6) + 1;
  const channels = ((second & 1) << 2) | (third >> 6);
  const config = (objectType << 11) | (rateIndex << 7) | (channels << 3);
  return { frameBytes, headBytes, sampleRate, config, blocks: ((bytes[at + 6] as number) & 3) + 1 };
}
