import { expect, it } from 'vitest';
import { frames, media, probe, publish, record, videoOf } from './lab/ffmpeg.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

/** How `got` lies in `whole`: where it begins, each hole as "from→to", and what does not belong there at all. */
function overlap(
  whole: readonly string[],
  got: readonly string[],
): { start: number; holes: string[]; strangers: number } {
  const index = new Map(whole.map((hash, i) => [hash, i]));
  const places = got.map(hash => index.get(hash));
  const known = places.filter(place => place !== undefined);
  const holes = known.slice(1).flatMap((place, i) => {
    const before = known[i] ?? 0;
    return place === before + 1 ? [] : [`${before}→${place}`];
  });
  return { start: known[0] ?? -1, holes, strangers: places.length - known.length };
}

it('relays 60 s of H.264 with B-frames and AAC from one foreign server to another, frame for frame', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const origin = await Nginx.start(place);
  const sink = await Nginx.start(place);
  const millrace = await Millrace.start(place);
  publish(place, file, origin.url('in'));
  const taskId = await millrace.huawei.createLive(origin.url('in'), sink.url('out'));
  await until('the task runs', async () => (await millrace.huawei.status(taskId)) === 'running');
  const recording = place.path('out.flv');
  const recorder = record(place, sink.url('out'), recording);
  const pusher = await sink.publisherOf('out');
  await pass(62_000);
  expect(await sink.publisherOf('out')).toBe(pusher);
  recorder.process.kill('SIGINT');
  await recorder.exited;

  const [sourceFrames, gotFrames] = [await frames(file, 'decode'), await frames(recording, 'decode')];
  for (const track of ['video', 'audio']) {
    const whole = sourceFrames.filter(frame => frame.track === track).map(frame => frame.hash);
    const got = gotFrames.filter(frame => frame.track === track).map(frame => frame.hash);
    // The first AAC frames lack the predecessor they overlap with, and the end cuts through a group of B-frames.
    const settled = track === 'audio' ? got.slice(2) : got.slice(0, -3);
    expect(overlap(whole, settled)).toMatchObject({ holes: [], strangers: 0 });
    expect(settled.length).toBeGreaterThan(track === 'video' ? 59 * 25 : 59 * 46);
  }
  console.log(`60 s: ${videoOf(gotFrames).length} video frames, no hole`);
});

it('takes a publisher at its own origin and lets ffmpeg play what it pushes there', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const millrace = await Millrace.start(place);
  publish(place, file, `${millrace.rtmp}/live/src`);
  const taskId = await millrace.huawei.createLive(`${millrace.rtmp}/live/src`, `${millrace.rtmp}/live/out`);
  await until('the task runs', async () => (await millrace.huawei.status(taskId)) === 'running');
  const recording = place.path('out.flv');
  const recorder = record(place, `${millrace.rtmp}/live/out`, recording);
  await pass(6_000);
  recorder.process.kill('SIGINT');
  await recorder.exited;
  const whole = videoOf(await frames(file)).map(frame => frame.hash);
  const got = videoOf(await frames(recording)).map(frame => frame.hash);
  expect(overlap(whole, got)).toMatchObject({ holes: [], strangers: 0 });
  expect(got.length).toBeGreaterThan(100);
  const { streams } = await probe(`${millrace.rtmp}/live/out`);
  expect(streams.map(it => it.codec_name).sort()).toEqual(['aac', 'h264']);
});
