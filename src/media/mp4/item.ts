import { avcConfig } from '../codec/avc-config.ts';
import { Cuttings } from '../cuttings.ts';
import { Fault } from '../fault.ts';
import { keyOf, remember } from '../file/remember.ts';
import { avcHeader, VIDEO_HEAD_BYTES } from '../flv/body.ts';
import { metadataOf } from '../flv/metadata.ts';
import { classifyVideo } from '../flv/tag.ts';
import type { FileBytes, Item } from '../item.ts';
import { type Batch, Packet } from '../packet.ts';
import { broken } from './boxes.ts';
import { placeBefore } from './fragment-index.ts';
import { Fragments, type Place } from './fragments.ts';
import { JoinedSamples } from './joined-samples.ts';
import { type Movie, readMovie } from './movie.ts';
import { type Samples, samplesFromKey, TableSamples } from './samples.ts';
import type { Track } from './track.ts';

export interface Mp4Options {
  readonly url: string;
  readonly startMs: number;
  readonly signal: AbortSignal;
}

/** No frame of any codec is this large; a sample that claims to be is damaged. */
const MOST_SAMPLE_BYTES = 16 * 1024 * 1024;
/** Fragments looked through for a start; a film of twelve hours in fragments of two seconds. */
const MOST_FRAGMENTS = 22_000;
/** How far before the time an index is asked for a fragment, one after the other. */
const BACK_MS = [0, 10_000, 60_000] as const;

/** Opens an MP4 or QuickTime file. Its tables are read once for all who play it. */
export async function openMp4(bytes: FileBytes, options: Mp4Options): Promise<Item> {
  const { url, startMs, signal } = options;
  const movie = await remember(
    keyOf(url, bytes.validator),
    it => it.bytes,
    () => readMovie(bytes, signal),
  );
  const reel = hasFragments(movie) ? await openFragments(bytes, movie, options) : openTables(movie, startMs);
  await bringInReach(bytes, reel, signal);
  return new Mp4Item(bytes, movie, { ...reel, header: await videoHeader(bytes, reel, signal) });
}

type Fragmented = Movie & { readonly fragments: NonNullable<Movie['fragments']> };

const hasFragments = (movie: Movie): movie is Fragmented => movie.fragments !== undefined;

/** Samples to play, and what brings more of them. */
interface Reel<Kind extends Samples = Samples> {
  readonly video: Kind | undefined;
  readonly audio: Kind | undefined;
  /** From the movie's clock to the file's, which is 0 at its first frame. */
  readonly shiftMs: number;
  readonly fill: () => 'ok' | 'starved';
}

function openTables(movie: Movie, startMs: number): Reel<TableSamples> {
  const firsts = [movie.video, movie.audio].flatMap(track => (track === undefined ? [] : [new TableSamples(track)]));
  const shiftMs = shiftOf(firsts);
  const decodedMs = startMs - shiftMs;
  const video = movie.video === undefined ? undefined : samplesFromKey(movie.video, decodedMs);
  return { video, audio: audioFrom(movie.audio, { startMs, decodedMs, video }), shiftMs, fill: () => 'ok' };
}

/** Sound begins with the picture; alone, with the frame that is heard at the time. */
function audioFrom(
  track: Track | undefined,
  { startMs, decodedMs, video }: { startMs: number; decodedMs: number; video: Samples | undefined },
): TableSamples | undefined {
  if (track === undefined) return undefined;
  if (video === undefined) return samplesFromKey(track, decodedMs);
  const samples = new TableSamples(track);
  if (startMs > 0) samples.seekTime(video.dtsMs);
  return samples;
}

function shiftOf(firsts: readonly Samples[]): number {
  const times = firsts.filter(it => it.state === 'sample').map(it => it.dtsMs);
  if (times.length === 0) throw new Fault('pull', 'garbage', 'the MP4 file has no frames');
  return -Math.min(...times);
}

async function openFragments(bytes: FileBytes, movie: Fragmented, { startMs, signal }: Mp4Options): Promise<Reel> {
  const fragments = new Fragments(bytes, movie);
  await fillFirst(fragments, signal);
  const tabled = (movie.video ?? movie.audio)?.tables.count !== 0;
  const tables = tabled ? openTables(movie, startMs) : undefined;
  const shiftMs = tables?.shiftMs ?? shiftOf(fragments.tracks);
  const decodedMs = startMs - shiftMs;
  const found = startMs > 0 ? await fragmentAt(bytes, movie, { decodedMs, signal }) : undefined;
  if (tables !== undefined && found === undefined) return joined(tables, fragments);
  return fragmentsFrom(found ?? fragments, { startMs, shiftMs });
}

function joined(tables: Reel<TableSamples>, fragments: Fragments): Reel {
  const join = (samples: TableSamples | undefined, more: Samples | undefined): Samples | undefined =>
    samples === undefined || more === undefined ? samples : new JoinedSamples(samples, more);
  return {
    video: join(tables.video, fragments.video),
    audio: join(tables.audio, fragments.audio),
    shiftMs: tables.shiftMs,
    fill: () => fragments.fill(),
  };
}

function fragmentsFrom(fragments: Fragments, { startMs, shiftMs }: { startMs: number; shiftMs: number }): Reel {
  const { video, audio } = fragments;
  if (startMs > 0) {
    (video ?? audio)?.seekKey(startMs - shiftMs);
    if (video !== undefined) audio?.seekTime(video.dtsMs);
  }
  return { video, audio, shiftMs, fill: () => fragments.fill() };
}

async function fillFirst(fragments: Fragments, signal: AbortSignal): Promise<void> {
  let more = true;
  while (more && fragments.wants) more = await fragments.fillOne(signal);
}

/** The fragment that holds the last key frame shown at or before the time; undefined where none does. */
async function fragmentAt(
  bytes: FileBytes,
  movie: Fragmented,
  { decodedMs, signal }: { decodedMs: number; signal: AbortSignal },
): Promise<Fragments | undefined> {
  const place =
    (await hintedPlace(bytes, movie, { decodedMs, signal })) ??
    (await lastKeyFrom(bytes, movie, { at: movie.fragments.from, decodedMs, signal })).place;
  if (place === undefined) return undefined;
  const found = new Fragments(bytes, movie, place);
  await fillFirst(found, signal);
  return found;
}

/** The place by the file's own index, from further back where no key frame lies between it and the time. */
async function hintedPlace(
  bytes: FileBytes,
  movie: Fragmented,
  { decodedMs, signal }: { decodedMs: number; signal: AbortSignal },
): Promise<Place | undefined> {
  const { from } = movie.fragments;
  const track = movie.video ?? movie.audio;
  if (track === undefined) return undefined;
  for (const backMs of BACK_MS) {
    const at = await placeBefore(bytes, { track, mediaMs: decodedMs - track.editMs - backMs, from }, signal);
    if (at === undefined) return undefined;
    const { place, untimed } = await lastKeyFrom(bytes, movie, { at, decodedMs, signal });
    // Times that build on those of the fragments before are not known in the middle.
    if (untimed) return undefined;
    if (place !== undefined) return place;
  }
  return undefined;
}

/** Walks the heads of fragments until they lie behind the time. */
async function lastKeyFrom(
  bytes: FileBytes,
  movie: Fragmented,
  { at, decodedMs, signal }: { at: number; decodedMs: number; signal: AbortSignal },
): Promise<{ place: Place | undefined; untimed: boolean }> {
  const walker = new Fragments(bytes, movie, { at });
  let found: Place | undefined;
  for (let i = 0; i < MOST_FRAGMENTS; i++) {
    const { place } = walker;
    const more = await walker.fillOne(signal);
    const [track] = walker.tracks;
    if (track?.hasKeyBy(decodedMs) === true) found = place;
    const behind = track?.state === 'sample' && track.dtsMs > decodedMs;
    walker.forget();
    if (behind || !more) break;
  }
  return { place: found, untimed: walker.untimed };
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
    const end = codec.putHead(this.#cuttings.buffer, start, samples.key, samples.ctsMs);
    const packet = into.next();
    packet.reset(kind === 'video' ? 'inter' : 'audio', Math.round(samples.dtsMs + this.#reel.shiftMs));
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
function isDue(samples: Samples | undefined): samples is Samples {
  if (samples?.state !== 'sample') return false;
  const { endUnits, timescale, editMs } = samples.track;
  return endUnits === Number.POSITIVE_INFINITY || samples.dtsMs < (endUnits * 1000) / timescale + editMs;
}

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
