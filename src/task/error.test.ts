import { expect, it } from 'vitest';
import { InvalidTask, UnknownTask, WrongStatus } from './error.ts';

it('an InvalidTask tells every problem with its field', () => {
  const error = new InvalidTask([
    { field: 'endAt', rule: 'must be in the future' },
    { field: 'source.url', rule: 'must not be empty' },
  ]);
  expect(error.message).toBe('endAt: must be in the future; source.url: must not be empty');
  expect(error.problems).toHaveLength(2);
});

it('an UnknownTask knows which one and does not repeat it to the caller', () => {
  const error = new UnknownTask('t-1');
  expect([error.taskId, error.message]).toEqual(['t-1', 'there is no such task']);
});

it('a WrongStatus says what was asked and why not', () => {
  const error = new WrongStatus('exited', 'change it');
  expect([error.status, error.asked, error.message]).toEqual([
    'exited',
    'change it',
    'the task is exited: cannot change it',
  ]);
});
