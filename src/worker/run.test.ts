import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault, type FaultKind } from '../media/fault.ts';
import type { LiveOrder, RunNews, RunOrder } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { Run } from './run.ts';

const TICK_MS = 50;

const ORDER: RunOrder<LiveOrder> = {
  taskId: 't1',
  epoch: 4,
  source: { kind: 'live', url: 'rtmp://a/live/one' },
  destination: 'rtmp://b/live/out',
};
const from = (url: string): RunOrder<LiveOrder> => ({ ...ORDER, source: { kind: 'live', url } });

describe('a run', () => {
  let clock: HandClock;
  let run: Run;
  let news: RunNews[];
  let logged: unknown[];
  let sources: HandSource[];
  let sinks: HandSink[];
  let sourceTries: number[];
  let sinkTries: number[];
  /** What stands in the way of opening, by turn of the test. */
  let sourceFault: Fault | undefined;
  let sinkFault: Fault | undefined;
  let sourceDelayMs: number;

  const pull = (kind: FaultKind = 'closed'): Fault => new Fault('pull', kind, `the source is ${kind}`);
  const push = (kind: FaultKind = 'closed'): Fault => new Fault('push', kind, `the destination is ${kind}`);
  const source = (): HandSource => sources.at(-1) as HandSource;
  const sink = (): HandSink => sinks.at(-1) as HandSink;
  const told = (): string[] => news.filter(one => one.type !== 'alarm').map(one => `${one.type} ${one.side}`);
  const gaps = (tries: readonly number[]): number[] => tries.slice(1).map((at, i) => at - (tries[i] as number));
  const onAir = (): Promise<void> => clock.until(() => run.report().state === 'flowing');

  const begin = (order = ORDER): void => {
    run = new Run({
      order,
      heartbeat: {
        add: relay => void clock.relays.add(relay),
        remove: relay => void clock.relays.delete(relay),
      },
      openSource: async (url, signal) => {
        sourceTries.push(clock.nowMs);
        if (sourceFault !== undefined) throw sourceFault;
        if (sourceDelayMs > 0) await clock.sleep(sourceDelayMs, signal);
        const opened = new HandSource(url, clock);
        sources.push(opened);
        return opened;
      },
      openSink: async url => {
        sinkTries.push(clock.nowMs);
        if (sinkFault !== undefined) throw sinkFault;
        const opened = new HandSink(url);
        sinks.push(opened);
        return opened;
      },
      now: () => clock.nowMs,
      sleep: clock.sleep,
      random: () => 0.999_999,
      tell: one => news.push(one),
      log: (_, error) => logged.push(error),
    });
    clock.onBug = (relay, error) => run.takeBug(relay, error);
  };

  beforeEach(() => {
    clock = new HandClock();
    news = [];
    logged = [];
    sources = [];
    sinks = [];
    sourceTries = [];
    sinkTries = [];
    sourceFault = undefined;
    sinkFault = undefined;
    sourceDelayMs = 0;
  });
  afterEach(async () => {
    await run.stop();
    expect(clock.relays.size).toBe(0);
    expect(clock.sleepers).toBe(0);
    expect(sources.every(one => one.closed)).toBe(true);
    expect(sinks.every(one => one.closedWithin !== undefined)).toBe(true);
  });

  it('tells that it flows once the destination has a key frame, and reports what it carries', async () => {
    begin();
    expect(run.report()).toMatchObject({ taskId: 't1', epoch: 4, state: 'opening', pullEpoch: 0, pushEpoch: 0 });
    await onAir();
    await clock.advance(1_000);
    expect(news).toEqual([{ taskId: 't1', epoch: 4, type: 'flowing', side: 'run', reason: '' }]);
    expect(sink().url).toBe(ORDER.destination);
    expect(run.report()).toMatchObject({ state: 'flowing', pullEpoch: 1, pushEpoch: 1, queuedMs: 7 });
    expect(run.report().mediaMs).toBeGreaterThanOrEqual(1_000);
    expect(run.report().bytesIn).toBe(source().bytesIn);
    expect(run.report().bytesOut).toBe(sink().bytesOut);
  });

  it('opens the push only when the source has shown a key frame', async () => {
    begin();
    await clock.advance(0);
    await new Promise(setImmediate);
    source().silent = true;
    await clock.advance(3_000);
    expect(sinkTries).toEqual([]);
  });

  it('keeps the push over a lost source and tells both the loss and the return at once', async () => {
    begin();
    await onAir();
    await clock.advance(2_000);
    source().fault = pull();
    await clock.advance(TICK_MS);
    expect(told()).toEqual(['flowing run', 'broke pull']);
    expect(run.report()).toMatchObject({ state: 'broken', reason: 'the source is closed' });
    await onAir();
    expect(told()).toEqual(['flowing run', 'broke pull', 'flowing run']);
    expect(run.report()).toMatchObject({ pullEpoch: 2, pushEpoch: 1 });
    await clock.advance(1_000);
    const times = sink().times;
    expect(times.every((at, i) => i === 0 || at > (times[i - 1] as number))).toBe(true);
  });

  it('takes a silent source for a lost one within five seconds', async () => {
    begin();
    await onAir();
    source().silent = true;
    await clock.advance(5_200);
    expect(told()).toEqual(['flowing run', 'broke pull']);
  });

  it('tries a lost source within half a second, then ever more slowly, at least every ten seconds', async () => {
    begin();
    await onAir();
    sourceFault = pull('unreachable');
    source().fault = pull();
    sourceTries.length = 0;
    sourceTries.push(clock.nowMs + TICK_MS);
    await clock.advance(60_000);
    expect(gaps(sourceTries).slice(0, 7)).toEqual([400, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('lets a refusing peer wait up to half a minute', async () => {
    sinkFault = push('refused');
    begin();
    await clock.advance(120_000);
    expect(gaps(sinkTries).slice(0, 8)).toEqual([400, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(told().every(one => one === 'broke push')).toBe(true);
  });

  it('goes on with the longer waits while a destination only flaps, and forgets them after ten healthy seconds', async () => {
    begin();
    for (let round = 0; round < 3; round++) {
      await onAir();
      await clock.advance(2_000);
      sink().fault = push();
      await clock.until(() => run.report().state === 'broken');
    }
    await onAir();
    expect(gaps(sinkTries).map(ms => Math.round((ms - 2_000) / 500))).toEqual([1, 2, 4]);
    await clock.advance(11_000);
    sink().fault = push();
    await clock.advance(TICK_MS);
    const brokeAtMs = clock.nowMs;
    await clock.until(() => sinks.length === 5);
    expect(clock.nowMs - brokeAtMs).toBeLessThanOrEqual(500);
    expect(run.report().pushEpoch).toBe(5);
  });

  it('does not count the silence before the fault as healthy', async () => {
    begin();
    await onAir();
    source().fault = pull();
    await clock.until(() => sources.length === 2);
    await onAir();
    await clock.advance(6_000);
    source().silent = true;
    await clock.until(() => run.report().state === 'broken');
    const brokeAtMs = clock.nowMs;
    await clock.until(() => sources.length === 3);
    expect(clock.nowMs - brokeAtMs).toBe(1_000);
  });

  it('closes the push cleanly when the source stays away, and opens it with the first media after that', async () => {
    begin();
    await onAir();
    sourceFault = pull('unreachable');
    source().fault = pull();
    await clock.advance(29_000);
    expect(sink().closedWithin).toBeUndefined();
    await clock.advance(2_000);
    expect(sink().closedWithin).toBe(4_000);
    expect(sinkTries).toHaveLength(1);
    sourceFault = undefined;
    await onAir();
    expect(run.report()).toMatchObject({ pullEpoch: 2, pushEpoch: 2 });
  });

  it('does not hold it against a source that it was away before', async () => {
    begin();
    await onAir();
    for (let round = 0; round < 3; round++) {
      sourceFault = pull('unreachable');
      source().fault = pull();
      await clock.advance(18_000);
      sourceFault = undefined;
      await onAir();
    }
    expect(run.report().pushEpoch).toBe(1);
  });

  it('opens a failed push anew while the source goes on', async () => {
    begin();
    await onAir();
    sink().fault = push('stalled');
    await clock.advance(TICK_MS);
    expect(told()).toEqual(['flowing run', 'broke push']);
    await onAir();
    expect(run.report()).toMatchObject({ pullEpoch: 1, pushEpoch: 2 });
    expect(sinks[0]?.closedWithin).toBe(200);
    sink().fault = push('closed');
    await clock.advance(TICK_MS);
    expect(sinks[1]?.closedWithin).toBe(0);
  });

  it('opens a changed source before it leaves the former one, and never breaks the push', async () => {
    begin();
    await onAir();
    const former = source();
    sourceDelayMs = 1_000;
    run.change(from('rtmp://a/live/two'));
    await clock.advance(900);
    expect(former.closed).toBe(false);
    await clock.advance(200);
    expect(former.closed).toBe(true);
    await clock.advance(1_000);
    expect(source().url).toBe('rtmp://a/live/two');
    expect(source().bytesIn).toBeGreaterThan(0);
    expect(sourceTries).toHaveLength(2);
    expect(told()).toEqual(['flowing run']);
    expect(run.report()).toMatchObject({ state: 'flowing', pullEpoch: 2, pushEpoch: 1 });
  });

  it('leaves the former source after five seconds when the new one cannot be had by then', async () => {
    begin();
    await onAir();
    const former = source();
    sourceDelayMs = 7_000;
    run.change(from('rtmp://a/live/two'));
    await clock.advance(4_900);
    expect(former.closed).toBe(false);
    await clock.advance(200);
    expect(former.closed).toBe(true);
    await clock.until(() => source().url === 'rtmp://a/live/two');
    expect(run.report().pushEpoch).toBe(1);
  });

  it('goes to the last of several changes', async () => {
    begin();
    await onAir();
    sourceDelayMs = 500;
    run.change(from('rtmp://a/live/two'));
    await clock.advance(200);
    run.change(from('rtmp://a/live/three'));
    await clock.advance(2_000);
    expect(sources.map(one => one.url)).toEqual(['rtmp://a/live/one', 'rtmp://a/live/three']);
  });

  it('tries a changed source at once when the former one is being waited for', async () => {
    sourceFault = pull('refused');
    begin();
    await clock.advance(20_000);
    sourceFault = undefined;
    run.change(from('rtmp://a/live/two'));
    await clock.advance(2 * TICK_MS);
    expect(source().url).toBe('rtmp://a/live/two');
  });

  it('uses the new source when the former one is lost while the new one is opened', async () => {
    begin();
    await onAir();
    sourceDelayMs = 400;
    run.change(from('rtmp://a/live/two'));
    await clock.advance(100);
    source().fault = pull();
    await clock.advance(2_000);
    expect(run.report()).toMatchObject({ state: 'flowing', pushEpoch: 1 });
    expect(sources.filter(one => !one.closed).map(one => one.url)).toEqual(['rtmp://a/live/two']);
  });

  it('goes to a changed destination at once', async () => {
    begin();
    await onAir();
    run.change({ ...ORDER, destination: 'rtmp://b/live/other' });
    await clock.advance(1_000);
    expect(sinks.map(one => one.url)).toEqual(['rtmp://b/live/out', 'rtmp://b/live/other']);
    expect(sinks[0]?.closedWithin).toBe(4_000);
    expect(run.report()).toMatchObject({ state: 'flowing', pullEpoch: 1, pushEpoch: 2 });
  });

  it('survives a bug of its relay: tells it, starts anew, and keeps its counters', async () => {
    begin();
    await onAir();
    await clock.advance(1_000);
    const { bytesIn, mediaMs } = run.report();
    breakRelay(clock);
    await clock.advance(TICK_MS);
    expect(told()).toEqual(['flowing run', 'broke run']);
    expect(logged).toEqual([new TypeError('undefined is not a packet')]);
    await onAir();
    expect(run.report()).toMatchObject({ pullEpoch: 2, pushEpoch: 2 });
    expect(run.report().bytesIn).toBeGreaterThan(bytesIn);
    expect(run.report().mediaMs).toBeGreaterThanOrEqual(mediaMs);
  });

  it('gives up after more than five bugs within a minute', async () => {
    begin();
    for (let bug = 0; bug < 6; bug++) {
      await onAir();
      breakRelay(clock);
      await clock.advance(TICK_MS);
    }
    await run.ended;
    expect(told().at(-1)).toBe('gaveUp run');
    expect(run.report().state).toBe('broken');
  });

  it('goes on for ever with bugs that are rare', async () => {
    begin();
    for (let bug = 0; bug < 10; bug++) {
      await onAir();
      breakRelay(clock);
      await clock.advance(20_000);
    }
    expect(told()).not.toContain('gaveUp run');
  });

  it('closes the push cleanly when it is stopped, and tells nothing of it', async () => {
    begin();
    await onAir();
    await run.stop();
    await run.ended;
    expect(sink().closedWithin).toBe(4_000);
    expect(told()).toEqual(['flowing run']);
  });

  it.each(['opening the source', 'waiting for the source'])('can be stopped while %s', async what => {
    sourceDelayMs = 10_000;
    sourceFault = what === 'waiting for the source' ? pull('unreachable') : undefined;
    begin();
    await clock.advance(100);
    await run.stop();
    await run.ended;
    expect(sinkTries).toEqual([]);
  });

  it('answers a stop within five seconds even where a sink will not close', async () => {
    begin();
    await onAir();
    const stuck = sink();
    let release: () => void = () => {};
    stuck.close = deadlineMs => {
      stuck.closedWithin = deadlineMs;
      return new Promise(resolve => {
        release = resolve;
      });
    };
    let stopped = false;
    const stopping = run.stop().then(() => {
      stopped = true;
    });
    await clock.advance(4_900);
    expect(stopped).toBe(false);
    await clock.advance(100);
    expect(stopped).toBe(true);
    release();
    await stopping;
    await run.ended;
  });
});

/** Makes the relay's next tick throw what only a mistake of ours can. */
function breakRelay(clock: HandClock): void {
  for (const relay of clock.relays) {
    relay.splicer.place = () => {
      throw new TypeError('undefined is not a packet');
    };
  }
}
