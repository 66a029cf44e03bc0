import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunCover } from '../src/worker/channel.ts';
import { figure } from './faults/figure.ts';
import { framesMore, times } from './faults/on-air.ts';
import { Child } from './lab/child.ts';
import { backwards, fallen, longestGapMs, lost } from './lab/continuity.ts';
import { CountedSource } from './lab/counted-source.ts';
import { FaultProxy } from './lab/fault-proxy.ts';
import { frames, media, publish, record, videoOf, watch } from './lab/ffmpeg.ts';
import { dice, makeFilms } from './lab/films.ts';
import { openHook } from './lab/hook.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { OneRelay } from './lab/one-relay.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

const KILLS = Number(process.env.STANDBY_KILLS ?? 30);
const AT_ONCE = 30;
const GOP_MS = 1_000;
const WARM_SILENT_MS = 2_000;
const SILENT_MS = 5_000;

/** A relay whose source and standby are the same camera, each over a way of its own that may be cut. */
interface Covered {
  readonly camera: CountedSource;
  readonly primary: FaultProxy;
  readonly standby: FaultProxy;
  readonly relay: OneRelay;
  readonly seen: SeenStream;
}

async function covered(place: Place, cover: RunCover, camera?: CountedSource): Promise<Covered> {
  const filming = camera ?? (await CountedSource.start(place));
  const oracle = await Oracle.start(place);
  const primary = await FaultProxy.start(place, { to: filming.port });
  const standby = await FaultProxy.start(place, { to: filming.port });
  const ways = { from: primary.url('live/in'), to: oracle.url('out'), standby: [standby.url('live/in')], cover };
  const relay = OneRelay.start(place, ways);
  const all = { camera: filming, primary, standby, relay, seen: oracle.stream('out') };
  await framesMore(all.seen, 30);
  if (cover.warm === true) await until('the standby is warm', () => standby.open > 0);
  return all;
}

const lose = {
  cut: ({ primary }: Covered): void => primary.cut(),
  reset: ({ primary }: Covered): void => primary.reset(),
  stall: ({ primary }: Covered): void => {
    for (const way of ['up', 'down'] as const) primary.set(way, { stalled: true });
  },
};

/** Loses the source for good and answers what the destination saw of it. */
async function fail(all: Covered, how: keyof typeof lose) {
  const { primary, relay, seen } = all;
  const fromMs = performance.now();
  primary.welcome = 'reset';
  lose[how](all);
  await until('the standby is on air', () => relay.report.source?.index === 1);
  const switchedAtMs = performance.now();
  await framesMore(seen, 60);
  const gapMs = Math.max(longestGapMs(seen.video, { fromMs }), longestGapMs(seen.audio, { fromMs }));
  expect(relay.bugs).toEqual([]);
  expect(seen.pushes).toHaveLength(1);
  expect(fallen(seen)).toBe(0);
  return { switchedAtMs, gapMs, missing: lost(seen) };
}

const longestStepMs = (times: readonly number[]): number =>
  Math.max(...times.map((at, i) => at - (times[i - 1] ?? at)));

const worst = (values: readonly number[], share = 1): number =>
  [...values].sort((one, other) => one - other)[Math.ceil(values.length * share) - 1] ?? Number.NaN;

describe.concurrent('a standby', () => {
  it(`S19: a warm one takes over within the threshold and a group of pictures, ${KILLS} times at any phase`, async () => {
    const chance = dice(20_261_121);
    const gaps = { lost: [] as number[], silent: [] as number[] };
    let lost = 0;
    for (let done = 0; done < KILLS; done += AT_ONCE) {
      await using place = new Place();
      const camera = await CountedSource.start(place);
      await times(Math.min(AT_ONCE, KILLS - done), async i => {
        const all = await covered(place, { warm: true }, camera);
        await pass(2_000 + chance(2 * GOP_MS));
        const how = (['cut', 'reset', 'stall'] as const)[i % 3] ?? 'cut';
        const seen = await fail(all, how);
        gaps[how === 'stall' ? 'silent' : 'lost'].push(seen.gapMs);
        lost += seen.missing;
      });
    }
    const limit = { unit: 'ms', atMost: WARM_SILENT_MS + GOP_MS };
    figure('S19', 'warm standby, output gap p99, source lost', worst(gaps.lost, 0.99), { unit: 'ms', atMost: GOP_MS });
    figure('S19', 'warm standby, output gap p99, source silent', worst(gaps.silent, 0.99), limit);
    figure('S19', 'warm standby, output gap p99, all kills', worst([...gaps.lost, ...gaps.silent], 0.99), limit);
    figure('S19', 'warm standby, frames that never came', lost, { unit: 'frames', exactly: 0 });
  });

  it('S19: one that is opened when it is needed takes over in time, too', async () => {
    await using place = new Place();
    const seen = await times(8, async i => {
      const all = await covered(place, {});
      await pass(300 * i);
      return { how: i % 2, ...(await fail(all, i % 2 === 0 ? 'cut' : 'stall')) };
    });
    const gapsOf = (how: number): number[] => seen.filter(one => one.how === how).map(({ gapMs }) => gapMs);
    figure('S19', 'cold standby, output gap, source lost', worst(gapsOf(0)), { unit: 'ms', atMost: GOP_MS });
    const limit = { unit: 'ms', atMost: SILENT_MS + GOP_MS };
    figure('S19', 'cold standby, output gap, source silent', worst(gapsOf(1)), limit);
  });

  it('S19: the source is gone back to when it has been well for ten seconds and thirty have passed', async () => {
    await using place = new Place();
    const all = await covered(place, {});
    const { primary, relay, seen } = all;
    const { switchedAtMs } = await fail(all, 'cut');
    const awayMs = performance.now();
    primary.welcome = 'pass';
    await until('it is back', () => relay.report.source?.index === 0, { timeoutMs: 60_000 });
    const backMs = performance.now();
    await framesMore(seen, 50);
    figure('S19', 'back at the source', (backMs - switchedAtMs) / 1000, { unit: 's', atLeast: 29, atMost: 34 });
    figure('S19', 'output gap of the way back', longestGapMs(seen.video, { fromMs: awayMs + 1_000 }), {
      unit: 'ms',
      atMost: 500,
    });
    expect(seen.pushes).toHaveLength(1);
    expect(fallen(seen)).toBe(0);
    const alarms = relay.news.filter(({ type }) => type === 'alarm').map(({ alarm, set }) => [alarm, set]);
    expect(alarms).toEqual([
      ['SwitchedToStandby', true],
      ['SwitchedToStandby', false],
    ]);
    expect(relay.news.filter(({ type }) => type === 'broke')).toEqual([]);
  });

  it('S20: two dead sources are tried in turn, the reason names both, and whoever is back first is on air', async () => {
    await using place = new Place();
    const { primary, standby, relay, seen } = await covered(place, {});
    const fromMs = performance.now();
    for (const way of [primary, standby]) {
      way.welcome = 'reset';
      way.reset();
    }
    await pass(6_000);
    const tries = [primary, standby].map(way => way.connectsAtMs.filter(at => at > fromMs).length);
    figure('S20', 'tries of the two within 6 s, the fewer', Math.min(...tries), { unit: 'tries', atLeast: 2 });
    figure('S20', 'tries of the two within 6 s, the more', Math.max(...tries), { unit: 'tries', atMost: 8 });
    expect(relay.report.state).toBe('broken');
    expect(relay.report.reason).toMatch(/^no source can be pulled; the source: .+; standby 1: .+/);
    standby.welcome = 'pass';
    const backMs = performance.now();
    await until('it is on air again', () => relay.report.state === 'flowing');
    figure('S20', 'on air after the return of one', performance.now() - backMs, { unit: 'ms', atMost: 11_000 });
    await framesMore(seen, 30);
    expect(seen.pushes).toHaveLength(1);
  });

  it('stands by for a task of the Huawei dialect, which runs on without a word of a loss', async () => {
    await using place = new Place();
    const [source, standby] = [await CountedSource.start(place), await CountedSource.start(place)];
    const oracle = await Oracle.start(place);
    const millrace = await Millrace.start(place, { flags: ['--workers', '1', '--warm-standby', 'on'] });
    const hook = await openHook(place);
    const taskId = await millrace.huawei.createLive(source.url(), oracle.url('out'), {
      backup_source_type: 'PullLivePushLive',
      backup_source_urls: [standby.url()],
      callback_url: `${hook.base}/told`,
    });
    const seen = oracle.stream('out');
    await framesMore(seen, 30);
    await until('the standby is warm', () => standby.pullers === 1);
    await pass(2_000);
    const fromMs = performance.now();
    await source.vanish('reset');
    await framesMore(seen, 100);
    figure('S19', 'served by millrace, output gap', longestGapMs(seen.video, { fromMs }), {
      unit: 'ms',
      atMost: GOP_MS,
    });
    expect(await millrace.huawei.status(taskId)).toBe('running');
    expect(seen.pushes).toHaveLength(1);
    await until('the alarm is told', () => hook.told.some(({ body }) => body.alarm_type === 'SwitchedToStandby'));
    expect(hook.told.filter(({ body }) => body.event_type === 'TaskRetrying')).toEqual([]);
  });

  it('stands in for a list whose files are gone, and makes way for the first that is back', async () => {
    await using place = new Place();
    const films = await makeFilms(place, 2);
    const standby = await CountedSource.start(place, { shape: { tag: 's' } });
    const oracle = await Oracle.start(place);
    const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
    const answer = await millrace.huawei.call({
      method: 'POST',
      body: {
        source_type: 'PullVodPushLive',
        source_urls: films.urls,
        backup_source_type: 'PullLivePushLive',
        backup_source_urls: [standby.url()],
        destination_url: oracle.url('out'),
      },
    });
    const { video, pushes, tags } = oracle.stream('out');
    await until('the list is on air', () => video.length > 50);
    const fromMs = performance.now();
    renameSync(place.path('films'), place.path('away'));
    await until('the standby is on air', () => tags.length > 0, { timeoutMs: 30_000 });
    const frames = video.length;
    await until('it goes on', () => video.length > frames + 100);
    renameSync(place.path('away'), place.path('films'));
    await until('the list is on air again', () => video.numbers.slice(-50).every(number => number < 0), {
      timeoutMs: 40_000,
    });
    figure('S20', 'a list without files, output gap', longestGapMs(video, { fromMs }), { unit: 'ms', atMost: 2_000 });
    figure('S20', 'a list without files, step of the output times', longestStepMs(video.dtsMs), {
      unit: 'ms',
      atMost: 200,
    });
    expect(backwards(video)).toBe(0);
    expect(pushes).toHaveLength(1);
    expect(await millrace.huawei.status(String(answer.body.task_id))).toBe('running');
  });

  it('S19: with a delay budget above the threshold nobody sees that a source fell silent', async () => {
    await using place = new Place();
    const camera = await CountedSource.start(place);
    const seen = await times(10, async i => {
      const all = await covered(place, { warm: true, delayMs: 4_000 }, camera);
      await pass(2_000 + 100 * i);
      return fail(all, i % 2 === 0 ? 'stall' : 'reset');
    });
    const limit = { unit: 'ms', atMost: 300 };
    figure('S19', 'delay budget of 4 s, warm standby, output gap', worst(seen.map(({ gapMs }) => gapMs)), limit);
    const lost = seen.reduce((sum, one) => sum + one.missing, 0);
    figure('S19', 'delay budget of 4 s, warm standby, frames that never came', lost, { unit: 'frames', exactly: 0 });
  });

  it('S1: with a delay budget an outage that is shorter is not seen at the destination', async () => {
    await using place = new Place();
    const { primary, standby, relay, seen } = await covered(place, { delayMs: 5_000 });
    await pass(1_000);
    const fromMs = performance.now();
    standby.welcome = 'reset';
    primary.welcome = 'reset';
    primary.reset();
    await pass(2_500);
    primary.welcome = 'pass';
    await until('the source is back', () => primary.open > 0);
    await framesMore(seen, 200);
    const limit = { unit: 'ms', atMost: 300 };
    figure('S1', 'delay budget of 5 s, outage of 2.5 s, output gap', longestGapMs(seen.video, { fromMs }), limit);
    figure(
      'S1',
      'delay budget of 5 s, outage of 2.5 s, step of the output times',
      longestStepMs(seen.video.dtsMs),
      limit,
    );
    expect(relay.news.map(({ type }) => type)).toEqual(['flowing']);
  });

  it('S20: with a slate the push stays alive on held pictures and silence while there is no source', async () => {
    await using place = new Place();
    const { primary, standby, relay, seen } = await covered(place, { slate: 'hold' });
    await pass(1_500);
    const fromMs = performance.now();
    for (const way of [primary, standby]) {
      way.welcome = 'reset';
      way.reset();
    }
    await until('the slate is on air', () => relay.report.onSlate === true);
    await pass(35_000);
    const toMs = performance.now();
    const gapMs = Math.max(longestGapMs(seen.video, { fromMs, toMs }), longestGapMs(seen.audio, { fromMs, toMs }));
    figure('S20', 'no source for 35 s, slate, output gap', gapMs, { unit: 'ms', atMost: 2_000 });
    expect(relay.report.state).toBe('broken');
    expect(relay.report.reason).toMatch(/^the slate is on air, a held picture; no source can be pulled; /);
    primary.welcome = 'pass';
    await until('the source is on air', () => relay.report.state === 'flowing');
    await framesMore(seen, 50);
    const step = Math.max(longestStepMs(seen.video.dtsMs), longestStepMs(seen.audio.dtsMs));
    figure('S20', 'no source for 35 s, slate, step of the output times', step, { unit: 'ms', atMost: 2_000 });
    expect(fallen(seen)).toBe(0);
    expect(seen.pushes).toHaveLength(1);
    expect(relay.news.filter(({ type }) => type === 'flowing')).toHaveLength(2);
  });

  it('shows a file while there is no source, which every decoder takes', async () => {
    await using place = new Place();
    const [film, slate] = await Promise.all([
      media({ seconds: 120, size: '320x180', videoKbit: 300 }),
      media({ seconds: 3, size: '320x180', videoKbit: 290 }),
    ]);
    mkdirSync(place.path('media'));
    copyFileSync(slate, place.path('media/slate.flv'));
    const shown = new Set(videoOf(await frames(slate)).map(({ hash }) => hash));
    const [origin, sink] = [await Nginx.start(place), await Nginx.start(place)];
    const flags = ['--workers', '1', '--media', place.path('media'), '--slate', 'media://slate.flv'];
    const millrace = await Millrace.start(place, { flags });
    const publisher = publish(place, film, origin.url('in'));
    const taskId = await millrace.huawei.createLive(origin.url('in'), sink.url('out'));
    await until('it runs', async () => (await millrace.huawei.status(taskId)) === 'running');
    const player = watch(place, sink.url('out'));
    const recorder = record(place, sink.url('out'), place.path('seen.flv'));
    await until('frames arrive', () => player.seen.length > 100);
    await publisher.stop('SIGKILL');
    const isSlate = ({ hash }: { hash: string }): boolean => shown.has(hash);
    await until('the slate is on air', () => videoOf(player.seen).filter(isSlate).length > 100);
    expect(await millrace.huawei.status(taskId)).toBe('retrying');
    publish(place, film, origin.url('in'));
    await until('it runs again', async () => (await millrace.huawei.status(taskId)) === 'running');
    const from = player.seen.length;
    await until('the source is seen', () => videoOf(player.seen.slice(from)).filter(it => !isSlate(it)).length > 50);
    const pictures = videoOf(player.seen);
    expect(pictures.every(({ dts }, i) => i === 0 || dts > (pictures[i - 1]?.dts ?? 0))).toBe(true);
    expect((await sink.streams()).size).toBe(1);
    await recorder.stop('SIGINT');
    const decoder = new Child('ffmpeg', ['-v', 'error', '-i', place.path('seen.flv'), '-f', 'null', '-']);
    await decoder.exited;
    await decoder.drained;
    // Where a source was cut off between pictures that are reordered, the times of two of them fall together.
    expect(decoder.output.split('\n').filter(line => line !== '' && !line.includes('to muxer'))).toEqual([]);
  });
});
