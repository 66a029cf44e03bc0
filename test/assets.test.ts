import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from './lab/child.ts';
import { videoOf, watch } from './lab/ffmpeg.ts';
import { type Films, FRAMES, makeFilms, type Spot } from './lab/films.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));
const FIRST = 'c40a6c8c1f5e4d7c9f0b2a3d4e5f6071';
const LATE = '片头/1';
const LAST = 'the-last';
const SIGNATURE = 'mark5f0c2c9d7e';
const nameOf = (id: string): string => `asset://${encodeURIComponent(id)}`;

interface Told {
  readonly event_id: string;
  readonly event_type: string;
  readonly url?: string;
  readonly index?: number;
  readonly loop?: number;
  readonly message?: string;
}

async function receiver(place: Place): Promise<{ readonly url: string; readonly told: Told[] }> {
  const told: Told[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const one: Told = JSON.parse(body);
    if (!told.some(({ event_id }) => event_id === one.event_id)) told.push(one);
    response.end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, told };
}

/** Adds an asset beside the running node, as its operator does. */
async function add(millrace: Millrace, place: Place, id: string, file: string): Promise<void> {
  const where = ['--data', millrace.data, '--media', place.path('films')];
  const added = JSON.parse(
    await run(BIN, ['asset', 'add', file, '--id', id, '--json', ...where], { env: millrace.variables }),
  );
  expect(added).toMatchObject({
    name: nameOf(id),
    probe: { video: { codec: 'H.264' }, keyFrames: { count: 6, longestGapMs: 1_000 } },
  });
}

/** The files that were seen, one after the other, each with its number of pictures; ends are left out. */
function passesOf(films: Films, hashes: readonly string[]): string[] {
  const passes: { file: number; pictures: Spot[] }[] = [];
  for (const hash of hashes) {
    const spot = films.find(hash);
    if (spot === undefined) throw new Error('a picture of no film was seen');
    if (passes.at(-1)?.file !== spot.file || spot.frame === 0) passes.push({ file: spot.file, pictures: [] });
    passes.at(-1)?.pictures.push(spot);
  }
  return passes.slice(1, -1).map(({ file, pictures }) => `${file}: ${pictures.length}`);
}

it('plays a list of assets, passes over one that there is not, and plays it once it has been added', async () => {
  await using place = new Place();
  const films = await makeFilms(place, 3);
  const nginx = await Nginx.start(place);
  const millrace = await Millrace.start(place, { flags: ['--workers', '1', '--media', place.path('films')] });
  const hook = await receiver(place);
  await add(millrace, place, FIRST, place.path('films/0.mp4'));
  await add(millrace, place, LAST, `${films.urls[2]}?sign=${SIGNATURE}`);
  const { child, seen } = watch(place, nginx.url('out'), '0:v');
  await until('the viewer is there', async () => (await nginx.streams()).has('out'));

  const source_urls = [FIRST, LATE, LAST].map(nameOf);
  const body = { source_type: 'PullVodPushLive', source_urls, destination_url: nginx.url('out') };
  const created = await millrace.huawei.call({ method: 'POST', body: { ...body, callback_url: hook.url } });
  expect(created.status, JSON.stringify(created.body)).toBe(200);
  const { task_id } = created.body;
  const missing = () =>
    hook.told.find(({ event_type, url }) => event_type === 'VodSourceFileFinish' && url === nameOf(LATE));
  await until('the asset is missed', missing);
  expect(missing()).toMatchObject({ index: 1, loop: 0, message: `there is no media asset ${LATE}` });

  await add(millrace, place, LATE, 'media://1.mp4');
  const started = () =>
    hook.told
      .filter(({ event_type }) => event_type === 'VodSourceFileStart')
      .map(({ url, index }) => `${index} ${url}`);
  await until(
    'the last asset follows on the added one',
    () =>
      started()
        .join()
        .endsWith(`1 ${nameOf(LATE)},2 ${nameOf(LAST)}`),
    {
      timeoutMs: 60_000,
    },
  );
  const shown = await millrace.huawei.call({ method: 'GET', query: { task_id } });
  expect(shown.body.task_infos[0]).toMatchObject({ source_urls, status: 'running' });
  expect((await millrace.huawei.remove(task_id)).status).toBe(200);
  await until('the exit is told', () => hook.told.at(-1)?.event_type === 'TaskExit');
  await child.stop('SIGKILL');

  const first = `0 ${nameOf(FIRST)}`;
  expect(started().slice(0, 3)).toEqual([first, `2 ${nameOf(LAST)}`, first]);
  const passes = passesOf(
    films,
    videoOf(seen).map(({ hash }) => hash),
  );
  expect(passes.slice(0, 1)).toEqual([`2: ${FRAMES}`]);
  expect(passes.slice(-2)).toEqual([`0: ${FRAMES}`, `1: ${FRAMES}`]);
  const written = [millrace.output, JSON.stringify(shown.body), JSON.stringify(hook.told)].join();
  expect(written).not.toContain(SIGNATURE);
  expect(written).not.toContain(films.urls[2]);
});

it('refuses what cannot name an asset', async () => {
  await using place = new Place();
  const millrace = await Millrace.start(place, { flags: ['--workers', '1'] });
  for (const url of ['asset://', 'asset://a/b', 'asset://a?sign=1', 'asset://%ff', 'asset://a%20b']) {
    const body = { source_type: 'PullVodPushLive', source_urls: [url], destination_url: 'rtmp://127.0.0.1:9/live/out' };
    const answer = await millrace.huawei.call({ method: 'POST', body });
    expect(answer, url).toMatchObject({ status: 400, body: { error_code: 'LIVE.100011001' } });
    expect(answer.body.error_msg).toContain('source_urls: a media asset is named asset://ID');
  }
});
