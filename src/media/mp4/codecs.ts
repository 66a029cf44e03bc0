import { Fault } from '../fault.ts';
import {
  AAC_HEAD,
  aacHeader,
  av1Header,
  avcHeader,
  hevcHeader,
  mp3Head,
  OPUS_HEAD,
  opusHeader,
  putAv1Head,
  putAvcHead,
  putHevcHead,
} from '../flv/body.ts';
import { type Box, boxesIn, broken, childrenOf, Fields } from './boxes.ts';

/** How the samples of a track become packets. */
export interface Codec {
  readonly name: string;
  /** Body of the codec header's packet; undefined for a codec without one. */
  readonly header: Buffer | undefined;
  /** Writes what stands in front of a sample; answers the offset behind it. At most VIDEO_HEAD_BYTES. */
  readonly putHead: (out: Buffer, at: number, key: boolean, ctsMs: number) => number;
  /** H.264 whose parameter sets stand in the samples (avc3). */
  readonly setsInBand: boolean;
  /** Bytes of the length in front of each NAL unit; undefined for a codec without. */
  readonly lengthBytes?: number;
}

/** Bytes of a visual sample entry before its boxes (ISO/IEC 14496-12, section 12.1.3). */
const VISUAL_BYTES = 78;
const ENCRYPTED = new Set(['encv', 'enca']);

/** The codec of the first sample entry; a Fault of kind `unsupported` for what no destination takes. */
export function readCodec(stsd: Box): Codec {
  const [entry] = boxesIn(stsd.bytes, stsd.start + 8, stsd.end);
  if (entry === undefined) throw broken('stsd', 'has no entry');
  if (ENCRYPTED.has(entry.type)) throw unsupported('the file is encrypted');
  const read = READERS[entry.type];
  if (read === undefined) throw unsupported(`the codec "${entry.type.trim()}" cannot be relayed`);
  return read(entry);
}

const unsupported = (sentence: string): Fault => new Fault('pull', 'unsupported', sentence);

const READERS: Readonly<Record<string, (entry: Box) => Codec>> = {
  avc1: readAvc,
  avc3: readAvc,
  hvc1: readHevc,
  hev1: readHevc,
  av01: readAv1,
  mp4a: readMpegAudio,
  '.mp3': entry => mp3(entry),
  Opus: readOpus,
};

function configOf(entry: Box, type: string, skip: number): Buffer {
  const box = childrenOf(entry, skip).find(it => it.type === type);
  if (box === undefined) throw broken(entry.type, `has no "${type}"`);
  return Buffer.from(new Fields(box).rest(0));
}

/** ISO/IEC 14496-15, section 5.3.3. */
function readAvc(entry: Box): Codec {
  const record = configOf(entry, 'avcC', VISUAL_BYTES);
  if (record.length < 7) throw broken('avcC', `is too short: ${record.length} bytes`);
  const setsInBand = ((record[5] ?? 0) & 31) === 0;
  return {
    name: 'H.264',
    header: avcHeader(record),
    putHead: putAvcHead,
    setsInBand,
    lengthBytes: lengthBytes(record, 4),
  };
}

function readHevc(entry: Box): Codec {
  const record = configOf(entry, 'hvcC', VISUAL_BYTES);
  if (record.length < 23) throw broken('hvcC', `is too short: ${record.length} bytes`);
  const header = hevcHeader(record);
  return { name: 'H.265', header, putHead: putHevcHead, setsInBand: false, lengthBytes: lengthBytes(record, 21) };
}

/** lengthSizeMinusOne, in the low bits of a byte. */
const lengthBytes = (record: Buffer, at: number): number => ((record[at] as number) & 3) + 1;

function readAv1(entry: Box): Codec {
  const record = configOf(entry, 'av1C', VISUAL_BYTES);
  return { name: 'AV1', header: av1Header(record), putHead: putAv1Head, setsInBand: false };
}

/** Bytes of an audio sample entry before its boxes: QuickTime's versions 1 and 2 are longer. */
function soundBytes(entry: Box): number {
  const version = new Fields(entry).u16(8);
  if (version > 2) throw broken(entry.type, `has version ${version}`);
  return [28, 44, 64][version] as number;
}

const AAC_OBJECT = 0x40;
const AAC_MPEG2_OBJECTS = [0x66, 0x67, 0x68];
const MP3_OBJECTS = [0x69, 0x6b];

/** ISO/IEC 14496-14, section 5.6; QuickTime puts the descriptor into a box "wave". */
function readMpegAudio(entry: Box): Codec {
  const children = childrenOf(entry, soundBytes(entry));
  const wave = children.find(it => it.type === 'wave');
  const esds = [...children, ...(wave === undefined ? [] : childrenOf(wave))].find(it => it.type === 'esds');
  if (esds === undefined) throw broken(entry.type, 'has no "esds"');
  const { object, config } = readDescriptor(esds);
  if (MP3_OBJECTS.includes(object)) return mp3(entry);
  if (object !== AAC_OBJECT && !AAC_MPEG2_OBJECTS.includes(object)) {
    throw unsupported(`MPEG audio of object type ${object} cannot be relayed`);
  }
  if (config.length < 2) throw broken('esds', 'has no AudioSpecificConfig');
  return sound('AAC', aacHeader(config), AAC_HEAD);
}

function mp3(entry: Box): Codec {
  const fields = new Fields(entry);
  return sound('MP3', undefined, mp3Head(fields.u16(24), fields.u16(16)));
}

function sound(name: string, header: Buffer | undefined, head: Buffer): Codec {
  return { name, header, putHead: (out, at) => at + head.copy(out, at), setsInBand: false };
}

/** ISO/IEC 14496-1, section 7.2.6: descriptors within descriptors, each with a tag and a length of 7-bit digits. */
function readDescriptor(esds: Box): { object: number; config: Buffer } {
  const fields = new Fields(esds);
  const elementary = descriptorAt(fields, 4, 0x03);
  const flags = fields.u8(elementary.start + 2);
  const extra = ((flags & 0x80) !== 0 ? 2 : 0) + ((flags & 0x20) !== 0 ? 2 : 0);
  const url = (flags & 0x40) !== 0 ? 1 + fields.u8(elementary.start + 3 + ((flags & 0x80) !== 0 ? 2 : 0)) : 0;
  const decoder = descriptorAt(fields, elementary.start + 3 + extra + url, 0x04);
  const object = fields.u8(decoder.start);
  // MP3 needs no more to be said of it.
  if (decoder.start + 13 >= fields.length || fields.u8(decoder.start + 13) !== 0x05) return { object, config: NOTHING };
  const specific = descriptorAt(fields, decoder.start + 13, 0x05);
  return { object, config: Buffer.from(fields.bytes(specific.start, specific.length)) };
}

const NOTHING = Buffer.alloc(0);

function descriptorAt(fields: Fields, at: number, tag: number): { start: number; length: number } {
  if (fields.u8(at) !== tag) throw broken('esds', `has no descriptor ${tag} where one belongs`);
  let length = 0;
  for (let digit = 1; digit <= 4; digit++) {
    const byte = fields.u8(at + digit);
    length = length * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) return { start: at + digit + 1, length };
  }
  throw broken('esds', 'has a descriptor whose length does not end');
}

/** Encapsulation of Opus in ISO base media, section 4.3.2; what RTMP wants is the head of RFC 7845, section 5.1. */
function readOpus(entry: Box): Codec {
  const config = configOf(entry, 'dOps', soundBytes(entry));
  if (config.length < 11) throw broken('dOps', `is too short: ${config.length} bytes`);
  const head = Buffer.concat([Buffer.from('OpusHead\x01'), config.subarray(1)]);
  head.writeUInt16LE(config.readUInt16BE(2), 10);
  head.writeUInt32LE(config.readUInt32BE(4), 12);
  head.writeInt16LE(config.readInt16BE(8), 16);
  return sound('Opus', opusHeader(head), OPUS_HEAD);
}
