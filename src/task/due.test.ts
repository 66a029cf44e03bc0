import { describe, expect, it } from 'vitest';
import { dueAt } from './due.ts';
import type { SourceSpec, TaskSpec } from './spec.ts';
import { apply, newTask, type Task } from './task.ts';

const START = 1_800_000_000_000;
const END = START + 3_600_000;
const live: SourceSpec = { kind: 'live', url: 'rtmp://src.example/live/a' };
const list: SourceSpec = {
  kind: 'list',
  items: [{ url: 'http://files.example/a.mp4' }],
  rounds: 'endless',
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};

function task(change: Partial<TaskSpec> = {}): Task {
  const spec: TaskSpec = {
    dialect: 'native',
    name: '',
    region: 'default',
    source: live,
    standby: [],
    destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' },
    startAt: START,
    endAt: END,
    callback: null,
    enabled: true,
    retry: null,
    echo: {},
    ...change,
  };
  return newTask({ id: 't', accountId: 'a', projectId: 'p', spec, now: START - 1, eventId: 'e' }).task;
}

function moved(from: Task, ...types: readonly ('claimed' | 'flowing' | 'stopped' | 'restarted' | 'expired')[]): Task {
  return types.reduce((now, type) => {
    const step = apply(now, { type, cause: 'user', reason: '' }, { now: START, eventId: type });
    if (step === undefined) throw new Error(`${type} is no news in ${now.status}`);
    return step.task;
  }, from);
}

describe('dueAt', () => {
  it('is the start of a task that waits for it', () => expect(dueAt(task())).toBe(START));
  it('is the end once a run has claimed it', () => expect(dueAt(moved(task(), 'claimed'))).toBe(END));
  it('is the end while it runs', () => expect(dueAt(moved(task(), 'claimed', 'flowing'))).toBe(END));
  it('is the end while it is stopped', () => expect(dueAt(moved(task(), 'stopped'))).toBe(END));
  it('is the start again after a restart', () => expect(dueAt(moved(task(), 'stopped', 'restarted'))).toBe(START));
  it('is the end of a task made switched off', () => expect(dueAt(task({ enabled: false }))).toBe(END));
  it('is the start of a list of files too', () => expect(dueAt(task({ source: list }))).toBe(START));
  it('is never once the task has exited', () => expect(dueAt(moved(task(), 'expired'))).toBeNull());
});
