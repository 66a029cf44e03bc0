import { describe, expect, it } from 'vitest';
import { audioCodec, describeHeader, videoCodec } from './describe.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const AVC_RECORD = '0164001fffe1001a6764001facd9405005bb011000000300100000030320f183196001000668ebe3cb22c0fdf8f800';

describe('describeHeader', () => {
  it.each([
    ['H.264', `17 00 000000 ${AVC_RECORD}`, 'H.264 1280×720 High@3.1'],
    ['enhanced H.264', `90 61766331 ${AVC_RECORD}`, 'H.264 1280×720 High@3.1'],
    ['H.264 without a parameter set', '17 00 000000 0164001fffe0', 'H.264'],
    ['old H.265', '1c 00 000000 0101', 'H.265'],
    ['enhanced H.265', '90 68766331 0101', 'H.265'],
    ['AV1', '90 61763031 81', 'AV1'],
    ['AAC', 'af 00 1190', 'AAC 48000 Hz 2 ch'],
    ['AAC whose channels stand elsewhere', 'af 00 1180', 'AAC 48000 Hz'],
    ['HE-AAC', 'af 00 2b118800', 'HE-AAC 48000 Hz 2 ch'],
    ['enhanced Opus', '90 4f707573 01', 'Opus'],
    ['enhanced AAC', '90 6d703461 1190', 'AAC 48000 Hz 2 ch'],
    ['AAC with a broken configuration', 'af 00', 'AAC'],
    ['nothing', '', 'unknown'],
    ['a codec nobody knows', '1f 00 000000', 'unknown'],
    ['a FourCC nobody knows', '90 78797a78 00', 'unknown'],
  ])('says of %s', (_name, header, expected) => {
    expect(describeHeader(hex(header))).toBe(expected);
  });

  it('never throws, at any truncation', () => {
    const whole = hex(`17 00 000000 ${AVC_RECORD}`);
    for (let end = 1; end <= whole.length; end++) expect(describeHeader(whole.subarray(0, end))).toMatch(/^H\.264/);
  });
});

describe('videoCodec and audioCodec', () => {
  it('name what the first bytes say', () => {
    expect(videoCodec(hex('27'))).toBe('H.264');
    expect(videoCodec(hex('a1 68766331'))).toBe('H.265');
    expect(audioCodec(hex('2f'))).toBe('MP3');
    expect(audioCodec(Buffer.alloc(0))).toBe('unknown');
  });
});
