import { parseAacConfig } from '../codec/aac.ts';
import { HevcUnit } from '../codec/h265.ts';
import { avcReorderDepth, hevcReorderDepth } from '../codec/reorder.ts';
import { Fault } from '../fault.ts';
import { soundLeftOut } from '../tracks.ts';
import { avcRules, hevcRules } from '../ts/units.ts';
import { AacUnits, type AuLayout, aacFormat, LatmUnits, opusFormat, type SoundFormat } from './audio.ts';
import { coreSoundOf, parseLatmConfig, plainConfig } from './audio-config.ts';
import type { Sdp, SdpFormat, SdpMedia } from './sdp.ts';
import { avcPayload, hevcPayload } from './units.ts';
import type { VideoFormat } from './video.ts';

/** A track that is played, as the session description has it. */
interface Chosen {
  readonly control: string | undefined;
  readonly payloadType: number;
  readonly rate: number;
}

export interface ChosenVideo extends Chosen {
  readonly kind: 'video';
  readonly format: VideoFormat;
  /** The parameter sets that are told in advance. */
  readonly sets: readonly Buffer[];
  readonly frameMs: number | undefined;
}

export interface ChosenSound extends Chosen {
  readonly kind: 'audio';
  readonly format: SoundFormat;
}

export type ChosenTrack = ChosenVideo | ChosenSound;

export interface Choice {
  readonly tracks: readonly ChosenTrack[];
  /** What is left out, and why; sentences for an operator. */
  readonly notes: readonly string[];
}

const VIDEO_RATE = 90_000;
const HIGHEST_RATE = 1_000_000;
const MOST_SET_BYTES = 64 * 1024;
const OPUS_RATE = 48_000;

/**
 * The first video and the first sound that can be carried. Throws a Fault that names the codecs where there are only
 * others, but for sound beside a picture, which is left out.
 */
export function chooseTracks({ media }: Sdp, where: string): Choice {
  const video = pick(media, 'video', videoOf);
  const audio = pick(media, 'audio', soundOf);
  const tracks = [...(video.track ?? []), ...(audio.track ?? [])];
  if (video.codecs !== undefined) throw unsupported(where, `its pictures are ${video.codecs}`);
  if (tracks.length > 0)
    return { tracks, notes: audio.codecs === undefined ? [] : [soundLeftOut(`it is ${audio.codecs}`)] };
  const why = audio.codecs === undefined ? 'it describes neither pictures nor sound' : `its sound is ${audio.codecs}`;
  throw unsupported(where, why);
}

const unsupported = (where: string, why: string): Fault =>
  new Fault('pull', 'unsupported', `${where} cannot be relayed: ${why}`);

/** The first track that can be carried; where there are only others, what they are. */
function pick<T>(
  media: readonly SdpMedia[],
  kind: 'video' | 'audio',
  read: (media: SdpMedia, format: SdpFormat) => T | string,
): { readonly track?: readonly T[]; readonly codecs?: string } {
  const codecs: string[] = [];
  for (const one of media.filter(it => it.kind === kind)) {
    for (const format of one.formats) {
      const track = read(one, format);
      if (typeof track !== 'string') return { track: [track] };
      codecs.push(track);
    }
  }
  return codecs.length === 0 ? {} : { codecs: [...new Set(codecs)].join(', ') };
}

function videoOf({ control, framesPerSecond }: SdpMedia, format: SdpFormat): ChosenVideo | string {
  const { payloadType, codec, parameters } = format;
  const rate = usableRate(format.rate, VIDEO_RATE);
  const frameMs = framesPerSecond === undefined ? undefined : 1000 / framesPerSecond;
  const common = { kind: 'video', control, payloadType, rate, frameMs } as const;
  if (codec === 'H264') return { ...common, format: AVC, sets: setsIn(parameters, ['sprop-parameter-sets']) };
  if (codec !== 'H265' && codec !== 'HEVC') return nameOf(format);
  const ordered = Number(parameters.get('sprop-max-don-diff') ?? 0) > 0;
  const sets = setsIn(parameters, ['sprop-vps', 'sprop-sps', 'sprop-pps']);
  return { ...common, format: hevc(ordered), sets };
}

const AVC: VideoFormat = {
  rules: avcRules,
  payload: avcPayload,
  isFirstSlice: (bytes, at, end) => at + 1 < end && ((bytes[at + 1] as number) & 0x80) !== 0,
  depthOf: set => (avcRules.sortOf(set) === 0 ? avcReorderDepth(set) : undefined),
};

const hevc = (ordered: boolean): VideoFormat => ({
  rules: hevcRules,
  payload: hevcPayload(ordered),
  isFirstSlice: (bytes, at, end) => at + 2 < end && ((bytes[at + 2] as number) & 0x80) !== 0,
  depthOf: set => (hevcRules.sortOf(set) === HevcUnit.sps - HevcUnit.vps ? hevcReorderDepth(set) : undefined),
});

/** What is no parameter set is told by no one who can be trusted with the others. */
function setsIn(parameters: SdpFormat['parameters'], names: readonly string[]): Buffer[] {
  const rules = names.length === 1 ? avcRules : hevcRules;
  return names
    .flatMap(name => (parameters.get(name) ?? '').split(','))
    .map(text => Buffer.from(text.trim(), 'base64'))
    .filter(set => set.length > 0 && set.length < MOST_SET_BYTES && rules.kindOf(set, 0, set.length) === 'set');
}

function soundOf({ control }: SdpMedia, format: SdpFormat): ChosenSound | string {
  const common = { kind: 'audio', control, payloadType: format.payloadType } as const;
  if (format.codec === 'OPUS') {
    const channels = format.parameters.get('sprop-stereo') === '0' ? 1 : 2;
    return { ...common, rate: OPUS_RATE, format: opusFormat(channels) };
  }
  const sound = format.codec === 'MPEG4-GENERIC' ? genericAac(format) : latm(format);
  return sound === undefined ? nameOf(format) : { ...common, ...sound };
}

type Sound = Pick<ChosenSound, 'rate' | 'format'>;

/** RFC 3640, section 4.1. */
function genericAac(format: SdpFormat): Sound | undefined {
  const { parameters, channels } = format;
  if (parameters.get('mode')?.toLowerCase().startsWith('aac') === false) return undefined;
  const told = hexOf(parameters.get('config'));
  const config = told.length > 0 ? told : plainConfig(format.rate, channels);
  if (config === undefined || parseAacConfig(config) === undefined) return undefined;
  const layout: AuLayout = {
    sizeBits: bitsOf(parameters, 'sizelength', 13),
    indexBits: bitsOf(parameters, 'indexlength', 3),
    deltaBits: bitsOf(parameters, 'indexdeltalength', 3),
  };
  return aac(format, config, new AacUnits(layout));
}

/** RFC 6416, section 7.3. */
function latm(format: SdpFormat): Sound | undefined {
  if (format.codec !== 'MP4A-LATM' || format.parameters.get('cpresent') !== '0') return undefined;
  const told = parseLatmConfig(hexOf(format.parameters.get('config')));
  return told === undefined ? undefined : aac(format, told.config, new LatmUnits(told.framesPerUnit));
}

function aac(format: SdpFormat, config: Buffer, payload: AacUnits | LatmUnits): Sound {
  const { rate: coreRate, samplesPerFrame } = coreSoundOf(config) ?? { rate: format.rate, samplesPerFrame: 1024 };
  const rate = usableRate(format.rate, coreRate);
  return { rate, format: aacFormat(config, payload, (samplesPerFrame * rate) / coreRate) };
}

const hexOf = (text = ''): Buffer => Buffer.from(text.replace(/"/g, ''), 'hex');

function bitsOf(parameters: SdpFormat['parameters'], name: string, usual: number): number {
  const bits = Number(parameters.get(name) ?? usual);
  return Number.isInteger(bits) && bits >= 0 && bits <= 32 ? bits : usual;
}

const usableRate = (rate: number, usual: number): number => (rate > 0 && rate <= HIGHEST_RATE ? rate : usual);

/** As people call it. */
function nameOf({ codec, payloadType, parameters }: SdpFormat): string {
  if (codec === 'PCMU') return 'G.711 (µ-law)';
  if (codec === 'PCMA') return 'G.711 (A-law)';
  if (codec === 'MP4A-LATM')
    return `MP4A-LATM${parameters.has('config') ? ' of an unusual form' : ' without its configuration'}`;
  return /^[\w.-]{1,32}$/.test(codec) ? codec : `of payload type ${payloadType}`;
}
