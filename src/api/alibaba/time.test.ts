import { expect, test } from 'vitest';
import { printTime, readTime } from './time.ts';

test('a time reads back what it prints', () => {
  expect(readTime('2026-01-02T03:04:05Z')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
  expect(printTime(Date.UTC(2026, 0, 2, 3, 4, 5, 999))).toBe('2026-01-02T03:04:05Z');
});

test.each([
  ['2026-02-30T00:00:00Z'],
  ['2026-01-02T24:00:00Z'],
  ['2026-01-02T03:04:60Z'],
  ['2026-01-02T03:04:05.000Z'],
  ['2026-01-02T03:04:05+00:00'],
  ['2026-01-02T03:04:05'],
  ['20260102T030405Z'],
  ['2026-01-02T03:04Z'],
  ['1767323045'],
  [''],
])('a time is not read from %j', text => {
  expect(readTime(text)).toBeUndefined();
});
