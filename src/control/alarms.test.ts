import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Task } from '../task/task.ts';
import type { RunAlarm, RunHealth, RunNews, RunReport } from '../worker/channel.ts';
import { OWNER, type Rehearsal, rehearse } from './rehearsal.testsuite.ts';

let room: Rehearsal;
beforeEach(async () => {
  room = await rehearse();
});
afterEach(() => room.close());

const SLOW: RunAlarm = { alarm: 'SourceSlow', side: 'pull', reason: 'it sends at 0.8 of its pace' };
const item = { url: 'http://f.example/a.mp4', index: 0, round: 0 };

const stored = (task: Task) => room.tasks.get(OWNER, task.id);

/** Started, with nothing heard from its run yet. */
async function opening(): Promise<Task> {
  const { id } = await room.tasks.create(OWNER, room.spec());
  await room.scheduler.tick();
  return room.tasks.get(OWNER, id);
}

async function alarmEvents(task: Task) {
  return (await room.store.events(task.id, 0, 1_000)).filter(({ type }) => type === 'alarm');
}
const told = async (task: Task): Promise<string[]> =>
  (await alarmEvents(task)).map(({ detail: { alarm, set } }) => `${alarm} ${set === false ? 'CLEARED' : 'SET'}`);

/** What the run reports a second later, when all its news has been taken. */
async function reports(task: Task, state: RunReport['state'], health: Partial<RunHealth> = {}): Promise<void> {
  await new Promise(setImmediate);
  room.claims.reported({
    ...{ taskId: task.id, epoch: task.epoch, state, reason: '', pushEpoch: 1, pullEpoch: 1 },
    ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
    health: { stateForMs: 0, attempt: 0, faults: {}, alarms: [], ...health },
  });
  await room.store.checkWritable();
}

const well = (task: Task): Promise<void> => reports(task, 'flowing', { stateForMs: 10_000 });
const minute = (): Promise<void> => room.clock.pass(60_000, 60_000);
const broke = (change: Partial<RunNews> = {}) => ({ type: 'broke', side: 'push', reason: 'gone', ...change }) as const;
const refusal = (attempt: number, change: Partial<RunNews['failure']> = {}) =>
  broke({ failure: { kind: 'refused', refusal: 'denied', attempt, retryInMs: 1_000, ...change } });

describe('a side that is lost', () => {
  it.each([
    ['pull', 'source', 'PullFileUnstable'],
    ['push', 'destination', 'PushStreamUnstable'],
  ] as const)('alarms once when it is the %s side', async (side, cause, alarm) => {
    const task = await room.onAir();
    await room.say(task, broke({ side }));
    await room.say(task, broke({ side, reason: 'still gone' }));
    expect(await stored(task)).toMatchObject({ status: 'recovering', reason: 'gone' });
    expect(await alarmEvents(task)).toMatchObject([{ cause, reason: 'gone', detail: { alarm, set: true } }]);
  });

  it.each([
    ['pull', 'PullFileFailed'],
    ['push', 'PushStreamFailed'],
  ] as const)('alarms otherwise when the %s side was never there', async (side, alarm) => {
    const task = await opening();
    await room.say(task, broke({ side }));
    await room.say(task, broke({ side }));
    expect(await told(task)).toEqual([`${alarm} SET`]);
  });

  it('alarms no second time for as long as it is not well again', async () => {
    const task = await room.onAir();
    await room.say(task, broke());
    await minute();
    await room.say(task, broke());
    await room.say(task, { type: 'flowing' });
    await room.say(task, broke());
    expect(await told(task)).toEqual(['PushStreamUnstable SET']);
  });

  it('is over when media has flowed for ten seconds, under the id of its beginning', async () => {
    const task = await room.onAir();
    await room.say(task, broke());
    await room.say(task, { type: 'flowing' });
    await reports(task, 'flowing', { stateForMs: 9_900 });
    expect(await told(task)).toHaveLength(1);
    await well(task);
    await well(task);
    const [begun, over] = await alarmEvents(task);
    expect(await told(task)).toEqual(['PushStreamUnstable SET', 'PushStreamUnstable CLEARED']);
    expect(begun?.detail.alarmId).toBe(begun?.id);
    expect(over).toMatchObject({ reason: 'media has flowed for 10 s', detail: { alarmId: begun?.id } });
  });

  it('alarms at most once a minute when it comes and goes, and then although nothing new has happened', async () => {
    const task = await room.onAir();
    for (let second = 0; second < 50; second += 10) {
      await room.say(task, broke());
      await room.say(task, { type: 'flowing' });
      await well(task);
      await room.clock.pass(10_000, 10_000);
    }
    expect(await told(task)).toEqual(['PushStreamUnstable SET', 'PushStreamUnstable CLEARED']);
    await room.say(task, broke());
    await room.clock.pass(10_000, 10_000);
    await room.say(task, broke());
    expect(await told(task)).toHaveLength(3);
  });

  it('alarms although the wall clock was set back a day', async () => {
    const task = await room.onAir();
    await room.say(task, broke());
    await room.say(task, { type: 'flowing' });
    await well(task);
    room.clock.setWall(-86_400_000);
    await room.say(task, broke());
    expect(await told(task)).toHaveLength(3);
  });

  it('has failed for good when it is refused for the third time in a row', async () => {
    const task = await room.onAir();
    await room.say(task, refusal(1));
    await room.say(task, refusal(2));
    expect(await told(task)).toEqual(['PushStreamUnstable SET']);
    await room.say(task, refusal(3));
    expect(await told(task)).toEqual(['PushStreamUnstable SET', 'PushStreamFailed SET']);
    await room.say(task, { type: 'flowing' });
    await well(task);
    const both = ['PushStreamUnstable CLEARED', 'PushStreamFailed CLEARED'];
    await vi.waitFor(async () => expect((await told(task)).slice(2)).toEqual(both));
  });

  it('alarms nobody while a destination may still hold our own former push', async () => {
    const task = await room.onAir();
    for (let attempt = 1; attempt < 9; attempt += 1) await room.say(task, refusal(attempt, { calm: true }));
    expect(await told(task)).toEqual([]);
    await room.say(task, refusal(9));
    expect(await told(task)).toEqual(['PushStreamFailed SET']);
  });

  it('alarms at once where a name is taken at the very first publish', async () => {
    const task = await opening();
    await room.say(task, refusal(1, { calm: true }));
    expect(await told(task)).toEqual(['PushStreamFailed SET']);
  });

  it('is told of although nobody was there when it broke', async () => {
    const task = await room.onAir();
    const lastError = { side: 'push', kind: 'closed', message: 'gone', agoMs: 10 } as const;
    room.claims.carried({
      ...{ taskId: task.id, epoch: task.epoch, state: 'broken', reason: 'gone', pushEpoch: 1, pullEpoch: 1 },
      ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
      health: { stateForMs: 10, attempt: 1, faults: {}, lastError },
    });
    await room.store.checkWritable();
    expect(await told(task)).toEqual(['PushStreamUnstable SET']);
  });
});

describe('a file that cannot be played', () => {
  const failed = { type: 'itemFailed', item, reason: 'HTTP 404' } as const;

  it('alarms until a file has been begun and media flows', async () => {
    const task = await room.onAir();
    await room.say(task, failed);
    await room.say(task, failed);
    await well(task);
    expect(await told(task)).toEqual(['PullFileFailed SET']);
    await room.say(task, { type: 'itemStarted', item, reason: '' });
    await well(task);
    expect(await told(task)).toEqual(['PullFileFailed SET', 'PullFileFailed CLEARED']);
  });

  it('is another matter where some of it was seen', async () => {
    const task = await room.onAir();
    await room.say(task, { ...failed, wasOnAir: true });
    expect(await told(task)).toEqual([]);
  });
});

describe('what a run sees itself', () => {
  const raise = { type: 'alarm', ...SLOW } as const;

  it('is raised and over as the run says, once', async () => {
    const task = await room.onAir();
    for (const set of [true, true, false, false]) await room.say(task, { ...raise, set });
    expect(await told(task)).toEqual(['SourceSlow SET', 'SourceSlow CLEARED']);
    const [begun, over] = await alarmEvents(task);
    expect(over?.detail.alarmId).toBe(begun?.id);
    expect(await stored(task)).toMatchObject({ status: 'running', alarms: [] });
  });

  it('is not over before it was raised', async () => {
    const task = await room.onAir();
    await room.say(task, { ...raise, set: false });
    expect(await told(task)).toEqual([]);
  });

  it('is raised by a report, where the news of it was lost', async () => {
    const task = await room.onAir();
    await reports(task, 'flowing', { alarms: [SLOW] });
    await reports(task, 'flowing', { alarms: [SLOW] });
    expect(await alarmEvents(task)).toMatchObject([{ reason: SLOW.reason, cause: 'source' }]);
  });

  it('is over by a report that does not have it any more', async () => {
    const task = await room.onAir();
    await room.say(task, { ...raise, set: true });
    await reports(task, 'broken', { alarms: [SLOW] });
    expect(await told(task)).toHaveLength(1);
    await reports(task, 'broken');
    expect(await told(task)).toEqual(['SourceSlow SET', 'SourceSlow CLEARED']);
  });

  it('is not raised again within a minute, and then by the next report', async () => {
    const task = await room.onAir();
    await room.say(task, { ...raise, set: true });
    await room.say(task, { ...raise, set: false });
    await reports(task, 'flowing', { alarms: [SLOW] });
    expect(await told(task)).toHaveLength(2);
    await minute();
    await reports(task, 'flowing', { alarms: [SLOW] });
    expect(await told(task)).toHaveLength(3);
  });

  it('is another alarm for each word', async () => {
    const task = await room.onAir();
    await room.say(task, { ...raise, set: true });
    await room.say(task, { ...raise, alarm: 'AudioLost', set: true });
    expect(await told(task)).toEqual(['SourceSlow SET', 'AudioLost SET']);
  });

  it('is over under the same id although the control process was another one meanwhile', async () => {
    const task = await room.onAir();
    await room.say(task, { ...raise, set: true });
    room = await room.again();
    await room.claims.adopt([
      {
        ...{ taskId: task.id, epoch: task.epoch, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
        ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
      },
    ]);
    await reports(task, 'flowing');
    const [begun, over] = await alarmEvents(task);
    expect(over?.detail).toMatchObject({ alarm: 'SourceSlow', set: false, alarmId: begun?.id });
  });

  it('is left alone by the report of a worker that does not look', async () => {
    const task = await room.onAir();
    await room.say(task, { ...raise, set: true });
    room.claims.reported({
      ...{ taskId: task.id, epoch: task.epoch, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
      ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
    });
    await room.store.checkWritable();
    expect(await told(task)).toHaveLength(1);
  });
});

describe('the end of a task', () => {
  it.each([
    ['paused', (task: Task) => room.tasks.change(OWNER, task.id, { enabled: false })],
    ['deleted', (task: Task) => room.tasks.delete(OWNER, task.id)],
    ['given up', (task: Task) => room.say(task, { type: 'gaveUp', side: 'run' })],
    ['over', () => room.clock.pass(3_600_000, 3_600_000).then(() => room.scheduler.tick())],
  ] as const)('ends its alarms first when it is %s', async (_, end) => {
    const task = await room.onAir();
    await room.say(task, broke());
    await room.say(task, { type: 'alarm', ...SLOW, set: true });
    await end(task);
    const events = await room.store.events(task.id, 0, 100);
    const last = events.slice(-3).map(({ type, detail: { alarm, set } }) => ({ type, alarm, set }));
    expect(last.slice(0, 2)).toEqual([
      { type: 'alarm', alarm: 'PushStreamUnstable', set: false },
      { type: 'alarm', alarm: 'SourceSlow', set: false },
    ]);
    expect(['stopped', 'exited']).toContain(events.at(-1)?.to);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
  });
});
