import { expect, it } from 'vitest';
import { loadBetween } from './load.ts';

const told = (atMs: number, cpuMs: number) => ({ atMs, cpuMs, rssBytes: 50_000_000, lagMs: 3 });

it('is what was used of a core since it was told before', () => {
  expect(loadBetween(told(1_000, 400), told(2_000, 650))).toEqual({ cpu: 0.25, rssBytes: 50_000_000, lagMs: 3 });
});

it('is not known before it was told twice', () => {
  expect(loadBetween(undefined, told(1_000, 400)).cpu).toBeUndefined();
});

it('is not known of two moments that are one', () => {
  expect(loadBetween(told(1_000, 400), told(1_050, 401)).cpu).toBeUndefined();
});
