import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import { type Batch, isHeader, type PacketKind, type Sink } from '../media/packet.ts';
import { type ItemWish, ScriptedItem } from '../media/scripted-item.ts';
import { firstCursor, type Playlist } from '../task/playlist.ts';
import type { ListOrder, RunNews, RunOrder } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSource } from './hand-peers.ts';
import { Playout } from './playout.ts';

const TICK_MS = 50;
const LIST: Playlist = {
  items: [{ url: 'a' }, { url: 'b' }],
  rounds: 'endless',
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};
const S = 'rtmp://s/live/one';
const T = 'rtmp://t/live/two';

interface Shown {
  /** "a", "b", or the address of a standby. */
  readonly from: string;
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly atMs: number;
}

class Destination implements Sink {
  bytesOut = 0;
  readonly drops = { disposable: 0, untilKey: 0 };
  readonly queuedMs = 0;
  readonly queuedBytes = 0;
  readonly overdueBytes = 0;
  flowing = false;
  fault: Fault | undefined;
  readonly shown: Shown[] = [];
  readonly #clock: HandClock;

  constructor(clock: HandClock) {
    this.#clock = clock;
  }

  write(batch: Batch): void {
    if (this.fault !== undefined) throw this.fault;
    for (const packet of batch.packets.slice(0, batch.count)) {
      const { kind, dtsMs } = packet;
      if (kind === 'key') this.flowing = true;
      const from = packet.copyPayload().toString().split(' ')[0] ?? '';
      if (!isHeader(kind)) this.shown.push({ from, kind, dtsMs, atMs: this.#clock.nowMs });
    }
  }

  async close(): Promise<void> {}
}

describe('a list with standbys', () => {
  let clock: HandClock;
  let run: Playout;
  let over: boolean;
  let news: RunNews[];
  let sources: HandSource[];
  let sinks: Destination[];
  let items: ScriptedItem[];
  let itemTries: number[];
  /** Of files and standbys, by address. A fault: it cannot be opened. */
  let world: Map<string, Partial<ItemWish> | Fault>;
  let sinkFault: Fault | undefined;

  const gone = new Fault('pull', 'refused', 'HTTP 404');
  const shown = (): Shown[] => sinks.flatMap(sink => sink.shown);
  const latest = (): string | undefined => shown().at(-1)?.from;
  /** Who was on air, one after the other. */
  const cast = (): string[] => shown().flatMap(({ from }, i, all) => (from === all[i - 1]?.from ? [] : [from]));
  const told = (): string[] => news.filter(({ item, type }) => !item && type !== 'alarm').map(({ type }) => type);
  const alarms = (): string[] =>
    news.flatMap(({ alarm, set }) => (alarm === 'SwitchedToStandby' ? `${alarm} ${set}` : []));
  const onAir = (who: string): Promise<void> => clock.until(() => latest() === who);
  const live = (): string[] => sources.filter(one => !one.closed).map(one => one.url);
  const longestWaitMs = (): number => Math.max(...shown().map((one, i, all) => one.atMs - (all[i - 1] ?? one).atMs));
  const longestStepMs = (): number => {
    const pictures = shown().filter(({ kind }) => kind !== 'audio');
    return Math.max(...pictures.map((one, i) => one.dtsMs - (pictures[i - 1] ?? one).dtsMs));
  };

  const order = (list: Partial<Playlist> = {}, more: Partial<ListOrder> = {}): RunOrder<ListOrder> => {
    const whole = { ...LIST, ...list };
    const source = { kind: 'list', version: 1, list: whole, from: firstCursor(whole), standby: [S], ...more } as const;
    return { taskId: 't1', epoch: 4, destination: 'rtmp://d/live/out', source };
  };

  const begin = (given = order()): void => {
    over = false;
    run = new Playout({
      order: given,
      heartbeat: { add: relay => void clock.relays.add(relay), remove: relay => void clock.relays.delete(relay) },
      openItem: async ({ url }, startMs) => {
        itemTries.push(clock.nowMs);
        const file = world.get(url) ?? {};
        if (file instanceof Fault) throw file;
        const item = new ScriptedItem({ name: url, seconds: 20, startMs, ...file });
        items.push(item);
        return item;
      },
      openSource: async url => {
        const stream = world.get(url);
        if (stream instanceof Fault) throw stream;
        const source = new HandSource(url, clock);
        sources.push(source);
        return source;
      },
      openSink: async () => {
        if (sinkFault !== undefined) throw sinkFault;
        sinks.push(new Destination(clock));
        return sinks.at(-1) as Destination;
      },
      now: () => clock.nowMs,
      sleep: clock.sleep,
      random: () => 0,
      tell: one => void news.push(one),
      log: () => {},
    });
    clock.onBug = (_, error) => {
      throw error;
    };
    void run.ended.then(() => {
      over = true;
    });
  };

  beforeEach(() => {
    clock = new HandClock();
    [news, sources, sinks, items, itemTries] = [[], [], [], [], []];
    world = new Map();
    sinkFault = undefined;
  });

  afterEach(async () => {
    const stopped = run.stop();
    await clock.until(() => over, 10_000);
    await stopped;
    expect(clock.relays.size).toBe(0);
    expect(clock.sleepers).toBe(0);
    expect(items.filter(item => !item.closed)).toEqual([]);
    expect(live()).toEqual([]);
    for (const { shown } of sinks) {
      for (const isSound of [true, false]) {
        const times = shown.filter(({ kind }) => (kind === 'audio') === isSound).map(({ dtsMs }) => dtsMs);
        expect(times.every((at, i) => i === 0 || at > (times[i - 1] as number))).toBe(true);
      }
    }
  });

  it('has a standby on air once a whole round has failed, and the list again when a file opens', async () => {
    for (const url of ['a', 'b']) world.set(url, gone);
    begin();
    await onAir(S);
    expect(clock.nowMs).toBeLessThan(1_000 + 2_500);
    expect(told()).toEqual(['flowing']);
    expect(run.report()).toMatchObject({ state: 'flowing', source: { index: 1, url: 'rtmp://s/live/***' } });
    await clock.advance(10_000);
    world.set('b', {});
    await onAir('b');
    await clock.advance(5_000);
    expect(cast()).toEqual([S, 'b']);
    expect(live()).toEqual([]);
    expect(longestWaitMs()).toBeLessThanOrEqual(2 * TICK_MS);
    expect(longestStepMs()).toBeLessThanOrEqual(2 * TICK_MS);
    expect(told()).toEqual(['flowing']);
    expect(alarms()).toEqual(['SwitchedToStandby true', 'SwitchedToStandby false']);
    expect(sinks).toHaveLength(1);
  });

  it('tries the list ever more rarely while a standby is on air', async () => {
    for (const url of ['a', 'b']) world.set(url, gone);
    begin();
    await onAir(S);
    itemTries.length = 0;
    await clock.advance(120_000);
    const rounds = itemTries.filter((_, i) => i % 2 === 0);
    const waits = rounds.slice(1).map((at, i) => at - (rounds[i] as number));
    expect(waits.slice(-3).every(ms => ms >= 14_000 && ms <= 32_000)).toBe(true);
    expect(told()).toEqual(['flowing']);
  });

  it('is there when the last file that could be played has come to its end', async () => {
    world.set('a', { seconds: 10 });
    begin();
    await clock.until(() => shown().length > 100);
    for (const url of ['a', 'b']) world.set(url, gone);
    await clock.until(() => latest() === S, 120_000);
    expect(longestWaitMs()).toBeLessThanOrEqual(2 * TICK_MS);
    expect(told()).toEqual(['flowing']);
  });

  it('goes on with the list at the break point, which stands still while a standby is on air', async () => {
    world.set('a', { seconds: 60 });
    begin(order({ items: [{ url: 'a' }] }));
    await clock.until(() => (run.report().breakpoint?.offsetMs ?? 0) > 6_000);
    const item = items.at(-1) as ScriptedItem;
    item.starved = true;
    world.set('a', gone);
    await onAir(S);
    const at = run.report().breakpoint;
    await clock.advance(20_000);
    expect(run.report().breakpoint).toEqual(at);
    expect(at?.offsetMs).toBeGreaterThan(6_000);
    world.set('a', { seconds: 60 });
    await onAir('a');
    expect(items.at(-1)?.startMs).toBe(Math.floor((at?.offsetMs ?? 0) / 1_000) * 1_000);
    await clock.advance(2_000);
    expect(run.report().breakpoint?.offsetMs).toBeGreaterThan(at?.offsetMs ?? 0);
    expect(cast()).toEqual(['a', S, 'a']);
    expect(sinks).toHaveLength(1);
  });

  it('leaves a list that gives nothing for five seconds', async () => {
    begin();
    await clock.until(() => shown().length > 100);
    (items.at(-1) as ScriptedItem).starved = true;
    world.set('a', gone);
    world.set('b', gone);
    await onAir(S);
    // What the destination had in hand before is a second.
    expect(longestWaitMs()).toBeGreaterThan(4_000);
    expect(longestWaitMs()).toBeLessThanOrEqual(6_200);
    expect(longestStepMs()).toBeLessThanOrEqual(1_100);
  });

  it('does not take a destination that is away for a list that gives nothing', async () => {
    begin();
    await onAir('a');
    sinkFault = new Fault('push', 'unreachable', 'nobody there');
    (sinks.at(-1) as Destination).fault = sinkFault;
    await clock.advance(20_000);
    sinkFault = undefined;
    await clock.until(() => sinks.length === 2);
    await clock.advance(3_000);
    expect(cast()).toEqual(['a']);
    expect(sources).toEqual([]);
  });

  it('takes the next standby when one fails, and tells a loss when all of them have', async () => {
    for (const url of ['a', 'b']) world.set(url, gone);
    begin(order({}, { standby: [S, T] }));
    await onAir(S);
    world.set(S, gone);
    (sources.at(-1) as HandSource).fault = new Fault('pull', 'closed', 'closed');
    await onAir(T);
    expect(run.report().source?.index).toBe(2);
    expect(told()).toEqual(['flowing']);
    world.set(T, gone);
    (sources.at(-1) as HandSource).fault = new Fault('pull', 'closed', 'closed');
    await clock.advance(3_000);
    expect(told()[1]).toBe('broke');
    expect(run.report().reason).toBe(
      'no file of the list can be played and no standby pulled; standby 1: HTTP 404; standby 2: HTTP 404',
    );
    world.set('a', {});
    await onAir('a');
    expect(told().at(-1)).toBe('flowing');
  });

  it('gives up after its counted tries where no standby can be had either', async () => {
    for (const url of ['a', 'b', S]) world.set(url, gone);
    begin({ ...order(), retry: { count: 2, intervalMs: 10_000, eager: false } });
    await clock.until(() => over);
    expect(told().at(-1)).toBe('gaveUp');
    expect(clock.nowMs).toBeLessThan(1_000 + 24_000);
  });

  it('has a use for standbys that are ordered when the list has failed already, and none for those that are gone', async () => {
    for (const url of ['a', 'b']) world.set(url, gone);
    begin(order({}, { standby: [] }));
    await clock.advance(10_000);
    expect(told()).toEqual(['broke']);
    run.change(order({}, { standby: [T] }));
    await onAir(T);
    expect(run.report().state).toBe('flowing');
    run.change(order({}, { standby: [] }));
    await clock.advance(6_000);
    expect(live()).toEqual([]);
    expect(run.report().state).toBe('broken');
  });

  it('ends with its list, whoever is on air', async () => {
    world.set('a', { seconds: 4 });
    world.set('b', { seconds: 60 });
    begin(order({ rounds: 1 }));
    await onAir('b');
    await clock.advance(3_000);
    (items.at(-1) as ScriptedItem).starved = true;
    world.set('b', gone);
    await clock.until(() => over, 120_000);
    expect(told()).toEqual(['flowing', 'finished']);
  });

  it('plays the last file on when its bytes come again', async () => {
    world.set('a', { seconds: 20 });
    begin(order({ rounds: 1, items: [{ url: 'a' }] }));
    await onAir('a');
    (items.at(-1) as ScriptedItem).starved = true;
    await clock.until(() => over, 60_000);
    expect(shown().at(-1)?.from).toBe('a');
    expect(shown().at(-1)?.dtsMs).toBeGreaterThan(19_900);
  });

  it('shows a slate while neither a file nor a standby can be had, and the list again when it can', async () => {
    begin({ ...order({}, { standby: [] }), cover: { slate: 'hold' } });
    await clock.until(() => shown().length > 100);
    (items.at(-1) as ScriptedItem).starved = true;
    for (const url of ['a', 'b']) world.set(url, gone);
    await clock.until(() => run.report().onSlate === true);
    expect(run.report().reason).toBe('the slate is on air, a held picture; no file of the list can be played');
    const from = shown().length;
    await clock.advance(40_000);
    expect(shown().length - from).toBeGreaterThan(500);
    expect(told()[1]).toBe('broke');
    expect(told()).not.toContain('gaveUp');
    world.set('a', {});
    await clock.until(() => run.report().state === 'flowing');
    expect(run.report().onSlate).toBeUndefined();
    expect(sinks).toHaveLength(1);
    await clock.advance(3_000);
    expect(latest()).toBe('a');
  });
});
