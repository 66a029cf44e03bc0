import { once } from 'node:events';
import { appendFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ScriptedServer } from '../src/media/rtmp/scripted-server.ts';
import { figure } from './faults/figure.ts';
import { backwards, duplicates, lost, missing } from './lab/continuity.ts';
import { CountedSource } from './lab/counted-source.ts';
import { CountedStream } from './lab/counted-stream.ts';
import { FaultProxy } from './lab/fault-proxy.ts';
import { serveFiles } from './lab/file-server.ts';
import { openHook } from './lab/hook.ts';
import { Millrace, processesOf } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Oracle, type SeenStream } from './lab/oracle.ts';
import { flvOf, type Kept } from './lab/packets.ts';
import { Place } from './lab/place.ts';
import { stopsAt } from './lab/scripted-destination.ts';
import { pass, until } from './lab/wait.ts';

/** Of each kind. */
const RESTARTS = Number(process.env.TEST_RESTARTS ?? 10);
const FILM_SECONDS = 120 + 10 * RESTARTS;
const TIMEOUT_MS = 60_000 + 10_000 * RESTARTS;
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

/** What the control processes had to complain of, for the case that a test fails. */
const complaints = ({ output }: Millrace): string =>
  output
    .split('\n')
    .filter(line => /"level":"(warn|error)"|process lost/.test(line))
    .join('\n');

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
  figure(row, 'longest restart, its start to its readiness', Math.max(...gaps), {
    unit: 'ms',
    atMost: 10_000,
    busyAtMost: 40_000,
  });
  expect(await nginx.publisherOf('way')).toBe(publisher);
  expect(childrenOf(millrace)).toEqual(children);
}

it.concurrent(
  'loses no frame while one control process follows the other',
  async () => {
    await restarts('P6', async millrace => {
      expect(await millrace.replace()).toBe(0);
    });
  },
  TIMEOUT_MS,
);

it.concurrent(
  'loses no frame while the control process is killed and started again',
  async () => {
    await restarts('P2', async millrace => {
      await millrace.killControl();
      await millrace.restart();
    });
  },
  TIMEOUT_MS,
);

it.concurrent(
  'tells of every file of a list, in order, while one control process follows the other',
  async () => {
    await using place = new Place();
    const [oracle, hook] = [await Oracle.start(place), await openHook(place)];
    const films = place.path('films');
    mkdirSync(films);
    const names = ['0.flv', '1.flv', '2.flv'];
    for (const name of names) writeFileSync(`${films}/${name}`, countedFilm(1));
    const base = await serveFiles(place, films);
    const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
    const list = {
      source_type: 'PullVodPushLive',
      source_urls: names.map(name => `${base}/${name}`),
      vod_loop_time: '999',
    };
    const body = { ...list, destination_url: oracle.url('list'), callback_url: hook.base };
    await millrace.huawei.call({ method: 'POST', body });
    await until('it is on air', () => oracle.stream('list').length > 50);
    for (let i = 0; i < RESTARTS; i++) {
      await millrace.replace();
      await pass(Math.random() * 1_000);
    }
    const count = hook.told.length;
    await until('more files are told of', () => hook.told.length > count + 4);

    // One that was cut off in the middle is sent again.
    const told = [...new Map(hook.told.map(({ body: event }) => [event.event_id, event])).values()];
    const places = (type: string): number[] =>
      told.filter(({ event_type }) => event_type === type).map(({ loop, index }) => loop * names.length + index);
    const [starts, ends] = [places('VodSourceFileStart'), places('VodSourceFileFinish')];
    expect(starts, complaints(millrace)).toEqual(starts.map((_, i) => i));
    expect(ends, complaints(millrace)).toEqual(ends.map((_, i) => i));
    figure('P6', 'files told of', starts.length, { unit: 'files', atLeast: RESTARTS });
    expect(oracle.stream('list').pushes, complaints(millrace)).toHaveLength(1);
  },
  TIMEOUT_MS,
);

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
  figure('P6', 'frames that a list loses when it moves', lost(list), {
    unit: 'frames',
    exactly: 0,
  });
  figure('P6', 'overlapping pushes', Math.max(...seen.map(({ overlaps }) => overlaps)), { unit: 'pushes', exactly: 0 });
  expect(seen.map(({ pushes }) => pushes.map(({ startedAtKey }) => startedAtKey))).toEqual(
    seen.map(() => [true, true]),
  );
  expect(seen.map(({ pushes }) => pushes[0]?.saidGoodbye)).toEqual(seen.map(() => true));
});

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The program as another checkout has it. */
function checkout(place: Place): string {
  const copy = place.path('checkout');
  for (const part of ['src', 'bin', 'package.json']) cpSync(`${ROOT}${part}`, `${copy}/${part}`, { recursive: true });
  symlinkSync(`${ROOT}node_modules`, `${copy}/node_modules`);
  return copy;
}

it('moves what is on air to workers of other code under the same version, and not for the same code', async () => {
  await using place = new Place();
  const source = await CountedSource.start(place);
  const oracle = await Oracle.start(place);
  const copy = checkout(place);
  const millrace = await Millrace.start(place, { bin: `${copy}/bin/millrace`, flags: ['--workers', '1'] });
  await millrace.huawei.createLive(source.url(), oracle.url('out'));
  const { pushes, video } = oracle.stream('out');
  await until('it is on air', () => video.length > 50);
  const former = childrenOf(millrace);
  await millrace.replace();
  expect(childrenOf(millrace)).toEqual(former);
  appendFileSync(`${copy}/src/worker/run.ts`, '// Mended.\n');
  await millrace.replace();
  await until('it has moved', () => pushes.length === 2 && pushes[1]?.firstFrameAtMs !== undefined);
  await until('the former worker is gone', () => childrenOf(millrace).length === 2);
  expect(childrenOf(millrace).filter(pid => former.includes(pid))).toHaveLength(1);
});

const MANY = 40;

it('moves live runs off the air for a moment only, also where the source begins with its next key frame', async () => {
  await using place = new Place();
  const source = await CountedSource.start(place, { shape: { videoKbit: 100, gop: 50 }, join: 'next' });
  const oracle = await Oracle.start(place);
  const proxy = await FaultProxy.start(place, { to: oracle.port });
  for (const direction of ['up', 'down'] as const) proxy.set(direction, { delayMs: 100 });
  const millrace = await Millrace.start(place, { flags: ['--workers', '2'] });
  const seen = Array.from({ length: MANY }, (_, i) => oracle.stream(`run${i}`));
  for (let i = 0; i < MANY; i++) await millrace.huawei.createLive(source.url(), oracle.url(`run${i}`));
  await millrace.huawei.createLive(source.url(), proxy.url('live/far'));
  const all = [...seen, oracle.stream('far')];
  await until('all are on air', () => all.every(({ video }) => video.length > 50));
  await millrace.replace('--media', place.path('other'));
  const haveMoved = (): boolean => all.every(({ pushes }) => pushes[1]?.firstFrameAtMs !== undefined);
  await until('all have moved', haveMoved, { timeoutMs: 60_000 });
  const outages = seen.map(stream => outageMs(stream, 1)).sort((one, other) => one - other);
  const [median = Number.NaN, worst = Number.NaN] = [outages[MANY / 2], outages.at(-1)];
  figure('P6', `outage of ${MANY} live runs that move, median`, median, { unit: 'ms', atMost: 300 });
  figure('P6', `outage of ${MANY} live runs that move, p99`, worst, { unit: 'ms', atMost: 1_000 });
  figure('P6', 'outage of one that is 200 ms away from its destination', outageMs(oracle.stream('far'), 1), {
    unit: 'ms',
    atMost: 1_000,
  });
  const lost = seen.reduce((sum, { video, audio }) => sum + missing(video).length + missing(audio).length, 0);
  figure('P6', 'frames that live runs lose when they move', lost, { unit: 'frames', exactly: 0 });
  const overlaps = Math.max(...all.map(stream => stream.overlaps));
  figure('P6', 'overlapping pushes of these', overlaps, { unit: 'pushes', exactly: 0 });
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

/** A receiver of callbacks that takes them and never answers. */
async function hangingHook(place: Place): Promise<{ readonly url: string; readonly asked: () => number }> {
  let asked = 0;
  const server = place.own(
    createServer(() => {
      asked++;
    }),
    it => {
      it.closeAllConnections();
      it.close();
    },
  );
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked: () => asked };
}

/** A request of which half is sent. */
async function slowRequest(place: Place, api: string): Promise<Socket> {
  const { hostname, port } = new URL(api);
  const socket = place.own(connect({ host: hostname, port: Number(port) }), it => it.destroy());
  socket.on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf');
  await once(socket, 'connect');
  return socket;
}

/** How many bytes the kernel holds for the port that nobody takes, after proc_net_tcp. */
function unsentTo(port: number): number {
  const rows = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1);
  const to = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return rows
    .map(row => row.trim().split(/\s+/))
    .filter(([, , remote = '']) => remote.endsWith(to))
    .reduce((sum, [, , , , queues = '']) => sum + Number.parseInt(queues.split(':')[0] ?? '0', 16), 0);
}

it('ends within 10 s of a SIGTERM, cleanly, whatever its peers do, and goes on later where its lists were', async () => {
  await using place = new Place();
  const { millrace, oracle, seen } = await onAir(place);
  const hook = await hangingHook(place);
  // What the kernel holds for a peer that does not read is filled within seconds.
  const source = await CountedSource.start(place, { shape: { videoKbit: 40_000 } });
  const { huawei } = millrace;
  await huawei.createLive(source.url(), oracle.url('wedged'), { callback_url: hook.url });
  await until('the one that will be wedged is on air', () => oracle.stream('wedged').video.length > 50);
  const silent = await ScriptedServer.listen(stopsAt('accept'));
  place.own(silent, it => it.close());
  await huawei.createLive(source.url(), silent.url('live/out'));
  await until('a callback hangs', () => hook.asked() > 0);
  oracle.stall('wedged');
  await until('it is wedged', () => unsentTo(oracle.port) > 1_000_000);
  const soon = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 2_000).toISOString().replace('.000Z', 'Z');
  await huawei.createLive(source.url(), oracle.url('late'), { start_time: soon });
  await slowRequest(place, millrace.api);

  const atMs = performance.now();
  await millrace.stop();
  figure('P7', 'SIGTERM to exit', performance.now() - atMs, { unit: 'ms', atMost: 10_000 });
  expect(processesOf(millrace.data)).toEqual([]);
  expect(seen.map(({ pushes }) => pushes.map(({ saidGoodbye }) => saidGoodbye))).toEqual(seen.map(() => [true]));
  await pass(Math.max(0, new Date(soon).getTime() + 500 - Date.now()));
  expect(oracle.stream('late').pushes).toEqual([]);

  const list = oracle.stream('list');
  await millrace.restart();
  await until(
    'the list is on air again',
    () => list.pushes.length === 2 && list.pushes[1]?.firstFrameAtMs !== undefined,
  );
  await pass(500);
  figure('P7', 'frames of a list lost over a stop', lost(list), { unit: 'frames', exactly: 0 });
  const back = duplicates(list.video);
  figure('P7', 'pictures of a list repeated over a stop', back, { unit: 'pictures', atMost: 28 });
});
