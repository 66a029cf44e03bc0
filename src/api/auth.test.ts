import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Neighbours } from '../../test/lab/neighbours.ts';
import { headerValues, Lockout, sameText } from './auth.ts';
import { readTarget } from './target.ts';

describe('a lockout', () => {
  function clocked(capacity = 100) {
    let now = 0;
    const lockout = new Lockout({ limit: 2, lockMs: 1000, capacity, now: () => now });
    return {
      lockout,
      pass: (ms: number) => {
        now += ms;
      },
    };
  }

  test('begins with the failure after the limit, for that key alone, and ends by itself', () => {
    const { lockout, pass } = clocked();
    for (let i = 0; i < 2; i++) lockout.failed('a');
    expect(lockout.isLocked('a')).toBe(false);
    lockout.failed('a');
    expect(lockout.isLocked('a')).toBe(true);
    expect(lockout.isLocked('b')).toBe(false);
    pass(1000);
    expect(lockout.isLocked('a')).toBe(false);
    lockout.failed('a');
    expect(lockout.isLocked('a')).toBe(false);
  });

  test('forgets failures at a success, and when they are far apart', () => {
    const { lockout, pass } = clocked();
    for (let i = 0; i < 10; i++) {
      lockout.failed('a');
      if (i % 2 === 0) lockout.succeeded('a');
      else pass(1001);
    }
    expect(lockout.isLocked('a')).toBe(false);
  });

  test('remembers no more keys than its capacity', () => {
    const { lockout } = clocked(2);
    for (let i = 0; i < 3; i++) lockout.failed('a');
    lockout.failed('b');
    expect(lockout.isLocked('a')).toBe(true);
    lockout.failed('c');
    expect(lockout.isLocked('a')).toBe(false);
  });
});

describe('a lockout while it lasts', () => {
  test('is not ended by a failure that was on its way when it began', () => {
    const lockout = new Lockout({ limit: 2, now: () => 0 });
    for (let i = 0; i < 4; i++) lockout.failed('a');
    expect(lockout.isLocked('a')).toBe(true);
  });
});

describe('lockouts of several nodes', () => {
  function nodes() {
    const neighbours = new Neighbours();
    let now = 0;
    const node = (topic = 'failures') =>
      new Lockout({ limit: 2, lockMs: 1_000, now: () => now, topic, peers: neighbours.move() });
    return {
      neighbours,
      ...{ one: node(), other: node(), huawei: node('failures-huawei') },
      pass: (ms: number) => {
        now += ms;
      },
    };
  }

  test('count failures wherever they happen', () => {
    const { one, other } = nodes();
    one.failed('a');
    other.failed('a');
    expect([one.isLocked('a'), other.isLocked('a')]).toEqual([false, false]);
    one.failed('a');
    expect([one.isLocked('a'), other.isLocked('a'), other.isLocked('b')]).toEqual([true, true, false]);
  });

  test('end by themselves everywhere', () => {
    const { one, other, pass } = nodes();
    for (let i = 0; i < 3; i++) one.failed('a');
    pass(1_000);
    expect([one.isLocked('a'), other.isLocked('a')]).toEqual([false, false]);
  });

  test('forget failures at a success, wherever it happens', () => {
    const { one, other } = nodes();
    for (let i = 0; i < 10; i++) {
      one.failed('a');
      other.failed('a');
      other.succeeded('a');
    }
    expect([one.isLocked('a'), other.isLocked('a')]).toEqual([false, false]);
  });

  test('do not lock out who is refused at one node and gets in at the other between times', () => {
    const { one, other, pass } = nodes();
    for (let i = 0; i < 10; i++) {
      other.succeeded('a');
      pass(100);
      one.failed('a');
    }
    expect([one.isLocked('a'), other.isLocked('a')]).toEqual([false, false]);
    pass(1_000);
    for (let i = 0; i < 3; i++) one.failed('a');
    expect([one.isLocked('a'), other.isLocked('a')]).toEqual([true, true]);
  });

  describe('that hear each other first', () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    const patient = () => {
      const neighbours = new Neighbours();
      const node = () =>
        new Lockout({ limit: 2, now: Date.now, topic: 'failures', peers: neighbours.move(200), hearsPeers: true });
      return { one: node(), other: node() };
    };

    test('lock nobody out who gets in at the other node, however quickly he calls', () => {
      const { one, other } = patient();
      for (let i = 0; i < 500; i++) {
        one.failed('a');
        vi.advanceTimersByTime(5);
        other.succeeded('a');
        expect([one.isLocked('a'), other.isLocked('a')]).toEqual([false, false]);
      }
    });

    test('lock him out half a second later who gets in nowhere, though he goes on trying', () => {
      const { one, other } = patient();
      for (let i = 0; i < 120; i++) {
        one.failed('a');
        vi.advanceTimersByTime(5);
      }
      expect([one.isLocked('a'), other.isLocked('a')]).toEqual([true, false]);
      vi.advanceTimersByTime(400);
      expect([one.isLocked('a'), other.isLocked('a')]).toEqual([true, true]);
    });
  });

  test('say nothing of who has never failed', () => {
    const { neighbours, one } = nodes();
    one.succeeded('a');
    expect(neighbours.said).toEqual([]);
  });

  test('of different kinds have nothing to do with each other', () => {
    const { one, huawei } = nodes();
    for (let i = 0; i < 3; i++) one.failed('a');
    expect(huawei.isLocked('a')).toBe(false);
  });

  test.each([null, 'a', [], ['a'], ['a', 'true'], ['a', 1], [1, true], [{ a: 1 }, true]])(
    'pass over %j, which is no try',
    tried => {
      const { one, neighbours } = nodes();
      for (let i = 0; i < 3; i++) neighbours.move().say('failures', [tried]);
      expect(one.isLocked('a')).toBe(false);
    },
  );

  test('are opened by nobody who says that the key was right elsewhere', () => {
    const { one, neighbours } = nodes();
    for (let i = 0; i < 3; i++) one.failed('a');
    neighbours.move().say('failures', [['a', false]]);
    expect(one.isLocked('a')).toBe(true);
  });

  test('tell a digest of keys that are longer than any of ours, and remember no longer ones', () => {
    const { one, other, neighbours } = nodes();
    const long = 'a'.repeat(30_000);
    for (let i = 0; i < 3; i++) one.failed(long);
    expect([one.isLocked(long), other.isLocked(long), other.isLocked(`${long}b`)]).toEqual([true, true, false]);
    expect(JSON.stringify(neighbours.said).length).toBeLessThan(1_000);
    const longer = 'b'.repeat(513);
    for (let i = 0; i < 3; i++) neighbours.move().say('failures', [[longer, true]]);
    expect(other.isLocked(longer)).toBe(false);
  });
});

describe('a request target', () => {
  test('is decoded once, with + as a blank in the query alone', () => {
    expect(readTarget('/a+b/%2F/%2541?x=a+b%2B&y&=z')).toEqual({
      segments: ['', 'a+b', '/', '%41'],
      query: [
        ['x', 'a b+'],
        ['y', ''],
        ['', 'z'],
      ],
    });
  });

  test.each(['', '*', 'http://host/path', '/%', '/a?%ff', '/%c0%af'])('is not read from %j', raw => {
    expect(readTarget(raw)).toBeUndefined();
  });
});

test('header values are found by any case, in order', () => {
  expect(headerValues(['X-A', '1', 'host', 'h', 'x-a', '2'], 'x-a')).toEqual(['1', '2']);
});

test('texts are the same only when they are', () => {
  expect([sameText('ab', 'ab'), sameText('ab', 'ac'), sameText('ab', 'abc'), sameText('é', 'e')]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
