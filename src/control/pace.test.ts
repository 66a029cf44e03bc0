import { describe, expect, it } from 'vitest';
import { mostTries, readRetryAfter, timeoutOf, waitAfter } from './pace.ts';

const NOON = Date.UTC(2027, 4, 5, 12);
const HOUR_S = 3600;
const DAY_MS = 24 * HOUR_S * 1000;
const COMMON_S = [5, 30, 120, 600, HOUR_S, 4 * HOUR_S, 12 * HOUR_S, 24 * HOUR_S, 24 * HOUR_S];

type Dialect = Parameters<typeof mostTries>[0];
const wait = (attempts: number, change: { dialect?: Dialect; retryAfterMs?: number; random?: number } = {}) =>
  waitAfter({ dialect: 'huawei', attempts, retryAfterMs: 0, random: 0.5, ...change });

describe('the schedule', () => {
  it.each([
    ['huawei', COMMON_S],
    ['native', COMMON_S],
    ['alibaba', [1, 1, 1, 1, 1, ...COMMON_S]],
  ] as const)('C2: of %s is the documented one', (dialect, gapsS) => {
    const gaps = gapsS.map((_, at) => (wait(at + 1, { dialect }) ?? 0) / 1000);
    expect(gaps).toEqual(gapsS);
    expect(wait(gapsS.length + 1, { dialect })).toBeUndefined();
    expect(mostTries(dialect)).toBe(gapsS.length + 1);
  });

  it('spreads each gap by a fifth, so that those that failed together do not come back together', () => {
    expect([0, 0.5, 0.999_999].map(random => wait(4, { random }))).toEqual([480_000, 600_000, 720_000]);
  });

  it('waits 15 s for a receiver, and 5 s for one of the Alibaba dialect', () => {
    expect([timeoutOf('huawei'), timeoutOf('native'), timeoutOf('alibaba')]).toEqual([15_000, 15_000, 5_000]);
  });
});

describe('what a receiver asks for', () => {
  it.each([
    ['seconds', '120', 120_000],
    ['no time', '0', 0],
    ['more than a day', '1000000000000', DAY_MS],
    ['a number without end', '9'.repeat(400), DAY_MS],
    ['a date', 'Wed, 05 May 2027 12:01:00 GMT', 60_000],
    ['a date long ago', 'Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['a date far ahead', 'Sat, 01 Jan 2050 00:00:00 GMT', DAY_MS],
    ['less than nothing', '-5', 0],
    ['a fraction', '1.5', 0],
    ['a date of another make', '2027-05-05T13:00:00Z', 0],
    ['words', 'soon', 0],
    ['nothing', '', 0],
    ['no header at all', undefined, 0],
  ])('C2: %s is read as it is meant', (_, header, ms) => {
    expect(readRetryAfter(header, NOON)).toBe(ms);
  });

  it('C2: makes a gap longer and never shorter', () => {
    expect(wait(1, { retryAfterMs: 90_000 })).toBe(90_000);
    expect(wait(2, { retryAfterMs: 1_000 })).toBe(30_000);
    expect(wait(1, { retryAfterMs: 10 * DAY_MS })).toBe(DAY_MS);
  });

  it('adds no try to the schedule', () => {
    expect(wait(10, { retryAfterMs: 1_000 })).toBeUndefined();
  });
});
