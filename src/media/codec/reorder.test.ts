import { expect, it } from 'vitest';
import { avcReorderDepth, hevcReorderDepth } from './reorder.ts';

const unit = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** Of encoders: x264 with two pictures between, x264 with them referred to and an HRD, x265 with and without. */
const MAIN = unit('674d400deca0a0fd80880000030008000003019078a14cb0');
const HIGH_HRD = unit('6764000dacd94141fb0110000003001000000303260200124f000493e930c01e28532c');
const HEVC = unit('42010101600000030090000003000003003ca00a080f16595952930bc05a020000030002000003003210');
const HEVC_NONE = unit('42010101600000030090000003000003003ca00a080f165ba4a4c2f0168080000003008000000c84');

it('reads how deep encoders reorder', () => {
  expect([avcReorderDepth(MAIN), avcReorderDepth(HIGH_HRD)]).toEqual([2, 2]);
  expect([hevcReorderDepth(HEVC), hevcReorderDepth(HEVC_NONE)]).toEqual([2, 0]);
});

/** A sequence parameter set without VUI: its profile, and as bits its picture order type and number of references. */
function plain(profile: number, order: string, references: string): Buffer {
  const bits = `11${order}${references}00000101000001100110010`;
  const bytes = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0').match(/.{8}/g) ?? [];
  return Buffer.from([0x67, profile, 0, 30, ...bytes.map(text => Number.parseInt(text, 2))]);
}

const [ORDER_0, ORDER_2] = ['11', '011'];
const [ONE, FOUR] = ['010', '00101'];

it('knows streams that cannot reorder by what they are', () => {
  expect(avcReorderDepth(plain(66, ORDER_0, FOUR))).toBe(0);
  expect(avcReorderDepth(plain(77, ORDER_2, FOUR))).toBe(0);
  expect(avcReorderDepth(plain(77, ORDER_0, ONE))).toBe(0);
});

it('takes a usual depth where nothing is said of it', () => {
  expect(avcReorderDepth(plain(77, ORDER_0, FOUR))).toBe(2);
});

it('never reads past the end of what is cut short', () => {
  for (const [set, read] of [
    [MAIN, avcReorderDepth],
    [HIGH_HRD, avcReorderDepth],
    [HEVC, hevcReorderDepth],
  ] as const) {
    for (let length = 1; length < set.length; length++) {
      const depth = read(set.subarray(0, length));
      expect(depth === undefined || (depth >= 0 && depth <= 16)).toBe(true);
    }
  }
});
