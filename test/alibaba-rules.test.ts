import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type AliAnswer, type AliParams, codeOf, type Door, openDoor } from './lab/alibaba-sdks.ts';
import { run } from './lab/child.ts';
import { media, publish, videoOf, watch } from './lab/ffmpeg.ts';
import { FRAMES, makeFilms } from './lab/films.ts';
import { type Hook, openHook } from './lab/hook.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const HOUR_MS = 3_600_000;
const SHANGHAI = { Region: 'cn-shanghai' };
const print = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
const from = (now: number) => ({ ...SHANGHAI, StartTime: print(now), EndTime: print(now + HOUR_MS) });

/** A running service and one client of it. */
async function serve(place: Place, flags: readonly string[] = []) {
  const nginx = await Nginx.start(place);
  const hook = await openHook(place);
  const millrace = await Millrace.start(place, { flags: ['--alibaba-calls-per-second', '0', ...flags] });
  const call = openDoor('openapi-core V3', millrace.api, millrace.key);
  return { nginx, hook, millrace, call };
}

/** Creates a task and answers what it takes to speak of it. */
async function create(call: Door, wish: AliParams) {
  const { TaskId } = await call('CreateLivePullToPush', { ...from(Date.now()), ...wish });
  const task = { ...SHANGHAI, TaskId };
  const describeIt = (): Promise<AliAnswer> => call('DescribeLivePullToPush', task);
  const reach = (status: number, timeoutMs = 30_000): Promise<AliAnswer> =>
    until(
      `its status is ${status}`,
      async () => {
        const told = await describeIt();
        return told.TaskStatus === status ? told : undefined;
      },
      { timeoutMs, everyMs: 100 },
    );
  return { task, describe: describeIt, reach };
}

const told = ({ told: all }: Hook, path: string): string[] =>
  all
    .filter(one => one.path === path)
    .map(({ body }) => [body.TaskStatus, body.TaskInvalidReason ?? body.TaskExitReason ?? ''].join(' ').trim());

describe.concurrent('a list of the Alibaba dialect', () => {
  it('ends with the round it is in once its repeats are taken away, and is played again by a restart', async () => {
    await using place = new Place();
    const films = await makeFilms(place, 1);
    const { nginx, hook, call } = await serve(place);
    const player = watch(place, nginx.url('out'), '0:v');
    await until('somebody watches', async () => (await nginx.streams()).has('out'));
    const {
      task,
      describe: show,
      reach,
    } = await create(call, {
      ...{ SourceType: 'url', SourceUrls: films.urls, DstUrl: nginx.url('out'), RepeatNumber: -1 },
      ...{ CallbackUrl: `${hook.base}/a` },
    });
    await until('the second round is seen', () => videoOf(player.seen).length > FRAMES + 10, { timeoutMs: 30_000 });
    await call('UpdateLivePullToPush', { ...task, RepeatNumber: 0 });
    await reach(3);
    const ended = await show();
    expect(ended.TaskInvalidReason).toBeUndefined();
    const lastFrame = () => films.find(videoOf(player.seen).at(-1)?.hash ?? '')?.frame;
    await until('its last picture is seen', () => lastFrame() === FRAMES - 1);
    expect(videoOf(player.seen).length).toBeLessThanOrEqual(2 * FRAMES);
    expect(told(hook, '/a')).toEqual(['1', '3']);

    await call('RestartLivePullToPush', task);
    await reach(1);
    await until('the restart is told', () => told(hook, '/a').length === 3);
    expect(told(hook, '/a')).toEqual(['1', '3', '1']);
  });

  it('plays media assets by their ids, and passes over an id that is none', async () => {
    await using place = new Place();
    const dir = place.path('library');
    mkdirSync(dir);
    const made = await media({ seconds: 6, size: '320x180', videoKbit: 300 });
    await run('ffmpeg', ['-v', 'error', '-y', '-i', made, '-c', 'copy', `${dir}/a.mp4`]);
    const { nginx, millrace, call } = await serve(place, ['--media', dir]);
    await millrace.command('asset', 'add', 'media://a.mp4', '--id', 'film-1', '--media', dir);
    const { reach } = await create(call, {
      ...{ SourceType: 'vod', SourceUrls: ['no-such-id', 'film-1'], DstUrl: nginx.url('out'), RepeatNumber: -1 },
    });
    const onAir = await reach(1);
    expect(onAir).toMatchObject({ CurrentFileIndex: 1 });
    expect(onAir.TaskInfo).toMatchObject({ SourceType: 'vod', SourceUrls: ['no-such-id', 'film-1'] });

    const nothing = await create(call, {
      ...{ SourceType: 'vod', SourceUrls: ['no-such-id'], DstUrl: nginx.url('none'), RetryCount: 0 },
    });
    expect(await nothing.reach(3)).toMatchObject({ TaskInvalidReason: 'PullStreamFailed' });
  });
});

describe.concurrent('a live task of the Alibaba dialect', () => {
  const live = (source: string, dst: string): AliParams => ({
    ...{ SourceType: 'live', SourceProtocol: 'rtmp', SourceUrls: [source], DstUrl: dst },
  });

  it('is started over by a restart: the push is cut, and one event tells that it runs', async () => {
    await using place = new Place();
    const { nginx, hook, call } = await serve(place);
    publish(place, await media({ seconds: 60 }), nginx.url('in'));
    const { task, reach } = await create(call, {
      ...{ ...live(nginx.url('in'), nginx.url('out')), CallbackUrl: `${hook.base}/a`, AuthKey: 'abcdefgh12345678' },
      ...{ ReqAuth: 'yes' },
    });
    await reach(1);
    const publisher = await nginx.publisherOf('out');
    await call('RestartLivePullToPush', task);
    await until('another push is there', async () => !['', publisher].includes(await nginx.publisherOf('out')));
    await reach(1);
    await until('both starts are told', () => told(hook, '/a').length === 2);
    expect(told(hook, '/a')).toEqual(['1', '1']);
    const headers = hook.told[0]?.headers ?? {};
    const stamp = String(headers['ali-live-timestamp']);
    expect(Math.abs(Number(stamp) - Date.now() / 1000)).toBeLessThan(60);
    const signed = createHash('md5').update(`127.0.0.1|${stamp}|abcdefgh12345678`).digest('hex');
    expect(headers['ali-live-signature']).toBe(signed);
  });

  it('comes back by itself long before the next try that its user asked for', async () => {
    await using place = new Place();
    const { nginx, hook, call } = await serve(place);
    const file = await media({ seconds: 60 });
    const publisher = publish(place, file, nginx.url('in'));
    const { reach } = await create(call, {
      ...{ ...live(nginx.url('in'), nginx.url('out')), CallbackUrl: `${hook.base}/a` },
      ...{ RetryCount: 3, RetryInterval: 300 },
    });
    await reach(1);
    await publisher.stop('SIGKILL');
    expect(await reach(2)).toMatchObject({ TaskInvalidReason: 'PullStreamFailed' });
    publish(place, file, nginx.url('in'));
    await reach(1);
    await until('it is told', () => told(hook, '/a').length === 3);
    expect(told(hook, '/a')).toEqual(['1', '2 PullStreamFailed', '1']);
  });

  it('is stopped after the last of its tries, with the side that failed', async () => {
    await using place = new Place();
    const { nginx, hook, call } = await serve(place);
    const publisher = publish(place, await media({ seconds: 120 }), nginx.url('in'));
    const closed = 'rtmp://127.0.0.1:1/live/out';
    const wish = (name: string) => ({ CallbackUrl: `${hook.base}/${name}`, RetryInterval: 60 });
    const tried = await create(call, { ...live(nginx.url('no'), nginx.url('a')), ...wish('tried'), RetryCount: 1 });
    const push = await create(call, { ...live(nginx.url('in'), closed), ...wish('push'), RetryCount: 0 });
    const pull = await create(call, { ...live(nginx.url('in'), nginx.url('b')), ...wish('pull'), RetryCount: 0 });
    expect(await push.reach(3)).toMatchObject({ TaskInvalidReason: 'PushStreamFailed' });
    await pull.reach(1);
    await publisher.stop('SIGKILL');
    expect(await pull.reach(3)).toMatchObject({ TaskInvalidReason: 'PullStreamFailed' });
    expect(await tried.reach(2)).toMatchObject({ TaskInvalidReason: 'PullStreamFailed' });
    const before = Date.now();
    expect(await tried.reach(3, 75_000)).toMatchObject({ TaskInvalidReason: 'PullStreamFailed' });
    console.log(`given up ${Date.now() - before} ms after the other tasks`);
    const ends = ['tried', 'push', 'pull'].map(name => () => told(hook, `/${name}`).at(-1)?.startsWith('3'));
    await until('all ends are told', () => ends.every(isTold => isTold()));
    expect(told(hook, '/tried')).toEqual(['2 PullStreamFailed', '3 PullStreamFailed']);
    expect(told(hook, '/push')).toEqual(['3 PushStreamFailed']);
    expect(told(hook, '/pull')).toEqual(['1', '3 PullStreamFailed']);
  });

  it('expires at its end and is told once', async () => {
    await using place = new Place();
    const { nginx, hook, call } = await serve(place);
    publish(place, await media({ seconds: 60 }), nginx.url('in'));
    const endAt = Math.ceil(Date.now() / 1000 + 5) * 1000;
    const { task, reach } = await create(call, {
      ...{ ...live(nginx.url('in'), nginx.url('out')), CallbackUrl: `${hook.base}/a`, EndTime: print(endAt) },
    });
    await reach(1);
    const gone = await reach(-1);
    expect(gone).toMatchObject({ TaskExitReason: 'OverEndTime' });
    expect(gone.TaskExitTime - endAt / 1000).toBeLessThanOrEqual(1);
    expect(await codeOf(call('RestartLivePullToPush', task))).toBe('CodeTaskNotExist');
    await until('it is told', () => told(hook, '/a').length === 2);
    expect(told(hook, '/a')).toEqual(['1', '-1 OverEndTime']);
  });
});

describe.concurrent('one task in two views', () => {
  it('is read and steered in either dialect, wherever it was made', async () => {
    await using place = new Place();
    const films = await makeFilms(place, 2);
    const { nginx, millrace, call } = await serve(place, ['--region', 'cn-shanghai']);
    const ours = await create(call, {
      ...{ SourceType: 'url', SourceUrls: films.urls, DstUrl: nginx.url('a'), RepeatNumber: 4, FileIndex: 1 },
    });
    await ours.reach(1);
    const shown = (await millrace.huawei.call({ method: 'GET', query: { task_id: ours.task.TaskId } })).body.task_infos;
    expect(shown).toMatchObject([
      {
        ...{ task_id: ours.task.TaskId, status: 'running', source_type: 'PullVodPushLive', source_urls: films.urls },
        ...{ destination_url: nginx.url('a'), vod_loop_time: '5', vod_start_video_index: 1 },
      },
    ]);
    const paused = await millrace.huawei.call({ method: 'PUT', body: { task_id: ours.task.TaskId, status: 'pause' } });
    expect(paused.status).toBe(200);
    expect(await ours.reach(3)).toMatchObject({ TaskInvalidReason: 'TriggerByUser' });
    await call('RestartLivePullToPush', ours.task);
    await ours.reach(1);

    const made = await millrace.huawei.call({
      method: 'POST',
      body: {
        ...{ source_type: 'PullVodPushLive', source_urls: films.urls, destination_url: nginx.url('b') },
        ...{ vod_loop_time: '3', region: 'cn-shanghai' },
      },
    });
    const theirs = { ...SHANGHAI, TaskId: made.body.task_id };
    const info = (await call('DescribeLivePullToPush', theirs)).TaskInfo;
    expect(info).toMatchObject({ SourceType: 'url', SourceUrls: films.urls, RepeatNumber: 2, DstUrl: nginx.url('b') });
    expect(Object.keys(info)).not.toContain('RetryCount');
    expect(await call('UpdateLivePullToPush', { ...theirs, RepeatNumber: -1 })).toMatchObject({ RetCode: 0 });
    const [seen] = (await millrace.huawei.call({ method: 'GET', query: { task_id: theirs.TaskId } })).body.task_infos;
    expect(seen).toMatchObject({ vod_loop_time: '-1' });
    expect((await call('DescribeLivePullToPushList', SHANGHAI)).Total).toBe(2);
    await call('DeleteLivePullToPush', theirs);
    const gone = await millrace.huawei.call({ method: 'GET', query: { task_id: theirs.TaskId } });
    expect(gone.status).toBe(404);
  });
});
