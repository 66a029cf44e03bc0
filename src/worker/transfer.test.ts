import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import type { Referral } from '../media/referral.ts';
import { Relay } from '../media/relay.ts';
import type { RunNews } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { PushSide } from './push-side.ts';
import type { SinkWish } from './run.ts';
import { Standing } from './standing.ts';

const HERE = 'rtmp://a/live/KEY';
const THERE = 'rtmp://b/live/KEY';
const ORDER = { taskId: 't1', epoch: 1, destination: HERE, source: { kind: 'live', url: 'rtmp://s/live/in' } } as const;

const elsewhere: Referral = { url: THERE, isSameServer: false, words: '' };
const itself: Referral = { url: HERE, isSameServer: true, words: '' };
const refusal = (kind: 'taken' | 'denied') => new Fault('push', 'refused', `it says ${kind}`, { refusal: kind });

interface Opening {
  readonly url: string;
  readonly wish: SinkWish;
  sink: HandSink | undefined;
  heldUntilMs: number;
}

let clock: HandClock;
let news: RunNews[];
let openings: Opening[];
/** What becomes of a publish there. */
let answer: (url: string) => Promise<void> | void;
let push: PushSide;
let life: AbortController;
let pushing: Promise<void>;
let closed: number;

const sinks = (): HandSink[] => openings.flatMap(({ sink }) => sink ?? []);
const alarms = () =>
  news.flatMap(({ alarm, set, reason }) => (alarm === undefined ? [] : [`${alarm} ${set} ${reason}`]));
const refer = (to: Referral): void => openings.findLast(({ sink }) => sink !== undefined)?.wish.referred?.(to);
/** All that has gone out, sink after sink. */
const sent = (): number[] => sinks().flatMap(({ times }) => times);
const isWhole = (times: readonly number[]): boolean => times.every((at, i) => at === (times[0] ?? 0) + i * 50);

async function openSink(url: string, signal: AbortSignal, wish: SinkWish = {}): Promise<HandSink> {
  const opening: Opening = { url, wish, sink: undefined, heldUntilMs: Number.NaN };
  openings.push(opening);
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  aborted.catch(() => {});
  await Promise.race([wish.held?.(), aborted]);
  opening.heldUntilMs = clock.nowMs;
  await Promise.race([answer(url), aborted]);
  opening.sink = new HandSink(url);
  return opening.sink;
}

async function begin(): Promise<void> {
  const relay = new Relay({ now: () => clock.nowMs });
  void relay.pull(new HandSource('s', clock), life.signal);
  clock.relays.add(relay);
  const now = () => clock.nowMs;
  const standing = new Standing({ order: ORDER, now, tell: one => news.push(one), gaveUp: () => {} });
  push = new PushSide({ now, sleep: clock.sleep, random: () => 0.999_999, destination: HERE, standing, openSink });
  const ready = (signal: AbortSignal) => relay.ready(signal);
  const pushed = { relay, ready, flowing: () => standing.flows(), closed: () => void closed++ };
  pushing = push.run(pushed, life.signal).catch(() => {});
  await clock.until(() => sent().length > 15);
}

beforeEach(() => {
  clock = new HandClock();
  life = new AbortController();
  [news, openings, closed, answer] = [[], [], 0, () => {}];
});
afterEach(async () => {
  life.abort();
  await pushing;
});

describe('a destination that sends its push elsewhere', () => {
  it('keeps it until the other has a key frame, and is then told goodbye', async () => {
    await begin();
    refer(elsewhere);
    await clock.until(() => push.epoch === 2);
    await clock.advance(2_000);
    const [first, second] = sinks() as [HandSink, HandSink];
    expect([first.url, second.url]).toEqual([HERE, THERE]);
    expect(isWhole(sent())).toBe(true);
    expect((second.times[0] ?? 1) % 500).toBe(0);
    expect(first.closedWithin).toBe(4_000);
    expect(second.closedWithin).toBeUndefined();
    expect([closed, news.map(({ type }) => type)]).toEqual([0, ['flowing']]);
  });

  it('has the other wait before it publishes where that is the same server, and none is in the other’s way', async () => {
    await begin();
    answer = async () => {
      expect(sinks()[0]?.closedWithin).toBe(4_000);
      await clock.sleep(700, life.signal);
    };
    refer(itself);
    await clock.until(() => push.epoch === 2);
    await clock.advance(2_000);
    expect(isWhole(sent())).toBe(true);
    expect((sinks()[1]?.times[0] ?? 1) % 500).toBe(0);
    expect(closed).toBe(0);
  });

  it('is left first where the other takes the name for taken', async () => {
    await begin();
    answer = () => {
      if (sinks()[0]?.closedWithin === undefined) throw refusal('taken');
    };
    refer(elsewhere);
    await clock.until(() => push.epoch === 2);
    await clock.advance(2_000);
    expect(openings.map(({ url }) => url)).toEqual([HERE, THERE, THERE]);
    expect(isWhole(sent())).toBe(true);
    expect(alarms()).toEqual([]);
  });

  it('keeps it where the other refuses, is asked three times, and the alarm is over when it has ended', async () => {
    await begin();
    answer = url => {
      if (url === THERE) throw refusal('denied');
    };
    refer(elsewhere);
    await clock.advance(20_000);
    expect(openings.map(({ url }) => url)).toEqual([HERE, THERE, THERE, THERE]);
    expect([push.epoch, isWhole(sent())]).toEqual([1, true]);
    expect(alarms()).toEqual(['DestinationMoveFailed true it says denied']);
    const [sink] = sinks() as [HandSink];
    sink.fault = new Fault('push', 'closed', 'it went away');
    await clock.until(() => push.epoch === 2);
    expect(alarms().at(-1)).toMatch(/^DestinationMoveFailed false/);
    expect(openings.at(-1)?.url).toBe(HERE);
  });

  it('is asked once where the address policy forbids the other', async () => {
    await begin();
    answer = url => {
      if (url === THERE) throw new Fault('push', 'policy', 'the network policy does not allow it');
    };
    refer(elsewhere);
    await clock.advance(20_000);
    expect(openings).toHaveLength(2);
    expect(alarms()).toEqual(['DestinationMoveFailed true the network policy does not allow it']);
  });

  it('is not heard where it names no place', async () => {
    await begin();
    refer({ url: undefined, isSameServer: false, words: 'it sends us to ***' });
    await clock.advance(5_000);
    expect([openings.length, isWhole(sent())]).toEqual([1, true]);
    expect(alarms()).toEqual(['DestinationMoveFailed true it sends us to ***']);
  });

  it('costs one connection however often it asks', async () => {
    await begin();
    for (let i = 0; i < 1_000; i++) refer(elsewhere);
    await clock.until(() => push.epoch === 2);
    await clock.advance(10_000);
    expect(openings).toHaveLength(2);
    expect(isWhole(sent())).toBe(true);
  });

  it('is followed five times a minute where it sends us in circles', async () => {
    await begin();
    const endMs = clock.nowMs + 59_000;
    while (clock.nowMs < endMs) {
      refer(openings.at(-1)?.url === HERE ? elsewhere : { ...elsewhere, url: HERE });
      await clock.advance(500);
    }
    expect(push.epoch).toBe(6);
    expect(alarms().some(text => text.includes('over and over'))).toBe(true);
    await clock.until(() => push.epoch > 6);
    expect(isWhole(sent())).toBe(true);
  });

  it('may hang up before the other is ready: that is no loss, and nothing is missed', async () => {
    await begin();
    answer = async url => {
      if (url === THERE) (sinks()[0] as HandSink).fault = new Fault('push', 'closed', 'thrown out');
      await clock.sleep(1_000, life.signal);
    };
    refer(elsewhere);
    await clock.until(() => push.epoch === 2);
    await clock.advance(2_000);
    expect(news.map(({ type }) => type)).toEqual(['flowing']);
    const all = [...new Set(sent())].sort((a, b) => a - b);
    expect([isWhole(all), closed]).toEqual([true, 1]);
  });

  it('is lost where the other is not ready within two seconds of its end', async () => {
    await begin();
    answer = async url => {
      if (url === THERE) await clock.sleep(60_000, life.signal);
    };
    refer(elsewhere);
    await clock.until(() => !Number.isNaN(openings[1]?.heldUntilMs ?? Number.NaN));
    const goneMs = clock.nowMs;
    (sinks()[0] as HandSink).fault = new Fault('push', 'closed', 'it went away');
    await clock.until(() => news.some(({ type }) => type === 'broke'));
    expect(clock.nowMs - goneMs).toBeLessThan(2_200);
    await clock.until(() => push.epoch === 2);
    expect(sinks()[1]?.url).toBe(HERE);
  });

  it('is gone back to where it was left for a publish that is refused', async () => {
    await begin();
    let refused = 0;
    answer = () => {
      if (refused++ === 0) throw refusal('taken');
    };
    refer(itself);
    await clock.until(() => push.epoch === 2);
    await clock.advance(2_000);
    expect(news.map(({ type, failure }) => [type, failure?.calm])).toEqual([
      ['flowing', undefined],
      ['broke', true],
      ['flowing', undefined],
    ]);
    expect(isWhole(sent())).toBe(true);
  });

  it('keeps it where the other ends while it waits for its key frame', async () => {
    await begin();
    await clock.until(() => (sent().at(-1) ?? 0) % 500 === 0);
    refer(elsewhere);
    await clock.until(() => sinks().length === 2);
    (sinks()[1] as HandSink).fault = new Fault('push', 'closed', 'changed its mind');
    await clock.until(() => sinks().length === 3);
    await clock.advance(2_000);
    expect([push.epoch, isWhole(sinks()[0]?.times ?? [])]).toEqual([2, true]);
    expect(sinks()[1]?.times).toEqual([]);
    expect(isWhole(sent())).toBe(true);
  });

  it('is left with it all when the run ends while the other has yet to publish', async () => {
    await begin();
    answer = () => clock.sleep(60_000, life.signal);
    refer(itself);
    await clock.until(() => !Number.isNaN(openings[1]?.heldUntilMs ?? Number.NaN));
    life.abort();
    await pushing;
    expect(sinks()[0]?.closedWithin).toBe(4_000);
  });

  it('is left with it all when the run ends meanwhile', async () => {
    await begin();
    refer(elsewhere);
    await clock.until(() => sinks().length === 2);
    life.abort();
    await pushing;
    expect(sinks().map(({ closedWithin }) => closedWithin !== undefined)).toEqual([true, true]);
  });
});
