import { expect, it } from 'vitest';
import { monotonic } from '../src/media/clock.ts';
import { Heartbeat } from '../src/media/heartbeat.ts';
import { Dialler } from '../src/media/net.ts';
import { openSink, openSource } from '../src/media/open.ts';
import { Run } from '../src/worker/run.ts';
import { sleep } from '../src/worker/sleep.ts';
import { type Frame, frames, media, probe, publish, videoOf, watch } from './lab/ffmpeg.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

const BOUNDARIES = { 'the extended timestamp': 0xff_ff_ff, '2^31': 2 ** 31, '2^32': 2 ** 32 } as const;
const CHUNK_SIZES = [128, 65_536] as const;

/** Ten seconds of a stream whose clock passes the boundary after five, and what stands behind one more relay. */
it.each(Object.entries(BOUNDARIES))(
  'passes %s unseen, in chunks of 128 and of 65,536 bytes',
  async (name, boundary) => {
    await using place = new Place();
    const file = await media({ seconds: 75 });
    const heartbeat = place.own(new Heartbeat({ tickMs: 50, onBug: (_, error) => expect(error).toBeUndefined() }), it =>
      it.close(),
    );
    const origin = await Nginx.start(place);
    const sink = await Nginx.start(place);
    publish(place, file, origin.url('in'));
    const middles = await Promise.all(CHUNK_SIZES.map(chunkSize => Nginx.start(place, { chunkSize })));
    const watched: { what: string; seen: Frame[] }[] = [];
    for (const [i, middle] of middles.entries()) {
      relay(place, heartbeat, { from: origin.url('in'), to: middle.url('mid'), firstTimestampMs: boundary - 5_000 });
      relay(place, heartbeat, { from: middle.url('mid'), to: sink.url(`out${i}`) });
    }
    for (const [i, middle] of middles.entries()) {
      await until('both relays are on air', async () => (await sink.publisherOf(`out${i}`)) !== '');
      watched.push({ what: `${CHUNK_SIZES[i]} at nginx`, seen: watch(place, middle.url('mid')).seen });
      watched.push({ what: `${CHUNK_SIZES[i]} behind the next relay`, seen: watch(place, sink.url(`out${i}`)).seen });
    }
    await until('everybody sees frames', () => watched.every(({ seen }) => seen.length > 20));
    await pass(10_000);
    const whole = videoOf(await frames(file)).map(frame => frame.hash);
    for (const { what, seen } of watched) {
      const video = videoOf(seen);
      const places = video.map(frame => whole.indexOf(frame.hash));
      expect(
        places.every((at, i) => at >= 0 && (i === 0 || at === (places[i - 1] ?? 0) + 1)),
        `${what}: frames`,
      ).toBe(true);
      const steps = video.slice(1).map((frame, i) => (frame.dts - (video[i]?.dts ?? 0)) % 2 ** 32);
      expect(
        steps.every(ms => ms === 40),
        `${what}: steps ${[...new Set(steps)]}`,
      ).toBe(true);
      expect(video.length, what).toBeGreaterThan(200);
    }
    for (const middle of middles) expect((await probe(middle.url('mid'))).streams).toHaveLength(2);
    console.log(
      `${name}: ${watched.map(({ what, seen }) => `${seen.length} packets of chunk size ${what}`).join(', ')}`,
    );
  },
);

function relay(
  place: Place,
  heartbeat: Heartbeat,
  { from, to, firstTimestampMs }: { from: string; to: string; firstTimestampMs?: number },
): void {
  const dialler = new Dialler({ preset: 'lab' });
  const run = new Run({
    order: { taskId: to, epoch: 1, source: { kind: 'live', url: from }, destination: to },
    heartbeat,
    openSource: (url, signal) => openSource(url, { dialler, signal }),
    openSink: (url, signal) =>
      openSink(url, {
        dialler,
        signal,
        now: monotonic,
        ...(firstTimestampMs === undefined ? {} : { firstTimestampMs }),
      }),
    now: monotonic,
    sleep,
    random: Math.random,
    tell: () => {},
    log: (_, error) => expect(error).toBeUndefined(),
  });
  place.own(run, it => it.stop());
}
