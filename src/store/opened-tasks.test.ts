import { expect, it } from 'vitest';
import { OpenedTasks } from './opened-tasks.ts';
import { toTask, toTaskRow } from './rows.ts';
import { sampleTask } from './sample.ts';
import { Seal } from './seal.ts';

const seal = new Seal(Buffer.alloc(32, 7));

/** Counts what is opened. */
class CountingSeal extends Seal {
  opens = 0;
  override open(place: string, sealed: Uint8Array): string {
    this.opens++;
    return super.open(place, sealed);
  }
}

const rowOf = (id: string, name = id, padding = '') => {
  const { task } = sampleTask();
  return toTaskRow(seal, {
    ...task,
    id,
    breakpoint: null,
    spec: { ...task.spec, name, echo: { padding } },
  });
};

it('reads what the row holds, the first time and later', () => {
  const opened = new OpenedTasks(seal);
  const row = rowOf('a');
  expect(opened.read(row)).toEqual(toTask(seal, row));
  expect(opened.read(row)).toEqual(toTask(seal, row));
});

it('opens a row once for as long as it stays as it is', () => {
  const counting = new CountingSeal(Buffer.alloc(32, 7));
  const opened = new OpenedTasks(counting);
  const row = rowOf('a');
  opened.read(row);
  opened.read({ ...row, sealed: Uint8Array.from(row.sealed) });
  expect(counting.opens).toBe(1);
});

it('reads what has been sealed anew', () => {
  const opened = new OpenedTasks(seal);
  opened.read(rowOf('a', 'old'));
  expect(opened.read(rowOf('a', 'new')).spec.name).toBe('new');
});

it('takes what lies open from the row itself', () => {
  const opened = new OpenedTasks(seal);
  const row = rowOf('a');
  opened.read(row);
  expect(opened.read({ ...row, status: 'stopped', seq: 99 })).toMatchObject({ status: 'stopped', seq: 99 });
});

it('refuses a row that was altered, though it has read it before', () => {
  const opened = new OpenedTasks(seal);
  const row = rowOf('a');
  opened.read(row);
  const altered = Uint8Array.from(row.sealed);
  altered.set([(altered.at(-1) ?? 0) ^ 1], altered.length - 1);
  expect(() => opened.read({ ...row, sealed: altered })).toThrow('does not open');
});

it('forgets the oldest where there are too many', () => {
  const counting = new CountingSeal(Buffer.alloc(32, 7));
  const opened = new OpenedTasks(counting);
  const rows = Array.from({ length: 200 }, (_, i) => rowOf(`${i}`, '', 'x'.repeat(60_000)));
  for (const row of rows) opened.read(row);
  for (const row of [...rows.slice(-50), ...rows.slice(0, 50)]) opened.read(row);
  expect(counting.opens).toBe(250);
});

it('does not keep what is so large that it would put out everything else', () => {
  const counting = new CountingSeal(Buffer.alloc(32, 7));
  const opened = new OpenedTasks(counting);
  const row = rowOf('a', '', 'x'.repeat(70_000));
  opened.read(row);
  opened.read(row);
  expect(counting.opens).toBe(2);
});
