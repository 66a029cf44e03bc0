import { describe, expect, it } from 'vitest';
import { DecodingTimes } from './decoding-times.ts';

/** The decoding times for pictures by when they are shown. */
function timesOf(depth: number, shown: readonly number[]): number[] {
  const times = new DecodingTimes(depth);
  return shown.map(ms => times.of(ms));
}

const rises = (times: readonly number[]): boolean => times.every((ms, i) => i === 0 || ms > (times[i - 1] ?? 0));

/** I P B B P B B in decoding order, 40 ms apart. */
const ONE_DEEP = [1000, 1120, 1040, 1080, 1240, 1160, 1200, 1360, 1280, 1320];
/** The same with a picture between that others refer to. */
const TWO_DEEP = [1000, 1160, 1080, 1040, 1120, 1320, 1240, 1200, 1280];

describe('decoding times', () => {
  it('are when pictures are shown where none is reordered', () => {
    expect(timesOf(0, [1000, 1040, 1080, 1133])).toEqual([1000, 1040, 1080, 1133]);
  });

  it('are the times of showing, in order and as late as the decoder must wait', () => {
    expect(timesOf(1, ONE_DEEP)).toEqual([960, 1000, 1040, 1080, 1120, 1160, 1200, 1240, 1280, 1320]);
    expect(timesOf(2, TWO_DEEP)).toEqual([920, 960, 1000, 1040, 1080, 1120, 1160, 1200, 1240]);
  });

  it('are never behind the showing where the depth is as told', () => {
    for (const [depth, shown] of [
      [1, ONE_DEEP],
      [2, TWO_DEEP],
    ] as const) {
      const times = timesOf(depth, shown);
      expect(rises(times) && times.every((ms, i) => ms <= (shown[i] ?? 0))).toBe(true);
    }
  });

  it('rise, and settle, where pictures are reordered deeper than was told', () => {
    const shown = Array.from({ length: 10 }, (_, n) => TWO_DEEP.slice(1).map(ms => ms + n * 320)).flat();
    const times = timesOf(0, [1000, ...shown]);
    expect(rises(times)).toBe(true);
    expect(times.slice(9).every((ms, i) => ms <= (shown[i + 8] ?? 0))).toBe(true);
  });

  it('go on rising, in small steps, where pictures all have one time', () => {
    expect(timesOf(0, [1000, 1000, 1000, 1000, 1040])).toEqual([1000, 1001, 1002, 1003, 1040]);
  });

  it('begin anew where the clock does', () => {
    expect(timesOf(1, [9_000_000, 9_000_040, 500, 540])).toEqual([8_999_960, 9_000_000, 460, 500]);
    expect(timesOf(1, [1000, 1040, 90_000, 90_040])).toEqual([960, 1000, 89_960, 90_000]);
  });

  it('leave out what was left out', () => {
    const times = new DecodingTimes(1);
    for (const ms of ONE_DEEP.slice(0, 5)) times.of(ms);
    times.reset();
    expect([5000, 5120, 5040].map(ms => times.of(ms))).toEqual([4960, 5000, 5040]);
  });
});
