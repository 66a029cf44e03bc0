import { parseAacConfig } from '../codec/aac.ts';
import { parseAvcConfig, parseSps } from '../codec/h264.ts';
import { parseHevcConfig } from '../codec/h265.ts';
import type { Packet } from '../packet.ts';
import { encodeAmf0 } from '../rtmp/amf0.ts';
import { SoundFormat } from './tag.ts';

/** What metadata says of a file; what is not known is left out. */
export interface MediaFacts {
  /** A body of each track: its codec header or, of a codec without, a frame. */
  readonly video: Packet | undefined;
  readonly audio: Packet | undefined;
  readonly frameMs: number | undefined;
}

/** Script data "onMetaData": FLV 10.1, section E.5. Codecs without a number of FLV are told by their FourCC. */
export function metadataOf({ video, audio, frameMs }: MediaFacts): Buffer {
  const facts = {
    ...(video === undefined ? {} : picture(video.copyPayload())),
    ...(frameMs === undefined || video === undefined ? {} : { framerate: rateOf(frameMs) }),
    ...(audio === undefined ? {} : sound(audio.copyPayload())),
  };
  return encodeAmf0(['onMetaData', facts], { ecmaArrays: true });
}

const RATES = [24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60];
/** Times in milliseconds tell 24 from 23.976 only over many frames. */
const NEAR = 0.0004;

function rateOf(frameMs: number): number {
  const rate = 1000 / frameMs;
  const usual = RATES.find(one => Math.abs(rate / one - 1) < NEAR) ?? rate;
  return Math.round(usual * 1000) / 1000;
}

type Facts = Readonly<Record<string, number>>;

function picture(body: Buffer): Facts {
  const first = body[0] ?? 0;
  const enhanced = (first & 0x80) !== 0 && body.length >= 5;
  const id = enhanced ? body.readUInt32BE(1) : first & 15;
  const record = body.subarray(5);
  const size = enhanced ? parseHevcConfig(record) : sizeOfAvc(record);
  return { ...(size === undefined ? {} : { width: size.width, height: size.height }), videocodecid: id };
}

function sizeOfAvc(record: Buffer): { width: number; height: number } | undefined {
  const sps = parseAvcConfig(record)?.sps[0];
  return sps === undefined ? undefined : parseSps(sps);
}

function sound(body: Buffer): Facts {
  const first = body[0] ?? 0;
  const format = first >> 4;
  if (format === SoundFormat.enhanced && body.length >= 5) return { audiocodecid: body.readUInt32BE(1) };
  const config = format === SoundFormat.aac ? parseAacConfig(body.subarray(2)) : undefined;
  if (config === undefined) return { audiocodecid: format };
  return { audiocodecid: format, audiosamplerate: config.sampleRate, audiochannels: config.channels };
}
