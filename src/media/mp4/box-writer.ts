import type { FileBytes } from '../item.ts';

/** Writes MP4 files for tests, so small that every byte of them can be damaged. */
export const u32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * i);
  return bytes;
};

export function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body]);
}

/** SPS and PPS of a picture of 320 by 180. */
const AVC_RECORD = Buffer.from('0142c00dffe1000a6742c00dda0507e900f201000468ce3c80', 'hex');

export interface TrackWish {
  readonly kind: 'video' | 'audio';
  readonly sizes: readonly number[];
  /** Units of one sample; the timescale is 1000. */
  readonly each: number;
  readonly keys?: readonly number[];
  readonly offsets?: readonly number[];
  readonly elst?: Buffer;
  /** Stands for the tables named, as they are. */
  readonly instead?: Readonly<Record<string, Buffer>>;
  readonly entry?: Buffer;
}

export interface MovieWish {
  readonly tracks: readonly TrackWish[];
  /** Boxes behind the tracks. */
  readonly mvex?: boolean;
  readonly last?: boolean;
}

const entryOf = ({ kind, entry }: TrackWish): Buffer => {
  if (entry !== undefined) return entry;
  if (kind === 'video') return box('avc1', Buffer.alloc(78), box('avcC', AVC_RECORD));
  return box('.mp3', Buffer.alloc(16), Buffer.of(0, 2, 0, 16, 0, 0, 0, 0), u32(48_000 * 65_536));
};

/** A whole file: one chunk a track, the samples of the first track in front. Its payload is NAL units of zeros. */
export function movie({ tracks, mvex = false, last = false }: MovieWish): Buffer {
  const media = Buffer.concat(tracks.flatMap(track => track.sizes.map(size => sampleOf(track.kind, size))));
  const ftyp = box('ftyp', Buffer.from('isom'), u32(0));
  const mdat = box('mdat', media);
  const at = (moovBytes: number): number => ftyp.length + (last ? 0 : moovBytes) + 8;
  const draft = moov(tracks, mvex, 0);
  const index = moov(tracks, mvex, at(draft.length));
  return Buffer.concat(last ? [ftyp, mdat, index] : [ftyp, index, mdat]);
}

/** One unit: a slice that others refer to. */
export function sampleOf(kind: 'video' | 'audio', size: number): Buffer {
  const bytes = Buffer.alloc(size);
  if (kind === 'video' && size > 4) {
    bytes.writeUInt32BE(size - 4, 0);
    bytes[4] = 0x61;
  }
  return bytes;
}

function moov(tracks: readonly TrackWish[], mvex: boolean, mediaAt: number): Buffer {
  let at = mediaAt;
  const traks = tracks.map((track, i) => {
    const written = trak(track, i + 1, at);
    at += track.sizes.reduce((sum, size) => sum + size, 0);
    return written;
  });
  const mvhd = box('mvhd', u32(0, 0, 0, 1000, 0), Buffer.alloc(80));
  const extends_ = box('mvex', ...tracks.map((_, i) => box('trex', u32(0, i + 1, 1, 0, 0, 0))));
  return box('moov', mvhd, ...traks, ...(mvex ? [extends_] : []));
}

function trak(track: TrackWish, id: number, at: number): Buffer {
  const hdlr = box('hdlr', u32(0, 0), Buffer.from(track.kind === 'video' ? 'vide' : 'soun'), Buffer.alloc(13));
  const mdhd = box('mdhd', u32(0, 0, 0, 1000, 0, 0));
  const edts = track.elst === undefined ? [] : [box('edts', box('elst', track.elst))];
  return box(
    'trak',
    box('tkhd', u32(0, 0, 0, id), Buffer.alloc(68)),
    ...edts,
    box('mdia', mdhd, hdlr, box('minf', box('stbl', ...tablesOf(track, at)))),
  );
}

function tablesOf(track: TrackWish, at: number): Buffer[] {
  const { sizes, each, keys, offsets, instead = {} } = track;
  const bodies: Record<string, Buffer> = {
    stsd: Buffer.concat([u32(0, 1), entryOf(track)]),
    stts: u32(0, 1, sizes.length, each),
    ...(offsets === undefined ? {} : { ctts: u32(0x0100_0000, offsets.length, ...offsets.flatMap(it => [1, it])) }),
    ...(keys === undefined ? {} : { stss: u32(0, keys.length, ...keys) }),
    stsc: u32(0, 1, 1, sizes.length, 1),
    stsz: u32(0, 0, sizes.length, ...sizes),
    stco: u32(0, 1, at),
    ...instead,
  };
  return Object.entries(bodies).map(([type, body]) => box(type, body));
}

export interface FragmentWish {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  readonly timeUnits: number;
  readonly each: number;
  readonly sizes: readonly number[];
  /** Which sample is a key frame; the first, unless it says another, or -1 for none. */
  readonly keyAt?: number;
}

/** A moof and its mdat, in which the samples of each track lie behind all of the former's. */
export function fragment(...tracks: readonly FragmentWish[]): Buffer {
  const moof = (dataAt: number): Buffer => {
    let at = dataAt;
    const trafs = tracks.map(track => {
      const written = trafOf(track, at);
      at += track.sizes.reduce((sum, size) => sum + size, 0);
      return written;
    });
    return box('moof', box('mfhd', u32(0, 1)), ...trafs);
  };
  const samples = tracks.flatMap(({ kind, sizes }) => sizes.map(size => sampleOf(kind, size)));
  return Buffer.concat([moof(moof(0).length + 8), box('mdat', ...samples)]);
}

function trafOf({ id, timeUnits, each, sizes, keyAt = 0 }: FragmentWish, dataAt: number): Buffer {
  const rows = sizes.flatMap((size, i) => [each, size, i === keyAt ? 0x0200_0000 : 0x0101_0000]);
  return box(
    'traf',
    box('tfhd', u32(0x02_0000, id)),
    box('tfdt', u32(0, timeUnits)),
    box('trun', u32(0x701, sizes.length, dataAt, ...rows)),
  );
}

/** A file in memory that counts how it is read. */
export class MemoryFile implements FileBytes {
  readonly seekable = true;
  readonly size: number;
  readonly validator: string;
  reads = 0;
  readonly #bytes: Buffer;
  static #made = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.size = bytes.length;
    this.validator = `made ${MemoryFile.#made++}`;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return this.take(offset, length);
  }

  take(offset: number, length: number): Buffer {
    this.reads++;
    return this.#bytes.subarray(offset, Math.min(this.size, offset + length));
  }

  close(): void {
    // There is nothing to close.
  }
}
