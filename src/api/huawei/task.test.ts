import { describe, expect, test } from 'vitest';
import type { EventType } from '../../task/event.ts';
import type { TaskSpec } from '../../task/spec.ts';
import type { Status } from '../../task/status.ts';
import { newTask, type Task } from '../../task/task.ts';
import { fieldName } from './error.ts';
import { printStatus, printTask, type ReadOptions, readCreate, readModify } from './task.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const OPTIONS: ReadOptions = { checkUrl: () => undefined, now: NOW, region: 'home' };
const LIVE = {
  source_type: 'PullLivePushLive',
  source_urls: ['rtmp://src.example/live/a'],
  destination_url: 'rtmp://dst.example/live/b',
};
const VOD = { ...LIVE, source_type: 'PullVodPushLive', source_urls: ['https://m/a.mp4', 'https://m/b.mp4'] };

const taskOf = (spec: TaskSpec, more: Partial<Task> = {}): Task => ({
  ...newTask({ id: 't', accountId: 'a', projectId: 'p', spec, now: NOW, eventId: 'e' }).task,
  ...more,
});

describe('a create body', () => {
  test('becomes a spec of the model', () => {
    const body = {
      ...VOD,
      region: 'cn-north-4',
      vod_loop_time: '3',
      vod_start_video_index: 1,
      vod_refresh_type: 'continue_from_break_point',
      push_args: 'a=1',
      start_time: '2026-02-01T00:00:00+08:00',
      callback_url: 'callback.example.com/x',
      callback_events: ['TaskExit'],
      backup_source_urls: ['rtmp://bak'],
    };
    expect(readCreate(body, OPTIONS)).toEqual({
      dialect: 'huawei',
      name: '',
      region: 'cn-north-4',
      source: {
        kind: 'list',
        items: VOD.source_urls.map(url => ({ url })),
        rounds: 3,
        startIndex: 1,
        startSeconds: 0,
        refresh: 'breakpoint',
      },
      standby: ['rtmp://bak'],
      destination: { kind: 'url', url: LIVE.destination_url, args: 'a=1' },
      startAt: Date.UTC(2026, 0, 31, 16),
      endAt: Date.UTC(2026, 1, 7, 16),
      callback: { url: 'http://callback.example.com/x', events: ['TaskExit'] },
      enabled: true,
      retry: null,
      echo: {},
    });
  });

  test('takes the defaults where it is silent, with times to the second', () => {
    expect(readCreate(LIVE, OPTIONS)).toMatchObject({
      region: 'home',
      standby: [],
      startAt: Date.UTC(2026, 0, 2, 3, 4, 5),
      endAt: Date.UTC(2026, 0, 9, 3, 4, 5),
      callback: null,
    });
  });

  test('has every address checked in its role', () => {
    const asked: string[] = [];
    const checkUrl = (url: string, role: string): undefined => {
      asked.push(`${role} ${url}`);
    };
    readCreate({ ...LIVE, backup_source_urls: ['rtmp://bak'], callback_url: 'cb' }, { ...OPTIONS, checkUrl });
    expect(asked.toSorted()).toEqual([
      'callback http://cb',
      'destination rtmp://dst.example/live/b',
      'live rtmp://bak',
      'live rtmp://src.example/live/a',
    ]);
  });

  test('keeps the events of a task that has no callback address', () => {
    const spec = readCreate({ ...LIVE, callback_events: ['TaskExit'] }, OPTIONS);
    expect(printTask(taskOf(spec))).toMatchObject({ callback_events: ['TaskExit'], callback_url: '' });
  });
});

describe('a modify body', () => {
  const vod = readCreate({ ...VOD, vod_loop_time: '3', vod_start_video_index: 1 }, OPTIONS);
  const live = readCreate(LIVE, OPTIONS);
  const read = (body: object, spec: TaskSpec) => readModify({ task_id: 't', ...body }, spec, () => undefined);

  test('that says nothing changes nothing', () => {
    expect(read({}, vod)).toEqual({});
    expect(read({ vod_loop_time: null, status: null }, vod)).toEqual({});
  });

  test('changes of a list what it names and keeps the rest', () => {
    expect(read({ source_urls: ['x', 'y', 'z'] }, vod).source).toMatchObject({
      items: [{ url: 'x' }, { url: 'y' }, { url: 'z' }],
      rounds: 3,
      startIndex: 1,
    });
    expect(read({ vod_loop_time: '-1' }, vod).source).toMatchObject({
      items: VOD.source_urls.map(url => ({ url })),
      rounds: 'endless',
    });
    expect(() => read({ source_urls: ['x'] }, vod)).toThrow('vod_start_video_index');
  });

  test('leaves parts of files as they are where it names no files', () => {
    if (vod.source.kind !== 'list') throw new Error('no list');
    const items = [{ url: 'x', inMs: 1_000, repeats: 3 }, { url: 'y' }];
    const source = { ...vod.source, items, boundary: 'reject', silence: true } as const;
    expect(read({ vod_loop_time: '7' }, { ...vod, source }).source).toEqual({ ...source, rounds: 7 });
    expect(read({ source_urls: ['x', 'y'] }, { ...vod, source }).source).toMatchObject({
      items: [{ url: 'x' }, { url: 'y' }],
    });
  });

  test('changes a live task’s source, times, switch and events, and ignores what only files have', () => {
    expect(read({ source_urls: ['rtmp://new/x'], status: 'pause', vod_loop_time: 'x' }, live)).toEqual({
      source: { kind: 'live', url: 'rtmp://new/x' },
      enabled: false,
    });
    expect(read({ end_time: '2026-01-03T00:00:00Z', callback_events: [] }, live)).toEqual({
      endAt: Date.UTC(2026, 0, 3),
      callback: null,
    });
  });
});

describe('a printed task', () => {
  test('shows the form of the target that was not used empty', () => {
    const target = { domain: 'push.example.com', app_name: 'live', stream_name: 's', destination_url: '' };
    expect(printTask(taskOf(readCreate({ ...LIVE, ...target }, OPTIONS)))).toMatchObject({ ...target, push_args: '' });
  });

  test.each<[Status, EventType, boolean, string]>([
    ['scheduled', 'created', true, 'waiting'],
    ['running', 'flowing', true, 'running'],
    ['recovering', 'broke', true, 'retrying'],
    ['stopped', 'stopped', false, 'suspend'],
    ['stopped', 'gaveUp', true, 'failed'],
    ['stopped', 'gaveUp', false, 'suspend'],
    ['stopped', 'finished', true, 'finished'],
    ['exited', 'expired', true, 'finished'],
  ])('that is %s by %s (enabled %s) is %s', (status, movedBy, enabled, word) => {
    expect(printStatus(taskOf({ ...readCreate(LIVE, OPTIONS), enabled }, { status, movedBy }))).toBe(word);
  });
});

test('every field of the model has a name here', () => {
  const names = ['source.url', 'source.items[3].url', 'destination.stream', 'callback.url', 'standby[0]', 'endAt'];
  expect(names.map(fieldName)).toEqual([
    'source_urls',
    'source_urls',
    'stream_name',
    'callback_url',
    'backup_source_urls',
    'end_time',
  ]);
});
