import { expect, it } from 'vitest';
import { monotonic } from '../src/media/clock.ts';
import { Dialler } from '../src/media/net.ts';
import { openSource } from '../src/media/open.ts';
import { Batch, isVideo } from '../src/media/packet.ts';
import { Origin } from '../src/media/rtmp/origin.ts';
import { run } from './lab/child.ts';
import { media } from './lab/ffmpeg.ts';
import { serveFiles } from './lab/file-server.ts';
import { makeLongFilm } from './lab/long-film.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import type { Played } from './lab/play-film.ts';
import { pass, until } from './lab/wait.ts';

const ON_AIR_MS = 500;
const STARTS = 5;
/** Metadata and two codec headers come first. */
const HEADERS = 3;
const WATCH_MS = 31_000;
const WINDOW_MS = 10_000;
/** What a push begins with faster than the clock. */
const BURST_MS = 2_000;
const MOST_MB = 16;

const print = (value: number, digits = 1): string => value.toFixed(digits);

/** A short MP4 with B-frames on a web server, a running service, and a destination in this process. */
async function arrange(place: Place) {
  await run('ffmpeg', ['-v', 'error', '-y', '-i', await media({ seconds: 7 }), '-c', 'copy', place.path('a.mp4')]);
  const base = await serveFiles(place, place.dir);
  const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
  const options = { host: '127.0.0.1', port: 0, now: monotonic, tickMs: 5 };
  const origin = place.own(await Origin.listen(options), it => it.close());
  const create = async (name: string): Promise<string> => {
    const destination = `${origin.address}/live/${name}`;
    const list = { source_type: 'PullVodPushLive', source_urls: [`${base}/a.mp4`], vod_loop_time: '-1' };
    const answer = await millrace.huawei.call({ method: 'POST', body: { ...list, destination_url: destination } });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return destination;
  };
  const packetsOf = (name: string): number =>
    origin.streams().find(stream => stream.name.endsWith(name))?.packetsIn ?? 0;
  return { create, packetsOf };
}

it(`has the first frame of a file on air within ${ON_AIR_MS} ms of the call that creates the task`, async () => {
  await using place = new Place();
  const { create, packetsOf } = await arrange(place);
  const took: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const atMs = performance.now();
    const created = create(`start${i}`);
    await until('a frame is there', () => packetsOf(`start${i}`) > HEADERS, { everyMs: 2 });
    took.push(performance.now() - atMs);
    await created;
  }
  console.log(`first frame after ${took.map(ms => print(ms, 0)).join(', ')} ms`);
  const [, , median = Number.NaN] = took.toSorted((a, b) => a - b);
  expect(median).toBeLessThanOrEqual(ON_AIR_MS);
});

it('plays at the pace of the clock, over any 10 s, over the ends of a short file', async () => {
  await using place = new Place();
  const { create, packetsOf } = await arrange(place);
  const destination = await create('pace');
  await until('media is there', () => packetsOf('pace') > HEADERS);
  const seen = await watchTimes(destination, WATCH_MS);
  const rates = ratesOf(seen.filter(({ atMs }) => atMs - (seen[0]?.atMs ?? 0) > BURST_MS));
  const [least, most] = [Math.min(...rates), Math.max(...rates)];
  const mediaMs = (seen.at(-1)?.mediaMs ?? 0) - (seen[0]?.mediaMs ?? 0);
  console.log(
    `pace ${print(least, 4)} to ${print(most, 4)} over ${rates.length} stretches of 10 s, ` +
      `${print(mediaMs / 1000)} s of media`,
  );
  expect(mediaMs).toBeGreaterThan(WATCH_MS - BURST_MS);
  // On a quiet machine it keeps to 1 %; a busy one may read it, or write it, a quarter of a second late.
  expect(least).toBeGreaterThanOrEqual(0.975);
  expect(most).toBeLessThanOrEqual(1.025);
});

/** How far media was at what time, on the clock. */
interface Stand {
  readonly atMs: number;
  readonly mediaMs: number;
}

async function watchTimes(url: string, forMs: number): Promise<Stand[]> {
  const abort = new AbortController();
  const dialler = new Dialler({ preset: 'lab' });
  const source = await openSource(url, { dialler, signal: abort.signal });
  const stands: Stand[] = [];
  const batch = new Batch();
  try {
    for (const endMs = performance.now() + forMs; performance.now() < endMs; await pass(5)) {
      batch.clear();
      source.read(batch);
      const last = batch.packets.slice(0, batch.count).findLast(({ kind }) => isVideo(kind));
      if (last !== undefined) stands.push({ atMs: performance.now(), mediaMs: last.dtsMs });
    }
  } finally {
    source.close();
    abort.abort();
  }
  return stands;
}

/** Media time over time, from each stand to the first that is 10 s younger. */
function ratesOf(stands: readonly Stand[]): number[] {
  return stands.flatMap(from => {
    const to = stands.find(({ atMs }) => atMs >= from.atMs + WINDOW_MS);
    return to === undefined ? [] : [(to.mediaMs - from.mediaMs) / (to.atMs - from.atMs)];
  });
}

it(`plays a film of three hours and 5 GB, its index behind it, in ${MOST_MB} MB from disk and over HTTP`, async () => {
  await using place = new Place();
  const film = await makeLongFilm(place, place.path('film.mp4'));
  expect(film.bytes).toBeGreaterThan(5e9);
  const base = await serveFiles(place, place.dir);
  for (const from of ['media:/', base]) {
    const played = await playInChild(place, [`${from}/entries.mp4`, `${from}/film.mp4`]);
    console.log(
      `${from}: index of ${print(film.moovBytes / 1e6)} MB and ${film.samples} samples opened in ` +
        `${print(played.openMs, 0)} ms, at most ${print(played.peakMb)} MB and then ${print(played.keptMb)} MB over the base`,
    );
    expect(played.durationMs).toBe(3 * 3600 * 1000);
    // Two seconds of pictures and sound.
    expect(played.packets).toBeGreaterThan(2 * (25 + 46) - 5);
    expect(played.peakMb).toBeLessThanOrEqual(MOST_MB);
  }
});

async function playInChild(place: Place, urls: readonly string[]): Promise<Played> {
  const program = new URL('./lab/play-film.ts', import.meta.url).pathname;
  return JSON.parse(await run(process.execPath, ['--expose-gc', program, place.dir, ...urls])) as Played;
}
