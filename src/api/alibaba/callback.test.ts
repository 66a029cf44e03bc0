import { describe, expect, test } from 'vitest';
import type { Event, Occurrence } from '../../task/event.ts';
import type { ListSource, TaskSpec } from '../../task/spec.ts';
import { apply, newTask, type Step, type Task } from '../../task/task.ts';
import { renderAlibaba, signAlibaba } from './callback.ts';
import { printTaskInfo } from './task.ts';

const START = Date.UTC(2026, 2, 1, 8);
const HOUR = 3_600_000;
const names = { running: 'LivePullToPushRunning', exit: 'LivePullToPushExit' };
const render = renderAlibaba(names);

const SPEC: TaskSpec = {
  dialect: 'alibaba',
  name: 'evening show',
  region: 'cn-shanghai',
  source: { kind: 'live', url: 'rtmp://src.example/live/a' },
  standby: [],
  destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' },
  startAt: START,
  endAt: START + HOUR,
  callback: { url: 'http://cb.example/x', events: [], key: 'CANARY0123456789', signed: true },
  enabled: true,
  retry: { count: 3, intervalMs: 60_000 },
  echo: { SourceProtocol: 'RTMP' },
};
const LIST: ListSource = {
  kind: 'list',
  items: [{ url: 'https://m.example/a.mp4' }, { url: 'https://m.example/b.mp4' }],
  rounds: 1,
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};

const fresh = (spec: Partial<TaskSpec> = {}): Task =>
  newTask({
    ...{ id: 't1', accountId: 'a', projectId: 'p', now: START - HOUR, eventId: 'e' },
    spec: { ...SPEC, ...spec },
  }).task;

type What = Pick<Occurrence, 'type'> & Partial<Occurrence>;
const user = (type: Occurrence['type']): What => ({ type, cause: 'user' });
const CLAIMED: What = { type: 'claimed', cause: 'schedule' };
const LOST: What = { type: 'claimed', cause: 'system' };
const FLOWING: What = { type: 'flowing' };
const PULL_BROKE: What = { type: 'broke', cause: 'source' };
const PUSH_BROKE: What = { type: 'broke', cause: 'destination' };
const STOPPED = user('stopped');
const RESTARTED = user('restarted');
const DELETED = user('deleted');
const EXPIRED: What = { type: 'expired', cause: 'schedule' };
const FINISHED: What = { type: 'finished' };
const gaveUp = (cause: Occurrence['cause']): What => ({ type: 'gaveUp', cause });

/** A second passes before each; what is no news is left out. */
function live(task: Task, ...life: readonly What[]): readonly Step[] {
  const steps: Step[] = [];
  for (const [at, what] of life.entries()) {
    const stamp = { now: START + 1000 * (at + 1), eventId: `e${at}` };
    const step = apply(steps.at(-1)?.task ?? task, { cause: 'run', reason: 'as told', ...what }, stamp);
    if (step !== undefined) steps.push(step);
  }
  return steps;
}

const bodyOf = (event: Event, task: Task): Record<string, unknown> | undefined => {
  const rendered = render(event, task);
  return rendered && JSON.parse(rendered.body);
};
const tellings = (task: Task, life: readonly What[]): readonly Record<string, unknown>[] =>
  live(task, ...life)
    .map(step => bodyOf(step.event, step.task))
    .filter(body => body !== undefined);

/** What a receiver is told of a life: status, reason. */
const statuses = (task: Task, ...life: readonly What[]): readonly unknown[] =>
  tellings(task, life).map(({ TaskStatus, TaskInvalidReason, TaskExitReason }) =>
    [TaskStatus, TaskInvalidReason ?? TaskExitReason].filter(fact => fact !== undefined).join(' '),
  );

describe('a callback', () => {
  test('of a status carries the task as Describe shows it, but for the key, and the time as a text', () => {
    const [, flowing] = live(fresh(), CLAIMED, FLOWING);
    if (flowing === undefined) throw new Error('it does not flow');
    expect(render(flowing.event, flowing.task)?.contentType).toBe('application/json');
    expect(bodyOf(flowing.event, flowing.task)).toEqual({
      Event: 'LivePullToPushRunning',
      EventTime: String(START / 1000 + 2),
      TaskId: 't1',
      TaskInfo: {
        TaskId: 't1',
        TaskName: 'evening show',
        StartTime: '2026-03-01T08:00:00Z',
        EndTime: '2026-03-01T09:00:00Z',
        SourceType: 'live',
        SourceProtocol: 'RTMP',
        SourceUrls: ['rtmp://src.example/live/a'],
        DstUrl: 'rtmp://dst.example/live/b',
        CallbackURL: 'http://cb.example/x',
        RetryCount: 3,
        RetryInterval: 60,
        ReqAuth: 'yes',
      },
      TaskStatus: 1,
    });
    expect(printTaskInfo(flowing.task)).toHaveProperty('AuthKey');
  });

  test('of an exit carries its time and its reason', () => {
    const [exit] = live(fresh(), EXPIRED);
    if (exit === undefined) throw new Error('it does not exit');
    expect(bodyOf(exit.event, exit.task)).toEqual({
      Event: 'LivePullToPushExit',
      EventTime: String(START / 1000 + 1),
      TaskId: 't1',
      TaskInfo: expect.objectContaining({ TaskId: 't1' }),
      TaskStatus: -1,
      TaskExitTime: START / 1000 + 1,
      TaskExitReason: 'OverEndTime',
    });
  });

  test('has the names that the operator chose', () => {
    const chosen = renderAlibaba({ running: 'LivePullToPushRuning', exit: 'Bye' });
    const events = live(fresh(), CLAIMED, FLOWING, DELETED).map(({ event, task }) => chosen(event, task)?.body ?? '{}');
    expect(events.map(body => JSON.parse(body).Event)).toEqual([undefined, 'LivePullToPushRuning', 'Bye']);
  });

  test.each<[string, readonly What[], readonly string[]]>([
    ['that starts', [CLAIMED, FLOWING], ['1']],
    ['whose source is lost and comes back', [CLAIMED, FLOWING, PULL_BROKE, FLOWING], ['1', '2 PullStreamFailed', '1']],
    ['whose destination is lost', [CLAIMED, FLOWING, PUSH_BROKE], ['1', '2 PushStreamFailed']],
    ['that breaks for another reason', [CLAIMED, FLOWING, { type: 'broke' }], ['1', '2 UnknownError']],
    ['that fails before it ever flows', [CLAIMED, PULL_BROKE, FLOWING], ['2 PullStreamFailed', '1']],
    ['whose run is lost', [CLAIMED, FLOWING, LOST, FLOWING], ['1', '2 UnknownError', '1']],
    [
      'whose run is lost while it recovers',
      [CLAIMED, FLOWING, PULL_BROKE, LOST, FLOWING],
      ['1', '2 PullStreamFailed', '1'],
    ],
    [
      'that gives its source up',
      [CLAIMED, FLOWING, PULL_BROKE, gaveUp('source')],
      ['1', '2 PullStreamFailed', '3 PullStreamFailed'],
    ],
    ['that gives its destination up', [CLAIMED, FLOWING, gaveUp('destination')], ['1', '3 PushStreamFailed']],
    ['that gives up for another reason', [CLAIMED, gaveUp('run')], ['3 UnknownError']],
    ['that its user stops', [CLAIMED, FLOWING, STOPPED], ['1', '3 TriggerByUser']],
    [
      'that its user stops while it recovers',
      [CLAIMED, FLOWING, PULL_BROKE, STOPPED],
      ['1', '2 PullStreamFailed', '3 TriggerByUser'],
    ],
    ['that its user stops while it starts', [CLAIMED, STOPPED], ['3 TriggerByUser']],
    ['that plays its list to the end', [CLAIMED, FLOWING, FINISHED], ['1', '3']],
    [
      'that its user stops and starts again',
      [CLAIMED, FLOWING, STOPPED, RESTARTED, CLAIMED, FLOWING],
      ['1', '3 TriggerByUser', '1'],
    ],
    ['that its user restarts on air', [CLAIMED, FLOWING, RESTARTED, CLAIMED, FLOWING], ['1', '1']],
    [
      'that its user restarts while it recovers',
      [CLAIMED, FLOWING, PULL_BROKE, RESTARTED, CLAIMED, FLOWING],
      ['1', '2 PullStreamFailed', '1'],
    ],
    ['that is deleted on air', [CLAIMED, FLOWING, DELETED], ['1', '-1 TriggerByUser']],
    ['that is deleted before its start', [DELETED], ['-1 TriggerByUser']],
    ['that is deleted when it has been stopped', [CLAIMED, STOPPED, DELETED], ['3 TriggerByUser', '-1 TriggerByUser']],
    ['that comes to its end on air', [CLAIMED, FLOWING, EXPIRED], ['1', '-1 OverEndTime']],
    ['that comes to its end without a run', [EXPIRED], ['-1 OverEndTime']],
    ['that is deleted behind its end, where it tells its exit once', [EXPIRED, DELETED], ['-1 OverEndTime']],
  ])('tells the life of a task %s', (_, life, told) => {
    expect(statuses(fresh(), ...life)).toEqual(told);
  });

  test('is none of a task that is switched off before its start', () => {
    expect(statuses(fresh({ startAt: START + HOUR / 2 }), STOPPED)).toEqual([]);
  });

  test.each<[string, TaskSpec['callback']]>([
    ['there is no callback', null],
    ['there is a key and no address', { url: '', events: [], key: 'CANARY0123456789' }],
  ])('is none where %s', (_, callback) => {
    expect(statuses(fresh({ callback }), CLAIMED, FLOWING, STOPPED)).toEqual([]);
  });

  test('is told whatever events the task’s owner chose in another dialect', () => {
    const callback = { url: 'http://cb.example/x', events: ['TaskExit'] };
    expect(statuses(fresh({ callback }), CLAIMED, FLOWING)).toEqual(['1']);
  });

  test('never carries the key', () => {
    const life = [CLAIMED, FLOWING, PULL_BROKE, gaveUp('source'), EXPIRED];
    expect(JSON.stringify(tellings(fresh(), life))).not.toContain('CANARY');
  });
});

describe('the start of a file', () => {
  const item = (url: string, index: number): What => ({ type: 'itemStarted', detail: { url, index, round: 0 } });
  const files = (spec: Partial<TaskSpec>) =>
    tellings(fresh(spec), [CLAIMED, FLOWING, item('https://m.example/b.mp4', 1), { type: 'itemFinished' }]);

  test.each<[string, TaskSpec['echo']]>([
    ['was not asked for', {}],
    ['was refused', { NotifyItemSwitch: 'no' }],
  ])('is not told where it %s', (_, echo) => {
    expect(files({ source: LIST, echo })).toHaveLength(1);
  });

  test('is told where it was asked for', () => {
    expect(files({ source: LIST, echo: { NotifyItemSwitch: 'yes' } })[1]).toEqual({
      Event: 'LivePullToPushItemSwitch',
      EventTime: String(START / 1000 + 3),
      TaskId: 't1',
      TaskInfo: expect.objectContaining({ NotifyItemSwitch: 'yes' }),
      Url: 'https://m.example/b.mp4',
      FileIndex: 1,
    });
  });

  test('of a media asset is told by its id', () => {
    const source = { ...LIST, items: [{ url: 'asset://caf%C3%A9' }] };
    const life = [CLAIMED, item('asset://caf%C3%A9', 0)];
    expect(tellings(fresh({ source, echo: { NotifyItemSwitch: 'yes' } }), life)).toMatchObject([{ Url: 'café' }]);
  });
});

describe('a signature', () => {
  const signature = (url: string) => signAlibaba({ url, key: 'yourkey' }, 1_519_375_990_999)['ALI-LIVE-SIGNATURE'];

  test('is the one of the service’s pages', () => {
    expect(signAlibaba({ url: 'http://learn.aliyundoc.com/x', key: 'yourkey' }, 1_519_375_990_999)).toEqual({
      'ALI-LIVE-TIMESTAMP': '1519375990',
      'ALI-LIVE-SIGNATURE': '9e226fc2c250be266e3657e156f68c12',
    });
  });

  test('is over the name of the host alone', () => {
    expect(signature('https://user:pw@Learn.Aliyundoc.com:8443/in?a=b')).toBe('9e226fc2c250be266e3657e156f68c12');
    expect(signature('http://other.aliyundoc.com/x')).not.toBe('9e226fc2c250be266e3657e156f68c12');
  });

  test('is none without a key', () => {
    expect(signAlibaba({ url: 'http://learn.aliyundoc.com/x', key: '' }, 0)).toEqual({});
  });
});
