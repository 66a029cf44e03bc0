import type { Item } from '../item.ts';
import { Batch, isHeader, isVideo } from '../packet.ts';
import { MemoryFile, type MovieWish, movie, type TrackWish, u32 } from './box-writer.ts';
import { openMp4 } from './item.ts';

/* A film for tests of edit lists, whose samples are told apart by their sizes. */

export const FRAME_MS = 40;
export const GOP = 10;
export const SOUND_MS = 20;
/** Sizes tell the samples apart. */
export const VIDEO_SIZE = 1000;
export const SOUND_SIZE = 10_000;
export const VIDEO: TrackWish = {
  kind: 'video',
  sizes: Array.from({ length: 100 }, (_, i) => VIDEO_SIZE + i),
  each: FRAME_MS,
  keys: Array.from({ length: 10 }, (_, i) => 1 + i * GOP),
};
export const SOUND: TrackWish = {
  kind: 'audio',
  sizes: Array.from({ length: 200 }, (_, i) => SOUND_SIZE + i),
  each: SOUND_MS,
};

/** [duration, media time, rate], -1 for an empty one. */
export type Row = readonly [number, number, number?];
export const elst = (...rows: readonly Row[]): Buffer =>
  u32(0, rows.length, ...rows.flatMap(([duration, time, rate = 1]) => [duration, time, rate * 65_536]));

export const both = (...rows: readonly Row[]): MovieWish => ({
  tracks: [
    { ...VIDEO, elst: elst(...rows) },
    { ...SOUND, elst: elst(...rows) },
  ],
});

export interface Frame {
  readonly track: 'video' | 'audio';
  /** Number of the sample in its track. */
  readonly sample: number;
  readonly dtsMs: number;
  readonly ptsMs: number;
  readonly key: boolean;
}

export async function open(bytes: Buffer, startMs = 0): Promise<Item> {
  const { signal } = new AbortController();
  return await openMp4(new MemoryFile(bytes), { url: 'film', startMs, signal });
}

/** All frames on the clock of the presentation, whose 0 the item is told to begin `originMs` behind its own. */
export function play(item: Item, originMs = 0): Frame[] {
  const frames: Frame[] = [];
  const batch = new Batch();
  let state = 'ok';
  for (let untilMs = item.startMs; state !== 'end'; untilMs += 50) {
    batch.clear();
    state = item.read(batch, untilMs);
    for (const packet of batch.packets.slice(0, batch.count)) {
      if (isHeader(packet.kind)) continue;
      const body = packet.copyPayload();
      const video = isVideo(packet.kind);
      const dtsMs = packet.dtsMs - originMs;
      frames.push({
        track: video ? 'video' : 'audio',
        sample: body.length - (video ? 5 + VIDEO_SIZE : 1 + SOUND_SIZE),
        dtsMs,
        ptsMs: video ? dtsMs + body.readIntBE(2, 3) : dtsMs,
        key: packet.kind === 'key',
      });
    }
  }
  return frames;
}

export const videoOf = (frames: readonly Frame[]): Frame[] => frames.filter(({ track }) => track === 'video');
export const soundOf = (frames: readonly Frame[]): Frame[] => frames.filter(({ track }) => track === 'audio');
/** As "12@480": the sample and when it is shown. */
export const shown = (frames: readonly Frame[]): string[] => frames.map(({ sample, ptsMs }) => `${sample}@${ptsMs}`);
export const run = (first: number, last: number, atMs: number, eachMs: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `${first + i}@${atMs + i * eachMs}`);

/** I0 P3 B1 B2 P6 B4 B5 P9 B7 B8, shown a frame after their decoding at the earliest. */
const SHOWN_AS = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8];
export const shownAs = (sample: number): number => sample - (sample % GOP) + (SHOWN_AS[sample % GOP] ?? 0);
export const mediaMs = (sample: number): number => (shownAs(sample) + 1) * FRAME_MS;
export const REORDERED: TrackWish = {
  ...VIDEO,
  offsets: VIDEO.sizes.map((_, sample) => mediaMs(sample) - sample * FRAME_MS),
};

export const reordered = (
  rows: readonly Row[],
  soundRows = rows.map(([ms, at, rate = 1]): Row => [ms, at < 0 ? at : at - FRAME_MS, rate]),
) =>
  movie({
    tracks: [
      { ...REORDERED, elst: elst(...rows) },
      { ...SOUND, elst: elst(...soundRows) },
    ],
  });

/** Of a file whose sound is heard from the beginning of the presentation on. */
export async function playFromSound(bytes: Buffer): Promise<Frame[]> {
  const frames = play(await open(bytes));
  const zeroMs = soundOf(frames)[0]?.dtsMs ?? 0;
  return frames.map(frame => ({ ...frame, dtsMs: frame.dtsMs - zeroMs, ptsMs: frame.ptsMs - zeroMs }));
}

/** Numbers below 1 that are the same in every run. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Frames whose decode time does not rise, or lies behind the time at which they are shown. */
export const misplaced = (frames: readonly Frame[]): Frame[] =>
  [videoOf(frames), soundOf(frames)].flatMap(track =>
    track.filter(({ dtsMs, ptsMs }, i) => ptsMs < dtsMs || dtsMs <= (track[i - 1]?.dtsMs ?? Number.NEGATIVE_INFINITY)),
  );
