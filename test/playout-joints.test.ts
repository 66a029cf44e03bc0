import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Child, run } from './lab/child.ts';
import { keepAll } from './lab/collector.ts';
import { serveFiles } from './lab/file-server.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { audioIn, ctsOf, flvOf, type Kept, videoIn } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const FILES = ['a', 'b'];
/** Nothing shorter than a second is played without a rest. */
const SECONDS = 1.04;
const FRAME_MS = 40;
const AAC_FRAME_MS = 1024 / 48;

const stepsOf = (times: readonly number[]): number[] =>
  times.toSorted((a, b) => a - b).flatMap((at, i, all) => (i === 0 ? [] : [at - (all[i - 1] ?? 0)]));

/** Distances between pictures as they are shown, where one file ends and the next begins. */
function jointSteps(kept: readonly Kept[]): number[] {
  const perFile = Math.round(SECONDS * 25);
  const steps = stepsOf(videoIn(kept).map(packet => packet.dtsMs + ctsOf(packet)));
  return steps.filter((_, i) => (i + 1) % perFile === 0);
}

interface Wish {
  readonly tasks: number;
  readonly rounds: number;
  /** How the pictures are encoded. */
  readonly pictures: readonly string[];
}

/** Of 20 lists of two files; a thousand joints are made by 26. */
const ROUNDS = Number(process.env.TEST_ROUNDS ?? 12);

it('joins hundreds of files of equal codecs without a seam', () =>
  joinsAll({ tasks: 20, rounds: ROUNDS, pictures: ['-preset', 'ultrafast'] }));

it('joins files whose pictures are reordered without a seam in picture or sound', () =>
  joinsAll({ tasks: 4, rounds: 10, pictures: ['-preset', 'veryfast', '-bf', '3', '-b_strategy', '0'] }));

async function joinsAll({ tasks, rounds, pictures: encoding }: Wish): Promise<void> {
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
    const codecs = ['-c:v', 'libx264', ...encoding, '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    await run('ffmpeg', ['-v', 'error', ...sources, '-t', String(SECONDS), ...codecs, '-y', place.path(`${name}.mp4`)]);
  }
  const base = await serveFiles(place, place.dir);
  const nginx = await Nginx.start(place);
  const { huawei } = await Millrace.start(place);
  const streams = Array.from({ length: tasks }, (_, i) => `out${i}`);
  const watched = await Promise.all(streams.map(stream => keepAll(place, nginx.url(stream))));
  const ids: string[] = [];
  for (const stream of streams) {
    const body = {
      source_type: 'PullVodPushLive',
      source_urls: FILES.map(name => `${base}/${name}.mp4`),
      destination_url: nginx.url(stream),
      vod_loop_time: String(rounds),
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
  expect(pushers.size, 'push sessions').toBe(tasks);
  const pictures = Math.round(SECONDS * 25) * FILES.length * rounds;
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
  const soundGap = Math.max(...watched.flatMap(({ kept }) => stepsOf(audioIn(kept).map(({ dtsMs }) => dtsMs))));
  console.log(
    `${steps.length} joints: gap at most ${Math.max(...gaps)} ms in the picture and ` +
      `${Math.round(soundGap - AAC_FRAME_MS)} ms in the sound, ${tasks} push sessions of ${tasks} tasks, 0 decode errors`,
  );
  expect(steps.length).toBe(tasks * (FILES.length * rounds - 1));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(FRAME_MS);
  expect(Math.min(...steps)).toBeGreaterThan(0);
  expect(soundGap).toBeLessThanOrEqual(2 * AAC_FRAME_MS + FRAME_MS);
}
