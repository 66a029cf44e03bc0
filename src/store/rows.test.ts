import { expect, it } from 'vitest';
import { toTask, toTaskRow } from './rows.ts';
import { sampleTask } from './sample.ts';
import { Seal } from './seal.ts';

it('reads a list that an earlier version stored, with nothing but addresses and without what came later', () => {
  const seal = new Seal(Buffer.alloc(32, 7));
  const { task } = sampleTask();
  const { name: _, retry: __, echo: ___, source: ____, ...spec } = task.spec;
  const rules = { kind: 'list', rounds: 2, startIndex: 1, startSeconds: 0, refresh: 'fileStart' } as const;
  const kept = { spec: { ...spec, source: { ...rules, urls: ['media://a.mp4', 'media://b.mp4'] } }, reason: 'paused' };
  const row = { ...toTaskRow(seal, task), sealed: seal.close(`tasks/${task.id}`, JSON.stringify(kept)) };
  const source = { ...rules, items: [{ url: 'media://a.mp4' }, { url: 'media://b.mp4' }] };
  expect(toTask(seal, row)).toEqual({
    ...task,
    spec: { ...task.spec, name: '', retry: null, echo: {}, source },
    reason: 'paused',
    cause: 'system',
  });
});
