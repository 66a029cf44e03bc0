import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { run } from './child.ts';
import { CountedStream, readCount } from './counted-stream.ts';
import { flvOf } from './packets.ts';
import { Place } from './place.ts';

const header = (kind: 'videoHeader' | 'audioHeader', body: Buffer) => ({ kind, dtsMs: 0, body });

it('says in every frame which one it is', () => {
  const stream = new CountedStream({ tag: 'b' });
  const counts = stream.between(0, 2_000).map(({ body }) => readCount(body));
  const numbers = (track: string) => counts.flatMap(count => (count?.track === track ? [count.number] : []));
  expect(numbers('video')).toEqual(Array.from({ length: 50 }, (_, n) => n));
  expect(numbers('audio')).toEqual(Array.from({ length: 94 }, (_, n) => n));
  expect(new Set(counts.map(count => count?.tag))).toEqual(new Set(['b']));
});

it('is the same stream however it is cut into stretches', () => {
  const stream = new CountedStream({ fps: 30 });
  const whole = stream.between(700, 3_000);
  const cut = Array.from({ length: 23 }, (_, i) => stream.between(700 + i * 100, 800 + i * 100)).flat();
  expect(cut).toEqual(whole);
});

it('is taken by a foreign decoder without a complaint', async () => {
  await using place = new Place();
  const stream = new CountedStream();
  const headers = [header('videoHeader', stream.videoHeader), header('audioHeader', stream.audioHeader)];
  writeFileSync(place.path('counted.flv'), flvOf([...headers, ...stream.between(0, 3_000)]));
  const args = ['-v', 'warning', '-xerror', '-i', place.path('counted.flv'), '-f', 'framemd5', '-'];
  const lines = (await run('sh', ['-c', `ffmpeg ${args.join(' ')} 2>&1`])).split('\n');
  expect(lines.filter(line => /^\S*\[|rror/.test(line))).toEqual([]);
  expect(lines.filter(line => line.startsWith('0,'))).toHaveLength(75);
});
