import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { frames, media, publish, videoOf, watch } from './lab/ffmpeg.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

type Told = Readonly<Record<string, unknown>> & { readonly event_type: string };

async function receiver(place: Place): Promise<{ url: string; told: Told[] }> {
  const told: Told[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    told.push(JSON.parse(body) as Told);
    response.end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    it.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, told };
}

/** A time of the API, whole seconds from now. */
const soon = (seconds: number): string => `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;

it('changes the source of a task on air without a new push, and ends it at its new end', async () => {
  await using place = new Place();
  const [first, second] = await Promise.all([media({ seconds: 75 }), media({ seconds: 75, videoKbit: 300 })]);
  const sink = await Nginx.start(place);
  const millrace = await Millrace.start(place);
  const { huawei, rtmp } = millrace;
  const hook = await receiver(place);
  publish(place, first, `${rtmp}/live/a`);
  publish(place, second, `${rtmp}/live/b`);
  const id = await huawei.createLive(`${rtmp}/live/a`, sink.url('out'), { callback_url: hook.url });
  await until('it runs', async () => (await huawei.status(id)) === 'running');
  const { seen } = watch(place, sink.url('out'));
  await until('frames arrive', () => seen.length > 50);
  const pusher = await sink.publisherOf('out');

  const put = (body: object) => huawei.call({ method: 'PUT', body: { task_id: id, ...body } });
  expect((await put({})).status).toBe(200);
  expect((await put({ vod_loop_time: '3', vod_start_video_index: 7 })).status).toBe(200);
  expect((await put({ status: 'enable' })).status).toBe(200);
  expect((await put({ source_urls: [`${rtmp}/live/b`] })).status).toBe(200);
  const others = new Set(videoOf(await frames(second)).map(frame => frame.hash));
  await until('the other picture arrives', () => videoOf(seen).some(frame => others.has(frame.hash)));
  const video = videoOf(seen);
  expect(video.every((frame, i) => i === 0 || frame.dts > (video[i - 1]?.dts ?? 0))).toBe(true);
  expect(await sink.publisherOf('out')).toBe(pusher);
  expect(await huawei.status(id)).toBe('running');

  expect((await put({ start_time: '2090-01-01T00:00:00Z' })).status).toBe(400);
  expect((await put({ end_time: soon(-60) })).status).toBe(400);
  expect((await put({ end_time: soon(3) })).status).toBe(200);
  await until('the end is told', () => hook.told.some(it => it.event_type === 'TaskExit'));
  await until('the push is closed', async () => (await sink.publisherOf('out')) === '');
  const late = await put({ status: 'enable' });
  expect(late).toMatchObject({ status: 400, body: { error_code: 'LIVE.103011022' } });
  // ResetTaskConfig is told of file tasks only.
  expect(hook.told.map(it => it.event_type)).toEqual(['TaskStart', 'TaskExit']);
  expect(hook.told[1]).toMatchObject({ code: 0, message: 'end_time reached', will_retry: false });
});

it('lets fifty parallel pauses and enables end in what was said last, with one push', async () => {
  await using place = new Place();
  const file = await media({ seconds: 75 });
  const sink = await Nginx.start(place);
  const millrace = await Millrace.start(place);
  const { huawei, rtmp } = millrace;
  publish(place, file, `${rtmp}/live/a`);
  const id = await huawei.createLive(`${rtmp}/live/a`, sink.url('out'));
  await until('it runs', async () => (await huawei.status(id)) === 'running');
  const put = (status: string) => huawei.call({ method: 'PUT', body: { task_id: id, status } });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => put(i % 2 === 0 ? 'pause' : 'enable')));
  expect(answers.filter(answer => answer.status !== 200)).toEqual([]);
  await put('pause');
  expect(await huawei.status(id)).toBe('suspend');
  await until('nobody pushes', async () => (await sink.publisherOf('out')) === '');
  await put('enable');
  await until('it runs again', async () => (await huawei.status(id)) === 'running');
  const pusher = await sink.publisherOf('out');
  const { seen } = watch(place, sink.url('out'));
  await until('frames arrive', () => seen.length > 75);
  expect(await sink.publisherOf('out')).toBe(pusher);
  const deleted = await Promise.all([huawei.remove(id), huawei.remove(id), huawei.remove(id)]);
  expect(deleted.map(answer => answer.status).sort()).toEqual([200, 404, 404]);
  await until('nobody pushes any more', async () => (await sink.publisherOf('out')) === '');
});
