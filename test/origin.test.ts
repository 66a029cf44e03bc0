import { expect, it } from 'vitest';
import { monotonic } from '../src/media/clock.ts';
import { Origin } from '../src/media/rtmp/origin.ts';
import { type Frame, frames, media, publish, record, watch } from './lab/ffmpeg.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const VIDEO = 'video';
const AUDIO = 'audio';

async function startOrigin(place: Place): Promise<Origin> {
  return place.own(await Origin.listen({ host: '127.0.0.1', port: 0, now: monotonic }), it => it.close());
}

const playersOf = (origin: Origin): number => origin.streams().reduce((sum, { players }) => sum + players, 0);
const hashes = (all: readonly Frame[], track: Frame['track']): string[] =>
  all.filter(frame => frame.track === track).map(({ hash }) => hash);

it('carries H.264 with B-frames and AAC from ffmpeg to ffmpeg so that the decoded frames are the same', async () => {
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
  for (const track of [VIDEO, AUDIO] as const) expect(hashes(got, track)).toEqual(hashes(sent, track));
  expect(hashes(got, VIDEO).length).toBe(250);
});

it('starts a player who comes late with a key frame, and keeps the order of the frames', async () => {
  await using place = new Place();
  const origin = await startOrigin(place);
  const gop = 50;
  const file = await media({ seconds: 10, gop });
  publish(place, file, `${origin.address}/live/s1`);
  await until('3 s are in', () => (origin.streams()[0]?.packetsIn ?? 0) > 3 * (25 + 46));
  const { child, seen } = watch(place, `${origin.address}/live/s1`);
  await child.drained;
  const sent = hashes(await frames(file), VIDEO);
  const got = hashes(seen, VIDEO);
  const start = sent.indexOf(got[0] ?? '');
  expect(start).toBeGreaterThan(0);
  expect(start % gop).toBe(0);
  expect(got).toEqual(sent.slice(start));
});

it.each([
  ['the 24 bit mark', 0xffffff / 1000 - 5],
  ['2^31 ms', 2 ** 31 / 1000 - 5],
])('lets ffmpeg play on across %s', async (_, offsetSeconds) => {
  await using place = new Place();
  const origin = await startOrigin(place);
  const file = await media({ seconds: 10 });
  const { child, seen } = watch(place, `${origin.address}/live/s1`);
  await until('the player waits', () => playersOf(origin) === 1);
  publish(place, file, `${origin.address}/live/s1`, { offsetSeconds });
  await child.drained;
  const sent = await frames(file);
  for (const stream of [VIDEO, AUDIO]) expect(hashes(seen, stream)).toEqual(hashes(sent, stream));
});

it('feeds an nginx that pulls and takes from an nginx that pushes', async () => {
  await using place = new Place();
  const origin = await startOrigin(place);
  const file = await media({ seconds: 10 });
  const nginx = await Nginx.start(place, {
    applications: `application pull { live on; pull ${origin.address}/live/s1 name=s1 static; }
      application push { live on; push ${origin.address}/pushed; }`,
  });
  const pulled = watch(place, `rtmp://127.0.0.1:${nginx.port}/pull/s1`);
  const pushed = watch(place, `${origin.address}/pushed/s2`);
  await until('nginx and ffmpeg wait', () => playersOf(origin) === 2);
  publish(place, file, `${origin.address}/live/s1`);
  publish(place, file, `rtmp://127.0.0.1:${nginx.port}/push/s2`);
  await pushed.child.drained;
  const sent = hashes(await frames(file), VIDEO);
  expect(hashes(pushed.seen, VIDEO)).toEqual(sent);
  await until('nginx has told everything', () => hashes(pulled.seen, VIDEO).length >= sent.length - 5);
  const got = hashes(pulled.seen, VIDEO);
  expect(got).toEqual(sent.slice(sent.indexOf(got[0] ?? '')).slice(0, got.length));
});
