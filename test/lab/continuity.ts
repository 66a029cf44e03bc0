import { PLAIN, timeOfAudio, timeOfVideo } from './counted-stream.ts';
import type { SeenStream, SeenTrack } from './oracle.ts';

/** The numbers between the first and the last one seen that never came. */
export function missing({ numbers }: Pick<SeenTrack, 'numbers'>): number[] {
  const seen = new Set(numbers.filter(number => number >= 0));
  if (seen.size === 0) return [];
  const [first, last] = [Math.min(...seen), Math.max(...seen)];
  return Array.from({ length: last - first + 1 }, (_, i) => first + i).filter(number => !seen.has(number));
}

/** How often a frame came that had come before. */
export function duplicates({ numbers }: Pick<SeenTrack, 'numbers'>): number {
  const counted = numbers.filter(number => number >= 0);
  return counted.length - new Set(counted).size;
}

/** How often a track's time did not rise within one push. */
export function backwards({ dtsMs, pushes }: Pick<SeenTrack, 'dtsMs' | 'pushes'>): number {
  return dtsMs.filter((dts, i) => i > 0 && pushes[i] === pushes[i - 1] && dts <= (dtsMs[i - 1] ?? 0)).length;
}

/** The same three of a whole stream, both tracks together. */
export const lost = ({ video, audio }: SeenStream): number => missing(video).length + missing(audio).length;
export const doubled = ({ video, audio }: SeenStream): number => duplicates(video) + duplicates(audio);
export const fallen = ({ video, audio }: SeenStream): number => backwards(video) + backwards(audio);

/** Frames that were lost, came twice, or bear a time that does not rise. */
export const harm = (seen: SeenStream): number => lost(seen) + doubled(seen) + fallen(seen);

/** The longest step of a track's time within one push. */
export function longestStepMs({ dtsMs, pushes }: Pick<SeenTrack, 'dtsMs' | 'pushes'>): number {
  const steps = dtsMs.map((dts, i) => (i > 0 && pushes[i] === pushes[i - 1] ? dts - (dtsMs[i - 1] ?? 0) : 0));
  return Math.max(0, ...steps);
}

export interface Stretch {
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** The longest time without a frame of the track within a stretch of the clock, its end included. */
export function longestGapMs({ atMs }: Pick<SeenTrack, 'atMs'>, stretch: Stretch = {}): number {
  const { fromMs = atMs[0] ?? 0, toMs = atMs.at(-1) ?? 0 } = stretch;
  let [last, longest] = [fromMs, 0];
  for (const at of atMs) {
    if (at < fromMs || at > toMs) continue;
    longest = Math.max(longest, at - last);
    last = at;
  }
  return Math.round(Math.max(longest, toMs - last));
}

/** The first frame that came after the time; undefined while there is none. */
export function firstAfter({ atMs }: Pick<SeenTrack, 'atMs'>, time: number): number | undefined {
  return atMs.find(at => at > time);
}

/** Whether every picture behind a hole in the numbers is one that a decoder can start at, of those that others need. */
export function resumesAtKeys(
  { numbers, isKey, pushes }: SeenTrack,
  mayBeMissed: (number: number) => boolean,
): boolean {
  return numbers.every((number, i) => {
    const former = numbers[i - 1];
    if (former === undefined || number === former + 1 || pushes[i] !== pushes[i - 1]) return true;
    const between = Array.from({ length: Math.max(0, number - former - 1) }, (_, k) => former + 1 + k);
    return isKey[i] === true || between.every(mayBeMissed);
  });
}

/**
 * How far sound is from the picture, at most: by how much the times of two frames of the same moment of the plain
 * counted stream differ at the destination.
 */
export function skewMs({ video, audio }: SeenStream): number {
  const shifts = (track: SeenTrack, time: (n: number) => number): number[] =>
    track.dtsMs.map((dts, i) => dts - time(track.numbers[i] ?? 0));
  const [pictures, sounds] = [shifts(video, n => timeOfVideo(n, PLAIN.fps)), shifts(audio, timeOfAudio)];
  let [worst, at] = [0, 0];
  for (const [i, shift] of sounds.entries()) {
    while (at < pictures.length - 1 && (video.atMs[at] ?? 0) < (audio.atMs[i] ?? 0)) at++;
    const nearest = pictures[at];
    if (nearest !== undefined) worst = Math.max(worst, Math.abs(nearest - shift));
  }
  return worst;
}
