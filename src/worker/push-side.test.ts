import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault, type RefusalClass } from '../media/fault.ts';
import { Relay } from '../media/relay.ts';
import type { RunNews } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { PushSide } from './push-side.ts';
import { Standing } from './standing.ts';

const ORDER = {
  ...{ taskId: 't1', epoch: 1, destination: 'rtmp://b/live/out' },
  source: { kind: 'live', url: 'rtmp://a/live/in' },
} as const;

const refused = (refusal: RefusalClass) => new Fault('push', 'refused', `it says ${refusal}`, { refusal });

let clock: HandClock;
let news: RunNews[];
let sinks: HandSink[];
let tries: number[];
let fault: Fault | undefined;
let life: AbortController;
let pushing: Promise<void>;

/** A push of a source that never fails. */
function begin(): void {
  const relay = new Relay({ now: () => clock.nowMs });
  void relay.pull(new HandSource('a', clock), life.signal);
  clock.relays.add(relay);
  const now = () => clock.nowMs;
  const standing = new Standing({ order: ORDER, now, tell: one => news.push(one), gaveUp: () => {} });
  const push = new PushSide({
    ...{ now, sleep: clock.sleep, random: () => 0.999_999, destination: ORDER.destination, standing },
    openSink: async url => {
      tries.push(clock.nowMs);
      if (fault !== undefined) throw fault;
      const sink = new HandSink(url);
      sinks.push(sink);
      return sink;
    },
  });
  const pushed = { relay, ready: (signal: AbortSignal) => relay.ready(signal), flowing: () => standing.flows() };
  pushing = push.run(pushed, life.signal).catch(() => {});
}

const gaps = (): number[] => tries.slice(1).map((at, i) => at - (tries[i] as number));
const failures = () => news.flatMap(({ failure }) => failure ?? []);

beforeEach(() => {
  clock = new HandClock();
  life = new AbortController();
  [news, sinks, tries, fault] = [[], [], [], undefined];
});
afterEach(async () => {
  life.abort();
  await pushing;
});

describe('a destination that refuses', () => {
  it.each(['denied', 'credentials', 'application', 'redirected', 'unknown'] as const)(
    'is asked every half minute in the end where it is %s, and its words are told',
    async refusal => {
      fault = refused(refusal);
      begin();
      await clock.advance(180_000);
      expect(Math.max(...gaps())).toBe(30_000);
      expect(news.at(-1)).toMatchObject({ type: 'broke', side: 'push', reason: `it says ${refusal}` });
      expect(failures().at(-1)).toMatchObject({ kind: 'refused', refusal });
      expect(failures().some(({ calm }) => calm)).toBe(false);
    },
  );

  it('is asked calmly for 90 s where it may still hold our own push, and then like any other', async () => {
    begin();
    await clock.until(() => news.some(({ type }) => type === 'flowing'));
    await clock.advance(60_000);
    const lostAtMs = clock.nowMs;
    tries = [];
    fault = refused('taken');
    const [sink] = sinks as [HandSink];
    sink.fault = new Fault('push', 'closed', 'it went away');
    await clock.advance(240_000);
    const calm = news.filter(({ failure }) => failure?.calm);
    expect(calm.length).toBeGreaterThan(15);
    expect(Math.max(...gaps().filter((_, i) => (tries[i + 1] as number) - lostAtMs < 90_000))).toBe(5_000);
    expect(Math.max(...gaps())).toBe(30_000);
    expect(failures().at(-1)).not.toHaveProperty('calm');
  });

  it('is asked calmly by a run that follows another whose worker was lost', async () => {
    fault = refused('taken');
    begin();
    await clock.until(() => failures().length > 0);
    expect(failures()[0]).toMatchObject({ refusal: 'taken', calm: true });
  });
});
