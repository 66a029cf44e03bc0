import { describe, expect, it } from 'vitest';
import { parseAacConfig } from './aac.ts';
import { readAdtsHead } from './adts.ts';
import { readMp3Head } from './mp3.ts';
import { opusHead, opusMicroseconds } from './opus.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('ADTS', () => {
  it('tells the length of a frame and the configuration of its decoder', () => {
    const head = readAdtsHead(hex('fff14c8010bffc'), 0);
    expect(head).toMatchObject({ frameBytes: 133, headBytes: 7, sampleRate: 48_000, blocks: 1 });
    const config = Buffer.alloc(2);
    config.writeUInt16BE(head?.config ?? 0);
    expect(parseAacConfig(config)).toEqual({ objectType: 2, sampleRate: 48_000, channels: 2 });
    expect(readAdtsHead(hex('fff04c8010bffc'), 0)?.headBytes).toBe(9);
  });

  it.each([
    ['no sync word', 'fef14c8010bffc'],
    ['a layer', 'fff34c8010bffc'],
    ['a reserved rate', 'fff17c8010bffc'],
    ['a frame shorter than its head', 'fff14c8000dffc'],
  ])('is not where there is %s', (_, text) => {
    expect(readAdtsHead(hex(text), 0)).toBe(undefined);
  });
});

describe('MP3', () => {
  it.each([
    ['128 kbit/s at 44.1 kHz', 'fffb9044', 417, 44_100, 2, 1152],
    ['with padding', 'fffb9244', 418, 44_100, 2, 1152],
    ['320 kbit/s at 48 kHz, mono', 'fffbe4c4', 960, 48_000, 1, 1152],
    ['MPEG-2, 64 kbit/s at 22.05 kHz', 'fff38044', 208, 22_050, 2, 576],
    ['MPEG-2.5, 32 kbit/s at 8 kHz', 'ffe34844', 288, 8_000, 2, 576],
  ])('tells the length of a frame: %s', (_, text, frameBytes, sampleRate, channels, samples) => {
    expect(readMp3Head(hex(text), 0)).toMatchObject({ layer: 3, frameBytes, sampleRate, channels, samples });
  });

  it('tells other layers apart, and what is no header', () => {
    expect(readMp3Head(hex('fffd9044'), 0)?.layer).toBe(2);
    for (const text of ['fffbf044', 'fffb0044', 'fffb9c44', 'ffeb9044', 'fff99044', '00fb9044']) {
      expect(readMp3Head(hex(text), 0), text).toBe(undefined);
    }
  });
});

describe('Opus', () => {
  it('tells how long a packet plays', () => {
    expect(opusMicroseconds(hex('fc00'), 0, 2)).toBe(20_000);
    expect(opusMicroseconds(hex('fd00'), 0, 2)).toBe(40_000);
    expect(opusMicroseconds(hex('ff0300'), 0, 3)).toBe(60_000);
    expect(opusMicroseconds(hex('e000'), 0, 2)).toBe(2_500);
    expect(opusMicroseconds(hex(''), 0, 0)).toBe(0);
    expect(opusMicroseconds(hex('ff'), 0, 1)).toBe(0);
  });

  it('has an identification header', () => {
    expect(opusHead(2).toString('latin1', 0, 8)).toBe('OpusHead');
    expect([opusHead(1)[9], opusHead(2).readUInt32LE(12)]).toEqual([1, 48_000]);
  });
});
