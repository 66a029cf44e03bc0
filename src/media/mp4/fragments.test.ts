import { beforeEach, expect, it } from 'vitest';
import { movieIn } from '../hls/map.ts';
import { movie } from './box-writer.ts';
import { FragmentSamples, type Sample } from './fragments.ts';

let samples: FragmentSamples;
beforeEach(async () => {
  const bytes = movie({ tracks: [{ kind: 'video', sizes: [], each: 40 }], mvex: true });
  const { video } = await movieIn(bytes, AbortSignal.timeout(5_000));
  if (video === undefined) throw new Error('no picture');
  samples = new FragmentSamples(video);
});

const from = (offset: number, count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({ offset: offset + i, size: 1, units: 0, offsetUnits: 0, key: true }));

it('a fragment in ten thousand pieces is taken in at once, whole and in order', () => {
  for (let piece = 0; piece < 10_000; piece++) samples.add(from(20 * piece, 20));
  let next = 0;
  for (; samples.state === 'sample' && samples.offset === next; samples.next()) next++;
  expect(next).toBe(200_000);
});

it('what has been read makes room for what comes, and no more', () => {
  samples.add(from(0, 150_000));
  for (let read = 0; read < 100_000; read++) samples.next();
  samples.add(from(150_000, 150_000));
  expect(samples.offset).toBe(100_000);
  expect(() => samples.add(from(300_000, 1))).toThrow('too many samples');
});
