import { expect, it } from 'vitest';
import { sampleSpec } from '../store/sample.ts';
import { apply, newTask, type Task } from '../task/task.ts';
import { OpenAlarms } from './open-alarms.ts';

const task = newTask({
  ...{ id: 't', accountId: 'a', projectId: 'p', spec: sampleSpec() },
  ...{ now: 0, eventId: 'e' },
}).task;

function step(from: Task, set: boolean): { readonly task: Task; readonly event: Parameters<OpenAlarms['follow']>[0] } {
  const occurrence = { type: 'alarm', cause: 'run', reason: '', detail: { alarm: 'NoAudio', set } } as const;
  const after = apply(from, occurrence, { now: 1, eventId: 'e2' });
  if (after === undefined) throw new Error('that was no news');
  return after;
}

it('counts an alarm from when it is raised until it is over', () => {
  const alarms = new OpenAlarms();
  const raised = step(task, true);
  alarms.follow(raised.event, raised.task);
  expect([...alarms.counts]).toEqual([['NoAudio', 1]]);
  const over = step(raised.task, false);
  alarms.follow(over.event, over.task);
  expect([...alarms.counts]).toEqual([]);
});

it('knows those that were raised before the node was started', async () => {
  const alarms = new OpenAlarms();
  await alarms.load({ withStatus: async () => [step(task, true).task] });
  expect([...alarms.counts]).toEqual([['NoAudio', 1]]);
});
