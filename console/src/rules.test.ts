import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { collisionsOf } from './collisions.ts';
import { asAlibaba, asCli, asCurl, asHuawei, changeOf, quoted } from './copies.ts';
import { EMPTY_DRAFT } from './draft.ts';
import { exampleTask } from './example-task.ts';
import { byNeed, filterTasks } from './filter.ts';
import { ganttOf } from './gantt.ts';
import type { Task, TaskEvent } from './model.ts';
import { csvOf } from './parts/bulk.tsx';
import { readHash } from './router.ts';
import { readStill } from './still.ts';
import { lanesOf } from './timeline.ts';

const ORIGIN = 'http://127.0.0.1:8080';
const withStatus = (word: Task['status']['word'], more: Partial<Task> = {}): Task =>
  exampleTask({ id: word, name: word, ...more, status: { ...exampleTask().status, word } });

describe('the list', () => {
  const tasks = [withStatus('running'), withStatus('recovering', { tags: ['News'] }), withStatus('exited')];
  const all = { text: '', statuses: new Set<Task['status']['word']>(), tag: '' };

  it('is narrowed by words, each of which has to be somewhere', () => {
    expect(filterTasks(tasks, { ...all, text: 'NEWS origin' }).map(({ id }) => id)).toEqual(['recovering']);
    expect(filterTasks(tasks, { ...all, text: 'news nothing' })).toEqual([]);
  });

  it('is narrowed by status and tag', () => {
    expect(filterTasks(tasks, { ...all, statuses: new Set(['running'] as const) })).toHaveLength(1);
    expect(filterTasks(tasks, { ...all, tag: 'News' })).toHaveLength(1);
  });

  it('begins with what needs somebody', () => {
    expect(byNeed(tasks).map(({ id }) => id)).toEqual(['recovering', 'running', 'exited']);
  });

  it('of ten thousand is narrowed within a tenth of a second, at the first word too', () => {
    const times = [1, 2, 3, 4, 5].map(() => {
      const many = Array.from({ length: 10_000 }, (_, at) => exampleTask({ id: String(at), name: `task ${at}` }));
      const from = process.cpuUsage();
      expect(filterTasks(many, { ...all, text: '777' }).length).toBeGreaterThan(10);
      const { user, system } = process.cpuUsage(from);
      return (user + system) / 1_000;
    });
    // In time of the processor, for the machine does other things too.
    expect(Math.min(...times)).toBeLessThan(100);
  });
});

describe('a table for a spreadsheet', () => {
  it('quotes what has to be, and runs nothing', () => {
    const [, row] = csvOf([exampleTask({ name: '=1+"x"', tags: ['a', 'b'] })]).split('\r\n');
    expect(row).toContain(`"'=1+""x"""`);
    expect(row).toMatch(/"a b"$/);
  });
});

describe('a collision', () => {
  const placeOf = ({ destination }: Task): string | undefined => {
    const url = destination.kind === 'url' ? destination.url : '';
    return url.includes('*') ? undefined : url;
  };
  const draft = { ...EMPTY_DRAFT, destination: 'rtmp://push.example.com/live/key' };
  const ofTasks = (tasks: readonly Task[], own?: string) => collisionsOf(draft, { tasks, placeOf, own });

  it('is two tasks at one destination at one time', () => {
    expect(ofTasks([exampleTask()])).toHaveLength(1);
    expect(ofTasks([exampleTask()], exampleTask().id)).toEqual([]);
    expect(ofTasks([exampleTask({ enabled: false })])).toEqual([]);
    expect(ofTasks([exampleTask({ end_at: '2020-01-01T00:00:00Z', start_at: '2019-01-01T00:00:00Z' })])).toEqual([]);
  });

  it('is not claimed of keys that are masked', () => {
    expect(ofTasks([exampleTask({ destination: { kind: 'url', url: 'rtmp://push.example.com/live/***' } })])).toEqual(
      [],
    );
  });

  it('is shown in the schedule, each task in a row of its own', () => {
    const window = { from: Date.parse('2026-11-21T00:00:00Z'), to: Date.parse('2026-11-22T00:00:00Z') };
    const at = (id: string, startAt: string, endAt: string): Task =>
      exampleTask({ id, start_at: startAt, end_at: endAt });
    const [lane] = ganttOf(
      [
        at('a', '2026-11-21T01:00:00Z', '2026-11-21T03:00:00Z'),
        at('b', '2026-11-21T02:00:00Z', '2026-11-21T04:00:00Z'),
        at('c', '2026-11-21T05:00:00Z', '2026-11-21T06:00:00Z'),
      ],
      window,
      placeOf,
    );
    expect(lane?.bars.map(({ task, row, collides }) => [task.id, row, collides.length])).toEqual([
      ['a', 0, 1],
      ['b', 1, 1],
      ['c', 0, 0],
    ]);
  });
});

describe('a change for other clients', () => {
  const stop = changeOf(exampleTask(), 'stop');

  it('is a call of the native API with the key in a variable', () => {
    expect(asCurl(stop, ORIGIN)).toBe(
      `curl -s -X POST -H "Authorization: Bearer $MILLRACE_API_KEY" \\\n  ${ORIGIN}/api/v1/tasks/${exampleTask().id}/stop`,
    );
  });

  it('is a command', () => {
    expect(asCli(stop, ORIGIN)).toContain(`bin/millrace task stop ${exampleTask().id}`);
  });

  it('is in the words of the cloud that the task was made with, and of no other', () => {
    expect(asHuawei(stop, ORIGIN)).toBeUndefined();
    expect(asHuawei(changeOf(exampleTask({ dialect: 'huawei' }), 'stop'), ORIGIN)).toContain('"status": "pause"');
    expect(asAlibaba(changeOf(exampleTask({ dialect: 'alibaba' }), 'stop'), ORIGIN)).toContain('StopLivePullToPush');
  });

  it('cannot be broken out of by what was typed', () => {
    expect(quoted(`it's; rm -rf "$HOME"`)).toBe(`'it'\\''s; rm -rf "$HOME"'`);
  });
});

describe('a timeline', () => {
  const event = (seq: number, type: string, more: Partial<TaskEvent> = {}): TaskEvent => ({
    ...{ id: String(seq), task_id: 't', project_id: 'p', seq, type, cause: 'run', reason: '', epoch: 1, push_epoch: 1 },
    ...{
      time: new Date(seq * 1_000).toISOString(),
      from: 'running',
      to: 'running',
      position: null,
      version: 1,
      detail: {},
    },
    ...more,
  });

  it('tells how long each status, file and alarm has lasted', () => {
    const lanes = lanesOf(
      [
        event(1, 'created', { from: 'scheduled', to: 'scheduled' }),
        event(2, 'flowing', { from: 'scheduled', to: 'running' }),
        event(3, 'item_started', { detail: { url: 'http://f/1.mp4' } }),
        event(4, 'alarm', { detail: { alarm: 'SourceSlow', alarm_id: 'x', set: true } }),
        event(5, 'alarm', { detail: { alarm: 'SourceSlow', alarm_id: 'x', set: false } }),
        event(6, 'item_finished', { detail: { url: 'http://f/1.mp4' } }),
      ],
      9_000,
    );
    expect(
      lanes.map(({ name, stretches }) => [name, ...stretches.map(({ from, to }) => [from / 1_000, to / 1_000])]),
    ).toEqual([
      ['status', [1, 2], [2, 9]],
      ['files', [3, 6]],
      ['alarms', [4, 5]],
    ]);
  });
});

describe('an address of a view', () => {
  it('is taken apart, also where it was typed badly', () => {
    expect(readHash('#/tasks/a%20b/signal?x=1').path).toEqual(['tasks', 'a b', 'signal']);
    expect(readHash('#/setup?token=abc').query.get('token')).toBe('abc');
    expect(readHash('#/%E0%A4').path).toEqual(['%E0%A4']);
    expect(readHash('').path).toEqual([]);
  });
});

describe('a still', () => {
  const tag = (type: number, body: readonly number[]): number[] => [
    type,
    0,
    0,
    body.length,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    ...body,
    0,
    0,
    0,
    body.length + 11,
  ];
  const flv = (...tags: number[][]): Uint8Array<ArrayBuffer> =>
    new Uint8Array([...'FLV'].map(sign => sign.charCodeAt(0)).concat([1, 1, 0, 0, 0, 9, 0, 0, 0, 0], tags.flat()));
  const header = tag(9, [0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1e, 0xff]);
  const picture = tag(9, [0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]);

  it('is a codec header and a picture', () => {
    const still = readStill(flv(tag(18, [2, 0, 0]), header, picture));
    expect(still?.codec).toBe('avc1.64001e');
    expect([...(still?.picture ?? [])]).toEqual([0, 0, 0, 1, 0x65]);
  });

  it('is nothing where it breaks off at any byte, and never a fault', () => {
    const whole = flv(header, picture);
    for (let length = 0; length < whole.length - 20; length++)
      expect(readStill(whole.slice(0, length))).toBeUndefined();
  });
});
