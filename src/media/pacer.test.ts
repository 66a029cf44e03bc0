import { expect, it } from 'vitest';
import { Pacer } from './pacer.ts';

it('lets a burst pass, then holds a source that runs faster than life', () => {
  const pacer = new Pacer({ burstMs: 10_000, catchUp: 1 });
  pacer.advance(0, 0);
  pacer.advance(9_000, 0);
  expect(pacer.waitMs(0)).toBe(0);
  pacer.advance(15_000, 0);
  expect(pacer.waitMs(0)).toBe(5_000);
  expect(pacer.waitMs(5_000)).toBe(0);
});

it('never holds a source whose clock drifts, over a week', () => {
  const pacer = new Pacer();
  const drift = 1.001;
  for (let nowMs = 0; nowMs < 7 * 86_400_000; nowMs += 10_000) {
    pacer.advance(nowMs * drift, nowMs);
    expect(pacer.waitMs(nowMs)).toBe(0);
  }
});

it('asks for little at a time once it is about to hold', () => {
  const pacer = new Pacer({ burstMs: 10_000, catchUp: 1 });
  pacer.advance(0, 0);
  pacer.advance(8_900, 0);
  expect(pacer.isNear(0)).toBe(false);
  pacer.advance(9_100, 0);
  expect([pacer.isNear(0), pacer.isNear(200)]).toEqual([true, false]);
});
