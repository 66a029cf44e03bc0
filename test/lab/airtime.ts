import { timeOfVideo } from './counted-stream.ts';
import type { SeenStream, SeenTrack } from './oracle.ts';

/** From the first to the last frame that one connection delivered, in monotonic time. */
export interface Airtime {
  readonly push: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Of each connection that delivered anything, in the order of their first frames. */
export function airtimesOf({ video, audio }: SeenStream): Airtime[] {
  const seen = new Map<number, { firstMs: number; lastMs: number }>();
  for (const { atMs, pushes } of [video, audio]) {
    for (const [i, push] of pushes.entries()) {
      const at = atMs[i] ?? Number.NaN;
      const airtime = seen.get(push);
      if (airtime === undefined) seen.set(push, { firstMs: at, lastMs: at });
      else {
        airtime.firstMs = Math.min(airtime.firstMs, at);
        airtime.lastMs = Math.max(airtime.lastMs, at);
      }
    }
  }
  return [...seen].map(([push, times]) => ({ push, ...times })).sort((one, other) => one.firstMs - other.firstMs);
}

/**
 * For how long two connections had one stream on air: from the first frame of each to the last one of those before it. One
 * late frame of a connection that had long been replaced counts with all the time in between, which is never too little.
 */
export function doubledMs(stream: SeenStream): number {
  let lastMs = Number.NEGATIVE_INFINITY;
  let doubled = 0;
  for (const airtime of airtimesOf(stream)) {
    doubled += Math.max(0, Math.min(lastMs, airtime.lastMs) - airtime.firstMs);
    lastMs = Math.max(lastMs, airtime.lastMs);
  }
  return doubled;
}

/** When the first frame came over a connection that was opened after that time; undefined while none has. */
export function backAtMs(stream: SeenStream, sinceMs: number): number | undefined {
  const firsts = airtimesOf(stream).filter(({ push }) => (stream.pushes[push]?.openedAtMs ?? 0) > sinceMs);
  return firsts[0]?.firstMs;
}

/** When the first frame came that came after that time, over whatever connection. */
export function nextAtMs({ video }: SeenStream, afterMs: number): number | undefined {
  // From the end: what is asked for is nearly always young.
  let i = video.length;
  while (i > 0 && (video.atMs[i - 1] ?? 0) > afterMs) i--;
  return video.atMs[i];
}

/** The longest time without a picture since then, up to now. */
export function longestGapMs({ video }: SeenStream, sinceMs: number, nowMs = performance.now()): number {
  const times = [sinceMs, ...video.atMs.filter(at => at > sinceMs && at < nowMs), nowMs];
  return times.reduce((longest, at, i) => (i === 0 ? 0 : Math.max(longest, at - (times[i - 1] ?? at))), 0);
}

/** Pictures and sounds that came since then with a hole in front of them, by how much is missing. */
export function lostFrames({ video, audio }: SeenStream, sinceMs = 0): number {
  return lostOf(video, sinceMs) + lostOf(audio, sinceMs);
}

function lostOf({ atMs, numbers }: SeenTrack, sinceMs: number): number {
  let lost = 0;
  for (let i = 1; i < numbers.length; i++) {
    if ((atMs[i] ?? 0) <= sinceMs) continue;
    lost += Math.max(0, (numbers[i] ?? 0) - (numbers[i - 1] ?? 0) - 1);
  }
  return lost;
}

/** Where in its file the first picture of the connection stands. */
export function startOf({ video }: SeenStream, push: number, fps: number): number | undefined {
  const number = video.numbers[video.pushes.indexOf(push)];
  return number === undefined ? undefined : timeOfVideo(number, fps);
}
