import { expect, it } from 'vitest';
import { monotonic } from '../src/media/clock.ts';
import { Origin } from '../src/media/rtmp/origin.ts';
import { type Frame, frames, media, publish, record } from './lab/ffmpeg.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const TRACKS = ['video', 'audio'] as const;

async function startOrigin(place: Place): Promise<Origin> {
  return place.own(await Origin.listen({ host: '127.0.0.1', port: 0, now: monotonic }), it => it.close());
}

const playersOf = (origin: Origin): number => origin.streams().reduce((sum, { players }) => sum + players, 0);
const hashes = (all: readonly Frame[], track: Frame['track']): string[] =>
  all.filter(frame => frame.track === track).map(({ hash }) => hash);

it.concurrent('carries H.264 with B-frames and AAC from ffmpeg to ffmpeg so that the decoded frames are the same', async () => {
  await using place = new Place();
  const origin = await startOrigin(place);
  const file = await media({ seconds: 10 });
  const recording = place.path('out.flv');
  const recorder = record(place, `${origin.address}/live/s1`, recording);
  await until('the player waits', () => playersOf(origin) === 1);
  publish(place, file, `${origin.address}/live/s1?token=secret`);
  // ffmpeg ends by itself once it is told that the stream is over.
  await recorder.exited;
  const [sent, got] = [await frames(file, 'decode'), await frames(recording, 'decode')];
  for (const track of TRACKS) expect(hashes(got, track)).toEqual(hashes(sent, track));
  expect(hashes(got, 'video').length).toBe(250);
});

it.concurrent('starts a player who comes late with a key frame, and keeps the order of the frames', async () => {
  await using place = new Place();
  const origin = await startOrigin(place);
  const gop = 50;
  const file = await media({ seconds: 10, gop });
  publish(place, file, `${origin.address}/live/s1`);
  await until('3 s are in', () => (origin.streams()[0]?.packetsIn ?? 0) > 3 * (25 + 46));
  const recording = place.path('out.flv');
  await record(place, `${origin.address}/live/s1`, recording).exited;
  const sent = hashes(await frames(file), 'video');
  const got = hashes(await frames(recording), 'video');
  const start = sent.indexOf(got[0] ?? '');
  expect(start).toBeGreaterThan(0);
  expect(start % gop).toBe(0);
  expect(got).toEqual(sent.slice(start));
});

it.concurrent.each([
  ['the 24 bit mark', 0xffffff / 1000 - 5],
  ['2^31 ms', 2 ** 31 / 1000 - 5],
])('lets ffmpeg play on across %s', async (_, offsetSeconds) => {
  await using place = new Place();
  const origin = await startOrigin(place);
  const file = await media({ seconds: 10 });
  const recording = place.path('out.flv');
  const recorder = record(place, `${origin.address}/live/s1`, recording);
  await until('the player waits', () => playersOf(origin) === 1);
  publish(place, file, `${origin.address}/live/s1`, { offsetSeconds });
  await recorder.exited;
  const [sent, got] = [await frames(file), await frames(recording)];
  for (const track of TRACKS) expect(hashes(got, track)).toEqual(hashes(sent, track));
  expect(hashes(got, 'video').length).toBe(250);
});

it.concurrent('feeds an nginx that pulls and takes from an nginx that pushes', async () => {
  await using place = new Place();
  const origin = await startOrigin(place);
  const file = await media({ seconds: 10 });
  const nginx = await Nginx.start(place, {
    applications: `application pull { live on; pull ${origin.address}/live/s1 name=s1 static; }
      application push { live on; push ${origin.address}/pushed; }`,
  });
  const urls = [`rtmp://127.0.0.1:${nginx.port}/pull/s1`, `${origin.address}/pushed/s2`];
  const recordings = [place.path('pulled.flv'), place.path('pushed.flv')];
  const recorders = urls.map((url, i) => record(place, url, recordings[i] ?? ''));
  await until('nginx and ffmpeg wait', () => playersOf(origin) === 2);
  publish(place, file, `${origin.address}/live/s1`);
  publish(place, file, `rtmp://127.0.0.1:${nginx.port}/push/s2`);
  await until('8 s are in', () => origin.streams().every(({ packetsIn }) => packetsIn > 8 * (25 + 46)));
  // While media flows: ffmpeg does not hear a signal when it waits for some.
  for (const recorder of recorders) await recorder.stop('SIGINT');
  const sent = hashes(await frames(file), 'video');
  for (const recording of recordings) {
    const got = hashes(await frames(recording), 'video');
    // nginx begins to push a moment after its publisher has begun.
    const start = sent.indexOf(got[0] ?? '');
    expect(got.length).toBeGreaterThan(150);
    expect(got).toEqual(sent.slice(start, start + got.length));
  }
});
