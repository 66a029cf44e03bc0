import { describe, expect, test } from 'vitest';
import type { Event } from '../../task/event.ts';
import type { TaskSpec } from '../../task/spec.ts';
import { newTask, type Task } from '../../task/task.ts';
import { renderHuawei } from './callback.ts';
import { readCreate } from './task.ts';

const NOW = Date.UTC(2026, 2, 1, 8, 0, 7);
const LIVE = {
  source_type: 'PullLivePushLive',
  source_urls: ['rtmp://src.example/live/a'],
  destination_url: 'rtmp://dst.example/live/b',
  push_args: 'key=CANARY',
  callback_url: 'http://cb.example/x',
};
const VOD = { ...LIVE, source_type: 'PullVodPushLive', source_urls: ['https://m/a.mp4', 'https://m/b.mp4'] };

const specOf = (body: object): TaskSpec =>
  readCreate(JSON.parse(JSON.stringify(body)), { checkUrl: () => undefined, now: NOW, region: 'r' });
const taskOf = (body: object, more: Partial<Task> = {}): Task => ({
  ...newTask({ id: 't1', accountId: 'a', projectId: 'p1', spec: specOf(body), now: NOW, eventId: 'e' }).task,
  ...more,
});
const eventOf = (more: Partial<Event>): Event => ({
  id: 'e1',
  taskId: 't1',
  seq: 2,
  type: 'flowing',
  at: NOW,
  epoch: 1,
  pushEpoch: 1,
  position: null,
  version: 1,
  cause: 'run',
  from: 'running',
  to: 'running',
  reason: '',
  detail: {},
  ...more,
});
const render = (event: Partial<Event>, task = taskOf(LIVE)) => {
  const rendered = renderHuawei(eventOf(event), task);
  return rendered && JSON.parse(rendered.body);
};

describe('a callback', () => {
  test('of a start carries the task and the time, in the service’s words', () => {
    const task = taskOf(LIVE, { startedAt: NOW - 1 });
    expect(renderHuawei(eventOf({ detail: { first: true } }), task)?.contentType).toBe(
      'application/json; charset=utf-8',
    );
    expect(render({ detail: { first: true } }, task)).toEqual({
      event_type: 'TaskStart',
      event_id: 'e1',
      event_time: '2026-03-01T08:00:07Z',
      event_timestamp: NOW,
      project_id: 'p1',
      task_id: 't1',
      region: 'r',
      source_type: 'PullLivePushLive',
      source_urls: ['rtmp://src.example/live/a'],
      destination_url: 'rtmp://dst.example/live/b',
      domain: '',
      app_name: '',
      stream_name: '',
      task_start_time: NOW - 1,
    });
  });

  test('of a recovery is not told', () => {
    expect(render({ type: 'flowing' })).toBeUndefined();
    expect(render({ type: 'broke' })).toBeUndefined();
    expect(render({ type: 'claimed' })).toBeUndefined();
  });

  test.each([
    ['stopped', 'running', 0],
    ['stopped', 'recovering', 0],
    ['gaveUp', 'recovering', 1],
    ['gaveUp', 'scheduled', 1],
    ['finished', 'running', 0],
    ['expired', 'scheduled', 0],
    ['deleted', 'running', 0],
    ['deleted', 'scheduled', 0],
  ] as const)('of an end (%s from %s) is a TaskExit that will not retry', (type, from, code) => {
    expect(render({ type, from, reason: 'because' })).toMatchObject({
      event_type: 'TaskExit',
      task_exit_time: NOW,
      code,
      message: 'because',
      will_retry: false,
    });
  });

  test('of a restart on air is an exit that is followed by another start', () => {
    expect(render({ type: 'restarted', from: 'running', reason: '' })).toMatchObject({
      ...{ event_type: 'TaskExit', code: 0, message: 'restarted', will_retry: true },
    });
  });

  test.each([
    ['stopped', 'scheduled'],
    ['restarted', 'stopped'],
    ['deleted', 'stopped'],
    ['expired', 'stopped'],
    ['deleted', 'exited'],
  ] as const)('of an end that was told before, or of what never began (%s from %s), is not told', (type, from) => {
    expect(render({ type, from })).toBeUndefined();
  });

  test('of an alarm names it', () => {
    const event = { type: 'alarm', reason: 'no frames for 6 s', detail: { alarm: 'PullFileUnstable' } } as const;
    expect(render(event)).toMatchObject({
      event_type: 'TaskAlarm',
      alarm_type: 'PullFileUnstable',
      message: 'no frames for 6 s',
    });
  });

  test.each([
    [true, 'SET'],
    [false, 'CLEARED'],
  ])('of an alarm says whether it is raised or over, and pairs the two (set: %s)', (set, alarm_state) => {
    const detail = { alarm: 'SourceSlow', alarmId: 'e7', set };
    const told = render({ type: 'alarm', reason: 'it is slow', detail });
    expect(told).toMatchObject({ alarm_type: 'SourceSlow', alarm_id: 'e7', alarm_state, message: 'it is slow' });
  });

  test('of a change names the fields, for file tasks alone', () => {
    const event = { type: 'changed', detail: { changed: ['source.items', 'source.rounds', 'endAt'] } } as const;
    expect(render(event, taskOf(VOD)).changed).toEqual(['source_urls', 'vod_loop_time', 'end_time']);
    expect(render(event)).toBeUndefined();
  });

  test('of a file tells which, how long and in which round', () => {
    const detail = { url: 'https://m/b.mp4', index: 1, round: 2, durationMs: 634_400 };
    const facts = { url: 'https://m/b.mp4', index: 1, duration: 634, loop: 2 };
    expect(render({ type: 'itemStarted', detail }, taskOf(VOD))).toMatchObject({
      event_type: 'VodSourceFileStart',
      ...facts,
    });
    expect(render({ type: 'itemFinished', detail }, taskOf(VOD))).toMatchObject({
      event_type: 'VodSourceFileFinish',
      ...facts,
    });
  });

  test('of a file that failed tells why, and of one that was played nothing', () => {
    const event = { type: 'itemFinished', detail: { url: 'https://m/b.mp4', index: 1, round: 0 } } as const;
    const failed = render({ ...event, reason: 'HTTP 404 from the server' }, taskOf(VOD));
    expect(failed).toMatchObject({
      event_type: 'VodSourceFileFinish',
      duration: 0,
      message: 'HTTP 404 from the server',
    });
    expect(render({ ...event, reason: '' }, taskOf(VOD))).not.toHaveProperty('message');
  });

  test('of a file that has begun tells what is left out of it, and nothing of a whole one', () => {
    const event = { type: 'itemStarted', detail: { url: 'https://m/b.mp4', index: 1, round: 0 } } as const;
    const reason = 'The sound is left out: the codec "ac-3" cannot be relayed.';
    expect(render({ ...event, reason }, taskOf(VOD))).toMatchObject({
      event_type: 'VodSourceFileStart',
      message: reason,
    });
    expect(render({ ...event, reason: '' }, taskOf(VOD))).not.toHaveProperty('message');
  });

  test('is told only when it was asked for, and only where there is an address', () => {
    const wanted = taskOf({ ...LIVE, callback_events: ['TaskExit'] });
    expect(render({ type: 'flowing', detail: { first: true } }, wanted)).toBeUndefined();
    expect(render({ type: 'deleted' }, wanted)).toBeDefined();
    expect(render({ type: 'deleted' }, taskOf({ ...LIVE, callback_url: '' }))).toBeUndefined();
    expect(
      render({ type: 'deleted' }, taskOf({ ...LIVE, callback_url: '', callback_events: ['TaskExit'] })),
    ).toBeUndefined();
  });

  test('never carries the push arguments', () => {
    expect(JSON.stringify(render({ type: 'deleted' }))).not.toContain('CANARY');
  });
});
