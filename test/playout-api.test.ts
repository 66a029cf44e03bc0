import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { Answer } from './lab/huawei.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const HOUR_MS = 3_600_000;
const print = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const VOD = {
  source_type: 'PullVodPushLive',
  source_urls: ['https://m.example/a.mp4', 'https://m.example/b.mp4?auth=1', 'media://shows/c%201.mp4'],
  destination_url: 'rtmp://127.0.0.1:9/live/out',
};

/** A running service with a media directory, and the calls of one client. */
async function serve(place: Place, flags: readonly string[] = []) {
  mkdirSync(place.path('films'));
  const millrace = await Millrace.start(place, { flags: ['--workers', '1', ...flags] });
  const call = (method: 'POST' | 'PUT', body: object): Promise<Answer> => millrace.huawei.call({ method, body });
  const create = async (body: object): Promise<string> => {
    const { status, body: answer } = await call('POST', body);
    if (status !== 200) throw new Error(`create answered ${status}: ${JSON.stringify(answer)}`);
    return answer.task_id;
  };
  const show = async (taskId: string) =>
    (await millrace.huawei.call({ method: 'GET', query: { task_id: taskId } })).body.task_infos[0];
  return { millrace, call, create, show };
}

interface Told {
  readonly event_id: string;
  readonly event_type: string;
  readonly changed?: readonly string[];
  readonly message?: string;
  readonly alarm_type?: string;
  readonly alarm_state?: string;
  readonly index?: number;
}

async function receiver(place: Place): Promise<{ readonly url: string; readonly told: Told[] }> {
  const told: Told[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const one: Told = JSON.parse(body);
    // A killed control process may have sent what it had no time to note as sent: at least once, under one id.
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

it('keeps a list through every change of every field, and over a killed control process', async () => {
  await using place = new Place();
  const { millrace, call, create, show } = await serve(place, ['--media', place.path('films')]);
  const hook = await receiver(place);
  const startAt = Date.now() + HOUR_MS;
  const task_id = await create({ ...VOD, start_time: print(startAt), callback_url: hook.url });
  const fresh = await show(task_id);
  expect(fresh).toMatchObject({
    ...VOD,
    ...{ status: 'waiting', vod_loop_time: '-1', vod_refresh_type: 'immediate_new_source' },
    ...{ vod_start_video_index: 0, vod_start_video_time: 0 },
  });

  const wanted = {
    source_urls: [...VOD.source_urls, 'http://m.example/d.flv'],
    start_time: print(startAt + HOUR_MS),
    end_time: print(startAt + 2 * HOUR_MS),
    vod_loop_time: '12',
    vod_refresh_type: 'continue_from_break_point',
    vod_start_video_index: 3,
    vod_start_video_time: 90,
    callback_events: ['ResetTaskConfig', 'TaskExit'],
  };
  for (const [name, value] of Object.entries(wanted)) {
    expect(await call('PUT', { task_id, [name]: value })).toMatchObject({ status: 200, body: { task_id } });
  }
  expect((await call('PUT', { task_id, ...wanted })).status).toBe(200);
  expect(await show(task_id)).toEqual({ ...fresh, ...wanted });

  await millrace.killControl();
  await millrace.restart();
  expect(await show(task_id)).toEqual({ ...fresh, ...wanted });
  expect((await call('PUT', { task_id, status: 'pause' })).status).toBe(200);
  expect((await show(task_id)).status).toBe('suspend');
  expect((await call('PUT', { task_id, status: 'enable', vod_loop_time: '' })).status).toBe(200);
  expect(await show(task_id)).toEqual({ ...fresh, ...wanted, vod_loop_time: '-1' });
  expect((await millrace.huawei.remove(task_id)).status).toBe(200);
  await until('the exit is told', () => hook.told.some(({ event_type }) => event_type === 'TaskExit'));
  const names = Object.keys(wanted);
  expect(hook.told.map(({ event_type, changed }) => changed?.join() ?? event_type)).toEqual([
    ...names,
    'vod_loop_time',
    'TaskExit',
  ]);
});

it('refuses lists that cannot be played, naming the field, and changes nothing then', async () => {
  await using place = new Place();
  const { call, create, show } = await serve(place, ['--media', place.path('films')]);
  const task_id = await create({ ...VOD, start_time: print(Date.now() + HOUR_MS), vod_start_video_index: 2 });
  const before = await show(task_id);
  const wishes: readonly [string, object][] = [
    ['source_urls', { source_urls: [] }],
    ['source_urls', { source_urls: Array(31).fill('http://m.example/a.mp4') }],
    ['source_urls', { source_urls: ['ftp://m.example/a.mp4'] }],
    ['source_urls', { source_urls: ['media://../secret.mp4'] }],
    ['source_urls', { source_urls: ['media://%2e%2e/secret.mp4'] }],
    ['source_urls', { source_urls: ['media:///etc/passwd'] }],
    ['vod_start_video_index', { source_urls: VOD.source_urls.slice(0, 2) }],
    ['vod_start_video_index', { vod_start_video_index: 3 }],
    ['vod_start_video_time', { vod_start_video_time: -1 }],
    ['vod_loop_time', { vod_loop_time: '0' }],
    ['vod_loop_time', { vod_loop_time: 2 }],
    ['vod_refresh_type', { vod_refresh_type: 'later' }],
  ];
  for (const [field, wish] of wishes) {
    const answer = await call('PUT', { task_id, callback_events: ['TaskExit'], ...wish });
    expect(answer, JSON.stringify(wish)).toMatchObject({ status: 400, body: { error_code: 'LIVE.100011001' } });
    expect(answer.body.error_msg).toContain(`${field}: `);
  }
  expect(await show(task_id)).toEqual(before);
});

it('takes no files of its own where it has no media directory', async () => {
  await using place = new Place();
  const { call } = await serve(place);
  const { status, body } = await call('POST', VOD);
  expect(status).toBe(400);
  expect(body.error_msg).toContain('source_urls: no media directory is configured');
});

it('starts a list at its start, and tells once of every file that cannot be played, with one alarm', async () => {
  await using place = new Place();
  const { create, millrace, show } = await serve(place, ['--media', place.path('films')]);
  const hook = await receiver(place);
  const files = { source_urls: ['media://none.mp4', 'http://127.0.0.1:9/none.mp4'], vod_start_video_index: 1 };
  const task_id = await create({ ...VOD, ...files, callback_url: hook.url });
  const failures = () => hook.told.filter(({ event_type }) => event_type === 'VodSourceFileFinish');
  await until('both files have failed', () => failures().length >= 2);
  expect(failures().every(({ message }) => message !== undefined && message !== '')).toBe(true);
  await until('it is seen', async () => (await show(task_id)).status === 'retrying');
  expect(failures().map(({ index }) => index)).toEqual([1, 0]);
  expect((await millrace.huawei.remove(task_id)).status).toBe(200);
  await until('the exit is told', () => hook.told.at(-1)?.event_type === 'TaskExit');
  const others = hook.told.filter(({ event_type }) => event_type !== 'VodSourceFileFinish');
  const said = others.map(({ event_type, alarm_type, alarm_state }) => `${alarm_type ?? event_type} ${alarm_state}`);
  expect(said).toEqual(['PullFileFailed SET', 'PullFileFailed CLEARED', 'TaskExit undefined']);
});
