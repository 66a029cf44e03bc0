import { parseAacConfig } from '../codec/aac.ts';
import { parseAvcConfig, parseSps, profileAndLevel } from '../codec/h264.ts';
import { SoundFormat, VideoCodecId } from './tag.ts';

const VIDEO_NAMES: ReadonlyMap<number, string> = new Map([
  [VideoCodecId.h263, 'H.263'],
  [VideoCodecId.screen, 'Screen video'],
  [VideoCodecId.vp6, 'VP6'],
  [VideoCodecId.h264, 'H.264'],
  [VideoCodecId.h265, 'H.265'],
]);
const SOUND_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'PCM'],
  [1, 'ADPCM'],
  [SoundFormat.mp3, 'MP3'],
  [3, 'PCM'],
  [7, 'G.711 A-law'],
  [8, 'G.711 mu-law'],
  [SoundFormat.aac, 'AAC'],
  [SoundFormat.speex, 'Speex'],
  [14, 'MP3'],
]);
const VIDEO_FOURCCS: ReadonlyMap<string, string> = new Map([
  ['avc1', 'H.264'],
  ['hvc1', 'H.265'],
  ['hev1', 'H.265'],
  ['vvc1', 'H.266'],
  ['av01', 'AV1'],
  ['vp09', 'VP9'],
  ['vp08', 'VP8'],
]);
const SOUND_FOURCCS: ReadonlyMap<string, string> = new Map([
  ['mp4a', 'AAC'],
  ['Opus', 'Opus'],
  ['fLaC', 'FLAC'],
  ['ac-3', 'AC-3'],
  ['ec-3', 'E-AC-3'],
  ['.mp3', 'MP3'],
]);
const AAC_NAMES: ReadonlyMap<number, string> = new Map([
  [5, 'HE-AAC'],
  [29, 'HE-AAC v2'],
]);

/** The codec of a video tag's body, "unknown" when it is none we know. Enough of the body: its first five bytes. */
export function videoCodec(body: Buffer): string {
  const first = body[0] ?? 0;
  const name = (first & 0x80) !== 0 ? VIDEO_FOURCCS.get(fourCc(body)) : VIDEO_NAMES.get(first & 15);
  return name ?? 'unknown';
}

/** The codec of an audio tag's body, "unknown" when it is none we know. Enough of the body: its first five bytes. */
export function audioCodec(body: Buffer): string {
  const format = (body[0] ?? 0xf0) >> 4;
  const name = format === SoundFormat.enhanced ? SOUND_FOURCCS.get(fourCc(body)) : SOUND_NAMES.get(format);
  return name ?? 'unknown';
}

/** For an operator: "H.264 1280×720 High@3.1", "AAC 48000 Hz 2 ch"; what cannot be read is left out. Never throws. */
export function describeHeader(header: Buffer): string {
  const first = header[0];
  if (first === undefined) return 'unknown';
  // 0x90 opens an enhanced header of either kind: the FourCC tells which.
  const code = fourCc(header);
  if (first >> 4 === SoundFormat.enhanced && SOUND_FOURCCS.has(code)) return describeSound(header, 5);
  if (VIDEO_FOURCCS.has(code) && (first & 0x80) !== 0) return describePicture(header, 5);
  return first >> 4 === SoundFormat.aac ? describeSound(header, 2) : describePicture(header, 5);
}

function describePicture(header: Buffer, at: number): string {
  const codec = videoCodec(header);
  const sps = codec === 'H.264' ? parseAvcConfig(header.subarray(at))?.sps[0] : undefined;
  const picture = sps === undefined ? undefined : parseSps(sps);
  return picture === undefined ? codec : `${codec} ${picture.width}×${picture.height} ${profileAndLevel(picture)}`;
}

function describeSound(header: Buffer, at: number): string {
  const codec = audioCodec(header);
  const config = codec === 'AAC' ? parseAacConfig(header.subarray(at)) : undefined;
  if (config === undefined) return codec;
  const channels = config.channels === 0 ? '' : ` ${config.channels} ch`;
  return `${AAC_NAMES.get(config.objectType) ?? codec} ${config.sampleRate} Hz${channels}`;
}

/** By which enhanced RTMP knows the codec of a header; undefined where the legacy form has a number for it. */
export function fourCcOf(header: Buffer | undefined): string | undefined {
  if (header === undefined) return undefined;
  const code = fourCc(header);
  const first = header[0] ?? 0;
  const isSound = first >> 4 === SoundFormat.enhanced && SOUND_FOURCCS.has(code);
  return isSound || ((first & 0x80) !== 0 && VIDEO_FOURCCS.has(code)) ? code : undefined;
}

function fourCc(body: Buffer): string {
  return body.length < 5 ? '' : body.toString('latin1', 1, 5);
}
