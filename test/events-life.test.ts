import { Webhook } from 'standardwebhooks';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LoggedEvent } from '../src/store/store.ts';
import type { Told } from './lab/hook.ts';
import { Life, stage } from './lab/life.ts';
import { Place } from './lab/place.ts';

/**
 * One life of a task on a real node, with media: what the log says of it, and what each dialect's receiver is told. Both are
 * written out here whole; only times, ids and ports differ from run to run.
 */

const DIALECTS = ['huawei', 'alibaba', 'native'] as const;
type Dialect = (typeof DIALECTS)[number];

/** What is left of a life once its node is gone. */
interface Remains {
  readonly events: readonly LoggedEvent[];
  readonly lines: readonly string[];
  readonly told: readonly object[];
  /** As it came. */
  readonly received: readonly Told[];
  readonly secrets: readonly string[];
}

const remains = new Map<Dialect, Remains>();

function of(dialect: Dialect): Remains {
  const left = remains.get(dialect);
  if (left === undefined) throw new Error('there was no such life');
  return left;
}

beforeAll(async () => {
  await using place = new Place();
  const all = await stage(place);
  await Promise.all(
    DIALECTS.map(async dialect => {
      const life = new Life(all, dialect);
      await life.live();
      const events = await life.events();
      const lines = onceLost(events.map(event => life.plain(lineOf(event))));
      const told = onceLost(life.told.map(({ body }) => masked(life, body)));
      remains.set(dialect, { events, lines, told, received: life.told, secrets: await life.secrets() });
    }),
  );
}, 120_000);

const HUAWEI = {
  ...{ event_id: 'ID', event_time: 'TIME', event_timestamp: 'TIME', project_id: 'PROJECT', task_id: 'TASK' },
  ...{ region: 'cn-north-4', source_type: 'PullVodPushLive', source_urls: ['WEB/a.flv', 'WEB/b.flv'] },
  ...{ domain: '', app_name: '', stream_name: '', destination_url: 'rtmp://ORACLE/live/huawei' },
};
const started = { ...HUAWEI, event_type: 'TaskStart', task_start_time: 'TIME' };
const exited = { ...HUAWEI, event_type: 'TaskExit', task_exit_time: 'TIME', code: 0, will_retry: false };
const file = (event_type: string, [name, loop]: readonly [string, number], message?: string): object => ({
  ...{ ...HUAWEI, event_type, url: `WEB/${name}.flv`, index: name === 'a' ? 0 : 1, duration: 0, loop },
  ...(message === undefined ? {} : { message }),
});
const alarm = (alarm_type: string, alarm_state: string, message: string): object => ({
  ...{ ...HUAWEI, event_type: 'TaskAlarm', alarm_id: 'ID', alarm_type, alarm_state, message },
});

const ALIBABA = {
  ...{ EventTime: 'TIME', TaskId: 'TASK' },
  TaskInfo: {
    ...{ TaskId: 'TASK', TaskName: 'life', StartTime: 'TIME', EndTime: 'TIME', SourceType: 'url' },
    ...{ SourceUrls: ['WEB/a.flv', 'WEB/b.flv'], DstUrl: 'rtmp://ORACLE/live/alibaba', CallbackURL: 'HOOK/alibaba' },
    ...{ Offset: 0, FileIndex: 0, RepeatNumber: -1, NotifyItemSwitch: 'yes' },
  },
};
const turned = (facts: object): object => ({ ...ALIBABA, Event: 'LivePullToPushRunning', ...facts });
const plays = (name: string): object => ({
  ...{ ...ALIBABA, Event: 'LivePullToPushItemSwitch', Url: `WEB/${name}.flv`, FileIndex: name === 'a' ? 0 : 1 },
});

const LOST = 'HTTP 404 Not Found from WEB/***';

/** A list tells of a loss for as long as it lasts, of each file at each try; how often that is is a matter of time. */
const onceLost = <T>(told: readonly T[]): T[] =>
  told.filter((one, i) => {
    const text = JSON.stringify(one);
    return !text.includes(LOST) || told.findIndex(other => JSON.stringify(other) === text) === i;
  });

const LINE = /^(\w+) (\w+) (\w+)>(\w+) v(\d+) p(\d+) ({.*}) (.*)$/;

/** type cause from>to, version of the spec, push epoch, detail, reason */
const LOG: readonly string[] = [
  'created user scheduled>scheduled v1 p0 {} ',
  'changed user scheduled>scheduled v2 p0 {"changed":["source.items"]} ',
  'changed user scheduled>scheduled v3 p0 {"changed":["startAt"]} ',
  'claimed schedule scheduled>scheduled v3 p0 {} its start has come',
  'flowing run scheduled>running v3 p1 {"first":true} ',
  'itemStarted source running>running v3 p1 {"url":"WEB/a.flv","index":0,"round":0} ',
  'itemFinished source running>running v3 p1 {"url":"WEB/a.flv","index":0,"round":0} ',
  'itemStarted source running>running v3 p1 {"url":"WEB/b.flv","index":1,"round":0} ',
  'itemFinished source running>running v3 p1 {"url":"WEB/b.flv","index":1,"round":0} ',
  `itemFinished source running>running v3 p1 {"url":"WEB/b.flv","index":1,"round":1} ${LOST}`,
  `alarm source running>running v3 p1 {"alarm":"PullFileFailed","set":true} ${LOST}`,
  'itemStarted source running>running v3 p1 {"url":"WEB/a.flv","index":0,"round":1} ',
  `itemFinished source running>running v3 p1 {"url":"WEB/a.flv","index":0,"round":2} ${LOST}`,
  'itemFinished source running>running v3 p1 {"url":"WEB/a.flv","index":0,"round":1} ',
  'alarm source running>running v3 p1 {"alarm":"SwitchedToStandby","set":true} standby 1 (rtmp://STANDBY/live/***) is on air',
  'alarm source running>running v3 p1 {"alarm":"SwitchedToStandby","set":false} the source is on air again',
  'itemStarted source running>running v3 p1 {"url":"WEB/b.flv","index":1,"round":1} ',
  'alarm run running>running v3 p1 {"alarm":"PullFileFailed","set":false} media has flowed for 10 s',
  'stopped user running>stopped v4 p1 {} paused',
  'restarted user stopped>scheduled v5 p0 {} enabled',
  'claimed schedule scheduled>scheduled v5 p0 {} its start has come',
  'flowing run scheduled>running v5 p1 {"first":true} ',
  'itemStarted source running>running v5 p1 {"url":"WEB/a.flv","index":0,"round":0} ',
  'deleted user running>exited v5 p1 {} deleted by the user',
];

const TOLD: Readonly<Record<'huawei' | 'alibaba', readonly object[]>> = {
  huawei: [
    { ...HUAWEI, event_type: 'ResetTaskConfig', changed: ['source_urls'] },
    { ...HUAWEI, event_type: 'ResetTaskConfig', changed: ['start_time'] },
    started,
    file('VodSourceFileStart', ['a', 0]),
    file('VodSourceFileFinish', ['a', 0]),
    file('VodSourceFileStart', ['b', 0]),
    file('VodSourceFileFinish', ['b', 0]),
    file('VodSourceFileFinish', ['b', 1], LOST),
    alarm('PullFileFailed', 'SET', LOST),
    file('VodSourceFileStart', ['a', 1]),
    file('VodSourceFileFinish', ['a', 2], LOST),
    file('VodSourceFileFinish', ['a', 1]),
    alarm('SwitchedToStandby', 'SET', 'standby 1 (rtmp://STANDBY/live/***) is on air'),
    alarm('SwitchedToStandby', 'CLEARED', 'the source is on air again'),
    file('VodSourceFileStart', ['b', 1]),
    alarm('PullFileFailed', 'CLEARED', 'media has flowed for 10 s'),
    { ...exited, message: 'paused' },
    started,
    file('VodSourceFileStart', ['a', 0]),
    { ...exited, message: 'deleted by the user' },
  ],
  alibaba: [
    turned({ TaskStatus: 1 }),
    plays('a'),
    plays('b'),
    plays('a'),
    plays('b'),
    turned({ TaskStatus: 3, TaskInvalidReason: 'TriggerByUser' }),
    turned({ TaskStatus: 1 }),
    plays('a'),
    { ...ALIBABA, Event: 'LivePullToPushExit', TaskStatus: -1, TaskExitTime: 'TIME', TaskExitReason: 'TriggerByUser' },
  ],
};

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

/** Everything is told in the words of the log, and an address without what may be secret in it. */
const TOLD_NATIVELY: readonly object[] = LOG.map((line, i) => {
  const [, type = '', cause, from, to, version, pushEpoch, detail = '{}', reason] = LINE.exec(line) ?? [];
  const { url, changed, ...rest } = JSON.parse(detail);
  const facts = {
    ...{ ...rest, ...(rest.set === undefined ? {} : { alarm_id: 'ID' }) },
    ...(changed === undefined ? {} : { changed: changed.map(snake) }),
    ...(url === undefined ? {} : { url: 'WEB/***' }),
  };
  const data = {
    ...{
      id: 'ID',
      task_id: 'TASK',
      project_id: 'PROJECT',
      seq: 'NUMBER',
      type: snake(type),
      time: 'TIME',
      cause,
      from,
      to,
    },
    ...{ reason, epoch: epochAt(i), push_epoch: Number(pushEpoch), version: Number(version), detail: facts },
    position: i < LOG.findIndex(one => one.startsWith('flowing')) ? null : 'PLACE',
  };
  return { type: `task.${snake(type)}`, timestamp: 'TIME', data };
});

/** A claim begins one, and so does a restart. */
function epochAt(i: number): number {
  return LOG.slice(0, i + 1).filter(line => /^(claimed|restarted) /.test(line)).length;
}

function lineOf({ type, cause, from, to, version, pushEpoch, reason, detail }: LoggedEvent): string {
  const { alarmId: _, ...facts } = detail;
  return [type, cause, `${from}>${to}`, `v${version}`, `p${pushEpoch}`, JSON.stringify(facts), reason].join(' ');
}

/** Of a loss it is a matter of time how often it is told, so numbers differ behind it. */
const MASKS: Readonly<Record<string, string>> = { event_id: 'ID', alarm_id: 'ID', id: 'ID', seq: 'NUMBER' };
const TIMES: readonly string[] = [
  ...['event_time', 'event_timestamp', 'task_start_time', 'task_exit_time', 'time', 'timestamp'],
  ...['EventTime', 'TaskExitTime', 'StartTime', 'EndTime'],
];

const masked = (life: Life, body: unknown): object =>
  JSON.parse(life.plain(JSON.stringify(body)), (name, value) => {
    if (MASKS[name] !== undefined) return MASKS[name];
    if (name === 'position' && value !== null) return 'PLACE';
    return TIMES.includes(name) ? 'TIME' : value;
  });

/** The first 48 bits of a UUID of version 7. */
const timeOf = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

describe.each(DIALECTS)('the life of a task of %s', dialect => {
  it('is in the log, event by event', () => {
    expect(of(dialect).lines).toEqual(LOG);
  });

  it('is numbered without holes, in the order of its times and of its ids', () => {
    const { events } = of(dialect);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort((one, other) => one - other));
    expect(events.map(({ id }) => id)).toEqual(events.map(({ id }) => id).sort());
    for (const { id, at } of events) expect(Math.abs(timeOf(id) - at), id).toBeLessThan(100);
  });

  it('took one push a run, whatever became of its source', () => {
    const pushed = of(dialect).events.filter(({ to, type }) => to === 'running' || type === 'stopped');
    expect(new Set(pushed.map(({ pushEpoch }) => pushEpoch))).toEqual(new Set([1]));
  });
});

describe('the receiver', () => {
  it.each(DIALECTS)('of %s is told this and nothing else', dialect => {
    expect(of(dialect).told).toEqual(dialect === 'native' ? TOLD_NATIVELY : TOLD[dialect]);
  });

  it.each(DIALECTS)('of %s can prove who told it, and knows each event by the id that it has in the log', dialect => {
    const { events, received, secrets } = of(dialect);
    const webhook = new Webhook(secrets[0] ?? '');
    for (const { headers, body } of received) webhook.verify(JSON.stringify(body), headers as Record<string, string>);
    const ids = received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual(events.map(({ id }) => id).filter(id => ids.includes(id)));
    expect(new Set(ids).size).toBe(received.length);
  });
});
