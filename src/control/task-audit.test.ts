import { describe, expect, it } from 'vitest';
import { NOW, sampleSpec } from '../store/sample.ts';
import { NODE } from '../task/audit.ts';
import type { TaskSpec } from '../task/spec.ts';
import { applyChange, newTask, type Task } from '../task/task.ts';
import { taskEntry } from './task-audit.ts';

const CANARY = 'canary-7f3a91';
const options = { now: () => NOW, newId: () => 'a1', by: NODE, redact: (url: string) => url.replace(/[^/]+$/, '***') };
const stamp = { now: NOW, eventId: 'e1' };

const made = (spec: Partial<TaskSpec> = {}) =>
  newTask({ id: 't1', accountId: 'default', projectId: 'p1', spec: sampleSpec(spec), ...stamp });

/** What is kept of a change of a task. */
function changed(before: Partial<TaskSpec>, patch: Parameters<typeof applyChange>[1]) {
  const { task } = made(before);
  const step = applyChange(task, patch, stamp);
  const [entry] = taskEntry(task, step === undefined ? [] : [step], options);
  return entry;
}

describe('what is kept of a task', () => {
  it('that was made says what it is', () => {
    const [entry] = taskEntry(undefined, [made({ name: 'shop' })], options);
    expect(entry).toMatchObject({ action: 'task.create', target: 't1', changes: { name: { after: 'shop' } } });
  });

  it('that was changed are the fields that differ, before and after', () => {
    expect(changed({ name: 'shop', region: 'r' }, { name: 'mall' })?.changes).toEqual({
      name: { before: 'shop', after: 'mall' },
    });
  });

  it('tells that a key differs, and not what it is', () => {
    const source = { kind: 'live', url: `rtmp://src.example/live/${CANARY}2` } as const;
    expect(changed({}, { source })?.changes).toEqual({
      'source.url': {
        before: 'rtmp://src.example/live/***',
        after: { masked: 'rtmp://src.example/live/***', differs: true },
      },
    });
  });

  it('tells that a secret of a callback differs', () => {
    const callback = { url: 'http://cb.example/a', events: [], key: `${CANARY}1`, signed: true };
    const entry = changed({ callback }, { callback: { ...callback, key: `${CANARY}2` } });
    expect(entry?.changes).toEqual({ 'callback.key': { before: '***', after: { masked: '***', differs: true } } });
  });

  it('never holds a secret, whatever was changed', () => {
    const item = { url: `http://media.example/${CANARY}` };
    const list = { kind: 'list', items: [item], rounds: 1, startIndex: 0, startSeconds: 0, refresh: 'append' };
    const entries = [
      ...taskEntry(undefined, [made()], options),
      changed({}, { standby: [`rtmp://a/${CANARY}`], slate: `http://a/${CANARY}` }),
      changed({}, { callback: { url: `http://a/${CANARY}`, events: [], key: CANARY } }),
      ...taskEntry(undefined, [made({ source: list as unknown as Task['spec']['source'] })], options),
    ];
    expect(JSON.stringify(entries)).not.toContain(CANARY);
  });

  it('is nothing where nothing was changed', () => {
    expect(taskEntry(made().task, [], options)).toEqual([]);
  });
});
