import { describe, expect, test } from 'vitest';
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
