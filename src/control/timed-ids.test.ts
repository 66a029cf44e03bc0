import { expect, it } from 'vitest';
import { timedIds } from './timed-ids.ts';

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const zeroes = (size: number): Uint8Array => new Uint8Array(size);

it('makes UUIDs of version 7 that begin with the time', () => {
  const newId = timedIds({ now: () => 0x0123_4567_89ab, randomBytes: size => new Uint8Array(size).fill(0xff) });
  expect(newId()).toBe('01234567-89ab-7000-bfff-ffffffffffff');
  expect(newId()).toMatch(UUID_7);
});

it('sorts them as they were made: in one millisecond, in more than it has room for, and when the clock goes back', () => {
  let now = 1_800_000_000_000;
  const newId = timedIds({ now: () => now, randomBytes: zeroes });
  const ids = Array.from({ length: 10_000 }, newId);
  now -= 3_600_000;
  ids.push(newId(), newId());
  now += 7_200_000;
  ids.push(newId());
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
});
