import { Fault } from '../fault.ts';
import type { FileBytes } from '../item.ts';
import { EditedSamples } from './edited-samples.ts';
import { PRIMING_MS } from './found-edits.ts';
import { placeBefore } from './fragment-index.ts';
import { Fragments, type Place } from './fragments.ts';
import { JoinedSamples } from './joined-samples.ts';
import type { Movie } from './movie.ts';
import { ROUNDED_MS, type Samples, samplesFromKey, TableSamples } from './samples.ts';
import type { Track } from './track.ts';

/** Fragments looked through for a start; a film of twelve hours in fragments of two seconds. */
const MOST_FRAGMENTS = 22_000;
/** How far before the time an index is asked for a fragment, one after the other. */
const BACK_MS = [0, 10_000, 60_000] as const;

type Fragmented = Movie & { readonly fragments: NonNullable<Movie['fragments']> };

const hasFragments = (movie: Movie): movie is Fragmented => movie.fragments !== undefined;

interface ReelOptions {
  readonly startMs: number;
  readonly signal: AbortSignal;
}

/** A movie's samples from the last key frame before the start on. */
export async function openReel(bytes: FileBytes, movie: Movie, options: ReelOptions): Promise<Reel> {
  return hasFragments(movie) ? await openFragments(bytes, movie, options) : openTables(movie, options.startMs);
}

/** Samples to play, and what brings more of them. */
export interface Reel<Kind extends Samples = Samples> {
  readonly video: Kind | undefined;
  readonly audio: Kind | undefined;
  /** From the movie's clock to the file's, which is 0 at its first frame. */
  readonly shiftMs: number;
  readonly fill: () => 'ok' | 'starved';
}

type Tabled = TableSamples | EditedSamples;

/** All samples of its tables that are presented, in their order. */
export const samplesOf = (track: Track): Tabled =>
  track.edits === undefined ? new TableSamples(track) : new EditedSamples(track, track.edits);

function samplesAt(track: Track, timeMs: number): Tabled {
  if (track.edits === undefined) return samplesFromKey(track, timeMs);
  const samples = new EditedSamples(track, track.edits);
  samples.seekKey(timeMs);
  return samples;
}

function openTables(movie: Movie, startMs: number): Reel<Tabled> {
  const firsts = [movie.video, movie.audio].flatMap(track => (track === undefined ? [] : [samplesOf(track)]));
  const shiftMs = shiftOf(firsts);
  const decodedMs = startMs - shiftMs;
  const shown = movie.video === undefined ? undefined : samplesAt(movie.video, decodedMs);
  const video = shown?.state === 'sample' ? shown : undefined;
  return { video, audio: audioFrom(movie.audio, { startMs, decodedMs, video }), shiftMs, fill: () => 'ok' };
}

/** Sound begins with the picture; alone, with the frame that is heard at the time. */
function audioFrom(
  track: Track | undefined,
  { startMs, decodedMs, video }: { startMs: number; decodedMs: number; video: Samples | undefined },
): Tabled | undefined {
  if (track === undefined) return undefined;
  if (video === undefined) return samplesAt(track, decodedMs);
  const samples = samplesOf(track);
  if (startMs > 0) samples.seekTime(video.dtsMs);
  return samples;
}

function shiftOf(firsts: readonly Samples[]): number {
  const times = firsts.filter(it => it.state === 'sample').map(it => it.dtsMs);
  if (times.length === 0) throw new Fault('pull', 'garbage', 'the MP4 file has no frames');
  return -Math.min(...times);
}

async function openFragments(bytes: FileBytes, movie: Fragmented, { startMs, signal }: ReelOptions): Promise<Reel> {
  const fragments = await firstFragments(bytes, movie, signal);
  const tabled = (movie.video ?? movie.audio)?.tables.count !== 0;
  const tables = tabled ? openTables(movie, startMs) : undefined;
  const shiftMs = tables?.shiftMs ?? shiftOf(fragments.tracks);
  const decodedMs = startMs - shiftMs;
  const found = startMs > 0 ? await fragmentAt(bytes, movie, { decodedMs, signal }) : undefined;
  if (tables !== undefined && found === undefined) return joined(tables, fragments);
  return fragmentsFrom(found ?? fragments, { startMs, shiftMs });
}

function joined(tables: Reel, fragments: Fragments): Reel {
  const join = (samples: Samples | undefined, more: Samples | undefined): Samples | undefined =>
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
  if (startMs > 0) seekIn(fragments, startMs - shiftMs);
  return { video, audio, shiftMs, fill: () => fragments.fill() };
}

/** Goes on to the last key frame at hand that is decoded at or before the time, and to the sound from there on. */
function seekIn({ video, audio }: Fragments, decodedMs: number): void {
  (video ?? audio)?.seekKey(decodedMs);
  if (video !== undefined) audio?.seekTime(video.dtsMs);
}

/**
 * Where an edit cuts the front of a file in fragments, it begins with the key frame before the cut, and its sound there
 * too: how much that is shows only in fragments that are still to be read.
 */
async function firstFragments(bytes: FileBytes, movie: Fragmented, signal: AbortSignal): Promise<Fragments> {
  const fragments = new Fragments(bytes, movie);
  await fillFirst(fragments, signal);
  const [samples] = fragments.tracks;
  if (samples?.state !== 'sample') return fragments;
  const { beginMs, kind } = samples.track;
  const decodedMs = beginMs - (kind === 'audio' ? PRIMING_MS : samples.ptsMs - samples.dtsMs);
  if (samples.dtsMs >= decodedMs - ROUNDED_MS) return fragments;
  const found = (await fragmentAt(bytes, movie, { decodedMs, signal })) ?? fragments;
  seekIn(found, decodedMs);
  return found;
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
