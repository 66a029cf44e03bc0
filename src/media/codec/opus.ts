/** Microseconds of one frame by the configuration in an Opus packet's first byte: RFC 6716, table 2. */
const FRAME_US = [
  ...[10_000, 20_000, 40_000, 60_000, 10_000, 20_000, 40_000, 60_000, 10_000, 20_000, 40_000, 60_000],
  ...[10_000, 20_000, 10_000, 20_000],
  ...[2_500, 5_000, 10_000, 20_000, 2_500, 5_000, 10_000, 20_000, 2_500, 5_000, 10_000, 20_000],
  ...[2_500, 5_000, 10_000, 20_000],
] as const;

/** How long the packet at `at` plays; 0 when it cannot be told. */
export function opusMicroseconds(bytes: Buffer, at: number, end: number): number {
  const toc = bytes[at];
  if (toc === undefined || at >= end) return 0;
  const frames = FRAME_COUNTS[toc & 3] ?? (at + 1 < end ? (bytes[at + 1] as number) & 63 : 0);
  return (FRAME_US[toc >> 3] ?? 0) * frames;
}

const FRAME_COUNTS: readonly (number | undefined)[] = [1, 2, 2, undefined];

/** The identification header of RFC 7845, section 5.1, for mono and stereo. */
export function opusHead(channels: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head[8] = 1;
  head[9] = channels;
  head.writeUInt16LE(PRE_SKIP_SAMPLES, 10);
  head.writeUInt32LE(48_000, 12);
  return head;
}

/** What encoders usually put in front: 6.5 ms. */
const PRE_SKIP_SAMPLES = 312;
