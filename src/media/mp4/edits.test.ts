import { describe, expect, it } from 'vitest';
import { Fault } from '../fault.ts';
import { Batch } from '../packet.ts';
import { fragment, movie, u32 } from './box-writer.ts';
import {
  both,
  chance,
  elst,
  FRAME_MS,
  misplaced,
  open,
  play,
  playFromSound,
  REORDERED,
  type Row,
  reordered,
  run,
  SOUND,
  SOUND_MS,
  SOUND_SIZE,
  shown,
  shownAs,
  soundOf,
  VIDEO,
  VIDEO_SIZE,
  videoOf,
} from './numbered-film.ts';

describe('an edit list', () => {
  it('that cuts at key frames plays one stretch behind the other, both tracks cut at the same places', async () => {
    const frames = play(await open(movie(both([800, 400], [1200, 2400], [400, 0]))));
    expect(shown(videoOf(frames))).toEqual([
      ...run(10, 29, 0, FRAME_MS),
      ...run(60, 89, 800, FRAME_MS),
      ...run(0, 9, 2000, FRAME_MS),
    ]);
    expect(shown(soundOf(frames))).toEqual([
      ...run(20, 59, 0, SOUND_MS),
      ...run(120, 179, 800, SOUND_MS),
      ...run(0, 19, 2000, SOUND_MS),
    ]);
    expect(misplaced(frames)).toEqual([]);
  });

  it('that cuts between key frames sends what decoding needs a millisecond apart in front of the cut', async () => {
    const frames = await playFromSound(movie(both([400, 520], [400, 1880])));
    expect(shown(videoOf(frames))).toEqual([
      ...run(10, 12, -3, 1),
      ...run(13, 22, 0, FRAME_MS),
      ...run(40, 46, 393, 1),
      ...run(47, 56, 400, FRAME_MS),
    ]);
    expect(shown(soundOf(frames))).toEqual([...run(26, 45, 0, SOUND_MS), ...run(94, 113, 400, SOUND_MS)]);
    expect(misplaced(frames)).toEqual([]);
  });

  it('that shows a stretch again and again plays it so', async () => {
    const frames = play(await open(movie(both([200, 800], [200, 800], [200, 800]))));
    expect(shown(videoOf(frames))).toEqual([0, 200, 400].flatMap(atMs => run(20, 24, atMs, FRAME_MS)));
    expect(misplaced(frames)).toEqual([]);
  });

  it('with edits that go on where the one before ends is played as one', async () => {
    const frames = play(await open(movie(both([1000, 0], [999, 1000], [2001, 1999]))));
    expect(shown(videoOf(frames))).toEqual(run(0, 99, 0, FRAME_MS));
    expect(misplaced(frames)).toEqual([]);
  });

  it('with empty edits delays what follows, also in the middle', async () => {
    const bytes = movie({
      tracks: [
        { ...VIDEO, elst: elst([120, -1], [400, 0], [200, -1], [400, 800]) },
        { ...SOUND, elst: elst([1120, 0]) },
      ],
    });
    const frames = play(await open(bytes));
    expect(shown(videoOf(frames))).toEqual([...run(0, 9, 120, FRAME_MS), ...run(20, 29, 720, FRAME_MS)]);
    expect(soundOf(frames)).toHaveLength(56);
  });

  it('whose last edit has no duration shows all that is left', async () => {
    const frames = play(await open(movie(both([400, 0], [0, 3200]))));
    expect(shown(videoOf(frames))).toEqual([...run(0, 9, 0, FRAME_MS), ...run(80, 99, 400, FRAME_MS)]);
  });

  it('that holds a picture sends it once, and says so', async () => {
    const item = await open(movie(both([400, 0], [600, 1200, 0], [400, 2000])));
    expect(item.notes).toEqual(['The film holds pictures still, without sound.']);
    const frames = play(item);
    expect(shown(videoOf(frames))).toEqual([...run(0, 9, 0, FRAME_MS), '30@400', ...run(50, 59, 1000, FRAME_MS)]);
    expect(shown(soundOf(frames))).toEqual([...run(0, 19, 0, SOUND_MS), ...run(100, 119, 1000, SOUND_MS)]);
    expect(item.durationMs).toBe(1400);
  });

  it('that asks for another speed says that it is not made', async () => {
    const item = await open(movie(both([400, 0, 2], [400, 2000])));
    expect(item.notes).toEqual(['The film asks for another speed in places, and is played at its usual one.']);
  });

  it('tells the length of the presentation', async () => {
    expect((await open(movie(both([800, 400], [1200, 2400])))).durationMs).toBe(2000);
  });

  it('that begins deep in a long group of pictures begins it at the next key frame', async () => {
    const keys = [1, 401, 451];
    const sizes = Array.from({ length: 500 }, (_, i) => VIDEO_SIZE + i);
    const bytes = movie({ tracks: [{ ...VIDEO, sizes, keys, elst: elst([400, 0], [4000, 15_600]) }] });
    const frames = videoOf(play(await open(bytes)));
    expect(shown(frames)).toEqual([...run(0, 9, 0, FRAME_MS), ...run(400, 489, 800, FRAME_MS)]);
    const none = movie({ tracks: [{ ...VIDEO, sizes, keys, elst: elst([400, 0], [200, 15_000], [400, 16_000]) }] });
    const item = await open(none);
    expect(item.notes).toEqual(["1 of the film's 3 edits have no video that can be played."]);
    expect(shown(videoOf(play(item)))).toEqual([...run(0, 9, 0, FRAME_MS), ...run(400, 409, 600, FRAME_MS)]);
  });

  it('lets the last frames in front of a cut give way where more is to be decoded than fits between two', async () => {
    const keys = [1, 201];
    const sizes = Array.from({ length: 300 }, (_, i) => VIDEO_SIZE + i);
    const bytes = movie({ tracks: [{ ...VIDEO, sizes, keys, elst: elst([400, 8_000], [400, 6_000]) }] });
    const frames = videoOf(play(await open(bytes)));
    // 150 frames take 150 ms, and those of three frames' time are passed over.
    expect(shown(frames)).toEqual([
      ...run(200, 206, 0, FRAME_MS),
      ...run(0, 149, 250, 1),
      ...run(150, 159, 400, FRAME_MS),
    ]);
  });

  it('is made of reordered pictures too: what is shown from a cut on is exact', async () => {
    // From the picture in place 14 on, which is decoded behind one that is shown later.
    const frames = videoOf(
      await playFromSound(
        reordered([
          [320, 600],
          [400, 40],
        ]),
      ),
    );
    expect(misplaced(frames)).toEqual([]);
    const exact = frames
      .filter(({ ptsMs }) => ptsMs >= 0 && ptsMs < 310)
      .map(frame => [shownAs(frame.sample), frame.ptsMs]);
    expect(exact.sort(([, a = 0], [, b = 0]) => a - b)).toEqual(
      Array.from({ length: 8 }, (_, i) => [14 + i, i * FRAME_MS]),
    );
    const lead = frames.filter(({ ptsMs }) => ptsMs < 0);
    expect(lead.map(({ sample }) => shownAs(sample)).sort((a, b) => a - b)).toEqual([10, 11, 12, 13]);
    expect(Math.min(...lead.map(({ ptsMs }) => ptsMs))).toBeGreaterThan(-FRAME_MS);
  });
});

describe('a damaged edit list', () => {
  it('of too many entries is refused', async () => {
    const rows = Array.from({ length: 2_001 }, (): Row => [40, 400]);
    await expect(open(movie(both(...rows)))).rejects.toThrow('"elst" has 2001 entries');
  });

  it('of any numbers ends in a fault or is played, and soon', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = chance(seed);
      const any = (): number => (random() < 0.5 ? Math.floor(random() * 5_000) : Math.floor(random() * 2 ** 32));
      const list = u32(seed % 2 === 0 ? 0x0100_0000 : 0, 1_000, ...Array.from({ length: 5_000 }, any));
      const atMs = performance.now();
      const bytes = movie({
        tracks: [
          { ...REORDERED, elst: list },
          { ...SOUND, elst: list },
        ],
      });
      const batch = new Batch();
      try {
        const item = await open(bytes, seed * 100);
        for (let i = 0; i < 100; i++) item.read(batch, item.startMs + i * 50);
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
      // A tenth of that on a machine that does nothing else.
      expect(performance.now() - atMs).toBeLessThan(5_000);
    }
  });
});

describe('a film in fragments with an edit list', () => {
  const fragments = (track: 'video' | 'audio', eachMs: number, firstSize: number): Buffer[] =>
    Array.from({ length: 10 }, (_, i) => {
      const count = 400 / eachMs;
      const sizes = Array.from({ length: count }, (_, at) => firstSize + i * count + at);
      const id = track === 'video' ? 1 : 2;
      return fragment({ id, kind: track, timeUnits: i * 400, each: eachMs, sizes, keyAt: track === 'video' ? 0 : -1 });
    });
  const film = (...rows: readonly Row[]): Buffer => {
    const head = movie({
      tracks: [
        { ...VIDEO, sizes: [], elst: elst(...rows) },
        { ...SOUND, sizes: [], elst: elst(...rows) },
      ],
      mvex: true,
    });
    const sound = fragments('audio', SOUND_MS, SOUND_SIZE);
    return Buffer.concat([head, ...fragments('video', FRAME_MS, VIDEO_SIZE).flatMap((it, i) => [it, sound[i] ?? it])]);
  };

  it('begins with the key frame before the cut, and so does its sound', async () => {
    const frames = play(await open(film([0, 1480])));
    expect(shown(videoOf(frames))).toEqual(run(30, 99, 0, FRAME_MS));
    expect(shown(soundOf(frames))).toEqual(run(60, 199, 0, SOUND_MS));
  });

  it('begins later with the same times as from the start', async () => {
    const whole = play(await open(film([0, 1480])));
    const item = await open(film([0, 1480]), 900);
    expect(item.startMs).toBe(800);
    expect(play(item)).toEqual(whole.filter(({ dtsMs }) => dtsMs >= 800));
  });

  it('ends where its first edit does, and says that others are not made', async () => {
    const item = await open(film([800, 400], [400, 2_000]));
    expect(item.notes).toEqual(['Of 2 edits of a file in fragments, only the first is made.']);
    expect(shown(videoOf(play(item)))).toEqual(run(10, 29, 0, FRAME_MS));
  });

  it('that is delayed begins later', async () => {
    const frames = play(await open(film([200, -1], [0, 0])));
    expect(shown(videoOf(frames)).slice(0, 2)).toEqual(['0@0', '1@40']);
  });
});
