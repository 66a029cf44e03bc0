import { describe, expect, test } from 'vitest';
import { RollingThrottle } from './throttle.ts';

describe('a throttle', () => {
  function clocked(callsPerSecond: number, capacity?: number) {
    let now = 1_000.25;
    const throttle = new RollingThrottle({ callsPerSecond, now: () => now, ...(capacity ? { capacity } : {}) });
    return {
      take: (account = 'a', operation = 'list') => throttle.take(account, operation),
      pass: (ms: number) => {
        now += ms;
      },
    };
  }

  test('lets so many through, and says how long the next has to wait', () => {
    const { take, pass } = clocked(3);
    expect([take(), take()]).toEqual([0, 0]);
    pass(400);
    expect([take(), take()]).toEqual([0, 600]);
    pass(599);
    expect(take()).toBe(1);
    pass(1);
    expect([take(), take(), take()]).toEqual([0, 0, 400]);
  });

  test('never lets more through in any second, whatever the pattern', () => {
    const { take, pass } = clocked(10);
    const passed: number[] = [];
    for (let at = 0; at < 5_000; at += 7) {
      if (take() === 0) passed.push(at);
      pass(7);
    }
    const most = Math.max(...passed.map(from => passed.filter(at => at >= from && at < from + 1_000).length));
    expect([most, passed.length]).toEqual([10, 50]);
  });

  test('counts each account and each operation by itself, and not the calls it refuses', () => {
    const { take, pass } = clocked(1);
    expect([take('a', 'x'), take('a', 'y'), take('b', 'x')]).toEqual([0, 0, 0]);
    for (let i = 0; i < 9; i++) {
      pass(100);
      expect(take('a', 'x')).toBeGreaterThan(0);
    }
    pass(100);
    expect(take('a', 'x')).toBe(0);
  });

  test('has no limit at 0', () => {
    const { take } = clocked(0);
    expect(Array.from({ length: 1_000 }, () => take()).every(waitMs => waitMs === 0)).toBe(true);
  });

  test('remembers no more accounts than its capacity, and those that call longest', () => {
    const { take } = clocked(2, 2);
    for (const account of ['a', 'b', 'a', 'c']) take(account);
    expect([take('a'), take('b')]).toEqual([1_000, 0]);
  });

  test('bounds the calls of a window of another length where it is told one', () => {
    let now = 0;
    const throttle = new RollingThrottle({ callsPerSecond: 2, windowMs: 60_000, now: () => now });
    expect([throttle.take('a', 'x'), throttle.take('a', 'x'), throttle.take('a', 'x')]).toEqual([0, 0, 60_000]);
    now = 59_999;
    expect(throttle.take('a', 'x')).toBe(1);
    now = 60_000;
    expect(throttle.take('a', 'x')).toBe(0);
  });
});
