import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SharedThrottle, type Talk } from './shared-throttle.ts';
import { RollingThrottle } from './throttle.ts';

/** Everybody hears what the others say. */
class Room {
  readonly #ears = new Map<string, { readonly talk: Talk; readonly hearing: (message: unknown) => void }[]>();
  readonly said: unknown[] = [];

  talk(): Talk {
    const talk: Talk = {
      say: (topic, message) => {
        this.said.push(message);
        for (const ear of this.#ears.get(topic) ?? []) if (ear.talk !== talk) ear.hearing(message);
      },
      hear: (topic, hearing) => {
        const ears = this.#ears.get(topic) ?? [];
        this.#ears.set(topic, [...ears, { talk, hearing }]);
        return () => this.#ears.set(topic, []);
      },
    };
    return talk;
  }
}

describe('throttles of several nodes', () => {
  let room: Room;
  let open: SharedThrottle[];
  beforeEach(() => {
    vi.useFakeTimers({ now: 10_000 });
    room = new Room();
    open = [];
  });
  afterEach(() => {
    for (const throttle of open) throttle.close();
    vi.useRealTimers();
  });

  function node(callsPerSecond = 10, name = 'native'): SharedThrottle {
    const own = new RollingThrottle({ callsPerSecond, now: Date.now });
    const throttle = new SharedThrottle({ name, own, talk: room.talk() });
    open.push(throttle);
    return throttle;
  }
  const takeMany = (throttle: SharedThrottle, calls: number): number =>
    Array.from({ length: calls }, () => throttle.take('a', 'list')).filter(waitMs => waitMs === 0).length;

  it('let through no more than one of them would, once they have told each other', () => {
    const [one, other] = [node(), node()];
    expect(takeMany(one, 7)).toBe(7);
    vi.advanceTimersByTime(200);
    expect(takeMany(other, 7)).toBe(3);
    vi.advanceTimersByTime(200);
    expect(takeMany(one, 7)).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(takeMany(one, 7)).toBe(7);
  });

  it('hold a steady stream of calls to the limit, whichever node they come to', () => {
    const nodes = [node(), node(), node()];
    let passed = 0;
    for (let call = 0; call < 1_000; call++) {
      passed += takeMany(nodes[call % 3] ?? node(), 1);
      vi.advanceTimersByTime(10);
    }
    expect(passed).toBeGreaterThanOrEqual(90);
    expect(passed).toBeLessThanOrEqual(180);
  });

  it('count each account, each operation and each dialect by itself', () => {
    const [one, other, huawei] = [node(1), node(1), node(1, 'huawei')];
    expect(one.take('a', 'list')).toBe(0);
    vi.advanceTimersByTime(200);
    expect([other.take('b', 'list'), other.take('a', 'create'), huawei.take('a', 'list')]).toEqual([0, 0, 0]);
    expect(other.take('a', 'list')).toBeGreaterThan(0);
  });

  it('say nothing while nobody calls', () => {
    node();
    vi.advanceTimersByTime(2_000);
    expect(room.said).toEqual([]);
  });

  it('pass over what they do not understand, and take what is new beside it', () => {
    const throttle = node(2);
    const other = room.talk();
    for (const message of [null, 'passed', {}, { passed: 1 }, { passed: [null, ['a list'], [1, 2], ['a list', 'x']] }])
      other.say('calls-native', message);
    expect(takeMany(throttle, 3)).toBe(2);
    vi.advanceTimersByTime(1_000);
    other.say('calls-native', { passed: [['a list', 1e15, 'more']], weather: 'fine' });
    expect(takeMany(throttle, 3)).toBe(0);
  });
});
