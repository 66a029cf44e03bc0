import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Child, run } from './lab/child.ts';
import { keepAll } from './lab/collector.ts';
import { serveFiles } from './lab/file-server.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { flvOf, type Kept, videoIn } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const TASKS = 20;
const ROUNDS = 26;
const FILES = ['a', 'b'];
/** Nothing shorter than a second is played without a rest. */
const SECONDS = 1.04;
const FRAME_MS = 40;

/** Distances between pictures as they are shown, where one file ends and the next begins. */
function jointSteps(kept: readonly Kept[]): number[] {
  const video = videoIn(kept);
  const perFile = Math.round(SECONDS * 25);
  return video.flatMap((packet, i) => (i > 0 && i % perFile === 0 ? [packet.dtsMs - (video[i - 1]?.dtsMs ?? 0)] : []));
}

it('joins a thousand files of equal codecs without a seam', async () => {
  await using place = new Place();
  for (const [i, name] of FILES.entries()) {
    const sources = [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=160x90:rate=25',
      '-f',
      'lavfi',
      '-i',
      `sine=frequency=${440 * (i + 1)}:sample_rate=48000`,
    ];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    await run('ffmpeg', ['-v', 'error', ...sources, '-t', String(SECONDS), ...codecs, '-y', place.path(`${name}.mp4`)]);
  }
  const base = await serveFiles(place, place.dir);
  const nginx = await Nginx.start(place);
  const { huawei } = await Millrace.start(place);
  const streams = Array.from({ length: TASKS }, (_, i) => `out${i}`);
  const watched = await Promise.all(streams.map(stream => keepAll(place, nginx.url(stream))));
  const ids: string[] = [];
  for (const stream of streams) {
    const body = {
      source_type: 'PullVodPushLive',
      source_urls: FILES.map(name => `${base}/${name}.mp4`),
      destination_url: nginx.url(stream),
      vod_loop_time: String(ROUNDS),
    };
    ids.push((await huawei.call({ method: 'POST', body })).body.task_id);
  }
  const pushers = new Map<string, string>();
  await until(
    'all is played',
    async () => {
      for (const [stream, { publisher }] of await nginx.streams()) {
        if (publisher !== '') pushers.set(`${stream} ${publisher}`, publisher);
      }
      const states = await Promise.all(ids.map(id => huawei.status(id)));
      return states.every(it => it === 'finished');
    },
    { timeoutMs: 100_000, everyMs: 300 },
  );
  expect(pushers.size, 'push sessions').toBe(TASKS);
  const pictures = Math.round(SECONDS * 25) * FILES.length * ROUNDS;
  const steps: number[] = [];
  for (const [i, { kept }] of watched.entries()) {
    const video = videoIn(kept);
    expect(video.length).toBe(pictures);
    expect(video.every((it, n) => n === 0 || it.dtsMs > (video[n - 1]?.dtsMs ?? 0))).toBe(true);
    steps.push(...jointSteps(kept));
    const file = place.path(`out${i}.flv`);
    writeFileSync(file, flvOf(kept));
    const decoder = new Child('ffmpeg', ['-v', 'error', '-nostdin', '-i', file, '-f', 'null', '-']);
    await decoder.drained;
    expect(decoder.output).toBe('');
  }
  const gaps = steps.map(ms => ms - FRAME_MS);
  console.log(
    `${steps.length} joints: gap at most ${Math.max(...gaps)} ms, ${TASKS} push sessions of ${TASKS} tasks, 0 decode errors`,
  );
  expect(steps.length).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(FRAME_MS);
  expect(Math.min(...steps)).toBeGreaterThan(0);
});
