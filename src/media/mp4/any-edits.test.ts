import { describe, expect, it } from 'vitest';
import { movie } from './box-writer.ts';
import {
  chance,
  elst,
  type Frame,
  GOP,
  mediaMs,
  misplaced,
  open,
  play,
  playFromSound,
  REORDERED,
  type Row,
  SOUND,
  SOUND_MS,
  soundOf,
  VIDEO,
  videoOf,
} from './numbered-film.ts';

/** Up to eight edits anywhere in the film, some of them empty, none of them about where the one before ended. */
function randomRows(random: () => number): Row[] {
  let endMs = 0;
  return Array.from({ length: 1 + Math.floor(random() * 8) }, (_, i) => {
    const durationMs = 60 + Math.floor(random() * 900);
    const mediaAt = 200 + Math.floor(random() * 2800);
    if (i > 0 && (random() < 0.15 || Math.abs(mediaAt - endMs) < 5)) return [durationMs, -1];
    endMs = mediaAt + durationMs;
    return [durationMs, mediaAt];
  });
}

/** What the standard wants shown: of each edit the samples whose time lies inside. */
function wanted(rows: readonly Row[], timeOf: (sample: number) => number, samples: number) {
  const list: { readonly sample: number; readonly atMs: number; readonly leftMs: number }[] = [];
  let fromMs = 0;
  for (const [durationMs, mediaAt] of rows) {
    for (let sample = 0; sample < samples && mediaAt >= 0; sample++) {
      const inside = timeOf(sample) - mediaAt;
      if (inside >= 0 && inside < durationMs) list.push({ sample, atMs: fromMs + inside, leftMs: durationMs - inside });
    }
    fromMs += durationMs;
  }
  return list;
}

/** How far a piece of sound is from where the edit it is heard in wants it. */
function besideMs({ sample, ptsMs }: Pick<Frame, 'sample' | 'ptsMs'>, rows: readonly Row[]): number {
  let fromMs = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [durationMs, mediaAt] of rows) {
    const middle = ptsMs + SOUND_MS / 2 - fromMs;
    const beside = Math.abs(ptsMs - fromMs - (sample * SOUND_MS - mediaAt));
    // At a cut it may belong to either side.
    if (middle >= -1 && middle <= durationMs + 1) least = Math.min(least, beside);
    fromMs += durationMs;
  }
  return least;
}

describe('any edit list', () => {
  const runs = Array.from({ length: 200 }, (_, seed) => randomRows(chance(seed + 1)));

  it('shows every picture at its time, but for the last ones in front of what is decoded in advance', async () => {
    for (const [seed, rows] of runs.entries()) {
      const all = await playFromSound(movie({ tracks: [{ ...REORDERED, elst: elst(...rows) }, SOUND] }));
      expect(misplaced(all)).toEqual([]);
      const frames = videoOf(all);
      const list = wanted(rows, mediaMs, 100);
      const missed = list.filter(({ sample, atMs }) => {
        return !frames.some(frame => frame.sample === sample && Math.abs(frame.ptsMs - atMs) <= 1);
      });
      expect(
        missed.filter(({ leftMs }) => leftMs > GOP + 3),
        `seed ${seed}: ${JSON.stringify(rows)}`,
      ).toEqual([]);
      const extra = frames.length - list.length + missed.length;
      // In front of a cut no more than a group of pictures, and behind it two that others need.
      expect(extra).toBeLessThanOrEqual(rows.length * (GOP + 2));
    }
  });

  it('plays sound without a gap, half a frame beside its time at the most', async () => {
    for (const [seed, rows] of runs.entries()) {
      const all = play(await open(movie({ tracks: [VIDEO, { ...SOUND, elst: elst(...rows) }] })));
      const zeroMs = videoOf(all)[0]?.ptsMs ?? 0;
      const frames = soundOf(all).map(({ sample, ptsMs }) => ({ sample, ptsMs: ptsMs - zeroMs }));
      expect(Math.max(...frames.map(frame => besideMs(frame, rows))), `seed ${seed}`).toBeLessThanOrEqual(
        SOUND_MS / 2 + 1,
      );
      const steps = frames.slice(1).map(({ ptsMs }, i) => ptsMs - (frames[i]?.ptsMs ?? 0));
      const holes = rows.filter(([, mediaAt]) => mediaAt < 0).length;
      expect(steps.filter(ms => Math.abs(ms - SOUND_MS) > 1).length, `seed ${seed}`).toBeLessThanOrEqual(holes);
    }
  });

  it('begins at any time with the last key frame before it, and goes on as from the start', async () => {
    for (const rows of runs.slice(0, 40)) {
      const bytes = movie({
        tracks: [
          { ...REORDERED, elst: elst(...rows) },
          { ...SOUND, elst: elst(...rows) },
        ],
      });
      const whole = play(await open(bytes));
      const keys = videoOf(whole).filter(({ key }) => key);
      for (let startMs = 1; startMs < (whole.at(-1)?.dtsMs ?? 0); startMs += 173) {
        const item = await open(bytes, startMs);
        const begin = keys.findLast(({ dtsMs }) => dtsMs <= startMs) ?? keys[0];
        const beginMs = begin?.dtsMs ?? 0;
        expect(item.startMs, `${startMs} in ${JSON.stringify(rows)}`).toBe(beginMs);
        expect(play(item)).toEqual(whole.filter(({ dtsMs }) => dtsMs >= beginMs));
      }
    }
  });
});
