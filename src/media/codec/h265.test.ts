import { describe, expect, it } from 'vitest';
import { HEVC_SETS } from '../ts/scripted-stream.ts';
import { hevcConfig, parseHevcConfig, parseHevcSps } from './h265.ts';

const [VPS, SPS, PPS] = HEVC_SETS as [Buffer, Buffer, Buffer];
/** What ffmpeg makes of the same sets. */
const RECORD =
  '0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959809' +
  'a10001002b42010101600000030090000003000003003ca00a080b9f796566924caf0169c20000030002000003003210' +
  'a2000100074401c172b46240';

describe('H.265', () => {
  it('tells the size of its pictures', () => {
    expect(parseHevcSps(SPS)).toMatchObject({ width: 320, height: 180, chroma: 1, lumaDepth: 8, layers: 1, nested: 1 });
  });

  it('has its parameter sets in a configuration record, as ffmpeg writes it', () => {
    const picture = parseHevcSps(SPS);
    if (picture === undefined) throw new Error('no picture');
    const record = hevcConfig({ vps: [VPS], sps: [SPS], pps: [PPS] }, picture);
    expect(record.toString('hex')).toBe(RECORD);
    expect(parseHevcConfig(record)).toEqual(picture);
  });

  it('that is cut short says nothing and throws nothing', () => {
    // Size and depths stand in the first 22 bytes.
    for (let end = 0; end < 22; end++) expect(parseHevcSps(SPS.subarray(0, end))).toBe(undefined);
    const record = Buffer.from(RECORD, 'hex');
    for (let end = 0; end < record.length; end++) parseHevcConfig(record.subarray(0, end));
    for (let i = 0; i < SPS.length; i++) parseHevcSps(SPS.with(i, 0xff) as Buffer);
  });
});
