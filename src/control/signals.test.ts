import { beforeEach, describe, expect, it } from 'vitest';
import type { RunFlow, RunReport } from '../worker/channel.ts';
import { COLUMNS, Signals } from './signals.ts';

const NOON = Date.UTC(2027, 4, 5, 12);
const A_SECOND = { bytesIn: 250_000, bytesOut: 125_000, pictures: 25 };

let nowMs: number;
let signals: Signals;
beforeEach(() => {
  nowMs = 5_000_000;
  signals = new Signals({ now: () => nowMs, wall: () => NOON + nowMs - 5_000_000 });
});

type Change = Partial<Omit<RunReport, 'flow'>> & { readonly flow?: Partial<RunFlow> };

/** What a run has told when it has flowed evenly for so many seconds. */
function report(seconds: number, { flow, ...change }: Change = {}): RunReport {
  const pictures = seconds * A_SECOND.pictures;
  return {
    ...{ taskId: 't', epoch: 1, state: 'flowing', reason: '', pushEpoch: 1, pullEpoch: 1 },
    ...{ bytesIn: seconds * A_SECOND.bytesIn, bytesOut: seconds * A_SECOND.bytesOut },
    ...{ mediaMs: seconds * 1_000, dropped: {}, queuedMs: 120 },
    flow: { atMs: seconds * 1_000, picturesIn: pictures, picturesOut: pictures, keyFrameMs: 2_000, ...flow },
    ...change,
  };
}

/** Tells a report a second, of the seconds [from, to). */
function run(from: number, to: number, change: (second: number) => Change = () => ({})): void {
  for (let second = from; second < to; second++) {
    signals.note(report(second, change(second)));
    nowMs += 1_000;
  }
}

const rows = (span: '15m' | '24h' = '15m') => signals.seriesOf('t', span).rows;
const EVEN = [2_000, 1_000, 25, 25, 0.12, 2, 0];

describe('the rates of a task', () => {
  it('are measured between two reports, by the clock of the worker', () => {
    signals.note(report(10));
    expect(signals.ratesOf('t')).toBeUndefined();
    nowMs += 1_400;
    signals.note(report(11));
    expect(signals.ratesOf('t')).toEqual({ inKbit: 2_000, outKbit: 1_000, inFps: 25, outFps: 25 });
  });

  it('are not told when it has been silent for some seconds', () => {
    run(0, 3);
    nowMs += 3_000;
    expect(signals.ratesOf('t')).toBeUndefined();
  });

  it('begin anew with another claim, whose counts are its own', () => {
    run(0, 5);
    signals.note(report(1, { epoch: 2 }));
    expect(signals.ratesOf('t')).toBeUndefined();
    expect(rows().at(-1)).toBeNull();
  });

  it('are not known of a worker that tells nothing of them', () => {
    const { flow: _, ...older } = report(1);
    signals.note(older);
    nowMs += 1_000;
    signals.note({ ...older, bytesIn: 99 });
    expect(signals.ratesOf('t')).toBeUndefined();
    expect(rows()).toEqual([]);
  });
});

describe('the series of a task', () => {
  it('has a row a second, the newest last, and says when the first one begins', () => {
    run(0, 5);
    expect(signals.seriesOf('t', '15m')).toEqual({ stepMs: 1_000, from: NOON + 1_000, rows: [EVEN, EVEN, EVEN, EVEN] });
    expect(COLUMNS).toHaveLength(EVEN.length);
  });

  it('is empty of a task that has told nothing', () => {
    expect(signals.seriesOf('other', '24h')).toEqual({ stepMs: 10_000, from: NOON, rows: [] });
  });

  it('holds the last fifteen minutes', () => {
    run(0, 2_000, second => ({ queuedMs: second * 10 }));
    expect(rows()).toHaveLength(900);
    expect(rows().at(-1)?.[4]).toBeCloseTo(19.99, 1);
    expect(rows()[0]?.[4]).toBeCloseTo(11, 1);
  });

  it('has null where nothing was told', () => {
    run(0, 5);
    nowMs += 10_000;
    run(15, 18);
    // The first report behind the gap is measured from nothing.
    expect(rows().map(row => row !== null)).toEqual([...Array(4).fill(true), ...Array(11).fill(false), true, true]);
  });

  it('goes on to the present of a task that has fallen silent', () => {
    run(0, 3);
    nowMs += 20_000;
    expect(rows().length).toBeGreaterThan(18);
    expect(rows().at(-1)).toBeNull();
  });

  it('has no hole where a report comes a little late, and counts what was dropped once', () => {
    run(0, 3);
    nowMs += 900;
    signals.note(report(3, { dropped: { untilKey: 5 } }));
    nowMs += 1_150;
    signals.note(report(5, { dropped: { untilKey: 8 } }));
    expect(rows().every(row => row !== null)).toBe(true);
    expect(rows().reduce((sum, row) => sum + (row?.[6] ?? 0), 0)).toBe(8);
  });

  it('has the mean of ten seconds in a row of the day, and all that was dropped in them', () => {
    run(0, 41, second => ({ queuedMs: second % 2 === 0 ? 0 : 100, dropped: { disposable: second } }));
    const [, second] = rows('24h');
    expect(second).toEqual([2_000, 1_000, 25, 25, 0.05, 2, 10]);
  });

  it('holds a day, and no more memory for longer', () => {
    run(0, 86_400);
    expect(rows('24h')).toHaveLength(8_640);
    const { bytes } = signals;
    expect(bytes).toBeLessThan(150_000);
    run(86_400, 100_000);
    expect(rows('24h')).toHaveLength(8_640);
    expect(signals.bytes).toBeLessThanOrEqual(bytes + 5_040);
  });

  it('keeps three digits of bitrates up to a gigabit', () => {
    run(0, 4, second => ({ bytesIn: second * 116_000_000 }));
    expect(Math.abs((rows()[0]?.[0] ?? 0) - 928_000)).toBeLessThan(1_000);
  });

  it('has no distance of key frames where there are none', () => {
    run(0, 3, () => ({ flow: { keyFrameMs: 0 } }));
    expect(rows()[0]?.[5]).toBeNull();
  });

  it('is told from a moment on where that is asked', () => {
    run(0, 100);
    expect(signals.seriesOf('t', '15m', NOON + 97_000)).toMatchObject({
      from: NOON + 97_000,
      rows: [EVEN, EVEN, EVEN],
    });
  });
});

describe('the memory of all series', () => {
  it('forgets a task that has been gone for an hour', () => {
    run(0, 10);
    nowMs += 3_700_000;
    signals.note(report(0, { taskId: 'other' }));
    expect(rows()).toEqual([]);
  });

  it('is bounded: what is idle longest goes first, then the oldest hours of the others', () => {
    const mostBytes = 60_000;
    signals = new Signals({ now: () => nowMs, wall: () => nowMs, mostBytes });
    const gone = report(0, { taskId: 'gone' });
    signals.note(gone);
    nowMs += 1_000;
    signals.note({ ...gone, flow: { ...report(1).flow, atMs: 1_000 } as RunFlow });
    run(0, 7_200);
    expect(signals.seriesOf('gone', '15m').rows).toEqual([]);
    run(7_200, 72_000);
    expect(signals.bytes).toBeLessThan(mostBytes + 10_000);
    expect(rows()).toHaveLength(900);
    expect(rows('24h').length).toBeGreaterThan(2_000);
  });
});
