import { describe, expect, it } from 'vitest';
import { assetUrl } from '../../task/asset.ts';
import type { ListSource, TaskSpec } from '../../task/spec.ts';
import { newTask, type Task } from '../../task/task.ts';
import { AlibabaError } from './error.ts';
import { Params } from './params.ts';
import { exitReason, invalidReason, printTask, printTaskInfo, readCreate, readUpdate } from './task.ts';

const NOW = Date.UTC(2026, 0, 2, 2);
const OPTIONS = { checkUrl: () => undefined, regions: ['cn-shanghai', 'cn-beijing'] };
const AT_START = { index: 0, offsetMs: 0, round: 0 };

const WISH = {
  Region: 'cn-shanghai',
  StartTime: '2026-01-02T03:00:00Z',
  EndTime: '2026-01-02T04:00:00Z',
  SourceType: 'url',
  SourceUrls: '["http://h.example/a.mp4","http://h.example/b.flv"]',
  DstUrl: 'rtmp://push.example/live/s1',
};
const LIVE = { ...WISH, SourceType: 'live', SourceProtocol: 'rtmp', SourceUrls: 'rtmp://pull.example/live/a' };

type Wish = Readonly<Record<string, string>>;
const paramsOf = (wish: Wish): Params => new Params(Object.entries(wish));
const create = (wish: Wish): TaskSpec => readCreate(paramsOf(wish), OPTIONS);
const taskOf = (spec: TaskSpec): Task =>
  newTask({ id: 't-1', accountId: 'a', projectId: 'p', spec, now: NOW, eventId: 'e' }).task;

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof AlibabaError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'taken';
}

/** TaskInfo as a client would send it again. */
function sentAgain(task: Task): Wish {
  const { TaskId: _, CallbackURL, SourceUrls, ...info } = printTaskInfo(task);
  const texts = Object.entries(info).map(([name, value]) => [name, String(value)]);
  const callback = CallbackURL === '' ? {} : { CallbackUrl: String(CallbackURL) };
  const urls = { SourceUrls: JSON.stringify(SourceUrls) };
  return { ...Object.fromEntries(texts), ...urls, ...callback, Region: task.spec.region };
}

describe('what Create says', () => {
  it('becomes a list that is played once, tried three times a minute apart', () => {
    expect(create(WISH)).toEqual({
      dialect: 'alibaba',
      name: '',
      region: 'cn-shanghai',
      source: {
        ...{ kind: 'list', items: [{ url: 'http://h.example/a.mp4' }, { url: 'http://h.example/b.flv' }] },
        ...{ rounds: 1, startIndex: 0, startSeconds: 0, refresh: 'newSource' },
      },
      standby: [],
      destination: { kind: 'url', url: 'rtmp://push.example/live/s1', args: '' },
      startAt: Date.UTC(2026, 0, 2, 3),
      endAt: Date.UTC(2026, 0, 2, 4),
      callback: null,
      enabled: true,
      retry: { count: 3, intervalMs: 60_000 },
      echo: {},
    });
  });

  it.each([
    ['0', 1],
    ['-1', 'endless'],
    ['4', 5],
  ])('counts repeats behind the first time: %s', (RepeatNumber, rounds) => {
    expect(create({ ...WISH, RepeatNumber }).source).toMatchObject({ rounds });
  });

  it('makes assets of media ids', () => {
    const spec = create({ ...WISH, SourceType: 'vod', SourceUrls: '["a1b2","x y"]'.replace(' ', '/') });
    expect(spec.source).toMatchObject({ items: [{ url: assetUrl('a1b2') }, { url: assetUrl('x/y') }] });
    expect(printTaskInfo(taskOf(spec))).toMatchObject({ SourceType: 'vod', SourceUrls: ['a1b2', 'x/y'] });
  });

  it.each(['RTMP', 'rtmp'])('takes the protocol however it is spelled, and shows it so: %s', SourceProtocol => {
    const spec = create({ ...LIVE, SourceProtocol });
    expect(printTaskInfo(taskOf(spec))).toMatchObject({ SourceType: 'live', SourceProtocol });
  });

  it('keeps settings of lists of a live task to show them', () => {
    const spec = create({ ...LIVE, Offset: '7', RepeatNumber: '-1' });
    expect(spec.source).toEqual({ kind: 'live', url: 'rtmp://pull.example/live/a' });
    expect(printTaskInfo(taskOf(spec))).toMatchObject({ Offset: 7, RepeatNumber: -1 });
  });

  it.each([
    ['no protocol of a live source', { ...LIVE, SourceProtocol: '' }, 'SourceProtocol'],
    ['a protocol that is none', { ...LIVE, SourceProtocol: 'ftp' }, 'SourceProtocol'],
    ['a protocol by a name that objects have anyway', { ...LIVE, SourceProtocol: 'constructor' }, 'SourceProtocol'],
    ['a name that XML cannot show', { ...WISH, TaskName: 'a\u001bb' }, 'TaskName'],
    ['an address of another protocol', { ...LIVE, SourceProtocol: 'srt' }, 'SourceUrls'],
    ['two live sources', { ...LIVE, SourceUrls: '["rtmp://a.example/a/b","rtmp://a.example/a/c"]' }, 'SourceUrls'],
    ['no source', { ...WISH, SourceUrls: '[]' }, 'SourceUrls'],
    ['31 sources', { ...WISH, SourceUrls: JSON.stringify(Array(31).fill('http://h.example/a.mp4')) }, 'SourceUrls'],
    ['an index behind the list', { ...WISH, FileIndex: '2' }, 'FileIndex'],
    ['a negative index', { ...WISH, FileIndex: '-1' }, 'FileIndex'],
    ['a negative offset', { ...WISH, Offset: '-1' }, 'Offset'],
    ['too few repeats', { ...WISH, RepeatNumber: '-2' }, 'RepeatNumber'],
    ['fewer than no tries', { ...WISH, RetryCount: '-1' }, 'RetryCount'],
    ['tries too soon', { ...WISH, RetryInterval: '59' }, 'RetryInterval'],
    ['tries too late', { ...WISH, RetryInterval: '301' }, 'RetryInterval'],
    ['a time without a zone', { ...WISH, StartTime: '2026-01-02T03:00:00' }, 'StartTime'],
    ['a day that is none', { ...WISH, EndTime: '2026-02-30T03:00:00Z' }, 'EndTime'],
    ['a type of source that is none', { ...WISH, SourceType: 'Live' }, 'SourceType'],
    ['a region that is none', { ...WISH, Region: 'mars-1' }, 'Region'],
    ['a destination that is too long', { ...WISH, DstUrl: `rtmp://h.example/live/${'x'.repeat(2000)}` }, 'DstUrl'],
    ['a receiver that is too long', { ...WISH, CallbackUrl: `http://h.example/${'x'.repeat(2000)}` }, 'CallbackUrl'],
    ['signing without a key', { ...WISH, CallbackUrl: 'http://h.example/', ReqAuth: 'yes' }, 'AuthKey'],
    ['a key that is too short', { ...WISH, CallbackUrl: 'http://h.example/', AuthKey: 'short' }, 'AuthKey'],
    ['signing that is neither yes nor no', { ...WISH, ReqAuth: 'true' }, 'ReqAuth'],
  ])('refuses %s', (_, wish, parameter) => {
    expect(refusal(() => create(wish))).toMatch(
      new RegExp(`^InvalidParameter: The specified ${parameter} is invalid.*\\.$`),
    );
  });

  it('tells the rule of an address in one sentence', () => {
    const checkUrl = (): string => 'The URL must begin with a scheme.';
    expect(refusal(() => readCreate(paramsOf(WISH), { ...OPTIONS, checkUrl }))).toBe(
      'InvalidParameter: The specified SourceUrls is invalid: The URL must begin with a scheme.',
    );
  });

  it.each(['Region', 'StartTime', 'EndTime', 'SourceType', 'SourceUrls', 'DstUrl'])('cannot do without %s', name => {
    const { [name]: _, ...wish } = WISH as Wish;
    const said = `Missing${name}: ${name} is mandatory for this action.`;
    expect(refusal(() => create(wish))).toBe(said);
    expect(refusal(() => create({ ...wish, [name]: '' }))).toBe(said);
  });
});

describe('what a task shows', () => {
  it('is taken by Create as the same wish', () => {
    for (let seed = 0; seed < 500; seed++) {
      const spec = create(randomWish(seed));
      expect(create(sentAgain(taskOf(spec))), `seed ${seed}`).toEqual(spec);
    }
  });

  it('is taken by Update as no change', () => {
    for (let seed = 0; seed < 500; seed++) {
      const spec = create(randomWish(seed));
      expect(readUpdate(paramsOf(sentAgain(taskOf(spec))), spec, OPTIONS), `seed ${seed}`).toEqual(spec);
    }
  });

  it('leaves out what this dialect cannot say of a task of another one', () => {
    const spec: TaskSpec = {
      ...create(LIVE),
      ...{ dialect: 'huawei', retry: null, echo: {} },
      destination: { kind: 'ingest', domain: 'push.example', app: 'live', stream: 's', args: 'k=1' },
    };
    const info = printTaskInfo(taskOf(spec));
    expect(info).toMatchObject({ DstUrl: 'rtmp://push.example/live/s?k=1', SourceProtocol: 'rtmp', TaskName: '' });
    expect(Object.keys(info)).not.toContain('RetryCount');
  });

  it('keeps what another dialect said of a file as long as the addresses stay', () => {
    const spec = create(WISH);
    const list = spec.source as ListSource;
    const cut = { ...spec, source: { ...list, items: list.items.map(item => ({ ...item, inMs: 5000 })) } };
    expect(readUpdate(paramsOf({ Region: 'cn-shanghai', RepeatNumber: '3' }), cut, OPTIONS).source).toEqual({
      ...cut.source,
      rounds: 4,
    });
  });

  it('is where the list stands, in whole seconds', () => {
    const task = taskOf(create(WISH));
    const shown = printTask(task, { index: 1, offsetMs: 61_999, round: 0 });
    expect(shown).toMatchObject({ TaskId: 't-1', TaskStatus: 0, CurrentFileIndex: 1, CurrentOffset: 61 });
    expect(Object.keys(shown)).not.toContain('TaskInvalidReason');
  });

  it.each([
    ['running', 'flowing', 'run', undefined],
    ['recovering', 'broke', 'source', 'PullStreamFailed'],
    ['recovering', 'broke', 'destination', 'PushStreamFailed'],
    ['recovering', 'claimed', 'system', 'UnknownError'],
    ['recovering', 'restarted', 'user', undefined],
    ['stopped', 'gaveUp', 'source', 'PullStreamFailed'],
    ['stopped', 'gaveUp', 'destination', 'PushStreamFailed'],
    ['stopped', 'gaveUp', 'run', 'UnknownError'],
    ['stopped', 'stopped', 'user', 'TriggerByUser'],
    ['stopped', 'finished', 'run', undefined],
    ['scheduled', 'created', 'user', undefined],
  ] as const)('%s by %s of %s is explained as %s', (status, movedBy, cause, reason) => {
    expect(invalidReason({ ...taskOf(create(WISH)), status, movedBy, cause })).toBe(reason);
  });

  it.each([
    ['expired', 'OverEndTime'],
    ['deleted', 'TriggerByUser'],
  ] as const)('that %s exits by %s', (movedBy, reason) => {
    const task: Task = { ...taskOf(create(WISH)), status: 'exited', movedBy, exitedAt: NOW };
    expect(exitReason(task)).toBe(reason);
    expect(printTask(task, AT_START)).toMatchObject({
      TaskStatus: -1,
      TaskExitTime: NOW / 1000,
      TaskExitReason: reason,
    });
  });
});

/** Any wish that this dialect can say, another one for each seed. */
function randomWish(seed: number): Wish {
  let state = seed * 7919 + 13;
  const roll = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const maybe = (wish: Wish): Wish => (roll(2) === 0 ? {} : wish);
  const type = ['live', 'vod', 'url'][roll(3)] ?? 'url';
  const count = type === 'live' ? 1 : 1 + roll(30);
  const urls = Array.from({ length: count }, (_, at) =>
    type === 'vod' ? `id-é ${at}`.replace(' ', '_') : `http://h.example/${at} ü`,
  );
  return {
    ...{ ...WISH, SourceType: type, SourceUrls: JSON.stringify(urls) },
    ...(type === 'live'
      ? { SourceProtocol: ['http-flv', 'FLV', 'hls'][roll(3)] ?? 'hls' }
      : maybe({ SourceProtocol: 'x' })),
    ...maybe({ TaskName: `name ${roll(1000)} ¢ ~!*` }),
    ...maybe({ RepeatNumber: String(roll(100) - 1) }),
    ...maybe({ Offset: String(roll(100_000)) }),
    ...maybe({ FileIndex: String(roll(count)) }),
    ...maybe({ CallbackUrl: `https://cb.example/${roll(9)}` }),
    ...maybe({ AuthKey: `Key0123456789abc${roll(9)}`, ...maybe({ ReqAuth: roll(2) === 0 ? 'yes' : 'no' }) }),
    ...maybe({ RetryCount: String(roll(10)) }),
    ...maybe({ RetryInterval: String(60 + roll(241)) }),
    ...maybe({ NotifyItemSwitch: 'yes' }),
  };
}
