import { expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import { Losses } from './losses.ts';

const closed = new Fault('pull', 'closed', 'the source went away');
const refused = new Fault('push', 'refused', 'the destination says no');

it('counts failures by side and kind, for as long as the run lasts', () => {
  const losses = new Losses();
  for (const fault of [closed, refused, refused]) losses.note(fault, 0);
  losses.flows();
  losses.note(refused, 0);
  expect(losses.health(0).faults).toEqual({ 'pull.closed': 1, 'push.refused': 3 });
});

it('numbers the failures in a row, and begins anew when media flows', () => {
  const losses = new Losses();
  losses.note(closed, 0);
  losses.note(refused, 0);
  expect(losses.health(0).attempt).toBe(2);
  losses.flows();
  expect(losses.health(0).attempt).toBe(0);
});

it('does not take what is passed over for a failure in a row', () => {
  const losses = new Losses();
  losses.count(closed, 0);
  expect(losses.health(0)).toMatchObject({ attempt: 0, faults: { 'pull.closed': 1 } });
});

it('keeps the last error when media flows again, and says how old it is', () => {
  const losses = new Losses();
  losses.note(closed, 1_000);
  losses.flows();
  const { lastError } = losses.health(61_000);
  expect(lastError).toEqual({ side: 'pull', kind: 'closed', message: 'the source went away', agoMs: 60_000 });
});

it('waits for the side that is tried first', () => {
  const losses = new Losses();
  losses.note(closed, 0);
  losses.waits('pull', 500);
  losses.note(refused, 0);
  losses.waits('push', 2_000);
  expect([0, 600, 2_000].map(nowMs => losses.health(nowMs).retryInMs)).toEqual([500, 1_400, undefined]);
});

it('waits for nothing while media flows', () => {
  const losses = new Losses();
  losses.note(closed, 0);
  losses.waits('pull', 500);
  losses.flows();
  expect(losses.health(0)).not.toHaveProperty('retryInMs');
});
