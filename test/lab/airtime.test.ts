import { expect, it } from 'vitest';
import { airtimesOf, doubledMs, longestGapMs, lostFrames, nextAtMs } from './airtime.ts';
import { SeenStream } from './oracle.ts';

/** Pictures as they came: over which connection, and when. */
function seen(...frames: readonly { readonly push: number; readonly atMs: number }[]): SeenStream {
  const stream = new SeenStream();
  for (const [number, { push, atMs }] of frames.entries()) {
    stream.video.atMs.push(atMs);
    stream.video.pushes.push(push);
    stream.video.numbers.push(number);
    stream.video.isKey.push(false);
    stream.video.dtsMs.push(atMs);
  }
  return stream;
}

it('finds no two pushers where one follows the other', () => {
  const stream = seen({ push: 0, atMs: 0 }, { push: 0, atMs: 40 }, { push: 1, atMs: 80 }, { push: 1, atMs: 120 });
  expect(airtimesOf(stream).map(({ push }) => push)).toEqual([0, 1]);
  expect(doubledMs(stream)).toBe(0);
});

it('counts a late frame of a connection that was replaced with all the time since', () => {
  const stream = seen({ push: 0, atMs: 0 }, { push: 1, atMs: 100 }, { push: 1, atMs: 140 }, { push: 0, atMs: 130 });
  expect(doubledMs(stream)).toBe(30);
});

it('counts a connection that came and went while another one had the stream', () => {
  const frames = [
    { push: 0, atMs: 0 },
    { push: 1, atMs: 100 },
    { push: 1, atMs: 150 },
    { push: 0, atMs: 400 },
  ];
  expect(doubledMs(seen(...frames))).toBe(50);
});

it('measures the longest silence, its edges included', () => {
  const stream = seen({ push: 0, atMs: 10 }, { push: 0, atMs: 50 }, { push: 1, atMs: 650 });
  expect(longestGapMs(stream, 20, 700)).toBe(600);
  expect(longestGapMs(stream, 650, 1650)).toBe(1000);
});

it('finds the first picture behind a moment', () => {
  const stream = seen({ push: 0, atMs: 10 }, { push: 0, atMs: 50 });
  expect(nextAtMs(stream, 10)).toBe(50);
  expect(nextAtMs(stream, 50)).toBeUndefined();
});

it('counts what is missing between two numbers', () => {
  const stream = seen({ push: 0, atMs: 10 }, { push: 0, atMs: 50 }, { push: 0, atMs: 90 });
  stream.video.numbers.splice(0, 3, 4, 7, 6);
  expect(lostFrames(stream)).toBe(2);
  expect(lostFrames(stream, 60)).toBe(0);
});
