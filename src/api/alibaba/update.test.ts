import { describe, expect, it } from 'vitest';
import { mergeSpec, type TaskSpec } from '../../task/spec.ts';
import type { Status } from '../../task/status.ts';
import { newTask, type Task } from '../../task/task.ts';
import { AlibabaError } from './error.ts';
import { Params } from './params.ts';
import { readCreate, readUpdate } from './task.ts';
import { changeOf } from './update.ts';

const START = Date.UTC(2026, 0, 2, 3);
const OPTIONS = { checkUrl: () => undefined, regions: ['cn-shanghai', 'cn-beijing'] };

const WISH = {
  Region: 'cn-shanghai',
  StartTime: '2026-01-02T03:00:00Z',
  EndTime: '2026-01-02T04:00:00Z',
  SourceType: 'url',
  SourceUrls: '["http://h.example/a.mp4","http://h.example/b.flv"]',
  DstUrl: 'rtmp://push.example/live/s1',
  RepeatNumber: '2',
  Offset: '3',
  FileIndex: '1',
  CallbackUrl: 'http://cb.example/',
  AuthKey: 'abcdefgh12345678',
  ReqAuth: 'yes',
  NotifyItemSwitch: 'no',
};

/** Another value for every parameter that Update has. */
const OTHER: Readonly<Record<string, string>> = {
  Region: 'cn-beijing',
  StartTime: '2026-01-02T03:30:00Z',
  EndTime: '2026-01-02T05:00:00Z',
  SourceUrls: '["http://h.example/c.mp4","http://h.example/b.flv"]',
  Offset: '4',
  FileIndex: '0',
  RepeatNumber: '-1',
  CallbackUrl: 'http://other.example/',
  AuthKey: 'ABCDEFGH87654321',
  ReqAuth: 'no',
  NotifyItemSwitch: 'yes',
};

const spec = readCreate(new Params(Object.entries(WISH)), OPTIONS);
const fresh = newTask({ id: 't', accountId: 'a', projectId: 'p', spec, now: START - 1, eventId: 'e' }).task;

interface Moment {
  readonly status: Status;
  readonly now: number;
}

const MOMENTS: Readonly<Record<string, Moment>> = {
  idle: { status: 'scheduled', now: START - 1 },
  starting: { status: 'scheduled', now: START },
  running: { status: 'running', now: START + 1 },
  retrying: { status: 'recovering', now: START + 1 },
  stopped: { status: 'stopped', now: START + 1 },
};

const ALL = Object.keys(OTHER);
const ON_AIR = ['RepeatNumber', 'CallbackUrl', 'AuthKey', 'ReqAuth', 'NotifyItemSwitch'];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  idle: ALL,
  starting: ON_AIR,
  running: ON_AIR,
  retrying: ON_AIR,
  stopped: [...ON_AIR, 'SourceUrls', 'Offset', 'FileIndex', 'EndTime'],
};

function update(moment: Moment, wish: Readonly<Record<string, string>>, endMovesOnAir = false): TaskSpec | string {
  const task: Task = { ...fresh, status: moment.status };
  const params = new Params(Object.entries({ Region: WISH.Region, ...wish }));
  try {
    const wanted = readUpdate(params, spec, OPTIONS);
    return mergeSpec(spec, changeOf(task, wanted, { now: moment.now, endMovesOnAir }));
  } catch (error) {
    if (error instanceof AlibabaError) return error.code;
    throw error;
  }
}

const cells = Object.entries(MOMENTS).flatMap(([phase, moment]) =>
  ALL.map(name => ({ phase, moment, name, allowed: ALLOWED[phase]?.includes(name) ?? false })),
);

describe('an update', () => {
  it.each(cells)('of $name while $phase is allowed: $allowed', ({ moment, name, allowed }) => {
    const after = update(moment, { [name]: OTHER[name] ?? '' });
    if (allowed) expect(after).not.toEqual(spec);
    else expect(after).toBe('CodeTaskHasStarted');
  });

  it.each(Object.entries(MOMENTS))('that says what stands is none while %s', (_, moment) => {
    expect(update(moment, WISH)).toEqual(spec);
  });

  it.each(['starting', 'running', 'retrying', 'stopped'])('is refused as a whole while %s', phase => {
    const moment = MOMENTS[phase] ?? { status: 'running', now: START };
    expect(update(moment, { ...OTHER, Region: WISH.Region })).toBe('CodeTaskHasStarted');
  });

  it('of a task that has exited finds none', () => {
    expect(update({ status: 'exited', now: START }, {})).toBe('CodeTaskNotExist');
  });

  it('moves the end of a task on air where the installation lets it', () => {
    expect(update({ status: 'running', now: START }, { EndTime: OTHER.EndTime ?? '' }, true)).toMatchObject({
      endAt: Date.UTC(2026, 0, 2, 5),
    });
  });

  it('takes the receiver away that is sent empty', () => {
    const after = update({ status: 'running', now: START }, { CallbackUrl: '', AuthKey: '', ReqAuth: '' });
    expect(after).toMatchObject({ callback: null });
  });

  it('ignores what this operation does not have', () => {
    const wish = {
      DstUrl: 'rtmp://x.example/a/b',
      SourceType: 'live',
      TaskName: 'n',
      RetryCount: '9',
      RepeatTime: '7',
    };
    expect(update({ status: 'running', now: START }, wish)).toEqual(spec);
  });
});
