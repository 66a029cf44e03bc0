import { type Frame, frames, videoOf, watch } from '../test/lab/ffmpeg.ts';
import { Place } from '../test/lab/place.ts';
import { quantile } from './cost.ts';
import { pass } from './wait.ts';

/** So much of every output must be whole. */
const LEAST_MEDIA_MS = 10_000;
const WATCH_LIMIT_MS = 20_000;

export interface Seen {
  /** The output's name at the sink. */
  readonly name: string;
  readonly frames: number;
  readonly seconds: number;
  /** What is wrong with it; "" when every frame of the source came, unchanged, once and in order. */
  readonly fault: string;
  /** How much later than at a player of the origin itself, in ms, over its video frames. */
  readonly delay: { readonly p50: number; readonly p95: number } | undefined;
}

export interface Look {
  readonly name: string;
  readonly url: string;
  /** The live source it is a copy of; undefined for a file, which is nowhere else to be seen. */
  readonly sourceUrl?: string;
}

/** Plays outputs, and their sources, at the same time, and compares every packet with the file that is published. */
export async function lookAt(looks: readonly Look[], file: string, signal: AbortSignal): Promise<Seen[]> {
  const published = await frames(file);
  await using place = new Place();
  const watched = looks.map(({ url, sourceUrl }) => ({
    out: watch(place, url).seen,
    source: sourceUrl === undefined ? undefined : watch(place, sourceUrl).seen,
  }));
  const endMs = performance.now() + WATCH_LIMIT_MS;
  while (performance.now() < endMs && watched.some(({ out }) => mediaMs(out) < LEAST_MEDIA_MS)) await pass(500, signal);
  return watched.map(({ out, source }, i) => {
    const delay = source === undefined ? undefined : delayOf(source, out);
    const name = looks[i]?.name ?? '';
    const seconds = mediaMs(out) / 1000;
    return { name, frames: out.length, seconds, fault: faultOf(out, published), delay };
  });
}

/** Times are in ms: FLV's own unit. */
function mediaMs(seen: readonly Frame[]): number {
  const video = videoOf(seen);
  return (video.at(-1)?.dts ?? 0) - (video[0]?.dts ?? 0);
}

function faultOf(seen: readonly Frame[], published: readonly Frame[]): string {
  if (mediaMs(seen) < LEAST_MEDIA_MS) return `only ${Math.round(mediaMs(seen))} ms were seen`;
  for (const track of ['video', 'audio'] as const) {
    const fault = sequenceFault(track, seen, published);
    if (fault !== '') return fault;
  }
  return '';
}

/** The file is published round and round, and no two of its packets are alike: each must be followed by its next one. */
function sequenceFault(track: Frame['track'], seen: readonly Frame[], published: readonly Frame[]): string {
  const order = published.filter(frame => frame.track === track).map(frame => frame.hash);
  const places = new Map(order.map((hash, index) => [hash, index]));
  const found = seen.filter(frame => frame.track === track).map(frame => places.get(frame.hash));
  for (const [i, place] of found.entries()) {
    if (place === undefined) return `${track} packet ${i} is not one of the source`;
    const before = i === 0 ? undefined : found[i - 1];
    if (before !== undefined && place !== (before + 1) % order.length) {
      return `after ${track} packet ${before} of the source came ${place}`;
    }
  }
  return '';
}

function delayOf(source: readonly Frame[], out: readonly Frame[]): { p50: number; p95: number } {
  const cameAt = new Map(videoOf(source).map(frame => [frame.hash, frame.at]));
  const late = videoOf(out).flatMap(frame => {
    const at = cameAt.get(frame.hash);
    return at === undefined ? [] : [frame.at - at];
  });
  // A player's first second comes in bursts.
  const settled = late.slice(50);
  return { p50: quantile(settled, 0.5), p95: quantile(settled, 0.95) };
}
