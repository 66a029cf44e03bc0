import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault, type FaultKind } from '../media/fault.ts';
import { Packet } from '../media/packet.ts';
import type { Strip } from '../media/strip.ts';
import type { LiveOrder, RunCover, RunNews, RunOrder } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { Run } from './run.ts';

const TICK_MS = 50;
const GROUP_MS = 500;
const A = 'rtmp://a/live/one';
const B = 'rtmp://b/live/two';
const C = 'rtmp://c/live/three?key=secret';

const order = (urls: readonly string[], rest: Partial<RunOrder> = {}): RunOrder<LiveOrder> => ({
  ...{ taskId: 't1', epoch: 4, destination: 'rtmp://d/live/out', ...rest },
  source: { kind: 'live', url: urls[0] ?? '', standby: urls.slice(1) },
});
const WARM: RunCover = { warm: true };
const DELAYED: RunCover = { delayMs: 5_000 };

describe('a run with standbys', () => {
  let clock: HandClock;
  let run: Run;
  let news: RunNews[];
  let sources: HandSource[];
  let sinks: HandSink[];
  /** Every try to open a source, in order. */
  let tries: { readonly url: string; readonly atMs: number }[];
  /** What stands in the way of opening, by address. */
  let faults: Map<string, Fault>;
  let delays: Map<string, number>;
  /** What a source is like when it is opened. */
  let trait: Partial<Pick<HandSource, 'sound' | 'silent' | 'notes'>>;

  /** What a file to be shown holds. */
  let slate: (url: string) => Strip;

  const pull = (kind: FaultKind = 'closed'): Fault => new Fault('pull', kind, `the source is ${kind}`);
  const newest = (url: string): HandSource => sources.filter(one => one.url === url).at(-1) as HandSource;
  const live = (): string[] => sources.filter(one => !one.closed).map(one => one.url);
  const told = (): string[] => news.filter(one => one.type !== 'alarm').map(one => `${one.type} ${one.side}`);
  const alarms = (): string[] => news.flatMap(one => (one.type === 'alarm' ? `${one.alarm} ${one.set}` : []));
  const index = (): number | undefined => run.report().source?.index;
  const onAir = (): Promise<void> => clock.until(() => run.report().state === 'flowing');
  const times = (): readonly number[] => (sinks.at(-1) as HandSink).times;
  const risesStrictly = (): boolean => times().every((at, i) => i === 0 || at > (times()[i - 1] as number));
  const longestStepMs = (): number => Math.max(...times().map((at, i) => at - (times()[i - 1] ?? at)));
  /** The longest time in which the destination was given nothing, from now until the end of the stretch. */
  const gapWithin = async (ms: number): Promise<number> => {
    let [longest, since, seen] = [0, clock.nowMs, times().length];
    for (const endMs = clock.nowMs + ms; clock.nowMs < endMs; ) {
      await clock.advance(TICK_MS);
      if (times().length > seen) since = clock.nowMs;
      seen = times().length;
      longest = Math.max(longest, clock.nowMs - since);
    }
    return longest;
  };

  const begin = (ordered: RunOrder<LiveOrder>): void => {
    run = new Run({
      order: ordered,
      heartbeat: { add: relay => void clock.relays.add(relay), remove: relay => void clock.relays.delete(relay) },
      openSource: async (url, signal) => {
        tries.push({ url, atMs: clock.nowMs });
        const delayMs = delays.get(url) ?? 0;
        if (delayMs > 0) await clock.sleep(delayMs, signal);
        const fault = faults.get(url);
        if (fault !== undefined) throw fault;
        const opened = Object.assign(new HandSource(url, clock), trait);
        sources.push(opened);
        return opened;
      },
      openSink: async url => {
        const opened = new HandSink(url);
        sinks.push(opened);
        return opened;
      },
      now: () => clock.nowMs,
      sleep: clock.sleep,
      random: () => 0.999_999,
      tell: one => news.push(one),
      log: () => {},
      slates: { load: async url => slate(url) },
    });
    clock.onBug = (relay, error) => {
      throw new Error('a bug', { cause: [relay, error] });
    };
  };
  const fail = (url: string, { forGood = true } = {}): void => {
    if (forGood) faults.set(url, pull('unreachable'));
    newest(url).fault = pull();
  };

  beforeEach(() => {
    clock = new HandClock();
    news = [];
    sources = [];
    sinks = [];
    tries = [];
    faults = new Map();
    delays = new Map();
    trait = {};
    slate = () => {
      throw pull('refused');
    };
  });
  afterEach(async () => {
    await run.stop();
    expect(clock.relays.size).toBe(0);
    expect(clock.sleepers).toBe(0);
    expect(live()).toEqual([]);
  });

  it('goes on with the standby within two ticks of a lost source, and tells no loss', async () => {
    begin(order([A, B]));
    await onAir();
    await clock.advance(2_000);
    fail(A);
    expect(await gapWithin(3_000)).toBeLessThanOrEqual(3 * TICK_MS);
    expect(told()).toEqual(['flowing run']);
    expect(run.report()).toMatchObject({
      state: 'flowing',
      pushEpoch: 1,
      source: { index: 1, url: 'rtmp://b/live/***' },
    });
    expect(risesStrictly()).toBe(true);
  });

  it('raises an alarm while a standby is on air, which names both, without their keys', async () => {
    begin(order([A, C]));
    await onAir();
    fail(A);
    await clock.advance(1_000);
    expect(alarms()).toEqual(['SwitchedToStandby true']);
    expect(news.at(-1)?.reason).toBe('standby 1 (rtmp://c/live/***?***) is on air: the source is closed');
    expect(JSON.stringify([news, run.report()])).not.toContain('secret');
  });

  it.each([
    ['five seconds', {}, 5_000],
    ['two where a warm standby waits', WARM, 2_000],
  ] as const)('leaves a silent source after %s', async (_, cover, latestMs) => {
    begin(order([A, B], { cover }));
    await onAir();
    await clock.advance(5_000);
    newest(A).silent = true;
    const gapMs = await gapWithin(8_000);
    expect(gapMs).toBeGreaterThan(latestMs - 300);
    expect(gapMs).toBeLessThanOrEqual(latestMs + GROUP_MS);
    expect(index()).toBe(1);
  });

  it('leaves a source whose times stand still while its packets come', async () => {
    begin(order([A, B]));
    await onAir();
    newest(A).frozen = true;
    await clock.advance(5_000);
    expect(index()).toBe(1);
  });

  it('leaves a source that has lost its sound, and does not go back before it is there again', async () => {
    trait = { sound: 'yes' };
    begin(order([A, B]));
    await onAir();
    trait = { sound: 'never' };
    newest(A).sound = 'gone';
    await clock.advance(5_500);
    expect(index()).toBe(1);
    await clock.advance(60_000);
    expect(index()).toBe(1);
    newest(A).sound = 'yes';
    await clock.advance(11_000);
    expect(index()).toBe(0);
  });

  it('stays with a source without sound where there is no other', async () => {
    trait = { sound: 'yes' };
    begin(order([A]));
    await onAir();
    newest(A).sound = 'gone';
    await clock.advance(20_000);
    expect(told()).toEqual(['flowing run']);
  });

  it('leaves a source that sends less than the floor', async () => {
    begin(order([A, B], { cover: { floorKbit: 17 } }));
    await onAir();
    await clock.advance(6_000);
    expect(run.report().source?.index).toBe(1);
    expect(news.at(-1)?.reason).toMatch(/the source sent 16 kbit\/s for 5 s, less than 17/);
  });

  it('fills the time that a silence took with what a warm standby has held, and leaves no hole', async () => {
    begin(order([A, B], { cover: WARM }));
    await onAir();
    await clock.advance(5_000);
    newest(A).silent = true;
    await clock.advance(8_000);
    expect(longestStepMs()).toBeLessThanOrEqual(2 * TICK_MS);
    expect(risesStrictly()).toBe(true);
  });

  it('goes back when the source has been well for ten seconds and thirty have passed, without a gap', async () => {
    begin(order([A, B]));
    await onAir();
    fail(A);
    await clock.advance(5_000);
    faults.clear();
    await clock.until(() => live().length === 2);
    await clock.advance(15_000);
    expect(index()).toBe(1);
    const gapMs = await gapWithin(20_000);
    expect(index()).toBe(0);
    expect(gapMs).toBeLessThanOrEqual(2 * TICK_MS);
    expect(live()).toEqual([A]);
    expect(alarms()).toEqual(['SwitchedToStandby true', 'SwitchedToStandby false']);
    expect(told()).toEqual(['flowing run']);
  });

  it('changes over at most once in thirty seconds while the source comes and goes', async () => {
    begin(order([A, B]));
    await onAir();
    const changes: number[] = [];
    let last = index();
    for (let round = 0; round < 100; round++) {
      if (round % 10 === 0 && index() === 0) newest(A).fault = pull();
      await clock.advance(1_000);
      if (index() !== last) changes.push(clock.nowMs);
      last = index();
    }
    const back = changes.filter((_, i) => i % 2 === 1);
    expect(back.length).toBeGreaterThan(0);
    back.forEach((at, i) => {
      expect(at - (changes[2 * i] as number)).toBeGreaterThanOrEqual(29_000);
    });
  });

  it('leaves a standby that fails at once, however short it was on air', async () => {
    begin(order([A, B, C]));
    await onAir();
    fail(A);
    await clock.advance(1_000);
    fail(B);
    expect(await gapWithin(1_000)).toBeLessThanOrEqual(3 * TICK_MS);
    expect(index()).toBe(2);
  });

  it('tries all of them in turn, ever more rarely, while all are dead, and names each', async () => {
    for (const url of [A, B]) faults.set(url, pull('unreachable'));
    begin(order([A, B]));
    await clock.advance(60_000);
    const counts = [A, B].map(url => tries.filter(one => one.url === url).length);
    expect(Math.abs((counts[0] ?? 0) - (counts[1] ?? 0))).toBeLessThanOrEqual(1);
    expect(tries.length).toBeGreaterThan(12);
    expect(tries.length).toBeLessThan(26);
    expect(tries.slice(0, 4).map(one => one.url)).toEqual([A, B, A, B]);
    expect(run.report().reason).toBe(
      'no source can be pulled; the source: the source is unreachable; standby 1: the source is unreachable',
    );
  });

  it('tells a loss after two seconds when trying the standby takes longer', async () => {
    delays.set(B, 4_000);
    begin(order([A, B]));
    await onAir();
    fail(A);
    await clock.advance(1_800);
    expect(told()).toEqual(['flowing run']);
    await clock.advance(400);
    expect(told()).toEqual(['flowing run', 'broke pull']);
    await clock.advance(3_000);
    expect(told()).toEqual(['flowing run', 'broke pull', 'flowing run']);
  });

  it('lets no address that does not answer keep the others waiting', async () => {
    faults.set(A, pull('unreachable'));
    delays.set(B, 60_000);
    begin(order([A, B, C]));
    await clock.advance(6_500);
    expect(index()).toBe(2);
    expect(tries.map(({ url }) => url)).toContain(B);
  });

  it('gives up after its counted tries of all of them', async () => {
    for (const url of [A, B]) faults.set(url, pull('unreachable'));
    begin(order([A, B], { retry: { count: 2, intervalMs: 10_000, eager: false } }));
    await clock.advance(21_000);
    await run.ended;
    expect(told().at(-1)).toBe('gaveUp pull');
    expect(tries.map(({ url }) => url)).toEqual([A, B, A, B, A, B]);
  });

  it('counts no try while a standby is on air', async () => {
    begin(order([A, B], { retry: { count: 0, intervalMs: 10_000, eager: true } }));
    await onAir();
    fail(A);
    await clock.advance(60_000);
    expect(told()).toEqual(['flowing run']);
  });

  it('keeps a warm standby connected, opens it anew when it is lost, and closes it with the run', async () => {
    begin(order([A, B], { cover: WARM }));
    await onAir();
    await clock.advance(2_000);
    expect(live().sort()).toEqual([A, B]);
    newest(B).fault = pull();
    await clock.advance(2_000);
    expect(live().sort()).toEqual([A, B]);
    expect(told()).toEqual(['flowing run']);
    expect(run.report().source?.index).toBe(0);
  });

  it('goes by hand to the source that is asked for, stays while it is well, and returns when that is undone', async () => {
    begin(order([A, B, C]));
    await onAir();
    run.switchTo(2);
    expect(await gapWithin(2_000)).toBeLessThanOrEqual(2 * TICK_MS);
    expect(index()).toBe(2);
    await clock.advance(60_000);
    expect(index()).toBe(2);
    fail(C, { forGood: false });
    await clock.advance(1_000);
    expect(index()).toBe(0);
    await clock.until(() => index() === 2, 45_000);
    run.switchTo('auto');
    await clock.until(() => index() === 0, 45_000);
    expect(run.report().pushEpoch).toBe(1);
    expect(told()).toEqual(['flowing run']);
  });

  it('is at the source that its order names, from the first on and whatever else is ordered', async () => {
    const pinned = (urls: string[], pin?: number): RunOrder<LiveOrder> => {
      const { source, ...rest } = order(urls);
      return { ...rest, source: { ...source, ...(pin === undefined ? {} : { pin }) } };
    };
    begin(pinned([A, B, C], 1));
    await onAir();
    expect(index()).toBe(1);
    run.change(pinned([A, B, C, 'rtmp://d/live/d'], 2));
    await clock.until(() => index() === 2, 5_000);
    run.change(pinned([A, B, C], 2));
    await clock.advance(60_000);
    expect(run.report().source).toMatchObject({ index: 2 });
    expect(run.report().pinned).toBe(true);
    run.change(pinned([A, B, C]));
    await clock.until(() => index() === 0, 45_000);
    expect(run.report().pinned).toBeUndefined();
    expect(run.report().pushEpoch).toBe(1);
  });

  it('does not hear of a source that it does not have', async () => {
    begin(order([A, B]));
    await onAir();
    run.switchTo(7);
    await clock.advance(2_000);
    expect(index()).toBe(0);
    expect(live()).toEqual([A]);
  });

  it('keeps a standby on air that is still there when the order changes, and goes to a new source at once', async () => {
    begin(order([A, B]));
    await onAir();
    fail(A);
    await clock.advance(2_000);
    const standby = newest(B);
    run.change(order([A, C, B]));
    await clock.advance(1_000);
    expect(standby.closed).toBe(false);
    expect(index()).toBe(2);
    run.change(order(['rtmp://n/live/new', C]));
    await clock.advance(1_000);
    expect(run.report().source).toEqual({ index: 0, url: 'rtmp://n/live/***' });
    expect(standby.closed).toBe(true);
    expect(run.report().pushEpoch).toBe(1);
    expect(longestStepMs()).toBeLessThanOrEqual(10 * TICK_MS);
  });

  it('begins when as much is held back as is wanted, and opens the push only then', async () => {
    begin(order([A], { cover: DELAYED }));
    await clock.advance(4_900);
    expect(sinks).toEqual([]);
    await clock.advance(200);
    expect(run.report().state).toBe('flowing');
    expect(times()[0]).toBe(0);
  });

  it('shows nothing of an outage that is shorter than what is held back, and tells nothing of it', async () => {
    begin(order([A], { cover: DELAYED }));
    await onAir();
    await clock.advance(2_000);
    fail(A);
    void clock.sleep(3_000, new AbortController().signal).then(() => faults.clear());
    expect(await gapWithin(60_000)).toBeLessThanOrEqual(2 * TICK_MS);
    expect(longestStepMs()).toBeLessThanOrEqual(2 * TICK_MS);
    expect(risesStrictly()).toBe(true);
    expect(told()).toEqual(['flowing run']);
    expect(run.report()).toMatchObject({ pullEpoch: 2, pushEpoch: 1 });
  });

  it('shows nothing of a silence in one connection either', async () => {
    begin(order([A], { cover: DELAYED }));
    await onAir();
    await clock.advance(2_000);
    newest(A).muted = true;
    void clock.sleep(3_000, new AbortController().signal).then(() => {
      newest(A).muted = false;
    });
    expect(await gapWithin(60_000)).toBeLessThanOrEqual(2 * TICK_MS);
    expect(longestStepMs()).toBeLessThanOrEqual(2 * TICK_MS);
    expect(told()).toEqual(['flowing run']);
  });

  it('tells an outage when all that was held back has been seen', async () => {
    begin(order([A], { cover: DELAYED }));
    await onAir();
    await clock.advance(2_000);
    fail(A);
    await clock.advance(4_700);
    expect(told()).toEqual(['flowing run']);
    await clock.advance(500);
    expect(told()).toEqual(['flowing run', 'broke pull']);
    await clock.advance(18_000);
    expect(sinks[0]?.closedWithin).toBeUndefined();
    faults.clear();
    await onAir();
    expect(run.report().pushEpoch).toBe(1);
  });

  it('loses no picture to a silent source where a warm standby and a delay make up for it', async () => {
    begin(order([A, B], { cover: { ...DELAYED, warm: true } }));
    await onAir();
    await clock.advance(5_000);
    newest(A).silent = true;
    expect(await gapWithin(30_000)).toBeLessThanOrEqual(2 * TICK_MS);
    expect(index()).toBe(1);
    expect(longestStepMs()).toBeLessThanOrEqual(2 * TICK_MS);
    expect(told()).toEqual(['flowing run']);
  });

  it('leaves a silent source in time for a standby that has yet to be opened', async () => {
    delays.set(B, 700);
    begin(order([A, B], { cover: { delayMs: 3_000 } }));
    await onAir();
    await clock.advance(2_000);
    newest(A).silent = true;
    expect(await gapWithin(20_000)).toBeLessThanOrEqual(2 * TICK_MS);
    expect(index()).toBe(1);
    expect(told()).toEqual(['flowing run']);
  });

  it('starts a push that was lost with what is kept of what has gone out', async () => {
    begin(order([A], { cover: DELAYED }));
    await onAir();
    await clock.advance(2_000);
    const last = times().at(-1) as number;
    (sinks[0] as HandSink).fault = new Fault('push', 'closed', 'gone');
    await clock.until(() => sinks.length === 2);
    await clock.advance(1_000);
    expect(Math.abs((times()[0] as number) - last)).toBeLessThanOrEqual(GROUP_MS + 10 * TICK_MS);
    expect(run.report()).toMatchObject({ state: 'flowing', pushEpoch: 2, pullEpoch: 1 });
  });

  it('shows the last pictures over and over while there is no source, in the same push, and does not call that running', async () => {
    begin(order([A], { cover: { slate: 'hold' } }));
    await onAir();
    await clock.advance(3_000);
    fail(A);
    expect(await gapWithin(60_000)).toBeLessThanOrEqual(1_500 + 3 * TICK_MS);
    expect(run.report()).toMatchObject({
      ...{ state: 'broken', pushEpoch: 1, onSlate: true },
      reason: 'the slate is on air, a held picture; the source is unreachable',
    });
    expect(told().slice(0, 2)).toEqual(['flowing run', 'broke pull']);
    expect(told()).not.toContain('gaveUp pull');
    const before = times().length;
    await clock.advance(10_000);
    // A group of ten pictures a second.
    expect(times().length - before).toBeGreaterThanOrEqual(95);
    expect(times().length - before).toBeLessThanOrEqual(105);
    faults.clear();
    expect(await gapWithin(20_000)).toBeLessThanOrEqual(600);
    expect(run.report()).toMatchObject({ state: 'flowing', pushEpoch: 1, source: { index: 0 } });
    expect(run.report().onSlate).toBeUndefined();
    expect(told().at(-1)).toBe('flowing run');
    expect(risesStrictly()).toBe(true);
    expect(longestStepMs()).toBeLessThanOrEqual(1_600 + GROUP_MS);
  });

  it('shows no slate for a source that is back within a second and a half', async () => {
    begin(order([A], { cover: { slate: 'hold' } }));
    await onAir();
    await clock.advance(3_000);
    fail(A, { forGood: false });
    await clock.advance(10_000);
    expect(news.some(({ reason }) => reason.includes('slate'))).toBe(false);
    expect(run.report().state).toBe('flowing');
  });

  it('keeps the slate on air until a source has shown a key frame', async () => {
    begin(order([A], { cover: { slate: 'hold' } }));
    await onAir();
    await clock.advance(3_000);
    fail(A);
    await clock.advance(10_000);
    trait = { silent: true };
    faults.clear();
    await clock.until(() => live().length === 1);
    expect(await gapWithin(4_000)).toBeLessThanOrEqual(600);
    expect(run.report().onSlate).toBe(true);
    newest(A).silent = false;
    await clock.advance(200);
    expect(run.report().state).toBe('flowing');
  });

  it('shows a file that has the same codecs, and holds the picture where it has others', async () => {
    const strip = (text: string): Strip => {
      const packets = [0, 40, 80].map(dtsMs => {
        const packet = new Packet();
        packet.reset(dtsMs === 0 ? 'key' : 'inter', dtsMs);
        packet.addSpan(Buffer.from('slate'), 0, 5);
        return packet;
      });
      return { packets, lengthMs: 120, headers: { video: Buffer.from(text), audio: undefined } };
    };
    for (const [header, said] of [
      [Buffer.alloc(100, `${A} `).toString(), 'its file'],
      ['\x17\x00other', 'a held picture: its file has'],
    ] as const) {
      slate = () => strip(header);
      begin(order([A], { cover: { slate: 'media://slate.mp4' } }));
      await onAir();
      await clock.advance(3_000);
      fail(A);
      await clock.advance(3_000);
      expect(run.report().reason).toContain(`the slate is on air, ${said}`);
      await run.stop();
      faults.clear();
    }
  });

  it('holds the picture where the file cannot be had, and says why', async () => {
    begin(order([A], { cover: { slate: 'media://slate.mp4' } }));
    await onAir();
    await clock.advance(3_000);
    fail(A);
    await clock.advance(3_000);
    expect(run.report().reason).toBe(
      'the slate is on air, a held picture: the source is refused; the source is unreachable',
    );
  });

  it('has no slate where nothing has been on air yet', async () => {
    faults.set(A, pull('unreachable'));
    begin(order([A], { cover: { slate: 'hold' } }));
    await clock.advance(10_000);
    expect(sinks).toEqual([]);
    expect(run.report().onSlate).toBeUndefined();
  });

  it('takes a slate off with a run that gives up', async () => {
    begin(order([A], { cover: { slate: 'hold' }, retry: { count: 2, intervalMs: 10_000, eager: true } }));
    await onAir();
    await clock.advance(3_000);
    fail(A);
    await clock.advance(25_000);
    await run.ended;
    expect(told().at(-1)).toBe('gaveUp pull');
    expect(sinks[0]?.closedWithin).toBe(4_000);
  });

  it('that is relayed without one of its tracks is told of, until another is on air', async () => {
    trait = { notes: ['Its sound is left out: it is G.711.'] };
    begin(order([A, B]));
    await onAir();
    const told = news.find(({ alarm }) => alarm === 'TrackLeftOut');
    expect(told).toMatchObject({ set: true, side: 'pull', reason: 'Its sound is left out: it is G.711.' });
    trait = {};
    fail(A);
    await clock.until(() => index() === 1);
    await clock.advance(1_000);
    expect(alarms()).toContain('TrackLeftOut false');
  });
});
