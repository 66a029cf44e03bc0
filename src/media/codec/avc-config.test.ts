import { expect, it } from 'vitest';
import { avcConfig } from './avc-config.ts';
import { parseAvcConfig } from './h264.ts';

it.each([
  ['High', '01640015ffe1001a67640015acd941e08feb011000000300100000030320f162d96001000668ebe3cb22c0fdf8f800'],
  ['Baseline', '0142c00dffe1000a6742c00dda0507e900f201000468ce3c80'],
])('a record of the %s profile is written as it was read', (_, text) => {
  const record = Buffer.from(text, 'hex');
  const read = parseAvcConfig(record);
  expect(avcConfig(read?.sps ?? [], read?.pps ?? []).toString('hex')).toBe(text);
});
