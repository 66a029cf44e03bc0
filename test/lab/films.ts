import { mkdirSync } from 'node:fs';
import { run } from './child.ts';
import { frames, media, videoOf } from './ffmpeg.ts';
import { serveFiles } from './file-server.ts';
import type { Place } from './place.ts';

/** A key frame stands at every multiple of it. */
export const GOP = 25;
export const FRAME_MS = 40;
const SECONDS = 6;
export const FRAMES = SECONDS * GOP;

/** Where a picture stands: in which file, and how many pictures behind its first. */
export interface Spot {
  readonly file: number;
  readonly frame: number;
}

/** Short MP4 files, served over HTTP, each of whose pictures is found in one place only. */
export interface Films {
  readonly urls: readonly string[];
  /** The place of a picture, by its packet's hash. */
  find(hash: string): Spot | undefined;
}

export async function makeFilms(place: Place, count: number): Promise<Films> {
  const dir = place.path('films');
  mkdirSync(dir);
  const spots = new Map<string, Spot>();
  const names = Array.from({ length: count }, (_, i) => `${i}.mp4`);
  for (const [file, name] of names.entries()) {
    // Another rate for each: the test picture itself is the same in all of them.
    const made = await media({ seconds: SECONDS, size: '320x180', videoKbit: 300 + 40 * file });
    await run('ffmpeg', ['-v', 'error', '-y', '-i', made, '-c', 'copy', '-movflags', '+faststart', `${dir}/${name}`]);
    const pictures = videoOf(await frames(`${dir}/${name}`));
    if (pictures.length !== FRAMES) throw new Error(`${name} has ${pictures.length} pictures`);
    for (const [frame, { hash }] of pictures.entries()) {
      if (spots.has(hash)) throw new Error(`picture ${frame} of ${name} is not the only one of its kind`);
      spots.set(hash, { file, frame });
    }
  }
  const base = await serveFiles(place, dir);
  return { urls: names.map(name => `${base}/${name}`), find: hash => spots.get(hash) };
}

/** Chance that comes out the same for the same seed. */
export function dice(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** The value below which `share` of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export const distribution = (values: readonly number[]): string =>
  `p50 ${percentile(values, 0.5)}, p99 ${percentile(values, 0.99)}, max ${Math.max(...values)}`;
