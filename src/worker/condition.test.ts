import { expect, it } from 'vitest';
import { Condition } from './condition.ts';

const condition = () => new Condition({ setAfterMs: 3_000, clearAfterMs: 2_000 });

/** Looks once a second: `x` wrong, `.` well, `?` unknown; answers the seconds at which it was raised (+) or over (-). */
function looks(seen: string, one = condition()): string[] {
  return [...seen].flatMap((sight, second) => {
    const nowMs = second * 1_000;
    if (sight === '?') one.unknown();
    else if (sight === 'x') return one.wrong('because', nowMs) ? `+${second}` : [];
    else if (one.well(nowMs)) return `-${second}`;
    return [];
  });
}

it('is raised when it has been wrong for long enough, once', () => {
  expect(looks('..xxxxxxxx')).toEqual(['+5']);
});

it('is not raised by what passes', () => {
  expect(looks('xxx.xxx.xxx.')).toEqual([]);
});

it('is over when it has been well for long enough, once', () => {
  expect(looks('xxxx.......')).toEqual(['+3', '-6']);
});

it('is not over while it flaps', () => {
  expect(looks('xxxx..x..x..x...')).toEqual(['+3', '-15']);
});

it('is not raised again within a minute, and then at once where it lasts', () => {
  expect(looks(`xxxx....${'x'.repeat(60)}`)).toEqual(['+3', '-6', '+63']);
});

it('does not count on what cannot be seen, and stays as it was told meanwhile', () => {
  expect(looks('xx?xx?xxx')).toEqual([]);
  expect(looks('xxxx.?.?.?...')).toEqual(['+3', '-12']);
});

it('knows why', () => {
  const one = condition();
  one.wrong('it is slow', 0);
  one.wrong('it is slower', 3_000);
  expect([one.isSet, one.reason]).toEqual([true, 'it is slower']);
});
