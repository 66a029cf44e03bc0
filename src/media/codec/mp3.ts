/** The header of an MPEG audio frame: ISO/IEC 11172-3, section 2.4.1.3. */
export interface Mp3Head {
  readonly layer: 1 | 2 | 3;
  readonly frameBytes: number;
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly samples: number;
}

export const MP3_HEAD_BYTES = 4;
const RATES = [44_100, 48_000, 32_000] as const;
/** Kbit/s of layer III by bitrate_index; MPEG-1 first, then MPEG-2 and 2.5. 0 is free format. */
const KBITS = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const;

/** Undefined where no header stands. Frame sizes are told for layer III only. `at` has four bytes behind it. */
export function readMp3Head(bytes: Buffer, at: number): Mp3Head | undefined {
  const first = bytes[at + 1] as number;
  const second = bytes[at + 2] as number;
  if (bytes[at] !== 0xff || (first & 0xe0) !== 0xe0) return undefined;
  const version = (first >> 3) & 3; // 3 is MPEG-1, 2 MPEG-2, 0 MPEG-2.5
  const layer = 4 - ((first >> 1) & 3);
  const fullRate = RATES[((second >> 2) & 3) as 0 | 1 | 2];
  const kbits = KBITS[version === 3 ? 0 : 1][second >> 4];
  if (version === 1 || layer === 4 || fullRate === undefined || kbits === undefined || kbits === 0) return undefined;
  const sampleRate = version === 3 ? fullRate : version === 2 ? fullRate / 2 : fullRate / 4;
  const samples = version === 3 ? 1152 : 576;
  const padding = (second >> 1) & 1;
  const frameBytes = Math.floor((samples / 8) * ((kbits * 1000) / sampleRate)) + padding;
  const channels = (bytes[at + 3] as number) >> 6 === 3 ? 1 : 2;
  return { layer: layer as 1 | 2 | 3, frameBytes, sampleRate, channels, samples };
}
