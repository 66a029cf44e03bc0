import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { type Box, boxesIn, descend } from '../../src/media/mp4/boxes.ts';
import { run } from './child.ts';
import { media } from './ffmpeg.ts';
import type { Place } from './place.ts';

const SECONDS = 3 * 3600;
const FPS = 25;
const GOP_FRAMES = 2 * FPS;
const AUDIO_RATE = 48_000;
const AUDIO_UNITS = 1024;
const KEY_BYTES = 60_000;
const FRAME_BYTES = 17_400;
const SOUND_BYTES = 340;
/** The rest of the file is a hole. */
const REAL_SECONDS = 4;

interface TrackPlan {
  readonly kind: 'vide' | 'soun';
  readonly timescale: number;
  readonly units: number;
  readonly stsd: Buffer;
  readonly sizes: number[];
  /** Samples in each second's chunk. */
  readonly perChunk: number[];
  readonly offsets: number[];
}

export interface LongFilm {
  readonly bytes: number;
  readonly moovBytes: number;
  readonly samples: number;
}

/** A film of three hours and 5 GB with its index behind it, which takes a few MB of disk: its frames are mostly holes. */
export async function makeLongFilm(place: Place, path: string): Promise<LongFilm> {
  const [videoEntry, audioEntry] = await sampleEntries(place);
  const video: TrackPlan = { kind: 'vide', timescale: 12_800, units: 512, stsd: videoEntry, ...emptyPlan() };
  const audio: TrackPlan = {
    kind: 'soun',
    timescale: AUDIO_RATE,
    units: AUDIO_UNITS,
    stsd: audioEntry,
    ...emptyPlan(),
  };
  const ftyp = box('ftyp', Buffer.from('isom\0\0\x02\0isomiso2avc1mp41', 'latin1'));
  const mediaAt = ftyp.length + 16;
  const end = planChunks(video, audio, mediaAt);
  const moov = moovOf([video, audio]);
  const file = openSync(path, 'w');
  try {
    ftruncateSync(file, end);
    writeSync(file, Buffer.concat([ftyp, mdatHead(end - ftyp.length)]), 0, mediaAt, 0);
    writeFirstFrames(file, video);
    writeSync(file, moov, 0, moov.length, end);
  } finally {
    closeSync(file);
  }
  return { bytes: end + moov.length, moovBytes: moov.length, samples: video.sizes.length + audio.sizes.length };
}

const emptyPlan = (): Pick<TrackPlan, 'sizes' | 'perChunk' | 'offsets'> => ({ sizes: [], perChunk: [], offsets: [] });

/** Both tracks' "stsd" boxes, of a file that ffmpeg has made. */
async function sampleEntries(place: Place): Promise<[Buffer, Buffer]> {
  const short = place.path('entries.mp4');
  await run('ffmpeg', ['-v', 'error', '-y', '-i', await media({ seconds: 2 }), '-c', 'copy', short]);
  const bytes = readFileSync(short);
  const moov = boxesIn(bytes, 0, bytes.length).find(it => it.type === 'moov') as Box;
  const [video, audio] = boxesIn(bytes, moov.start, moov.end)
    .filter(it => it.type === 'trak')
    .map(trak => descend(trak, 'mdia', 'minf', 'stbl', 'stsd') as Box)
    .map(stsd => box('stsd', bytes.subarray(stsd.start, stsd.end)));
  return [video as Buffer, audio as Buffer];
}

/** A second of picture, a second of sound, and so on; answers where it ends. */
function planChunks(video: TrackPlan, audio: TrackPlan, from: number): number {
  let at = from;
  const put = (track: TrackPlan, until: number, sizeOf: (sample: number) => number): void => {
    const first = track.sizes.length;
    track.offsets.push(at);
    for (let sample = first; sample < until; sample++) {
      const size = sizeOf(sample);
      track.sizes.push(size);
      at += size;
    }
    track.perChunk.push(until - first);
  };
  for (let second = 1; second <= SECONDS; second++) {
    put(video, second * FPS, frame => (frame % GOP_FRAMES === 0 ? KEY_BYTES : FRAME_BYTES + ((frame * 7919) % 2048)));
    const sounds = Math.round((second * AUDIO_RATE) / AUDIO_UNITS);
    put(audio, sounds, frame => SOUND_BYTES + ((frame * 31) % 64));
  }
  return at;
}

/** A NAL unit for each of the first pictures, as long as its sample: a key picture or any other. */
function writeFirstFrames(file: number, { sizes, offsets }: TrackPlan): void {
  for (let second = 0; second < REAL_SECONDS; second++) {
    let at = offsets[second] ?? 0;
    for (let frame = second * FPS; frame < (second + 1) * FPS; frame++) {
      const head = Buffer.alloc(5, frame % GOP_FRAMES === 0 ? 0x65 : 0x41);
      head.writeUInt32BE((sizes[frame] ?? 0) - 4);
      writeSync(file, head, 0, head.length, at);
      at += sizes[frame] ?? 0;
    }
  }
}

function moovOf(tracks: readonly TrackPlan[]): Buffer {
  const mvhd = Buffer.alloc(100);
  mvhd.writeUInt32BE(1000, 12);
  mvhd.writeUInt32BE(SECONDS * 1000, 16);
  return box('moov', box('mvhd', mvhd), ...tracks.map(trakOf));
}

function trakOf(track: TrackPlan, index: number): Buffer {
  const tkhd = Buffer.alloc(84);
  tkhd.writeUInt32BE(index + 1, 12);
  const mdhd = Buffer.alloc(24);
  mdhd.writeUInt32BE(track.timescale, 12);
  mdhd.writeUInt32BE(track.sizes.length * track.units, 16);
  const hdlr = Buffer.alloc(25);
  hdlr.write(track.kind, 8, 'latin1');
  const minf = box('minf', box('stbl', track.stsd, ...tablesOf(track)));
  return box('trak', box('tkhd', tkhd), box('mdia', box('mdhd', mdhd), box('hdlr', hdlr), minf));
}

function tablesOf({ kind, units, sizes, perChunk, offsets }: TrackPlan): Buffer[] {
  const count = sizes.length;
  const runs = perChunk.flatMap((samples, i) => (samples === perChunk[i - 1] ? [] : [[i + 1, samples, 1]]));
  const tables = [
    box('stts', table([[count, units]])),
    box('stsc', table(runs)),
    box('stsz', Buffer.concat([words(0, 0), table(sizes.map(size => [size])).subarray(4)])),
    box('co64', table(offsets.map(at => [Math.floor(at / 2 ** 32), at >>> 0]))),
  ];
  if (kind === 'soun') return tables;
  const keys = Array.from({ length: Math.ceil(count / GOP_FRAMES) }, (_, i) => [i * GOP_FRAMES + 1]);
  // Two pictures between each two that they refer to.
  const shown = sizes.map((_, frame) => [1, units * (frame % GOP_FRAMES === 0 ? 1 : frame % 3 === 1 ? 3 : 0)]);
  return [...tables, box('stss', table(keys)), box('ctts', table(shown))];
}

/** A full box's version and flags, the number of rows, and the rows. */
function table(rows: readonly (readonly number[])[]): Buffer {
  const columns = rows[0]?.length ?? 1;
  const out = Buffer.alloc(8 + 4 * rows.length * columns);
  out.writeUInt32BE(rows.length, 4);
  let at = 8;
  for (const row of rows) for (const value of row) at = out.writeUInt32BE(value, at);
  return out;
}

function words(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) out.writeUInt32BE(value, 4 * i);
  return out;
}

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = words(8 + body.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

function mdatHead(bytes: number): Buffer {
  const head = words(1, 0, Math.floor(bytes / 2 ** 32), bytes >>> 0);
  head.write('mdat', 4, 'latin1');
  return head;
}
