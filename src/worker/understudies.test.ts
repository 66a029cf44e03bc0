import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import type { RunNews, RunOrder } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { Runs } from './runs.ts';

const order = (epoch: number): RunOrder => ({
  ...{ taskId: 't', epoch, destination: 'rtmp://dst.example/live/out' },
  source: { kind: 'live', url: 'rtmp://src.example/live/in' },
});

describe('an understudy', () => {
  let clock: HandClock;
  let runs: Runs;
  let sources: HandSource[];
  let sinks: HandSink[];
  let news: RunNews[];
  let prepared: string[];
  let sourceFault: Fault | undefined;

  beforeEach(() => {
    clock = new HandClock();
    [sources, sinks, news, prepared] = [[], [], [], []];
    sourceFault = undefined;
    runs = new Runs({
      heartbeat: { add: relay => void clock.relays.add(relay), remove: relay => void clock.relays.delete(relay) },
      openSource: async url => {
        if (sourceFault !== undefined) throw sourceFault;
        const source = new HandSource(url, clock);
        sources.push(source);
        return source;
      },
      openItem: () => Promise.reject(new Error('no file is asked for')),
      openSink: async (url, signal, { held } = {}) => {
        const left = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        left.catch(() => {});
        await Promise.race([held?.(), left]);
        const sink = new HandSink(url);
        sinks.push(sink);
        return sink;
      },
      now: () => clock.nowMs,
      sleep: clock.sleep,
      random: () => 0,
      tell: one => news.push(one),
      prepared: (taskId, epoch, isReady) => prepared.push(`${taskId} ${epoch} ${isReady ? 'ready' : 'not'}`),
      ended: () => {},
      log: () => {},
    });
  });
  afterEach(async () => {
    const closed = runs.close();
    await clock.advance(6_000);
    await closed;
    expect(clock.relays.size).toBe(0);
    expect(clock.sleepers).toBe(0);
    expect(sources.every(({ closed }) => closed)).toBe(true);
  });

  const isReady = (): Promise<void> => clock.until(() => prepared.includes('t 1 ready'));

  it('has its source and waits with the publish, unheard and unseen', async () => {
    runs.prepare(order(1));
    await isReady();
    await clock.advance(5_000);
    expect(sources).toHaveLength(1);
    expect(sinks).toEqual([]);
    expect(news).toEqual([]);
    expect(runs.reports).toEqual([]);
  });

  it('enters on its cue with what it has in hand, under the epoch that it is given then', async () => {
    runs.prepare(order(1));
    await isReady();
    const atMs = clock.nowMs;
    runs.start(order(2));
    await clock.until(() => sinks[0]?.flowing === true);
    expect(clock.nowMs - atMs).toBeLessThanOrEqual(100);
    expect(sources).toHaveLength(1);
    expect(news).toMatchObject([{ taskId: 't', epoch: 2, type: 'flowing' }]);
    expect(runs.reports).toMatchObject([{ taskId: 't', epoch: 2, state: 'flowing', pushEpoch: 1 }]);
  });

  it('does what it is told with its cue, not what was meant before', async () => {
    runs.prepare(order(1));
    await isReady();
    runs.start({ ...order(2), destination: 'rtmp://dst.example/live/other' });
    await clock.until(() => sinks.some(({ flowing }) => flowing));
    expect(sinks.filter(({ flowing }) => flowing).map(({ url }) => url)).toEqual(['rtmp://dst.example/live/other']);
  });

  it('that cannot have the source is none', async () => {
    sourceFault = new Fault('pull', 'refused', 'one at a time');
    runs.prepare(order(1));
    await clock.until(() => prepared.length > 0);
    expect(prepared).toEqual(['t 1 not']);
    sourceFault = undefined;
    runs.start(order(2));
    await clock.until(() => sinks[0]?.flowing === true);
  });

  it('that loses its source while it waits is none', async () => {
    runs.prepare(order(1));
    await isReady();
    (sources[0] as HandSource).fault = new Fault('pull', 'closed', 'gone');
    await clock.until(() => prepared.length > 1);
    expect(prepared).toEqual(['t 1 ready', 't 1 not']);
  });

  it('whose cue does not come within a quarter of a minute leaves', async () => {
    runs.prepare(order(1));
    await isReady();
    await clock.advance(14_000);
    expect(prepared).toEqual(['t 1 ready']);
    await clock.advance(2_000);
    expect(prepared).toEqual(['t 1 ready', 't 1 not']);
    expect(sources[0]?.closed).toBe(true);
  });

  it('leaves when the task is stopped, and when nobody is there who could give the cue', async () => {
    runs.prepare(order(1));
    await isReady();
    runs.stop('t', 1);
    runs.prepare(order(2));
    runs.discardUnderstudies();
    expect(prepared).toEqual(['t 1 ready', 't 1 not', 't 2 not']);
  });

  it('is not made where the task is carried already, nor of a list', async () => {
    runs.start(order(1));
    runs.prepare(order(1));
    const source = { kind: 'list', version: 1, list: LIST, from: { round: 0, index: 0, offsetMs: 0 } } as const;
    runs.prepare({ ...order(1), taskId: 'l', source });
    expect(prepared).toEqual(['t 1 not', 'l 1 not']);
  });
});

const LIST = { items: [{ url: 'a' }], rounds: 1, startIndex: 0, startSeconds: 0, refresh: 'breakpoint' } as const;
