import { beforeAll, describe, expect, it } from 'vitest';
import { box, fragment, movie, u32 } from '../mp4/box-writer.ts';
import type { Movie } from '../mp4/movie.ts';
import { lateTrackIn } from './late-track.ts';
import { movieIn } from './map.ts';

const each = (count: number, size: number): readonly number[] => Array.from({ length: count }, () => size);
const VIDEO = { id: 1, kind: 'video', timeUnits: 0, each: 40 } as const;
const AUDIO = { id: 2, kind: 'audio', timeUnits: 0, each: 24 } as const;
const SOUND_BYTES = 40 * 300;

let head: Movie;
beforeAll(async () => {
  const tracks = [
    { kind: 'video', sizes: [], each: 40 },
    { kind: 'audio', sizes: [], each: 24 },
  ] as const;
  head = await movieIn(movie({ tracks, mvex: true }), AbortSignal.timeout(5_000));
});

const muxed = (frameBytes: number): Buffer =>
  Buffer.concat([
    box('styp', Buffer.alloc(8)),
    fragment({ ...VIDEO, sizes: each(25, frameBytes) }, { ...AUDIO, sizes: each(40, 300) }),
  ]);

describe('of a segment', () => {
  it('the sound that lies far behind the pictures is found as soon as its tables have come', () => {
    const segment = muxed(20_000);
    const tablesEnd = segment.indexOf('mdat') - 4;
    for (let end = 0; end < tablesEnd; end++) {
      expect(lateTrackIn(segment.subarray(0, end), head), `${end} bytes`).toBe('unknown');
    }
    const late = { offset: segment.length - SOUND_BYTES, length: SOUND_BYTES };
    for (const end of [tablesEnd, tablesEnd + 7, segment.length]) {
      expect(lateTrackIn(segment.subarray(0, end), head), `${end} bytes`).toEqual(late);
    }
  });

  it('nothing is late where little lies between the two', () => {
    expect(lateTrackIn(muxed(5_000), head)).toBe('none');
  });

  it('nothing is late where each fragment has one track', () => {
    const alone = fragment({ ...VIDEO, sizes: each(25, 20_000) });
    expect(lateTrackIn(alone, head)).toBe('none');
  });

  it('what is mixed is not taken apart', () => {
    const first = { ...VIDEO, sizes: each(25, 20_000) };
    const second = { ...VIDEO, timeUnits: 1_000, sizes: each(2, 200) };
    const segment = fragment(first, { ...AUDIO, sizes: each(40, 300) }, second);
    expect(lateTrackIn(segment, head)).toBe('none');
  });

  it('what is late and more than can be held apart is waited for', () => {
    const segment = fragment({ ...AUDIO, sizes: each(1_000, 300) }, { ...VIDEO, sizes: each(60, 20_000) });
    expect(lateTrackIn(segment, head)).toBe('none');
  });

  it('more samples than a fragment may have are not counted to the end', () => {
    const runs = Array.from({ length: 4 }, () => box('trun', u32(0, 100_000)));
    const moof = box('moof', box('traf', box('tfhd', u32(0x02_0000, VIDEO.id)), ...runs));
    expect(() => lateTrackIn(moof, head)).toThrow('claims 100000 samples');
  });
});
