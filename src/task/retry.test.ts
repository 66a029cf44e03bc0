import { describe, expect, it } from 'vitest';
import { backoffMs } from './retry.ts';

const ALMOST_1 = 1 - 2 ** -53;

describe('backoffMs', () => {
  it('waits little enough before the first retry that it is made half a second after the loss, once that is seen', () => {
    expect([backoffMs(1, 0), backoffMs(1, ALMOST_1)]).toEqual([250, 400]);
  });

  it('doubles from try to try', () => {
    expect([2, 3, 4].map(attempt => backoffMs(attempt, 0))).toEqual([500, 1000, 2000]);
  });

  it('never waits longer than the cap, however often it was tried', () => {
    expect([6, 7, 100, 5000].map(attempt => backoffMs(attempt, ALMOST_1))).toEqual([10_000, 10_000, 10_000, 10_000]);
  });

  it('is never hot, whatever it is asked for', () => {
    expect(backoffMs(1, 0, { baseMs: 1, capMs: 10 })).toBe(250);
    expect(backoffMs(0, 0, { baseMs: 250, capMs: 1000 })).toBe(250);
  });
});
