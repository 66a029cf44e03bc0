import { uint16At } from '../bytes.ts';
import { Fault } from '../fault.ts';
import { requireTrack, soundLeftOut, type TrackChoice } from '../tracks.ts';

export type TsCodec = 'h264' | 'h265' | 'aac' | 'mp3' | 'opus';

/** One elementary stream that can be carried. */
export interface TsStream {
  readonly pid: number;
  readonly codec: TsCodec;
  /** Of Opus, which does not say it itself; else 0. */
  readonly channels: number;
}

export interface Program {
  readonly video: TsStream | undefined;
  readonly audio: TsStream | undefined;
  /** What is left out, and why. */
  readonly notes: readonly string[];
}

export interface PmtOptions {
  readonly tracks?: TrackChoice | undefined;
  /** Streams that turned out not to be what can be relayed, by PID, each with the reason. */
  readonly refused?: ReadonlyMap<number, string>;
}

const PAT_TABLE = 0;
const PMT_TABLE = 2;
const CRC_BYTES = 4;

type Known = { readonly track: 'video' | 'audio'; readonly codec?: TsCodec; readonly name: string };

/** stream_type: ISO/IEC 13818-1 table 2-34, ATSC A/53 and Apple's for encrypted HLS. */
const STREAM_TYPES: ReadonlyMap<number, Known> = new Map([
  [0x01, { track: 'video', name: 'MPEG-1 video' }],
  [0x02, { track: 'video', name: 'MPEG-2 video' }],
  [0x03, { track: 'audio', codec: 'mp3', name: 'MPEG-1 audio' }],
  [0x04, { track: 'audio', codec: 'mp3', name: 'MPEG-2 audio' }],
  [0x0f, { track: 'audio', codec: 'aac', name: 'AAC' }],
  [0x10, { track: 'video', name: 'MPEG-4 part 2 video' }],
  [0x11, { track: 'audio', name: 'AAC in LATM' }],
  [0x1b, { track: 'video', codec: 'h264', name: 'H.264' }],
  [0x21, { track: 'video', name: 'JPEG 2000' }],
  [0x24, { track: 'video', codec: 'h265', name: 'H.265' }],
  [0x33, { track: 'video', name: 'H.266' }],
  [0x42, { track: 'video', name: 'AVS' }],
  [0x81, { track: 'audio', name: 'AC-3' }],
  [0x82, { track: 'audio', name: 'DTS' }],
  [0x87, { track: 'audio', name: 'E-AC-3' }],
  [0xcf, { track: 'audio', name: 'AAC encrypted by SAMPLE-AES' }],
  [0xd2, { track: 'video', name: 'AVS2' }],
  [0xdb, { track: 'video', name: 'H.264 encrypted by SAMPLE-AES' }],
  [0xea, { track: 'video', name: 'VC-1' }],
]);
const PRIVATE_DATA = 0x06;
const REGISTRATION = 0x05;
const DVB_EXTENSION = 0x7f;
const OPUS_EXTENSION = 0x80;

/** format_identifier of registration descriptors, for streams of private data. */
const REGISTERED: ReadonlyMap<string, Known> = new Map([
  ['Opus', { track: 'audio', codec: 'opus', name: 'Opus' }],
  ['HEVC', { track: 'video', codec: 'h265', name: 'H.265' }],
  ['AV01', { track: 'video', name: 'AV1' }],
  ['VP09', { track: 'video', name: 'VP9' }],
  ['AC-3', { track: 'audio', name: 'AC-3' }],
  ['EAC3', { track: 'audio', name: 'E-AC-3' }],
  ['BSSD', { track: 'audio', name: 'SMPTE 302M audio' }],
  ['DTS1', { track: 'audio', name: 'DTS' }],
  ['fLaC', { track: 'audio', name: 'FLAC' }],
]);
/** DVB's own descriptor tags: ETSI EN 300 468, table 12. */
const DVB_TAGS: ReadonlyMap<number, Known> = new Map([
  [0x6a, { track: 'audio', name: 'AC-3' }],
  [0x7a, { track: 'audio', name: 'E-AC-3' }],
  [0x7b, { track: 'audio', name: 'DTS' }],
]);

/** The PIDs of the programmes' maps, in order; undefined when it is another table or not in force yet. */
export function parsePat(section: Buffer): number[] | undefined {
  if (!isCurrent(section, PAT_TABLE, 8)) return undefined;
  const pids: number[] = [];
  for (let at = 8; at + 4 <= section.length - CRC_BYTES; at += 4) {
    if (uint16At(section, at) !== 0) pids.push(uint16At(section, at + 2) & 0x1fff);
  }
  return pids;
}

/**
 * The streams of a programme that are played: the chosen ones, or the first video and the first audio that can be
 * carried. Throws a Fault that names the codecs where a track has only others, but for sound beside a picture, which is
 * left out. Undefined for another table, or one without either track.
 */
export function parsePmt(section: Buffer, { tracks = {}, refused = new Map() }: PmtOptions = {}): Program | undefined {
  if (!isCurrent(section, PMT_TABLE, 12)) return undefined;
  const streams = streamsOf(section);
  const video = pick(streams, { track: 'video', wanted: tracks.video, refused });
  const audio = pick(streams, { track: 'audio', wanted: tracks.audio, refused });
  if (video.problem !== undefined) throw new Fault('pull', 'unsupported', video.problem);
  if (audio.problem === undefined) {
    const isEmpty = video.stream === undefined && audio.stream === undefined;
    return isEmpty ? undefined : { video: video.stream, audio: audio.stream, notes: [] };
  }
  if (video.stream === undefined) throw new Fault('pull', 'unsupported', audio.problem);
  return { video: video.stream, audio: undefined, notes: [soundLeftOut(audio.problem)] };
}

function isCurrent(section: Buffer, table: number, headBytes: number): boolean {
  if (section.length < headBytes + CRC_BYTES || section[0] !== table) return false;
  return ((section[5] as number) & 1) === 1;
}

interface Listed {
  readonly pid: number;
  readonly known: Known;
  readonly channels: number;
}

function streamsOf(section: Buffer): Listed[] {
  const end = section.length - CRC_BYTES;
  const listed: Listed[] = [];
  let at = 12 + (uint16At(section, 10) & 0xfff);
  while (at + 5 <= end) {
    const pid = uint16At(section, at + 1) & 0x1fff;
    const next = at + 5 + (uint16At(section, at + 3) & 0xfff);
    const descriptors = descriptorsOf(section.subarray(at + 5, Math.min(next, end)));
    const known = identify(section[at] as number, descriptors);
    if (known !== undefined) listed.push({ pid, known, channels: opusChannels(descriptors) });
    at = next;
  }
  return listed;
}

interface Descriptor {
  readonly tag: number;
  readonly body: Buffer;
}

function descriptorsOf(bytes: Buffer): Descriptor[] {
  const found: Descriptor[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + (bytes[at + 1] as number);
    found.push({ tag: bytes[at] as number, body: bytes.subarray(at + 2, end) });
    at = end;
  }
  return found;
}

function identify(type: number, descriptors: readonly Descriptor[]): Known | undefined {
  const known = STREAM_TYPES.get(type);
  if (known !== undefined || type !== PRIVATE_DATA) return known;
  for (const { tag, body } of descriptors) {
    const told = tag === REGISTRATION ? REGISTERED.get(body.toString('latin1', 0, 4)) : DVB_TAGS.get(tag);
    if (told !== undefined) return told;
  }
  return undefined;
}

/** channel_config_code of the Opus descriptor (ETSI TS 103 491): up to 8 it is the number of channels. */
function opusChannels(descriptors: readonly Descriptor[]): number {
  const told = descriptors.find(({ tag, body }) => tag === DVB_EXTENSION && body[0] === OPUS_EXTENSION);
  return told?.body[1] ?? 0;
}

interface Wish {
  readonly track: 'video' | 'audio';
  readonly wanted: number | undefined;
  readonly refused: ReadonlyMap<number, string>;
}

/** The stream of a kind that is played; where there are only others, what is wrong with them. */
function pick(
  streams: readonly Listed[],
  { track, wanted, refused }: Wish,
): { readonly stream?: TsStream; readonly problem?: string } {
  const all = streams.filter(({ known }) => known.track === track);
  requireTrack(track, wanted, all.length);
  const own = wanted === undefined ? all : all.slice(wanted, wanted + 1);
  for (const { pid, known, channels } of own) {
    if (known.codec !== undefined && !refused.has(pid)) return { stream: { pid, codec: known.codec, channels } };
  }
  if (own.length === 0) return {};
  const names = own.map(({ known }) => known.name).join(', ');
  const told = own.flatMap(({ pid }) => refused.get(pid) ?? [])[0];
  return { problem: told ?? `the ${track} of the transport stream cannot be relayed: ${names}` };
}
