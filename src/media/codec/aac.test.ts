import { describe, expect, it } from 'vitest';
import { parseAacConfig } from './aac.ts';

const parse = (text: string) => parseAacConfig(Buffer.from(text, 'hex'));

describe('parseAacConfig', () => {
  it.each([
    ['LC 44100 stereo', '1210', { objectType: 2, sampleRate: 44_100, channels: 2 }],
    ['LC 48000 mono', '1188', { objectType: 2, sampleRate: 48_000, channels: 1 }],
    ['LC 48000 7.1', '11b8', { objectType: 2, sampleRate: 48_000, channels: 8 }],
    ['HE-AAC 24000 doubled', '2b118800', { objectType: 5, sampleRate: 48_000, channels: 2 }],
    ['an explicit rate', '17801f4010', { objectType: 2, sampleRate: 16_000, channels: 2 }],
    ['channels said elsewhere', '1180', { objectType: 2, sampleRate: 48_000, channels: 0 }],
  ])('reads %s', (_name, config, expected) => {
    expect(parse(config)).toEqual(expected);
  });

  it.each([
    ['nothing', ''],
    ['a single byte', '12'],
    ['a reserved rate', '1690'],
    ['reserved channels', '1248'],
    ['an explicit rate of 0', '1780000010'],
  ])('answers undefined for %s', (_name, config) => {
    expect(parse(config)).toBe(undefined);
  });
});
