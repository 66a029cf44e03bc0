import { describe, expect, it } from 'vitest';
import { isGone } from './alarm.ts';
import type { EventType, Occurrence } from './event.ts';
import type { ListItem } from './playlist.ts';
import type { SourceSpec, SpecChange, TaskSpec } from './spec.ts';
import { apply, applyChange, applyJump, newTask, type Step, stepsAfter, stepsAfterChange, type Task } from './task.ts';

const NOW = 1_800_000_000_000;

const SPEC: TaskSpec = {
  dialect: 'huawei',
  name: '',
  region: 'cn-north-4',
  source: { kind: 'live', url: 'rtmp://src.example/live/a' },
  standby: [],
  destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' },
  startAt: NOW,
  endAt: NOW + 3_600_000,
  callback: { url: 'http://cb.example/', events: [] },
  enabled: true,
  retry: null,
  echo: {},
};

const listOf = (urls: readonly string[]): ListItem[] => urls.map(url => ({ url }));

const LIST: SourceSpec = {
  kind: 'list',
  items: listOf(['http://files.example/a.mp4', 'http://files.example/b.mp4']),
  rounds: 'endless',
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};

const fresh = (change: Partial<TaskSpec> = {}): Task =>
  newTask({ id: 't1', accountId: 'acc', projectId: 'p1', spec: { ...SPEC, ...change }, now: NOW, eventId: 'e1' }).task;

const seen = (type: EventType, more: Partial<Occurrence> = {}): Occurrence => ({
  type,
  cause: 'run',
  reason: `because ${type}`,
  ...more,
});

/** Applies the types one after the other, a second apart; each has to be news. */
function moved(task: Task, ...types: readonly EventType[]): Step {
  let step: Step | undefined;
  for (const type of types) {
    const now = NOW + 1000 * (step?.task.seq ?? task.seq);
    step = apply(step?.task ?? task, seen(type), { now, eventId: `e-${type}` });
    if (step === undefined) throw new Error(`${type} was no news`);
  }
  if (step === undefined) throw new Error('nothing to apply');
  return step;
}

describe('a new task', () => {
  it('is scheduled and tells its creation as event 1', () => {
    const { task, event } = newTask({
      id: 't1',
      accountId: 'acc',
      projectId: 'p1',
      spec: SPEC,
      now: NOW,
      eventId: 'e1',
    });
    expect(task).toEqual({
      id: 't1',
      accountId: 'acc',
      projectId: 'p1',
      spec: SPEC,
      status: 'scheduled',
      reason: '',
      movedBy: 'created',
      cause: 'user',
      epoch: 0,
      node: '',
      pushEpoch: 0,
      seq: 1,
      version: 1,
      listVersion: 1,
      jump: null,
      breakpoint: null,
      createdAt: NOW,
      movedAt: NOW,
      alarms: [],
      startedAt: null,
      exitedAt: null,
    });
    expect(event).toMatchObject({ id: 'e1', taskId: 't1', seq: 1, type: 'created', at: NOW, from: 'scheduled' });
  });

  it('is stopped when it is made switched off', () => expect(fresh({ enabled: false }).status).toBe('stopped'));
});

it('says since when a task has its status', () => {
  const claimed = apply(fresh(), { type: 'claimed', cause: 'schedule', reason: '' }, { now: NOW + 1, eventId: 'e2' });
  expect(claimed?.task.movedAt).toBe(NOW);
  const news = { type: 'flowing', cause: 'run', reason: '' } as const;
  expect(apply(fresh(), news, { now: NOW + 2, eventId: 'e2' })?.task.movedAt).toBe(NOW + 2);
});

describe('what happens to a task', () => {
  it('is numbered without holes', () => {
    const { task, event } = moved(fresh(), 'claimed', 'flowing', 'alarm', 'broke', 'flowing');
    expect([task.seq, event.seq]).toEqual([6, 6]);
  });

  it('is dropped where the table has no cell, and takes no number', () => {
    expect(apply(fresh(), seen('finished'), { now: NOW, eventId: 'e' })).toBeUndefined();
  });

  it('is dropped when a run of another epoch tells it', () => {
    const { task } = moved(fresh(), 'claimed', 'claimed');
    expect(apply(task, seen('flowing', { epoch: 1 }), { now: NOW, eventId: 'e' })).toBeUndefined();
    expect(apply(task, seen('flowing', { epoch: 3 }), { now: NOW, eventId: 'e' })).toBeUndefined();
    expect(apply(task, seen('flowing', { epoch: 2 }), { now: NOW, eventId: 'e' })?.task.status).toBe('running');
  });

  it('keeps which node has claimed it, until another does', () => {
    const claim = { type: 'claimed', cause: 'schedule', reason: '', node: 'a' } as const;
    const claimed = apply(fresh(), claim, { now: NOW, eventId: 'e2' });
    expect(claimed?.task.node).toBe('a');
    expect(moved(claimed?.task ?? fresh(), 'flowing', 'stopped').task.node).toBe('a');
  });

  it('raises the epoch when it is a claim or a restart, and the event carries the new one', () => {
    const claimed = moved(fresh(), 'claimed');
    expect([claimed.task.epoch, claimed.event.epoch]).toEqual([1, 1]);
    expect(moved(claimed.task, 'flowing', 'restarted').task.epoch).toBe(2);
    expect(moved(claimed.task, 'flowing', 'broke').task.epoch).toBe(1);
  });

  it('moves the status and says from where to where', () => {
    const { task, event } = moved(fresh(), 'claimed', 'flowing', 'broke');
    expect(task).toMatchObject({ status: 'recovering', movedBy: 'broke', reason: 'because broke' });
    expect(event).toMatchObject({ from: 'running', to: 'recovering', cause: 'run', reason: 'because broke' });
  });

  it('leaves no reason on a task that runs or waits for its start', () => {
    expect(moved(fresh(), 'claimed', 'broke', 'flowing').task.reason).toBe('');
    expect(moved(fresh(), 'stopped', 'restarted').task.reason).toBe('');
  });

  it('keeps the reason of a task that stopped or exited', () => {
    expect(moved(fresh(), 'gaveUp').task.reason).toBe('because gaveUp');
    expect(moved(fresh(), 'expired').task.reason).toBe('because expired');
  });

  it('does not move a status when it is only told', () => {
    const running = moved(fresh(), 'claimed', 'flowing').task;
    const { task, event } = moved(running, 'alarm');
    expect(task).toEqual({ ...running, seq: running.seq + 1 });
    expect(event).toMatchObject({ type: 'alarm', from: 'running', to: 'running' });
  });

  it('carries the facts it is told with along', () => {
    const step = apply(fresh(), seen('alarm', { detail: { alarm: 'PullFileFailed' } }), { now: NOW, eventId: 'e' });
    expect(step?.event.detail).toEqual({ alarm: 'PullFileFailed' });
  });
});

describe('the start of a task', () => {
  it('is the first flowing, which says so', () => {
    const { task, event } = moved(fresh(), 'claimed', 'flowing');
    expect(task.startedAt).toBe(event.at);
    expect(event.detail.first).toBe(true);
  });

  it('is not told again after a recovery', () => {
    const first = moved(fresh(), 'claimed', 'flowing').task;
    const { task, event } = moved(first, 'broke', 'flowing');
    expect(task.startedAt).toBe(first.startedAt);
    expect(event.detail.first).toBeUndefined();
  });

  it('is told again after a restart', () => {
    const restarted = moved(fresh(), 'claimed', 'flowing', 'stopped', 'restarted').task;
    expect(restarted.startedAt).toBeNull();
    expect(moved(restarted, 'claimed', 'flowing').event.detail.first).toBe(true);
  });
});

describe('a list that is started again', () => {
  const breakpoint = { version: 1, url: 'http://f.example/a.mp4', round: 0, index: 0, offsetMs: 9_000 };
  const at = (task: Task): Task => ({ ...task, breakpoint });

  it('keeps its break point for the refresh rule', () => {
    const { task } = moved(at(moved(fresh({ source: LIST }), 'claimed', 'flowing', 'stopped').task), 'restarted');
    expect(task).toMatchObject({ breakpoint, listVersion: 2 });
  });

  it('begins anew when it was played to its end', () => {
    const { task } = moved(at(moved(fresh({ source: LIST }), 'claimed', 'flowing', 'finished').task), 'restarted');
    expect(task).toMatchObject({ breakpoint: null, listVersion: 2 });
  });

  it('is in its course still when only its run was lost', () => {
    const { task } = moved(at(moved(fresh({ source: LIST }), 'claimed', 'flowing').task), 'claimed');
    expect(task).toMatchObject({ breakpoint, listVersion: 1 });
  });
});

describe('an alarm', () => {
  const alarm = (set: boolean, name = 'SourceSlow') => seen('alarm', { detail: { alarm: name, set } });
  const told = (task: Task, occurrence: Occurrence, eventId: string) => apply(task, occurrence, { now: NOW, eventId });

  it('is open until it is said to be over, which names the event that raised it', () => {
    const raised = told(fresh(), alarm(true), 'e7');
    expect(raised?.event.detail).toEqual({ alarm: 'SourceSlow', set: true, alarmId: 'e7' });
    expect(raised?.task.alarms).toEqual([{ alarm: 'SourceSlow', id: 'e7' }]);
    const over = raised && told(raised.task, alarm(false), 'e8');
    expect(over?.event).toMatchObject({ id: 'e8', detail: { alarm: 'SourceSlow', set: false, alarmId: 'e7' } });
    expect(over?.task.alarms).toEqual([]);
  });

  it('is no news when it is raised twice, or over without having been raised', () => {
    const raised = told(fresh(), alarm(true), 'e7')?.task ?? fresh();
    expect(told(raised, alarm(true), 'e8')).toBeUndefined();
    expect(told(raised, alarm(false, 'AudioLost'), 'e8')).toBeUndefined();
    expect(told(fresh(), alarm(false), 'e8')).toBeUndefined();
  });

  it('is no news without a word of what it is about', () => {
    expect(told(fresh(), seen('alarm', { detail: { set: false } }), 'e7')).toBeUndefined();
  });
});

describe('what an occurrence leads to', () => {
  const stamps = () => {
    let made = 0;
    return () => ({ now: NOW, eventId: `e-${made++}` });
  };
  const alarmed = (task: Task): Task => ({ ...task, alarms: [{ alarm: 'AudioLost', id: 'e5' }] });

  it('is one step, or none where it is no news', () => {
    expect(stepsAfter(fresh(), seen('claimed'), stamps())).toHaveLength(1);
    expect(stepsAfter(alarmed(fresh()), seen('claimed'), stamps())).toHaveLength(1);
    expect(stepsAfter(fresh(), seen('flowing', { epoch: 9 }), stamps())).toEqual([]);
    expect(stepsAfter(fresh(), seen('stopped'), stamps())).toHaveLength(1);
  });

  it.each(['stopped', 'expired'] as const)('ends the alarms first where the task is %s', type => {
    const steps = stepsAfter(alarmed(fresh()), seen(type, { cause: 'user' }), stamps());
    expect(steps.map(({ event }) => [event.seq, event.type, event.cause])).toEqual([
      [2, 'alarm', 'user'],
      [3, type, 'user'],
    ]);
    expect(steps[0]?.event.detail).toEqual({ alarm: 'AudioLost', set: false, alarmId: 'e5' });
    expect(steps[1]?.task.alarms).toEqual([]);
  });

  it('is what fits where the task ends with no alarm that can be ended', () => {
    const exited = alarmed(moved(fresh(), 'expired').task);
    expect(stepsAfter(exited, seen('deleted'), stamps()).map(({ event }) => event.type)).toEqual(['deleted']);
  });
});

describe('the end of a task', () => {
  it('is stamped once and for all', () => {
    const { task, event } = moved(fresh(), 'claimed', 'flowing', 'expired');
    expect(task).toMatchObject({ status: 'exited', exitedAt: event.at });
    expect(apply(task, seen('expired'), { now: NOW, eventId: 'e' })).toBeUndefined();
  });

  it('comes once when it is deleted twice', () => {
    const { task } = moved(fresh(), 'deleted');
    expect(task).toMatchObject({ status: 'exited', movedBy: 'deleted' });
    expect(apply(task, seen('deleted'), { now: NOW, eventId: 'e' })).toBeUndefined();
  });

  it('stands when an exited task is deleted later, and the event shows that it was over already', () => {
    const exited = moved(fresh(), 'expired').task;
    const { task, event } = moved(exited, 'deleted');
    expect(task).toMatchObject({ status: 'exited', movedBy: 'deleted', exitedAt: exited.exitedAt });
    expect(event).toMatchObject({ type: 'deleted', from: 'exited', to: 'exited' });
  });
});

describe('a move of a list', () => {
  const to = { round: 1, index: 2, offsetMs: 5_000 };
  const stamp = { now: NOW + 5, eventId: 'e2' };

  it('is another course of it, and one event with the place', () => {
    const { task, event } = applyJump(fresh({ source: LIST }), to, stamp) ?? {};
    expect(task).toMatchObject({ listVersion: 2, version: 1, jump: to, status: 'scheduled' });
    expect(event).toMatchObject({ type: 'moved', cause: 'user', position: to, detail: { index: 2, round: 1 } });
  });

  it('is over with an edit of the list, and with a restart', () => {
    const task = applyJump(fresh({ source: LIST }), to, stamp)?.task ?? fresh();
    const source = { ...LIST, startSeconds: 7 };
    expect(applyChange(task, { source }, stamp)?.task).toMatchObject({ jump: null, listVersion: 3 });
    expect(applyChange(task, { name: 'x' }, stamp)?.task).toMatchObject({ jump: to, listVersion: 2 });
    const stopped = moved(task, 'stopped').task;
    expect(moved(stopped, 'restarted').task).toMatchObject({ jump: null, listVersion: 3 });
  });

  it('is no news of a task that is stopped', () => {
    expect(applyJump(moved(fresh({ source: LIST }), 'stopped').task, to, stamp)).toBeUndefined();
  });
});

describe('a change of the spec', () => {
  const change = (task: Task, patch: SpecChange): Step | undefined =>
    applyChange(task, patch, { now: NOW + 5, eventId: 'e2' });

  it('is one version more and one event that names the fields', () => {
    const step = change(fresh(), { endAt: NOW + 7_200_000, standby: ['rtmp://other.example/live/a'] });
    expect(step?.task).toMatchObject({ version: 2, seq: 2, status: 'scheduled' });
    expect(step?.task.spec.endAt).toBe(NOW + 7_200_000);
    expect(step?.event).toMatchObject({ type: 'changed', seq: 2, detail: { changed: ['standby', 'endAt'] } });
  });

  it('is nothing when every field already has that value', () => {
    const patch = { source: { ...SPEC.source }, standby: [], callback: { url: 'http://cb.example/', events: [] } };
    expect(change(fresh(), patch)).toBeUndefined();
    expect(change(fresh(), {})).toBeUndefined();
  });

  it('is refused by an exited task', () => {
    expect(change(moved(fresh(), 'expired').task, { endAt: NOW + 1 })).toBeUndefined();
  });

  it('names tags, delay and slate, which mean the usual where they are absent', () => {
    const task = fresh();
    expect(change(task, { tags: [], delayMs: null, slate: null })).toBeUndefined();
    const step = change(task, { tags: ['news'], delayMs: 500, slate: 'hold', pin: 0 });
    expect(step?.event.detail.changed).toEqual(['tags', 'pin', 'delayMs', 'slate']);
    expect(change(step?.task ?? task, { slate: null })?.event.detail.changed).toEqual(['slate']);
  });

  it('names what changed inside the source and the callback', () => {
    const task = fresh({ source: LIST });
    const source: SourceSpec = { ...LIST, items: [...LIST.items].reverse(), rounds: 3 };
    expect(change(task, { source })?.event.detail.changed).toEqual(['source.items', 'source.rounds']);
    const parts: SourceSpec = { ...LIST, items: LIST.items.map(item => ({ ...item, outMs: 5_000 })) };
    expect(change(task, { source: parts })?.event.detail.changed).toEqual(['source.items']);
    const same: SourceSpec = { ...LIST, items: LIST.items.map(item => ({ ...item })) };
    expect(change(task, { source: same })).toBeUndefined();
    const callback = { url: 'http://cb.example/', events: ['TaskExit'] };
    expect(change(task, { callback })?.event.detail.changed).toEqual(['callback.events']);
  });

  it('takes a list out of its course where files or start are others, and by nothing else', () => {
    const task = fresh({ source: LIST });
    const listVersion = (patch: SpecChange) => change(task, patch)?.task.listVersion;
    expect(listVersion({ source: { ...LIST, items: [...LIST.items, { url: 'http://f.example/new.mp4' }] } })).toBe(2);
    expect(listVersion({ source: { ...LIST, startIndex: 1 } })).toBe(2);
    expect(listVersion({ source: { ...LIST, startSeconds: 5 } })).toBe(2);
    expect(listVersion({ source: { ...LIST, rounds: 9, refresh: 'breakpoint' }, endAt: NOW + 7_200_000 })).toBe(1);
  });

  it('names the whole where it is of another kind', () => {
    expect(change(fresh(), { source: LIST })?.event.detail.changed).toEqual(['source']);
    expect(change(fresh(), { callback: null })?.event.detail.changed).toEqual(['callback']);
    expect(change(fresh({ callback: null }), { callback: null })).toBeUndefined();
  });

  it('names what was said of the task itself, and what is no longer said', () => {
    const task = fresh({ echo: { protocol: 'RTMP' }, retry: { count: 3, intervalMs: 60_000 } });
    const patch: SpecChange = { name: 'n', region: 'r', retry: { count: 2, intervalMs: 60_000 }, echo: { said: 1 } };
    expect(change(task, patch)?.event.detail.changed).toEqual([
      'name',
      'region',
      'retry.count',
      'echo.protocol',
      'echo.said',
    ]);
    expect(change(task, { retry: null })?.event.detail.changed).toEqual(['retry']);
  });
});

describe('an event', () => {
  const place = { round: 2, index: 1, offsetMs: 1500 };

  it('says which push it was seen on, and so does the task until it is claimed anew', () => {
    const flowing = apply(moved(fresh(), 'claimed').task, seen('flowing', { pushEpoch: 3 }), {
      now: NOW,
      eventId: 'e',
    });
    expect(flowing?.event.pushEpoch).toBe(3);
    expect(moved(flowing?.task ?? fresh(), 'broke').event.pushEpoch).toBe(3);
    expect(moved(flowing?.task ?? fresh(), 'claimed').event.pushEpoch).toBe(0);
  });

  it('says where a list stood: as its teller has it, else as the task has', () => {
    const task = {
      ...fresh({ source: LIST }),
      breakpoint: { version: 1, url: 'http://files.example/b.mp4', ...place },
    };
    const at = (more: Partial<Occurrence>) =>
      apply(task, seen('flowing', more), { now: NOW, eventId: 'e' })?.event.position;
    expect(at({})).toEqual(place);
    expect(at({ position: { ...place, repeat: 4 } })).toEqual({ ...place, repeat: 4 });
    expect(moved(fresh(), 'flowing').event.position).toBeNull();
  });

  it('says which version of the spec it came about under, a change the one it made', () => {
    const changed = applyChange(fresh(), { name: 'news' }, { now: NOW, eventId: 'e' });
    expect(changed?.event.version).toBe(2);
    expect(moved(changed?.task ?? fresh(), 'flowing').event.version).toBe(2);
  });
});

describe('a receiver that is gone', () => {
  const url = SPEC.callback?.url ?? '';
  let ids = 0;
  const nextStamp = () => ({ now: NOW, eventId: `s${ids++}` });
  const gone = (): Task => {
    const detail = { alarm: 'CallbackGone', set: true, url };
    const step = apply(fresh(), { type: 'alarm', cause: 'system', reason: '410', detail }, nextStamp());
    return step?.task ?? fresh();
  };

  it('is known by its address, and is no matter of another', () => {
    expect(isGone(gone().alarms, url)).toBe(true);
    expect(isGone(gone().alarms, 'http://other.example/')).toBe(false);
    expect(isGone([{ alarm: 'AudioLost', id: 'e', about: url }], url)).toBe(false);
  });

  it('is forgotten by whoever has another one', () => {
    const steps = stepsAfterChange(gone(), { callback: { url: 'http://other.example/', events: [] } }, nextStamp);
    expect(steps.map(({ event: { type, detail } }) => [type, detail.set])).toEqual([
      ['changed', undefined],
      ['alarm', false],
    ]);
    expect(steps.at(-1)?.task.alarms).toEqual([]);
  });

  it('stays gone over other changes, and over none', () => {
    const events = { callback: { url, events: ['TaskStart'] } };
    expect(stepsAfterChange(gone(), events, nextStamp)).toHaveLength(1);
    expect(stepsAfterChange(gone(), {}, nextStamp)).toEqual([]);
    expect(stepsAfterChange(gone(), { callback: null }, nextStamp).at(-1)?.task.alarms).toEqual([]);
  });
});
