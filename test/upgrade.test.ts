import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { figure } from './faults/figure.ts';
import { backwards, duplicates, missing } from './lab/continuity.ts';
import { CountedSource } from './lab/counted-source.ts';
import { CountedStream } from './lab/counted-stream.ts';
import { serveFiles } from './lab/file-server.ts';
import { Millrace, processesOf } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { flvOf, type Kept } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

/** Of each kind. */
const RESTARTS = Number(process.env.TEST_RESTARTS ?? 10);
const FILM_SECONDS = 120 + 10 * RESTARTS;
const VIEWS = ['direct', 'nginx', 'origin', 'list'] as const;

/** A file whose frames count. */
function countedFilm(seconds: number): Buffer {
  const stream = new CountedStream({ tag: 'film', videoKbit: 50 });
  const { videoHeader, audioHeader } = stream;
  const headers: Kept[] = [
    { kind: 'videoHeader', dtsMs: 0, body: videoHeader },
    { kind: 'audioHeader', dtsMs: 0, body: audioHeader },
  ];
  return flvOf([...headers, ...stream.between(0, seconds * 1_000)]);
}

interface OnAir {
  readonly millrace: Millrace;
  readonly nginx: Nginx;
  readonly oracle: Oracle;
  readonly taskIds: readonly string[];
  readonly seen: readonly SeenStream[];
}

/** A stream relayed directly, through nginx and through our own RTMP server, and a list, all of them counted at the end. */
async function onAir(place: Place, flags: readonly string[] = []): Promise<OnAir> {
  const source = await CountedSource.start(place);
  const nginx = await Nginx.start(place);
  const oracle = await Oracle.start(place);
  const films = place.path('films');
  mkdirSync(films);
  writeFileSync(`${films}/film.flv`, countedFilm(FILM_SECONDS));
  const base = await serveFiles(place, films);
  const millrace = await Millrace.start(place, { flags: ['--workers', '2', ...flags] });
  const { huawei, rtmp } = millrace;
  const list = { source_type: 'PullVodPushLive', source_urls: [`${base}/film.flv`], vod_loop_time: '1' };
  const body = { ...list, destination_url: oracle.url('list') };
  const taskIds = [
    await huawei.createLive(source.url(), oracle.url('direct')),
    await huawei.createLive(source.url(), nginx.url('way')),
    await huawei.createLive(nginx.url('way'), oracle.url('nginx')),
    await huawei.createLive(source.url(), `${rtmp}/live/way`),
    await huawei.createLive(`${rtmp}/live/way`, oracle.url('origin')),
    (await huawei.call({ method: 'POST', body })).body.task_id,
  ];
  const seen = VIEWS.map(name => oracle.stream(name));
  await until('all are on air', () => seen.every(({ video, audio }) => video.length > 50 && audio.length > 50));
  await until('all run', () => areRunning({ millrace, taskIds }));
  return { millrace, nginx, oracle, taskIds, seen };
}

async function areRunning({ millrace, taskIds }: Pick<OnAir, 'millrace' | 'taskIds'>): Promise<boolean> {
  const all = await Promise.all(taskIds.map(taskId => millrace.huawei.status(taskId)));
  return all.every(status => status === 'running');
}

const childrenOf = ({ data }: Millrace): number[] =>
  processesOf(data)
    .filter(({ command }) => command.includes('worker/'))
    .map(({ pid }) => pid)
    .sort();

/** Restarts the control process over and over with everything on air, and counts what was lost at the far end. */
async function restarts(row: string, restart: (millrace: Millrace) => Promise<void>): Promise<void> {
  await using place = new Place();
  const all = await onAir(place);
  const { millrace, nginx, seen } = all;
  const children = childrenOf(millrace);
  const publisher = await nginx.publisherOf('way');
  const gaps: number[] = [];
  for (let i = 0; i < RESTARTS; i++) {
    const atMs = performance.now();
    await restart(millrace);
    gaps.push(performance.now() - atMs);
    await until('all are told as running', () => areRunning(all));
    await pass(Math.random() * 500);
  }
  await pass(1_000);
  const lost = seen.flatMap(({ video, audio }) => [missing(video).length, missing(audio).length]);
  const twice = seen.flatMap(({ video, audio }) => [duplicates(video) + backwards(video), duplicates(audio)]);
  const sum = (counts: readonly number[]): number => counts.reduce((one, other) => one + other, 0);
  figure(row, `frames lost over ${RESTARTS} restarts`, sum(lost), { unit: 'frames', exactly: 0 });
  figure(row, 'frames repeated', sum(twice), { unit: 'frames', exactly: 0 });
  figure(row, 'pushes a run', Math.max(...seen.map(({ pushes }) => pushes.length)), { unit: 'pushes', exactly: 1 });
  figure(row, 'longest restart, its start to its readiness', Math.max(...gaps), { unit: 'ms', atMost: 10_000 });
  expect(await nginx.publisherOf('way')).toBe(publisher);
  expect(childrenOf(millrace)).toEqual(children);
}

it('loses no frame while one control process follows the other', async () => {
  await restarts('P6', async millrace => {
    expect(await millrace.replace()).toBe(0);
  });
});

it('loses no frame while the control process is killed and started again', async () => {
  await restarts('P2', async millrace => {
    await millrace.killControl();
    await millrace.restart();
  });
});

/** The time without a frame at the turn from one push to the next. */
function outageMs({ video, audio, pushes }: SeenStream, push: number): number {
  const times = [video, audio].flatMap(track => track.atMs.filter((_, i) => track.pushes[i] === push - 1));
  return Math.round((pushes[push]?.firstFrameAtMs ?? Number.POSITIVE_INFINITY) - Math.max(...times));
}

it('moves what is on air to workers of other settings, each run off the air for a second at most', async () => {
  await using place = new Place();
  const { millrace, seen, ...all } = await onAir(place);
  const former = childrenOf(millrace);
  await millrace.replace('--media', place.path('other'));
  await until('all have moved', () => seen.every(({ pushes }) => pushes.length === 2));
  await until('all run', () => areRunning({ ...all, millrace }));
  await until('the former workers are gone', () => childrenOf(millrace).length === 3);
  await pass(2_000);
  const [direct, , , list] = seen as [SeenStream, SeenStream, SeenStream, SeenStream];
  const origin = former.filter(pid => childrenOf(millrace).includes(pid));
  expect(origin).toHaveLength(1);
  figure('P6', 'outage of a live run that moves', outageMs(direct, 1), { unit: 'ms', atMost: 1_000 });
  figure('P6', 'outage of a list that moves', outageMs(list, 1), { unit: 'ms', atMost: 1_000 });
  figure('P6', 'frames that a list loses when it moves', missing(list.video).length + missing(list.audio).length, {
    unit: 'frames',
    exactly: 0,
  });
  figure('P6', 'overlapping pushes', Math.max(...seen.map(({ overlaps }) => overlaps)), { unit: 'pushes', exactly: 0 });
  expect(seen.map(({ pushes }) => pushes.map(({ startedAtKey }) => startedAtKey))).toEqual(
    seen.map(() => [true, true]),
  );
  expect(seen.map(({ pushes }) => pushes[0]?.saidGoodbye)).toEqual(seen.map(() => true));
});

it('lets no run stay on a worker whose network policy was looser, also after a crash', async () => {
  await using place = new Place();
  const { millrace, seen, taskIds } = await onAir(place);
  await millrace.killControl();
  await millrace.restart('--network', 'public');
  await until('all are off the air', () => seen.every(({ publishers }) => publishers === 0));
  await until('the former workers are gone', () => childrenOf(millrace).length === 3);
  expect(seen.map(({ pushes }) => pushes.length)).toEqual([1, 1, 1, 1]);
  for (const taskId of taskIds) expect(await millrace.huawei.status(taskId)).toBe('retrying');
});
