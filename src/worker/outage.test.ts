import { describe, expect, it } from 'vitest';
import type { RunRetry } from './channel.ts';
import { Outage } from './outage.ts';

const START_MS = 5_000;
const MINUTE = 60_000;
const eager: RunRetry = { count: 2, intervalMs: MINUTE, eager: true };
const plain: RunRetry = { ...eager, eager: false };

/** When each try begins, counted from the start, if every one fails at once; the last entry is when it is given up. */
function triesOf(outage: Outage, policy: RunRetry, backoffMs: (attempt: number) => number): number[] {
  const tries: number[] = [];
  for (let nowMs = START_MS, attempt = 1; ; attempt++) {
    const waitMs = outage.waitMs(policy, { nowMs, backoffMs: backoffMs(attempt) });
    if (waitMs === undefined) return tries;
    nowMs += waitMs;
    tries.push(nowMs - START_MS);
  }
}

describe('an outage', () => {
  it('has no end to its tries where none are counted', () => {
    const outage = new Outage(START_MS);
    for (let nowMs = START_MS; nowMs < 100 * MINUTE; nowMs += MINUTE) {
      expect(outage.waitMs(undefined, { nowMs, backoffMs: 777 })).toBe(777);
    }
  });

  it.each([
    [0, []],
    [1, [MINUTE]],
    [3, [MINUTE, 2 * MINUTE, 3 * MINUTE]],
  ])('has exactly the %s counted tries, an interval apart, where nothing is tried between', (count, tries) => {
    expect(triesOf(new Outage(START_MS), { ...plain, count }, () => 500)).toEqual(tries);
  });

  it('has the usual tries between the counted ones, which stay where they are', () => {
    const tries = triesOf(
      new Outage(START_MS),
      eager,
      attempt => [10_000, 45_000, 30_000, 50_000][attempt - 1] ?? 90_000,
    );
    expect(tries).toEqual([10_000, 55_000, MINUTE, 110_000, 2 * MINUTE]);
  });

  it('counts no try where the policy says none, and is over at once', () => {
    expect(triesOf(new Outage(START_MS), { ...eager, count: 0 }, () => 500)).toEqual([]);
  });

  it('begins with the first failure behind media that flowed', () => {
    const outage = new Outage(START_MS);
    outage.end();
    const nowMs = START_MS + 10 * MINUTE;
    expect(outage.waitMs(plain, { nowMs, backoffMs: 500 })).toBe(MINUTE);
    expect(outage.waitMs(plain, { nowMs: nowMs + MINUTE, backoffMs: 500 })).toBe(MINUTE);
    expect(outage.waitMs(plain, { nowMs: nowMs + 2 * MINUTE, backoffMs: 500 })).toBeUndefined();
  });

  it('takes a side that fails while a try is awaited for the same try', () => {
    const outage = new Outage(START_MS);
    expect(outage.waitMs({ ...plain, count: 1 }, { nowMs: START_MS, backoffMs: 500 })).toBe(MINUTE);
    expect(outage.waitMs({ ...plain, count: 1 }, { nowMs: START_MS + 1_000, backoffMs: 500 })).toBe(59_000);
    expect(outage.waitMs({ ...eager, count: 1 }, { nowMs: START_MS + 1_000, backoffMs: 500 })).toBe(500);
    expect(outage.waitMs({ ...plain, count: 1 }, { nowMs: START_MS + MINUTE, backoffMs: 500 })).toBeUndefined();
  });

  it('does not take a timer that is a little early for another try', () => {
    const outage = new Outage(START_MS);
    outage.waitMs({ ...plain, count: 1 }, { nowMs: START_MS, backoffMs: 500 });
    expect(outage.waitMs({ ...plain, count: 1 }, { nowMs: START_MS + MINUTE - 1, backoffMs: 500 })).toBeUndefined();
  });

  it('makes every counted try, however late, with a pause before it', () => {
    const outage = new Outage(START_MS);
    const late = START_MS + 10 * MINUTE;
    expect(outage.waitMs(plain, { nowMs: late, backoffMs: 500 })).toBe(250);
    expect(outage.waitMs(plain, { nowMs: late + 250, backoffMs: 500 })).toBe(250);
    expect(outage.waitMs(plain, { nowMs: late + 500, backoffMs: 500 })).toBeUndefined();
  });

  it('counts anew where something else is tried, from then on', () => {
    const outage = new Outage(START_MS);
    outage.waitMs(plain, { nowMs: START_MS, backoffMs: 500 });
    outage.waitMs(plain, { nowMs: START_MS + MINUTE, backoffMs: 500 });
    outage.startOver(START_MS + 90_000);
    expect(outage.waitMs(plain, { nowMs: START_MS + 91_000, backoffMs: 500 })).toBe(59_000);
  });

  it('does not begin because something else is tried while media flows', () => {
    const outage = new Outage(START_MS);
    outage.end();
    outage.startOver(START_MS + 1_000);
    expect(outage.waitMs(plain, { nowMs: START_MS + 5_000, backoffMs: 500 })).toBe(MINUTE);
  });
});
