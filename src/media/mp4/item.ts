import { avcConfig } from '../codec/avc-config.ts';
import { Cuttings } from '../cuttings.ts';
import { Fault } from '../fault.ts';
import { keyOf, remember } from '../file/remember.ts';
import { avcHeader, VIDEO_HEAD_BYTES } from '../flv/body.ts';
import { metadataOf } from '../flv/metadata.ts';
import { classifyVideo } from '../flv/tag.ts';
import type { FileBytes, Item } from '../item.ts';
import { type Batch, Packet } from '../packet.ts';
import type { TrackChoice } from '../tracks.ts';
import { broken } from './boxes.ts';
import { type Movie, readMovie } from './movie.ts';
import { openReel, type Reel } from './reel.ts';
import type { Samples } from './samples.ts';

export interface Mp4Options {
  readonly url: string;
  readonly startMs: number;
  readonly signal: AbortSignal;
  readonly tracks?: TrackChoice | undefined;
}

/** No frame of any codec is this large; a sample that claims to be is damaged. */
const MOST_SAMPLE_BYTES = 16 * 1024 * 1024;

/** Opens an MP4 or QuickTime file. Its tables are read once for all who play it. */
export async function openMp4(bytes: FileBytes, options: Mp4Options): Promise<Item> {
  const { url, startMs, signal, tracks = {} } = options;
  const movie = await remember(
    keyOf(url, `${bytes.validator} ${tracks.video ?? ''}/${tracks.audio ?? ''}`),
    it => it.bytes,
    () => readMovie(bytes, signal, tracks),
  );
  const reel = await openReel(bytes, movie, { startMs, signal });
  await bringInReach(bytes, reel, signal);
  return new Mp4Item(bytes, movie, { ...reel, header: await videoHeader(bytes, reel, signal) });
}

/** Asks for the first frames' bytes, so that the item can be played at once. */
async function bringInReach(bytes: FileBytes, { video, audio }: Reel, signal: AbortSignal): Promise<void> {
  for (const samples of [audio, video]) {
    if (samples?.state !== 'sample') continue;
    checkUnits(samples, await bytes.read(samples.offset, sizeOf(samples), signal));
  }
}

/** Tables that point to the wrong place would put garbage on the air: the first picture must be made of NAL units. */
function checkUnits({ track, offset, size }: Samples, bytes: Buffer): void {
  const { lengthBytes } = track.codec;
  if (lengthBytes === undefined || bytes.length < size) return;
  let at = 0;
  while (at + lengthBytes < size) {
    const length = bytes.readUIntBE(at, lengthBytes);
    // Some writers pad with zeros.
    if (length === 0) return;
    at += lengthBytes + length;
  }
  if (at <= size) return;
  const where = `the first picture, ${size} bytes at ${offset}, is not made of NAL units`;
  throw new Fault('pull', 'garbage', `the MP4 file points to the wrong place: ${where}`);
}

/** The picture's codec header; that of a file which keeps its parameter sets in its frames is made of the first one's. */
async function videoHeader(bytes: FileBytes, { video }: Reel, signal: AbortSignal): Promise<Buffer | undefined> {
  if (video === undefined || video.state !== 'sample' || !video.track.codec.setsInBand)
    return video?.track.codec.header;
  const sample = await bytes.read(video.offset, sizeOf(video), signal);
  const units = unitsOf(sample);
  const sps = units.filter(unit => ((unit[0] ?? 0) & 31) === 7);
  const pps = units.filter(unit => ((unit[0] ?? 0) & 31) === 8);
  if (sps.length === 0 || pps.length === 0) throw broken('avcC', 'has no parameter sets, nor has the first key frame');
  return avcHeader(avcConfig(sps, pps));
}

function unitsOf(sample: Buffer): Buffer[] {
  const units: Buffer[] = [];
  for (let at = 0; at + 4 < sample.length; ) {
    const end = at + 4 + sample.readUInt32BE(at);
    if (end > sample.length) break;
    units.push(Buffer.from(sample.subarray(at + 4, end)));
    at = end;
  }
  return units;
}

function sizeOf({ size, track }: Samples): number {
  if (size > MOST_SAMPLE_BYTES) throw broken('stsz', `gives a ${track.kind} frame ${size} bytes`);
  return size;
}

class Mp4Item implements Item {
  readonly durationMs: number | undefined;
  readonly startMs: number;
  readonly notes: readonly string[];
  readonly #bytes: FileBytes;
  readonly #reel: Reel & { readonly header: Buffer | undefined };
  readonly #cuttings = new Cuttings();
  #begun = false;

  constructor(bytes: FileBytes, movie: Movie, reel: Reel & { readonly header: Buffer | undefined }) {
    this.#bytes = bytes;
    this.#reel = reel;
    this.notes = movie.notes;
    this.durationMs = movie.durationMs ?? lastEndOf(movie);
    const first = earlier(reel.video, reel.audio);
    const begin = reel.video?.state === 'sample' ? reel.video : first;
    this.startMs = begin === undefined ? 0 : Math.round(begin.dtsMs + reel.shiftMs);
  }

  read(into: Batch, untilMs: number): 'ok' | 'starved' | 'end' {
    if (!this.#begun) this.#begin(into);
    for (;;) {
      if (this.#reel.fill() === 'starved') return 'starved';
      const samples = earlier(this.#reel.video, this.#reel.audio);
      if (samples === undefined) return 'end';
      if (samples.dtsMs + this.#reel.shiftMs >= untilMs) return 'ok';
      const size = sizeOf(samples);
      const bytes = this.#bytes.take(samples.offset, size);
      if (bytes === undefined) return 'starved';
      if (bytes.length < size) throw new Fault('pull', 'garbage', cutShort(samples));
      if (size > 0) this.#give(into, samples, bytes);
      samples.next();
    }
  }

  close(): void {
    this.#bytes.close();
  }

  #give(into: Batch, samples: Samples, bytes: Buffer): void {
    const { kind, codec } = samples.track;
    const start = this.#cuttings.reserve(VIDEO_HEAD_BYTES);
    const { shiftMs } = this.#reel;
    const dtsMs = Math.round(samples.dtsMs + shiftMs);
    const shownMs = Math.round(samples.ptsMs + shiftMs);
    const end = codec.putHead(this.#cuttings.buffer, start, samples.key, Math.max(0, shownMs - dtsMs));
    const packet = into.next();
    packet.reset(kind === 'video' ? 'inter' : 'audio', dtsMs);
    packet.addSpan(this.#cuttings.buffer, start, end);
    packet.addSpan(bytes, 0, bytes.length);
    this.#cuttings.cut(end);
    if (kind === 'audio') return;
    const told = classifyVideo(packet);
    if (told === undefined) into.count--;
    else packet.kind = told;
  }

  #begin(into: Batch): void {
    this.#begun = true;
    const { video, audio, header } = this.#reel;
    const openings = { video: opening(header), audio: opening(audio?.track.codec.header) };
    this.#giveHeader(into, 'metadata', metadataOf({ ...openings, frameMs: frameMsOf(video) }));
    this.#giveHeader(into, 'videoHeader', header);
    this.#giveHeader(into, 'audioHeader', audio?.track.codec.header);
  }

  #giveHeader(into: Batch, kind: 'metadata' | 'videoHeader' | 'audioHeader', body: Buffer | undefined): void {
    if (body === undefined) return;
    const packet = into.next();
    packet.reset(kind, this.startMs);
    packet.addSpan(body, 0, body.length);
  }
}

const cutShort = ({ track, offset }: Samples): string =>
  `the MP4 file ends in the ${track.kind} frame at byte ${offset}`;

function opening(body: Buffer | undefined): Packet | undefined {
  if (body === undefined) return undefined;
  const packet = new Packet();
  packet.addSpan(body, 0, body.length);
  return packet;
}

/** The track whose present sample is to be decoded first; undefined when both have ended. */
function earlier(video: Samples | undefined, audio: Samples | undefined): Samples | undefined {
  const a = isDue(video) ? video : undefined;
  const b = isDue(audio) ? audio : undefined;
  if (a === undefined || b === undefined) return a ?? b;
  return b.dtsMs < a.dtsMs ? b : a;
}

/** A sample there is, and not behind the end of the last edit. */
const isDue = (samples: Samples | undefined): samples is Samples =>
  samples?.state === 'sample' && (samples.track.edits !== undefined || samples.dtsMs < samples.track.endMs);

/** Average distance of video frames, from the tables. */
function frameMsOf(video: Samples | undefined): number | undefined {
  const tables = video?.track.tables;
  if (video === undefined || tables === undefined || tables.count < 2) return undefined;
  let units = 0;
  let samples = 0;
  for (let row = 0; row < tables.durations.length; row++) {
    samples += tables.durations.u32(row);
    units += tables.durations.u32(row) * tables.durations.u32(row, 1);
  }
  return units === 0 ? undefined : (units * 1000) / video.track.timescale / samples;
}

function lastEndOf(movie: Movie): number | undefined {
  if (movie.fragments !== undefined) return undefined;
  const frameMs = movie.video ?? movie.audio;
  if (frameMs === undefined || frameMs.tables.count === 0) return undefined;
  const { durations } = frameMs.tables;
  let units = 0;
  for (let row = 0; row < durations.length; row++) units += durations.u32(row) * durations.u32(row, 1);
  return (units * 1000) / frameMs.timescale;
}
