import { expect, it } from 'vitest';
import { classOf, isRefusal, readAnswer } from './answer.ts';

/** What real servers say, by code and words. */
const SAYINGS = [
  ['NetStream.Publish.BadName', 'Already publishing', 'taken'],
  ['NetStream.Publish.BadName', '', 'taken'],
  ['NetStream.Publish.Denied', 'Stream key expired', 'denied'],
  ['NetStream.Publish.Denied', '', 'denied'],
  ['NetStream.Publish.InvalidSign', '', 'denied'],
  ['NetConnection.Connect.InvalidApp', 'no such app', 'application'],
  ['NetConnection.Connect.Rejected', '[ Server.Reject ] : Application (x) is not defined.', 'application'],
  [
    'NetConnection.Connect.Rejected',
    '[ AccessManager.Reject ] : [ code=403 need auth; authmod=basic ] : ',
    'credentials',
  ],
  ['NetConnection.Connect.Rejected', 'Invalid stream key', 'denied'],
  ['NetConnection.Connect.Rejected', 'HTTP 403', 'denied'],
  ['NetStream.Publish.Failed', 'Stream is busy', 'taken'],
  ['NetStream.Publish.Failed', '', 'unknown'],
  ['NetConnection.Connect.Failed', 'Something else', 'unknown'],
] as const;

it.each(SAYINGS)('%s “%s” is %s', (code, description, refusal) => {
  const answer = { level: 'error', code, description, redirect: undefined, tcUrl: '' };
  expect(isRefusal(answer)).toBe(true);
  expect(classOf(answer)).toBe(refusal);
});

it('what a server goes on and on about is classed by its beginning', () => {
  const description = 'application '.repeat(5_000);
  const command = { name: 'onStatus', transaction: 0, values: [{ level: 'error', code: 'No', description }] };
  const answer = readAnswer(command);
  expect(answer.description.length).toBeLessThan(5_000);
  expect(classOf(answer)).toBe('unknown');
});
