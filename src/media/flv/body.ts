import { putUint24, putUint32 } from '../bytes.ts';

/*
 * The first bytes of FLV tag bodies: FLV 10.1, sections E.4.2 and E.4.3, and enhanced RTMP (Veovera, v2) for codecs
 * that the legacy form has no number for.
 */
export const AVC_HEAD_BYTES = 5;
/** The longest head of a video body. */
export const VIDEO_HEAD_BYTES = 8;
export const FourCc = { hevc: 0x68766331, av1: 0x61763031, opus: 0x4f707573 } as const;

const KEY = 0x10;
const INTER = 0x20;
const H264 = 7;
const ENHANCED = 0x80;
const SEQUENCE_START = 0;
const CODED = 1;
/** Coded frames whose composition time is 0 and left out. */
const CODED_X = 3;
const ENHANCED_SOUND = 0x90;
const AAC_SOUND = 0xaf;

/** Writes the head of an H.264 frame; answers the offset behind it. */
export function putAvcHead(out: Buffer, at: number, key: boolean, ctsMs: number): number {
  out[at] = (key ? KEY : INTER) | H264;
  out[at + 1] = 1;
  return putUint24(out, at + 2, ctsMs);
}

/** Writes the head of an H.265 frame; answers the offset behind it. */
export function putHevcHead(out: Buffer, at: number, key: boolean, ctsMs: number): number {
  out[at] = ENHANCED | (key ? KEY : INTER) | (ctsMs === 0 ? CODED_X : CODED);
  const end = putUint32(out, at + 1, FourCc.hevc);
  return ctsMs === 0 ? end : putUint24(out, end, ctsMs);
}

/** Writes the head of an AV1 frame, which has no composition time; answers the offset behind it. */
export function putAv1Head(out: Buffer, at: number, key: boolean): number {
  out[at] = ENHANCED | (key ? KEY : INTER) | CODED;
  return putUint32(out, at + 1, FourCc.av1);
}

export const avcHeader = (record: Buffer): Buffer => Buffer.concat([Buffer.of(KEY | H264, 0, 0, 0, 0), record]);

export const hevcHeader = (record: Buffer): Buffer =>
  Buffer.concat([enhanced(ENHANCED | KEY | SEQUENCE_START, FourCc.hevc), record]);

export const av1Header = (record: Buffer): Buffer =>
  Buffer.concat([enhanced(ENHANCED | KEY | SEQUENCE_START, FourCc.av1), record]);

export const aacHeader = (config: Buffer): Buffer => Buffer.concat([Buffer.of(AAC_SOUND, 0), config]);

export const opusHeader = (head: Buffer): Buffer =>
  Buffer.concat([enhanced(ENHANCED_SOUND | SEQUENCE_START, FourCc.opus), head]);

/** What stands in front of an AAC frame. */
export const AAC_HEAD = Buffer.of(AAC_SOUND, 1);
/** What stands in front of an Opus packet. */
export const OPUS_HEAD = enhanced(ENHANCED_SOUND | CODED, FourCc.opus);

/** What stands in front of an MP3 frame. Rates that FLV has no bits for are told as 44.1 kHz: decoders ask the frame. */
export function mp3Head(sampleRate: number, channels: number): Buffer {
  const rate = sampleRate === 22_050 ? 2 : sampleRate === 11_025 ? 1 : 3;
  return Buffer.of((2 << 4) | (rate << 2) | 2 | (channels === 2 ? 1 : 0));
}

function enhanced(first: number, fourCc: number): Buffer {
  const head = Buffer.of(first, 0, 0, 0, 0);
  putUint32(head, 1, fourCc);
  return head;
}
