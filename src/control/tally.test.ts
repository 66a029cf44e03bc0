import { beforeEach, describe, expect, it } from 'vitest';
import type { RunReport } from '../worker/channel.ts';
import { Tally } from './tally.ts';

let tally: Tally;
beforeEach(() => {
  tally = new Tally();
});

const report = (epoch: number, bytesIn: number, change: Partial<RunReport> = {}): RunReport => ({
  ...{ taskId: 't', epoch, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
  ...{ bytesIn, bytesOut: bytesIn / 2, mediaMs: 0, dropped: {}, queuedMs: 0 },
  ...change,
});

describe('what all runs have carried', () => {
  it('grows by what lies between two reports of a run', () => {
    tally.begins('t', 1);
    tally.note(report(1, 100));
    tally.note(report(1, 250));
    expect(tally.totals.bytes).toEqual({ in: 250, out: 125 });
  });

  it('goes on growing when a run is followed by another, which counts from nothing', () => {
    tally.begins('t', 1);
    tally.note(report(1, 100));
    tally.begins('t', 2);
    tally.note(report(2, 30));
    expect(tally.totals.bytes.in).toBe(130);
  });

  it('holds nothing of what a run that was adopted carried before', () => {
    tally.note(report(7, 1_000_000));
    tally.note(report(7, 1_000_010));
    expect(tally.totals.bytes.in).toBe(10);
  });

  it('stays when a run is over', () => {
    tally.begins('t', 1);
    tally.note(report(1, 100));
    tally.ends('t');
    expect(tally.totals.bytes.in).toBe(100);
  });

  it('never shrinks, whatever a run tells', () => {
    tally.begins('t', 1);
    tally.note(report(1, 100));
    tally.note(report(1, 40));
    expect(tally.totals.bytes.in).toBe(100);
  });
});

describe('what all runs have met', () => {
  it('is told by why packets were dropped', () => {
    tally.begins('t', 1);
    tally.note(report(1, 0, { dropped: { late: 2 } }));
    tally.note(report(1, 0, { dropped: { late: 5, full: 1 } }));
    expect(tally.totals.dropped).toEqual({ late: 5, full: 1 });
  });

  it('is told by the side and the kind of a failure', () => {
    tally.begins('t', 1);
    tally.note(report(1, 0, { health: { stateForMs: 0, attempt: 1, faults: { 'push.refused': 3 } } }));
    expect(tally.totals.faults).toEqual({ 'push.refused': 3 });
  });

  it('counts the connections beyond the first of each side', () => {
    tally.begins('t', 1);
    tally.note(report(1, 0, { pullEpoch: 3, pushEpoch: 1 }));
    expect(tally.totals.reconnects).toEqual({ pull: 2, push: 0 });
  });
});
