import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import type { Batch, PacketKind, Source } from '../media/packet.ts';
import type { Referral } from '../media/referral.ts';
import type { LiveOrder, RunCover, RunNews, RunOrder } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { Run, type SourceWish } from './run.ts';

const HERE = 'rtmp://a/live/in';
const STANDBY = 'rtmp://c/live/in';
const THERE = 'rtmp://b/live/in';
const elsewhere: Referral = { url: THERE, isSameServer: false, words: '' };
const FRAME_MS = 50;

/** One of several ways to one camera: all bear its times, each is so much late, and begins with the group on air. */
class Way implements Source {
  bytesIn = 0;
  closed = false;
  fault: Fault | undefined;
  readonly #clock: HandClock;
  readonly #lateMs: number;
  #nextMs: number;

  constructor(clock: HandClock, lateMs: number) {
    this.#clock = clock;
    this.#lateMs = lateMs;
    this.#nextMs = Math.floor((clock.nowMs - lateMs) / 500) * 500;
  }

  read(into: Batch): void {
    if (this.fault !== undefined) throw this.fault;
    for (; this.#nextMs + this.#lateMs <= this.#clock.nowMs; this.#nextMs += FRAME_MS) {
      if (this.bytesIn === 0) this.#emit(into, 'videoHeader', this.#nextMs);
      this.#emit(into, this.#nextMs % 500 === 0 ? 'key' : 'inter', this.#nextMs);
      this.#emit(into, 'audio', this.#nextMs + 3);
    }
  }

  #emit(into: Batch, kind: PacketKind, dtsMs: number): void {
    const packet = into.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(Buffer.alloc(100, kind), 0, 100);
    this.bytesIn += 100;
  }

  close(): void {
    this.closed = true;
  }
}

interface Opening {
  readonly url: string;
  readonly wish: SourceWish;
  source: (Way | HandSource) | undefined;
}

let clock: HandClock;
let openings: Opening[];
let sinks: HandSink[];
let news: RunNews[];
let run: Run;
/** What comes of pulling it there. */
let there: (signal: AbortSignal) => Promise<Way | HandSource> | Way | HandSource;

const refer = (to: Referral = elsewhere): void =>
  openings.findLast(({ url, source }) => url !== STANDBY && source)?.wish.referred?.(to);
const sourceAt = (url: string) => openings.findLast(opening => opening.url === url)?.source as Way | HandSource;
const times = (): readonly number[] => (sinks.at(-1) as HandSink).times;
const steps = (): readonly number[] =>
  times()
    .slice(1)
    .map((at, i) => at - (times()[i] as number));
const told = (): string[] => news.map(({ type, alarm, set }) => (type === 'alarm' ? `${alarm} ${set}` : type));
const moved = () => clock.until(() => openings[0]?.source?.closed === true);

async function begin(options: { readonly standby?: readonly string[]; readonly cover?: RunCover } = {}): Promise<void> {
  const { standby = [], cover = {} } = options;
  const order: RunOrder<LiveOrder> = {
    ...{ taskId: 't1', epoch: 1, destination: 'rtmp://d/live/out', cover },
    source: { kind: 'live', url: HERE, standby },
  };
  run = new Run({
    order,
    heartbeat: { add: relay => void clock.relays.add(relay), remove: relay => void clock.relays.delete(relay) },
    openSource: async (url, signal, wish = {}) => {
      const opening: Opening = { url, wish, source: undefined };
      openings.push(opening);
      opening.source = url === THERE ? await there(signal) : new Way(clock, 0);
      return opening.source;
    },
    openSink: async url => {
      const sink = new HandSink(url);
      sinks.push(sink);
      return sink;
    },
    now: () => clock.nowMs,
    sleep: clock.sleep,
    random: () => 0.999_999,
    tell: one => news.push(one),
    log: () => {},
  });
  clock.onBug = (_, error) => {
    throw new Error('a bug', { cause: error });
  };
  await clock.until(() => run.report().state === 'flowing');
  await clock.advance(1_230);
}

beforeEach(() => {
  clock = new HandClock();
  [openings, sinks, news] = [[], [], []];
  there = () => new Way(clock, 0);
});
afterEach(async () => {
  await run.stop();
  expect(clock.relays.size).toBe(0);
  expect(clock.sleepers).toBe(0);
  expect(openings.filter(({ source }) => source?.closed === false)).toEqual([]);
});

describe('a source that sends us elsewhere', () => {
  it.each([0, 100, 300, 700])('is left for the same stream %i ms later, and every picture comes once', async lateMs => {
    await begin();
    there = () => new Way(clock, lateMs);
    refer();
    await moved();
    await clock.advance(3_000);
    expect(new Set(steps())).toEqual(new Set([FRAME_MS]));
    expect(run.report()).toMatchObject({ pullEpoch: 2, pushEpoch: 1, state: 'flowing', source: { index: 0 } });
    expect(told()).toEqual(['flowing']);
  });

  it('is left for one that is ahead of it, and every picture comes once', async () => {
    await begin();
    there = () => new Way(clock, -200);
    refer();
    await moved();
    await clock.advance(3_000);
    expect(new Set(steps())).toEqual(new Set([FRAME_MS]));
  });

  it('is left for one whose times are others, at its next key frame', async () => {
    await begin();
    there = () => new HandSource(THERE, clock);
    refer();
    await moved();
    await clock.advance(3_000);
    expect(Math.min(...steps())).toBeGreaterThan(0);
    expect(Math.max(...steps())).toBeLessThanOrEqual(3 * FRAME_MS);
    expect(told()).toEqual(['flowing']);
  });

  it('is left in a run that holds media back, and every picture comes once', async () => {
    await begin({ cover: { delayMs: 2_000 } });
    there = () => new Way(clock, 300);
    refer();
    await moved();
    await clock.advance(6_000);
    expect(new Set(steps())).toEqual(new Set([FRAME_MS]));
  });

  it('stays where the other cannot be pulled, which is tried three times and told', async () => {
    await begin();
    there = () => {
      throw new Fault('pull', 'unreachable', 'nobody is there');
    };
    refer();
    await clock.advance(20_000);
    expect(openings.map(({ url }) => url)).toEqual([HERE, THERE, THERE, THERE]);
    expect(new Set(steps())).toEqual(new Set([FRAME_MS]));
    expect(told()).toEqual(['flowing', 'SourceMoveFailed true']);
    expect(run.report().health?.faults).toEqual({ 'pull.unreachable': 1 });
  });

  it('stays where the other ends before it has taken over', async () => {
    await begin();
    there = () => new HandSource(THERE, clock);
    refer();
    await clock.advance(100);
    for (const { source, url } of openings) {
      if (url === THERE && source !== undefined) source.fault = new Fault('pull', 'closed', 'changed its mind');
    }
    await clock.until(() => openings.length === 3);
    await moved();
    expect(Math.min(...steps())).toBeGreaterThan(0);
    expect(told()).toEqual(['flowing']);
  });

  it('may hang up before the other is there: that is no loss', async () => {
    await begin();
    there = async () => {
      await clock.sleep(1_000, new AbortController().signal);
      return new Way(clock, 0);
    };
    refer();
    sourceAt(HERE).fault = new Fault('pull', 'closed', 'it went away');
    await clock.until(() => run.report().pullEpoch === 2);
    await clock.advance(2_000);
    expect(openings.map(({ url }) => url)).toEqual([HERE, THERE]);
    expect(told()).toEqual(['flowing']);
    expect(Math.min(...steps())).toBeGreaterThan(0);
  });

  it('has failed where the other is not there within two seconds of its end', async () => {
    await begin();
    there = signal => clock.sleep(60_000, signal).then(() => new Way(clock, 0));
    refer();
    const [first] = openings;
    (first?.source as Way).fault = new Fault('pull', 'closed', 'it went away');
    await clock.until(() => openings.filter(({ url }) => url === HERE).length === 2, 4_000);
    await clock.until(() => run.report().state === 'flowing');
  });

  it('costs one connection however often it asks', async () => {
    await begin();
    for (let i = 0; i < 1_000; i++) refer();
    await moved();
    await clock.advance(5_000);
    expect(openings).toHaveLength(2);
  });

  it('is followed five times a minute where it sends us in circles', async () => {
    await begin();
    for (const endMs = clock.nowMs + 55_000; clock.nowMs < endMs; ) {
      refer();
      await clock.advance(500);
    }
    expect(run.report().pullEpoch).toBe(6);
    expect(told()).toContain('SourceMoveFailed true');
    expect(new Set(steps())).toEqual(new Set([FRAME_MS]));
  });

  it('stays the one that a standby stands in for', async () => {
    await begin({ standby: [STANDBY], cover: { warm: true } });
    refer();
    await moved();
    await clock.advance(2_000);
    expect(run.report().source?.index).toBe(0);
    sourceAt(THERE).fault = new Fault('pull', 'closed', 'it went away');
    await clock.until(() => run.report().source?.index === 1);
    expect(told().filter(text => text !== 'SwitchedToStandby true')).toEqual(['flowing']);
  });
});
