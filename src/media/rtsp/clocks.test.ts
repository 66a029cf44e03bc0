import { describe, expect, it } from 'vitest';
import { Clocks, type TrackClock } from './clocks.ts';

const TURN = 2 ** 32;
const WALL_MS = 4_000_000_000_000;

/** Clocks by a hand clock. */
function clocks(): { all: Clocks; pass: (ms: number) => void } {
  let nowMs = 1_000;
  return {
    all: new Clocks(() => nowMs),
    pass: ms => {
      nowMs += ms;
    },
  };
}

const at = (clock: TrackClock, timestamp: number): number => clock.msOf(clock.ticksOf(timestamp % TURN));
const report = (clock: TrackClock, wallMs: number, timestamp: number): void =>
  clock.hear({ ssrc: 1, wallMs: WALL_MS + wallMs, timestamp: timestamp % TURN });

describe('the clock of a track', () => {
  it('counts on over 32 bits, at any rate', () => {
    const { all } = clocks();
    const clock = all.add(90_000);
    const first = at(clock, TURN - 9_000);
    expect(at(clock, TURN + 9_000) - first).toBe(200);
    expect(at(clock, TURN - 4_500) - first).toBe(50);
    let ms = first;
    for (let n = 1; n < 40; n++) ms = at(clock, TURN - 9_000 + n * 700_000_000);
    expect(ms - first).toBeCloseTo((39 * 700_000_000) / 90, 3);
  });

  it('hands on a clock that jumps as it is', () => {
    const { all } = clocks();
    const clock = all.add(90_000);
    const first = at(clock, 900_000_000);
    expect(at(clock, 0) - first).toBe(-10_000_000);
  });
});

describe('two tracks', () => {
  it('lie as they come where nothing is told', () => {
    const { all, pass } = clocks();
    const [video, audio] = [all.add(90_000), all.add(48_000)];
    const first = at(video, 7);
    pass(120);
    expect(at(audio, 123_456) - first).toBe(120);
  });

  it('lie where the server says that they begin', () => {
    const { all, pass } = clocks();
    const [video, audio] = [all.add(90_000, 4_000), all.add(48_000, 8_000)];
    const first = at(video, 4_000);
    pass(300);
    expect(at(audio, 8_000 + 4_800) - first).toBe(100);
  });

  it('lie as they come where what the server says cannot be', () => {
    const { all, pass } = clocks();
    const [video, audio] = [all.add(90_000, 0), all.add(48_000, 0)];
    const first = at(video, 3_000_000_000);
    pass(40);
    expect(at(audio, 9_000_000) - first).toBe(40);
  });

  it('lie by the clock on the wall where both have told that in time', () => {
    const { all, pass } = clocks();
    const [video, audio] = [all.add(90_000), all.add(48_000)];
    report(video, 0, 9_000);
    const first = at(video, 9_000);
    report(audio, 500, 48_000);
    pass(10);
    expect(at(audio, 48_000) - first).toBeCloseTo(500);
  });

  it('are put together by the clock on the wall as soon as it is known, and only ever moved ahead', () => {
    const { all, pass } = clocks();
    const [video, audio] = [all.add(90_000), all.add(48_000)];
    const first = at(video, 9_000);
    pass(400);
    const sound = at(audio, 48_000);
    expect(sound - first).toBe(400);
    report(video, 0, 9_000);
    // The sound came 400 ms behind the picture and belongs 100 ms behind it: the picture goes ahead by 300.
    report(audio, 100, 48_000);
    expect(at(audio, 48_000)).toBe(sound);
    expect(at(video, 9_000)).toBeCloseTo(first + 300);
  });

  it('are not put together by clocks that have nothing to do with each other', () => {
    const { all } = clocks();
    const [video, audio] = [all.add(90_000), all.add(48_000)];
    const before = at(video, 0) - at(audio, 0);
    report(video, 0, 0);
    report(audio, 3_600_000, 0);
    expect(at(video, 0) - at(audio, 0)).toBe(before);
  });

  it('are brought together little by little where they drift', () => {
    const { all, pass } = clocks();
    const [video, audio] = [all.add(90_000), all.add(48_000)];
    const apart = (): number => at(video, 0) - at(audio, 0);
    const before = apart();
    pass(60_000);
    report(video, 60_000, 0);
    report(audio, 60_050, 0);
    expect(apart() - before).toBeCloseTo(-2);
    report(audio, 60_050, 0);
    expect(apart() - before).toBeCloseTo(-4);
  });

  it('are put together again after one of them has begun anew', () => {
    const { all, pass } = clocks();
    const [video, audio] = [all.add(90_000), all.add(48_000)];
    at(video, 0);
    at(audio, 0);
    report(video, 0, 0);
    report(audio, 0, 0);
    pass(5_000);
    // The picture's clock jumps, the sound's goes on.
    at(video, 1_800_000_000);
    at(audio, 240_000);
    report(video, 5_000, 1_800_000_000);
    expect(at(video, 1_800_000_000)).toBeCloseTo(at(audio, 240_000), 0);
  });

  it('do not believe a report that is far from the media', () => {
    const { all } = clocks();
    const [video, audio] = [all.add(90_000), all.add(48_000)];
    const before = at(video, 90_000) - at(audio, 48_000);
    report(video, 0, 90_000);
    report(audio, 5_000, 48_000 * 60);
    expect(at(video, 90_000) - at(audio, 48_000)).toBe(before);
  });
});
