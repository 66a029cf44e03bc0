import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Neighbours } from '../../test/lab/neighbours.ts';
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

describe('throttles of several nodes', () => {
  const GATHER_MS = 200;
  let neighbours: Neighbours;
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
    neighbours = new Neighbours();
  });
  afterEach(() => vi.useRealTimers());

  const node = (callsPerSecond = 10, topic = 'calls'): RollingThrottle =>
    new RollingThrottle({ callsPerSecond, now: Date.now, shared: { peers: neighbours.move(GATHER_MS), topic } });
  const takeMany = (throttle: RollingThrottle, calls: number): number =>
    Array.from({ length: calls }, () => throttle.take('a', 'list')).filter(waitMs => waitMs === 0).length;

  test('let through no more than one of them would, once they have told each other', () => {
    const [one, other] = [node(), node()];
    expect(takeMany(one, 7)).toBe(7);
    vi.advanceTimersByTime(GATHER_MS);
    expect(takeMany(other, 7)).toBe(3);
    vi.advanceTimersByTime(GATHER_MS);
    expect(takeMany(one, 7)).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(takeMany(one, 7)).toBe(7);
  });

  test('say when each call was made, so that another waits no longer than it has to', () => {
    const [one, other] = [node(1), node(1)];
    one.take('a', 'list');
    vi.advanceTimersByTime(GATHER_MS);
    expect(other.take('a', 'list')).toBe(1_000 - GATHER_MS);
  });

  test('let every call through of who keeps to the limit, whichever nodes they come to', () => {
    const nodes = [node(), node(), node()];
    for (let call = 0; call < 300; call++) {
      const at = nodes[call % 3] ?? node();
      expect(at.take('a', 'list')).toBe(0);
      vi.advanceTimersByTime(100);
    }
  });

  test('let through what the limit allows and a burst at most, however the calls come', () => {
    const nodes = [node(), node(), node()];
    let passed = 0;
    for (let ms = 0; ms < 20_000; ms += 10) {
      for (const at of nodes) passed += takeMany(at, 1);
      vi.advanceTimersByTime(10);
    }
    expect(passed).toBeGreaterThanOrEqual(200);
    expect(passed).toBeLessThanOrEqual(200 + 3 * 10);
  });

  test('count each account, each operation and each dialect by itself', () => {
    const [one, other, huawei] = [node(1), node(1), node(1, 'calls-huawei')];
    one.take('a', 'list');
    vi.advanceTimersByTime(GATHER_MS);
    expect([other.take('b', 'list'), other.take('a', 'create'), huawei.take('a', 'list')]).toEqual([0, 0, 0]);
    expect(other.take('a', 'list')).toBeGreaterThan(0);
  });

  test('say nothing where there is no limit', () => {
    node(0).take('a', 'list');
    vi.advanceTimersByTime(GATHER_MS);
    expect(neighbours.said).toEqual([]);
  });

  test.each([null, 'a list', [], ['a list'], ['a list', '1'], ['a list', -1], ['a list', 1_000], [{}, 1]])(
    'pass over %j, which is no call',
    call => {
      const throttle = node(1);
      neighbours.move().say('calls', [call]);
      expect(throttle.take('a', 'list')).toBe(0);
    },
  );

  test('are not held up for long by a node that tells of calls without end', () => {
    const throttle = node(2);
    const liar = neighbours.move();
    for (let i = 0; i < 100; i++) liar.say('calls', Array(500).fill(['a list', 0]));
    expect(throttle.take('a', 'list')).toBeLessThanOrEqual(11_000);
    expect(throttle.take('b', 'list')).toBe(0);
  });

  test('do not remember names that are longer than any of ours', () => {
    const throttle = node(1);
    const account = 'a'.repeat(1_000);
    neighbours.move().say('calls', [[`${account} list`, 0]]);
    expect(throttle.take(account, 'list')).toBe(0);
  });
});
