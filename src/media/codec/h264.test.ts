import { describe, expect, it } from 'vitest';
import { parseAvcConfig, parseSps, profileAndLevel } from './h264.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const SPS_720 = hex('6764001facd9405005bb011000000300100000030320f1831960');
const SPS_1080_FIELDS = hex('674d4028eca03c0227ef011000000300100000030321f162d960');
const RECORD_270 = hex(
  '01640015ffe1001a67640015acd941e08feb011000000300100000030320f162d96001000668ebe3cb22c0fdf8f800',
);

/** A Baseline 3.0 SPS with the given codes for width and height. */
function baseline(width: string, height: string): Buffer {
  const bits = `11111 0 ${width} ${height} 1 1 0 1`.replaceAll(' ', '');
  const bytes = bits.match(/.{1,8}/g) ?? [];
  return Buffer.from([0x67, 66, 0, 30, ...bytes.map(byte => Number.parseInt(byte.padEnd(8, '0'), 2))]);
}

describe('parseSps', () => {
  it('reads size, profile and level', () => {
    const picture = parseSps(SPS_720);
    expect(picture).toMatchObject({ width: 1280, height: 720, profileIdc: 100, levelIdc: 31 });
    expect(picture && profileAndLevel(picture)).toBe('High@3.1');
  });

  it('counts field pictures twice and takes the cropping off', () => {
    const picture = parseSps(SPS_1080_FIELDS);
    expect(picture).toMatchObject({ width: 1920, height: 1080 });
    expect(picture && profileAndLevel(picture)).toBe('Main@4');
  });

  it('answers undefined for a unit that is none', () => {
    expect(parseSps(hex('68ebe3cb22c0'))).toBe(undefined);
    expect(parseSps(Buffer.alloc(0))).toBe(undefined);
  });

  it('answers undefined for a picture larger than any real one', () => {
    const side = '0000000000001000000000000'; // ue(v) of 4095: 65536 samples
    expect(parseSps(baseline('0000001000000', '0000001000000'))).toMatchObject({ width: 1024, height: 1024 });
    expect(parseSps(baseline(side, '0000001000000'))).toBe(undefined);
    expect(parseSps(baseline('0000001000000', side))).toBe(undefined);
  });

  it('never throws, cut short or with any byte changed', () => {
    for (let at = 0; at < SPS_720.length; at++) {
      parseSps(SPS_720.subarray(0, at));
      for (const byte of [0, 0xff, 0x80]) {
        const changed = Buffer.from(SPS_720);
        changed[at] = byte;
        const picture = parseSps(changed);
        if (picture !== undefined) expect(picture.width).toBeLessThanOrEqual(16_384);
      }
    }
  });
});

describe('parseAvcConfig', () => {
  it('finds parameter sets and the length of lengths', () => {
    const config = parseAvcConfig(RECORD_270);
    expect(config?.nalLengthBytes).toBe(4);
    expect(config?.sps.map(unit => unit.length)).toEqual([26]);
    expect(config?.pps.map(unit => unit.toString('hex'))).toEqual(['68ebe3cb22c0']);
  });

  it('answers undefined at every truncation into the parameter sets', () => {
    for (let end = 0; end < 43; end++) expect(parseAvcConfig(RECORD_270.subarray(0, end))).toBe(undefined);
  });

  it('answers undefined for lengths of three bytes, which do not exist', () => {
    const record = Buffer.from(RECORD_270);
    record[4] = 0xfe;
    expect(parseAvcConfig(record)).toBe(undefined);
  });
});
