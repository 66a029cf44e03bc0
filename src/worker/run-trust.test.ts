import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import type { Trust } from '../task/trust.ts';
import type { LiveOrder, RunOrder } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { Run, type SourceWish } from './run.ts';

const [HERE, THERE, NEWER] = ['a', 'b', 'c'].map(serverName => ({ serverName }));

const ORDER: RunOrder<LiveOrder> = {
  ...{ taskId: 't1', epoch: 1, destination: 'rtmps://b/live/out', tls: { ...THERE } },
  source: { kind: 'live', url: 'rtmps://a/live/in', tls: { ...HERE }, standby: ['rtmps://c/live/in'] },
};

let clock: HandClock;
let run: Run;
let sources: HandSource[];
let fault: Fault | undefined;
/** Whom each dial was told to believe. */
let believed: (readonly [url: string, tls: Trust | undefined])[];

/** Has the server of the newest source send us elsewhere. */
let refer: SourceWish['referred'];

const begin = (): void => {
  run = new Run({
    order: ORDER,
    heartbeat: { add: relay => void clock.relays.add(relay), remove: relay => void clock.relays.delete(relay) },
    openSource: async (url, _, { tls, referred } = {}) => {
      refer = referred;
      believed.push([url, tls]);
      if (fault !== undefined) throw fault;
      const source = new HandSource(url, clock);
      sources.push(source);
      return source;
    },
    openSink: async (url, _, { tls } = {}) => {
      believed.push([url, tls]);
      return new HandSink(url);
    },
    ...{ now: () => clock.nowMs, sleep: clock.sleep, random: () => 0.5, tell: () => {}, log: () => {} },
  });
};

beforeEach(() => {
  clock = new HandClock();
  [sources, fault, believed] = [[], undefined, []];
});
afterEach(() => run.stop());

const onAir = (): Promise<void> => clock.until(() => run.report().state === 'flowing');

describe('whom a run believes', () => {
  it('is told of the source and of the destination by themselves, and nothing of a standby', async () => {
    begin();
    await onAir();
    fault = new Fault('pull', 'closed', 'it is gone');
    for (const source of sources) source.fault = fault;
    await clock.until(() => believed.some(([url]) => url === 'rtmps://c/live/in'));
    const told = Object.fromEntries(believed);
    expect(told).toEqual({ 'rtmps://a/live/in': HERE, 'rtmps://b/live/out': THERE, 'rtmps://c/live/in': undefined });
  });

  it('holds where the server of its source sends it, too', async () => {
    begin();
    await onAir();
    refer?.({ url: 'rtmps://d/live/in', isSameServer: false, words: 'it is busy' });
    await clock.until(() => believed.some(([url]) => url === 'rtmps://d/live/in'));
    expect(Object.fromEntries(believed)['rtmps://d/live/in']).toEqual(HERE);
  });

  it('may change while a source is refused for it, which is tried again with that', async () => {
    fault = new Fault('pull', 'tls', 'it shows another key');
    begin();
    await clock.until(() => believed.length > 1);
    fault = undefined;
    run.change({ ...ORDER, source: { ...ORDER.source, tls: { ...NEWER } } });
    await onAir();
    expect(believed.findLast(([url]) => url === 'rtmps://a/live/in')?.[1]).toEqual(NEWER);
  });

  it('may change on air without a new connection', async () => {
    begin();
    await onAir();
    const dials = believed.length;
    run.change({ ...ORDER, tls: { ...NEWER }, source: { ...ORDER.source, tls: { ...NEWER } } });
    await clock.advance(40_000);
    expect(believed.filter(([url]) => url !== 'rtmps://c/live/in')).toHaveLength(dials);
    expect(run.report()).toMatchObject({ pushEpoch: 1, state: 'flowing' });
  });
});
