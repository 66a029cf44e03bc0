import { expect, it } from 'vitest';
import type { RunReport } from '../worker/channel.ts';
import { healthOf, reasonOfNews } from './health.ts';

const NOON = Date.UTC(2027, 4, 5, 12);
const report = (change: Partial<RunReport> = {}): RunReport => ({
  ...{ taskId: 't', epoch: 1, state: 'broken', reason: 'it went away', pushEpoch: 3, pullEpoch: 1 },
  ...{ bytesIn: 0, bytesOut: 0, mediaMs: 0, dropped: {}, queuedMs: 0 },
  ...change,
});

it('turns the durations of a report into times of the wall', () => {
  const lastError = { side: 'push', kind: 'closed', message: 'it went away', agoMs: 4_000 } as const;
  const health = { stateForMs: 9_000, attempt: 2, retryInMs: 3_000, faults: { 'push.closed': 2 }, lastError };
  expect(healthOf(report({ health }), NOON)).toMatchObject({
    ...{ heardAt: NOON, since: NOON - 9_000, nextRetryAt: NOON + 3_000, attempt: 2 },
    lastError: { side: 'push', kind: 'closed', message: 'it went away', at: NOON - 4_000 },
    faults: { 'push.closed': 2 },
    reconnects: { pull: 0, push: 2 },
  });
});

it('gives one reason for the report and for the news of the same failure', () => {
  const health = { stateForMs: 0, attempt: 2, retryInMs: 3_000, faults: {} };
  const said = 'it went away (2 tries have failed, the next try is at 2027-05-05T12:00:03Z)';
  expect(healthOf(report({ health }), NOON).reason).toBe(said);
  expect(reasonOfNews('it went away', { kind: 'closed', attempt: 2, retryInMs: 3_000 }, NOON)).toBe(said);
});

it('makes do with the report of an earlier version’s worker', () => {
  expect(healthOf(report(), NOON)).toMatchObject({ since: NOON, attempt: 0, nextRetryAt: null, lastError: null });
});
