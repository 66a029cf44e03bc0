import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { freeBehind } from './spent.ts';

it('frees bytes behind the code that runs, which may still read them', async () => {
  const bytes = Buffer.allocUnsafeSlow(100).fill(7);
  freeBehind(bytes);
  freeBehind(bytes);
  expect(bytes[99]).toBe(7);
  await setImmediate();
  expect(bytes).toHaveLength(0);
});

it('leaves bytes alone that are part of more', async () => {
  const whole = Buffer.allocUnsafeSlow(100).fill(7);
  freeBehind(whole.subarray(10));
  await setImmediate();
  expect(whole[99]).toBe(7);
});
