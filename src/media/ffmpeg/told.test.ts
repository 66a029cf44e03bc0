import { expect, it } from 'vitest';
import { Told } from './told.ts';

const SAID = `[matroska,webm @ 0x55] [warning] Could not find codec parameters
[info] Input #0, matroska,webm, from 'file:a.mkv':
[info]   Metadata:
[info]     TITLE           : Stream
[info]   Stream #0:0: Video: mjpeg (Baseline), yuvj420p(pc), 500x500, 90k tbr, 90k tbn (attached pic)
[info]   Stream #0:1(eng): Video: h264 (Main), yuv420p(progressive), 320x180, 25 fps
[info]   Stream #0:2[0x1100](und): Audio: vorbis, 48000 Hz, stereo, fltp (default)
[info]   Stream #0:3: Subtitle: ass
[info] Output #0, mpegts, to 'pipe:1':
[info]   Stream #0:0: Video: h264 (Main), yuv420p(progressive), 320x180
[mpegts @ 0x56] [error] first pts and dts value must be set
[error] av_interleaved_write_frame(): Invalid data
[fatal] the last word`;

it('knows the tracks of the file, once each and without a cover, however the lines come', () => {
  for (const size of [1, 7, 64, 10_000]) {
    const told = new Told();
    for (let at = 0; at < SAID.length; at += size) told.add(SAID.slice(at, at + size));
    told.end();
    expect(told.tracks).toEqual([
      { kind: 'video', codec: 'h264' },
      { kind: 'audio', codec: 'vorbis' },
    ]);
    expect(told.problems).toEqual(['av_interleaved_write_frame(): Invalid data', 'the last word']);
  }
});

it('has all tracks when the output begins, or nothing more comes', () => {
  const told = new Told();
  told.add("[info] Input #0, avi, from 'pipe:0':\n[info]   Stream #0:0: Audio: pcm_s16le\n");
  expect(told.complete).toBe(false);
  told.add("[info] Output #0, mpegts, to 'pipe:1':\n");
  expect(told.complete).toBe(true);
  const mute = new Told();
  mute.end();
  expect(mute.complete).toBe(true);
});

it('keeps neither an endless line nor endless tracks', () => {
  const told = new Told();
  for (let i = 0; i < 2_000; i++) told.add(`[info]   Stream #0:${i}: Audio: aac, 48000 Hz\n`);
  for (let i = 0; i < 100; i++) told.add('x'.repeat(1_000));
  told.add('\n[error] heard\n');
  expect(told.tracks).toHaveLength(1_000);
  expect(told.problems).toEqual(['heard']);
});
