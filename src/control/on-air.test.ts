import { expect, it } from 'vitest';
import type { Task } from '../task/task.ts';
import type { RunReport } from '../worker/channel.ts';
import { healthOf } from './health.ts';
import { onAirOf } from './on-air.ts';

const NOON = Date.UTC(2027, 4, 5, 12);
const report: RunReport = {
  ...{ taskId: 't', epoch: 1, state: 'flowing', reason: '', pushEpoch: 2, pullEpoch: 4 },
  ...{ bytesIn: 0, bytesOut: 0, mediaMs: 90_500, dropped: { untilKey: 3 }, queuedMs: 250 },
  health: { stateForMs: 60_000, attempt: 0, faults: {} },
};
const LIVE = { kind: 'live', url: 'rtmp://src.example/live/a?key=1' } as const;
const LIST = {
  kind: 'list',
  rounds: 3,
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
  items: [{ url: 'http://f.example/a.mp4', inMs: 5_000, outMs: 65_000 }, { url: 'http://f.example/b.mp4' }],
} as const;

/** Only what is asked of it. */
const task = (source: Task['spec']['source'], change: Partial<Task> = {}): Task =>
  ({
    id: 't',
    status: 'running',
    listVersion: 1,
    spec: { source, standby: ['rtmp://b.example/live/b'] },
    ...change,
  }) as Task;

const onAir = (which: Task, told: RunReport = report, ageMs = 0) =>
  onAirOf(which, healthOf(told, NOON), { rates: undefined, now: NOON + ageMs });

it('has how a run fares, and nothing of rates before they were measured', () => {
  expect(onAir(task(LIVE))).toEqual({
    ...{ source: null, onSlate: false, item: null, next: null, rates: null, queueS: 0.25, heldS: 0, pushEpoch: 2 },
    ...{ drops: { untilKey: 3 }, reconnects: { source: 3, destination: 1 }, since: NOON - 60_000, mediaS: 90.5 },
  });
});

it.each([
  ['of a task that waits', 'scheduled'],
  ['of one that was stopped', 'stopped'],
] as const)('is nothing %s', (_, status) => {
  expect(onAir(task(LIVE, { status }))).toBeNull();
});

it('is nothing before a run has told of itself', () => {
  expect(onAirOf(task(LIVE), undefined, { rates: undefined, now: NOON })).toBeNull();
});

it.each([
  [0, LIVE.url],
  [1, 'rtmp://b.example/live/b'],
])('names source %i by the address that the task has for it', (index, url) => {
  const told = { ...report, source: { index, url: 'masked' }, pinned: true } as const;
  expect(onAir(task(LIVE), told)?.source).toEqual({ index, url, pinned: true });
});

it('says that the slate is on air', () => {
  expect(onAir(task(LIVE), { ...report, onSlate: true })).toMatchObject({ onSlate: true, source: null });
});

const at = { version: 1, url: 'http://f.example/a.mp4', round: 1, index: 0, offsetMs: 20_000 };
const playing: RunReport = { ...report, breakpoint: at, itemEndMs: 65_000 };

it('has the file on air, how far what is played of it has come, and what is next', () => {
  expect(onAir(task(LIST), playing, 400)).toMatchObject({
    item: { index: 0, round: 1, rounds: 3, url: at.url, positionS: 15.4, durationS: 60 },
    next: { index: 1, url: 'http://f.example/b.mp4' },
  });
});

it('has nothing next behind the last file of the last round', () => {
  const last = { ...playing, breakpoint: { ...at, url: 'http://f.example/b.mp4', round: 2, index: 1 } };
  expect(onAir(task(LIST), last)?.next).toBeNull();
});

it('does not say what is next while the list was edited and the run has not said where it stands in it', () => {
  expect(onAir(task(LIST, { listVersion: 2 }), playing)).toMatchObject({ item: { url: at.url }, next: null });
});

it('guesses no further than the end of the file, nor for long', () => {
  const near = { ...playing, breakpoint: { ...at, offsetMs: 64_900 } };
  expect(onAir(task(LIST), near, 900)?.item?.positionS).toBe(60);
  expect(onAir(task(LIST), playing, 60_000)?.item?.positionS).toBe(16.5);
});

it('has a standby in the place of the file where one stands in, and what the list goes on with', () => {
  const told = { ...playing, source: { index: 1, url: 'masked' } };
  expect(onAir(task(LIST), told)).toMatchObject({ source: { index: 1 }, item: null, next: { index: 1 } });
});
