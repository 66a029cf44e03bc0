import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { excerptOf, startWithin } from '../media/excerpt.ts';
import { Fault } from '../media/fault.ts';
import type { Item } from '../media/item.ts';
import type { Batch, PacketKind, Sink } from '../media/packet.ts';
import { type ItemWish, ScriptedItem } from '../media/scripted-item.ts';
import { type Cursor, editCursor, firstCursor, type ListItem, type Playlist, startCursor } from '../task/playlist.ts';
import type { ListOrder, RunNews, RunOrder } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { Playout } from './playout.ts';

interface Shown {
  /** "a key 2000": the file, what it is, its time there. */
  readonly words: string;
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly atMs: number;
}

class Destination implements Sink {
  bytesOut = 0;
  readonly drops = { disposable: 0, untilKey: 0 };
  queuedMs = 0;
  readonly queuedBytes = 0;
  flowing = false;
  fault: Fault | undefined;
  closedWithin: number | undefined;
  readonly shown: Shown[] = [];
  readonly url: string;
  readonly #clock: HandClock;

  constructor(url: string, clock: HandClock) {
    this.url = url;
    this.#clock = clock;
  }

  write(batch: Batch): void {
    if (this.fault !== undefined) throw this.fault;
    for (const packet of batch.packets.slice(0, batch.count)) {
      if (packet.kind === 'key') this.flowing = true;
      const words = packet.copyPayload().toString();
      this.shown.push({ words, kind: packet.kind, dtsMs: packet.dtsMs, atMs: this.#clock.nowMs });
      this.bytesOut += packet.size;
    }
  }

  close(deadlineMs = 0): Promise<void> {
    this.closedWithin = deadlineMs;
    return Promise.resolve();
  }
}

const listOf = (urls: readonly string[]): ListItem[] => urls.map(url => ({ url }));

const LIST: Playlist = {
  items: listOf(['a', 'b', 'c']),
  rounds: 2,
  startIndex: 0,
  startSeconds: 0,
  refresh: 'newSource',
};

/** A repeatable stream of numbers in [0, 1). */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

describe('a playout', () => {
  let clock: HandClock;
  let run: Playout;
  let over: boolean;
  let news: RunNews[];
  let logged: unknown[];
  let sinks: Destination[];
  let sinkTries: number[];
  let itemTries: string[];
  let items: ScriptedItem[];
  /** What files are like; 4 s long unless said. A fault: it cannot be opened. */
  let files: Map<string, Partial<ItemWish> | Fault | 'hangs'>;
  let sinkFault: Fault | undefined;

  const missing = (url: string): Fault => new Fault('pull', 'refused', `HTTP 404 from ${url}`);
  const sink = (): Destination => sinks.at(-1) as Destination;
  const shown = (): Shown[] => sinks.flatMap(one => one.shown);
  const pictures = (): Shown[] => shown().filter(({ kind }) => kind === 'key' || kind === 'inter');
  const told = (): string[] =>
    news.map(({ type, side, item }) => (item === undefined ? `${type} ${side}` : `${type} ${item.url} ${item.round}`));
  const onAir = (): Promise<void> => clock.until(() => run.report().state === 'flowing');
  const order = (list: Partial<Playlist> = {}, more: Partial<ListOrder> = {}): RunOrder<ListOrder> => {
    const whole = { ...LIST, ...list };
    const source = { kind: 'list', version: 1, list: whole, from: firstCursor(whole), ...more } as const;
    return { taskId: 't1', epoch: 4, destination: 'rtmp://d/live/out', source };
  };

  const openItem = async (wanted: ListItem, startMs: number, signal: AbortSignal): Promise<Item> => {
    const { url } = wanted;
    itemTries.push(`${url} ${startMs} at ${clock.nowMs}`);
    const file = files.get(url) ?? {};
    if (file instanceof Fault) throw file;
    if (file === 'hangs') await clock.sleep(1_000_000, signal);
    const from = startWithin(startMs, wanted);
    const item = new ScriptedItem({ name: url, seconds: 4, startMs: from, ...(file as Partial<ItemWish>) });
    items.push(item);
    return excerptOf(item, wanted);
  };

  const begin = (given = order()): void => {
    over = false;
    run = new Playout({
      order: given,
      heartbeat: {
        add: relay => void clock.relays.add(relay),
        remove: relay => void clock.relays.delete(relay),
      },
      openItem,
      openSource: () => Promise.reject(new Error('no stream is asked for')),
      openSink: async url => {
        sinkTries.push(clock.nowMs);
        if (sinkFault !== undefined) throw sinkFault;
        sinks.push(new Destination(url, clock));
        return sink();
      },
      now: () => clock.nowMs,
      sleep: clock.sleep,
      random: () => 0,
      tell: one => void news.push(one),
      log: (_, error) => void logged.push(error),
    });
    clock.onBug = (relay, error) => {
      if (!run.takeBug(relay, error)) throw error;
    };
    void run.ended.then(() => {
      over = true;
    });
  };

  /** Output never goes back or stands still, on either track, over all that one push carried. */
  const expectRising = (one: Destination): void => {
    for (const isSound of [true, false]) {
      const times = one.shown.filter(({ kind }) => (kind === 'audio') === isSound && !/Header$/.test(kind));
      for (const [i, { dtsMs }] of times.entries()) {
        if (i > 0) expect(dtsMs).toBeGreaterThan(times[i - 1]?.dtsMs ?? 0);
      }
    }
  };

  /** Each file is shown from a key frame on and without a hole, until another takes over. */
  const expectWhole = (frames: readonly Shown[]): void => {
    for (const [i, { words, kind }] of frames.entries()) {
      const [url, , at] = words.split(' ');
      const [urlBefore, , before] = frames[i - 1]?.words.split(' ') ?? [];
      const goesOn = url === urlBefore && Number(at) === Number(before) + 40;
      if (!goesOn) expect(kind).toBe('key');
    }
  };

  beforeEach(() => {
    clock = new HandClock();
    [news, logged, sinks, sinkTries, itemTries, items] = [[], [], [], [], [], []];
    files = new Map();
    sinkFault = undefined;
  });

  afterEach(async () => {
    const stopped = run.stop();
    await clock.until(() => over, 10_000);
    await stopped;
    expect(clock.relays.size).toBe(0);
    expect(items.filter(item => !item.closed)).toEqual([]);
    for (const one of sinks) expectRising(one);
  });

  it('has a new place with each key frame that the destination takes, and no sooner than it takes it', async () => {
    begin();
    await onAir();
    sink().queuedMs = 200;
    const places: string[] = [];
    for (let i = 0; i < 100; i++) {
      await clock.advance(50);
      const place = run.newPlace();
      if (place !== undefined) places.push(`${place.url} ${Math.floor(place.offsetMs / 100)}`);
    }
    expect(places).toEqual(['a 7', 'a 10', 'a 20', 'a 30', 'b 0', 'b 10']);
  });

  it('goes on with the last file of its last round when the push is lost in it', async () => {
    begin(order({ rounds: 1, items: listOf(['a']) }));
    await onAir();
    await clock.advance(1_000);
    sink().fault = new Fault('push', 'closed', 'gone');
    await clock.until(() => over);
    expect(sinks).toHaveLength(2);
    expect(pictures().at(-1)?.words).toBe('a inter 3960');
  });

  it('plays every file of every round in order, from the start index and second on, and tells it in that order', async () => {
    begin(order({ startIndex: 1, startSeconds: 2.5 }));
    await clock.until(() => over);
    expect(told()).toEqual([
      'flowing run',
      ...['itemStarted b 0', 'itemFinished b 0', 'itemStarted c 0', 'itemFinished c 0'],
      ...['a 1', 'b 1', 'c 1'].flatMap(item => [`itemStarted ${item}`, `itemFinished ${item}`]),
      'finished run',
    ]);
    expect(news.find(({ type }) => type === 'itemFinished')?.item?.durationMs).toBe(4_000);
    expect(pictures()[0]?.words).toBe('b key 2000');
    expect(pictures()).toHaveLength(50 + 4 * 100);
    expectWhole(pictures());
    expect(run.report()).toMatchObject({ pushEpoch: 1, pullEpoch: 5 });
    expect(sink().closedWithin).toBe(4_000);
    // The end comes a second early, because the start was given a second at once.
    expect(clock.nowMs).toBeGreaterThan(17_000);
    expect(clock.nowMs).toBeLessThan(18_500);
  });

  it('opens the file first, then the push, and reads on only when there is one', async () => {
    files.set('a', missing('a'));
    files.set('b', missing('b'));
    files.set('c', 'hangs');
    begin();
    await clock.advance(3_000);
    expect(sinkTries).toEqual([]);
    files.clear();
    await onAir();
    expect(sinkTries).toHaveLength(1);
  });

  it('keeps its place while the destination refuses, with a back-off', async () => {
    sinkFault = new Fault('push', 'refused', 'no');
    begin();
    await clock.advance(20_000);
    expect(sinkTries.length).toBeGreaterThan(3);
    expect(sinkTries.length).toBeLessThan(9);
    expect(itemTries).toHaveLength(2);
    sinkFault = undefined;
    await onAir();
    expect(pictures()[0]?.words).toBe('a key 0');
    expect(told().slice(-2)).toEqual(['flowing run', 'itemStarted a 0']);
  });

  it('knows the frame that the destination has taken, to the end and exactly at a stop', async () => {
    begin(order({}, { version: 7 }));
    await clock.advance(6_000);
    const at = run.report().breakpoint;
    expect(at).toMatchObject({ version: 7, url: 'b', round: 0, index: 1 });
    const [, , last] = pictures().at(-1)?.words.split(' ') ?? [];
    expect(at?.offsetMs).toBeGreaterThanOrEqual(Number(last));
    expect(at?.offsetMs).toBeLessThan(Number(last) + 40);
    sink().queuedMs = 200;
    expect(run.report().breakpoint?.offsetMs).toBe((at?.offsetMs ?? 0) - 200);
    sink().queuedMs = 0;
    const stopped = run.stop();
    await clock.until(() => over);
    await stopped;
    expect(run.report().breakpoint).toEqual(at);
  });

  it('goes on behind a lost push at the last key frame in front of the break point, and tells no file twice', async () => {
    begin();
    await clock.advance(2_600);
    sink().fault = new Fault('push', 'closed', 'reset');
    await clock.until(() => sinks.length === 2);
    await clock.advance(2_000);
    const before = sinks[0]?.shown.filter(({ kind }) => kind === 'inter').at(-1)?.words;
    const after = sinks[1]?.shown.find(({ kind }) => kind === 'key')?.words;
    const [lastMs, firstMs] = [before, after].map(words => Number(words?.split(' ')[2]));
    expect(firstMs).toBe(Math.floor((lastMs ?? 0) / 1_000) * 1_000);
    expect(told()).toEqual([
      'flowing run',
      'itemStarted a 0',
      'broke push',
      'flowing run',
      'itemFinished a 0',
      'itemStarted b 0',
    ]);
    expect(run.report().pushEpoch).toBe(2);
  });

  it('passes over a file that cannot be opened, hangs, holds nothing or breaks, and tells why', async () => {
    const urls = ['a', 'gone', 'hangs', 'empty', 'broken', 'b'];
    files.set('gone', missing('gone'));
    files.set('hangs', 'hangs');
    files.set('empty', { seconds: 0 });
    const fault = new Fault('pull', 'garbage', 'box moof is cut short');
    files.set('broken', { fault: { atMs: 1_000, fault } });
    begin(order({ items: listOf(urls), rounds: 1 }));
    await clock.until(() => over);
    const failed = news.filter(({ type }) => type === 'itemFailed');
    expect(failed.map(({ item, reason }) => `${item?.url}: ${reason}`)).toEqual([
      'gone: HTTP 404 from gone',
      'hangs: *** showed no frame within 3 s',
      'empty: the file holds no frame',
      'broken: box moof is cut short',
    ]);
    expect(told().at(-1)).toBe('finished run');
    expect(told()).toContain('itemFinished b 0');
    expect(told()).not.toContain('itemFinished broken 0');
    expectWhole(pictures());
    expect(pictures()).toHaveLength(100 + 25 + 100);
  });

  it('prepares for what fails ahead of time, so that nobody sees it', async () => {
    files.set('b', missing('b'));
    begin(order({ rounds: 'endless' }));
    await clock.advance(30_000);
    const steps = pictures()
      .slice(1)
      .map(({ dtsMs }, i) => dtsMs - (pictures()[i]?.dtsMs ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(60);
    expect(told().filter(words => words === 'broke pull')).toEqual([]);
  });

  it('holds back after a round without a frame, raises the alarm once, and does not count that round', async () => {
    for (const { url } of LIST.items) files.set(url, missing(url));
    begin(order({ rounds: 1 }));
    await clock.advance(120_000);
    expect(itemTries.length).toBeGreaterThan(12);
    expect(itemTries.length).toBeLessThan(36);
    expect(told().filter(words => words === 'broke pull')).toHaveLength(1);
    expect(told().filter(words => words.startsWith('itemFailed'))).toHaveLength(3);
    files.clear();
    await clock.until(() => over);
    expect(told().slice(-7)).toEqual(
      ['flowing run', ...['a', 'b', 'c'].flatMap(url => [`itemStarted ${url} 0`, `itemFinished ${url} 0`])]
        .slice(-6)
        .concat('finished run'),
    );
  });

  it('does not spin on files of a few milliseconds, nor on files that break at once', async () => {
    const fault = new Fault('pull', 'garbage', 'cut');
    for (const wish of [{ seconds: 0.01 }, { fault: { atMs: 40, fault } }]) {
      files.set('a', wish);
      itemTries.length = 0;
      begin(order({ items: listOf(['a']), rounds: 'endless' }));
      await clock.advance(20_000);
      expect(itemTries.length).toBeLessThanOrEqual(22);
      const stopped = run.stop();
      await clock.until(() => over);
      await stopped;
    }
  });

  it('closes the push after 30 s without any file, and opens it again with the first', async () => {
    begin(order({ items: listOf(['a']), rounds: 'endless' }));
    await onAir();
    files.set('a', missing('a'));
    await clock.until(() => sink().closedWithin !== undefined, 60_000);
    expect(told()).toContain('broke pull');
    await clock.advance(20_000);
    expect(sinks).toHaveLength(1);
    files.clear();
    await clock.until(() => sinks.length === 2, 60_000);
    await onAir();
    expect(told().at(-1)).toMatch(/^itemStarted a/);
  });

  it('passes over what a slow destination has made late, to where the list would be by now', async () => {
    files.set('a', { seconds: 60 });
    begin();
    await clock.advance(5_000);
    sink().queuedMs = 400;
    await clock.advance(12_000);
    sink().queuedMs = 0;
    await clock.advance(3_000);
    const times = pictures().map(({ words }) => Number(words.split(' ')[2]));
    const jump = times.findIndex((at, i) => i > 0 && at - (times[i - 1] ?? 0) > 1_000);
    expect(times[jump]).toBeGreaterThanOrEqual((times[jump - 1] ?? 0) + 9_000);
    expect(run.report()).toMatchObject({ pushEpoch: 1, dropped: { skips: 1 } });
  });

  it('starts its relay anew after a bug, where it was', async () => {
    begin();
    await clock.advance(2_600);
    items[0]?.close();
    await clock.until(() => sinks.length === 2);
    await clock.advance(1_000);
    expect(logged).toHaveLength(1);
    const [, , at] = sinks[1]?.shown.find(({ kind }) => kind === 'key')?.words.split(' ') ?? [];
    expect(Number(at)).toBe(3_000);
    expect(told().filter(words => words === 'itemStarted a 0')).toHaveLength(1);
  });

  it('puts files that differ in one push, in two, or leaves them out, as the list says', async () => {
    const high =
      '170000000001640015ffe1001a67640015acd941e08feb011000000300100000030320f162d96001000668ebe3cb22c0fdf8f800';
    files.set('b', { videoHeader: Buffer.from(high, 'hex') });
    for (const [boundary, pushes, wanted] of [
      ['inline', 1, 300],
      ['republish', 3, 300],
      ['reject', 1, 200],
    ] as const) {
      sinks.length = 0;
      news.length = 0;
      begin(order({ rounds: 1, boundary }));
      await clock.until(() => over);
      expect(pictures()).toHaveLength(wanted);
      expect(run.report().pushEpoch).toBe(pushes);
      expect(sinks.every(({ closedWithin }) => closedWithin === 4_000)).toBe(true);
      expect(news.filter(({ type }) => type === 'broke')).toEqual([]);
      const failed = news.find(({ type }) => type === 'itemFailed')?.reason;
      if (boundary === 'reject') expect(failed).toMatch(/differs.*H\.264 480×270 High@2\.1 after/);
      else expect(failed).toBe(undefined);
    }
  });

  describe('edited on air', () => {
    const edited = (list: Partial<Playlist>, version = 2): RunOrder<ListOrder> => order(list, { version });

    it('goes to the head of the new list with newSource', async () => {
      begin();
      await clock.advance(2_500);
      run.change(edited({ items: listOf(['x', 'a']), startSeconds: 1 }));
      await clock.advance(1_000);
      const words = pictures().map(one => one.words);
      const at = words.indexOf('x key 1000');
      expect(at).toBeGreaterThan(0);
      expect(clock.nowMs - (pictures()[at]?.atMs ?? 0)).toBeGreaterThan(800);
      expect(run.report().pushEpoch).toBe(1);
    });

    it('starts the file on air again with fileStart', async () => {
      begin();
      await clock.advance(2_500);
      run.change(edited({ items: listOf(['x', 'a']), refresh: 'fileStart' }));
      await clock.advance(1_000);
      const keys = pictures().filter(({ words }) => words === 'a key 0');
      expect(keys).toHaveLength(2);
      await clock.until(() => over);
      expect(told().at(-2)).toBe('itemFinished a 1');
    });

    it('does not touch the file on air with breakpoint, and goes on in the new list', async () => {
      begin();
      await clock.advance(2_500);
      run.change(edited({ items: listOf(['x', 'y', 'a', 'z']), rounds: 1, refresh: 'breakpoint' }));
      expect(run.report().breakpoint).toMatchObject({ version: 2, index: 2, url: 'a' });
      await clock.until(() => over);
      const a = pictures().filter(({ words }) => words.startsWith('a '));
      expect(a).toHaveLength(100);
      expect(told()).toEqual([
        'flowing run',
        'itemStarted a 0',
        'itemFinished a 0',
        'itemStarted z 0',
        'itemFinished z 0',
        'finished run',
      ]);
    });

    it('goes on in the renewed address of the file on air where that left off', async () => {
      begin(order({ items: listOf(['http://h/a?key=1']) }));
      await clock.advance(2_500);
      run.change(edited({ items: listOf(['http://h/a?key=2']), refresh: 'breakpoint' }));
      await clock.advance(500);
      const first = pictures().find(({ words }) => words.startsWith('http://h/a?key=2'));
      const last = pictures().findLast(({ words }) => words.startsWith('http://h/a?key=1'));
      const [was, is] = [last, first].map(one => Number(one?.words.split(' ')[2]));
      expect(was).toBeGreaterThan(is ?? 0);
      expect((was ?? 0) - (is ?? 0)).toBeLessThan(1_100);
    });

    it('goes on where its owner moves it to, and from there behind a lost push before a frame was taken', async () => {
      begin(order({ refresh: 'breakpoint' }));
      await clock.advance(2_500);
      const jump = { round: 1, index: 1, offsetMs: 2_000 };
      run.change(order({ refresh: 'breakpoint' }, { version: 2, jump }));
      sink().fault = new Fault('push', 'unreachable', 'gone');
      await clock.advance(6_000);
      const at = pictures().findIndex(({ words }) => words.startsWith('b '));
      expect(pictures()[at]?.words).toBe('b key 2000');
      expect(run.report().breakpoint).toMatchObject({ version: 2, round: 1 });
      await clock.until(() => over);
      expect(told().filter(words => words.startsWith('itemStarted'))).toEqual([
        'itemStarted a 0',
        'itemStarted b 1',
        'itemStarted c 1',
      ]);
    });

    it('begins the file on air again where its owner moves it to its start', async () => {
      begin(order({ refresh: 'breakpoint' }));
      await clock.advance(2_500);
      run.change(order({ refresh: 'breakpoint' }, { version: 2, jump: { round: 0, index: 0, offsetMs: 0 } }));
      await clock.advance(1_500);
      expect(pictures().filter(({ words }) => words === 'a key 0')).toHaveLength(2);
      expect(run.report().pushEpoch).toBe(1);
    });

    it('takes other rounds without touching anything', async () => {
      begin(order({ rounds: 'endless' }));
      await clock.advance(2_500);
      run.change(order({ rounds: 1 }));
      await clock.until(() => over);
      expect(pictures()).toHaveLength(300);
      expect(told().filter(words => words.startsWith('itemStarted'))).toHaveLength(3);
      expect(itemTries.map(words => words.split(' ')[0])).not.toContain('d');
    });

    it('takes more rounds in the last of them', async () => {
      begin(order({ items: listOf(['a']), rounds: 1 }));
      await clock.advance(2_500);
      run.change(order({ items: listOf(['a']), rounds: 2 }));
      await clock.until(() => over);
      expect(pictures()).toHaveLength(200);
      expectWhole(pictures());
    });

    it('moves to another destination at the key frame in front of the break point', async () => {
      begin();
      await clock.advance(2_500);
      run.change({ ...order(), destination: 'rtmp://d/live/other' });
      await clock.until(() => sinks.length === 2);
      await clock.advance(500);
      expect(sinks[0]?.closedWithin).toBe(4_000);
      expect(sinks[1]?.url).toBe('rtmp://d/live/other');
      expect(sinks[1]?.shown.find(({ kind }) => kind === 'key')?.words).toBe('a key 3000');
      expect(told()).not.toContain('broke push');
    });

    it('plays on while nothing of the new list can be played', async () => {
      files.set('x', missing('x'));
      files.set('a', { seconds: 60 });
      begin();
      await clock.advance(2_500);
      run.change(edited({ items: listOf(['x']) }));
      await clock.advance(10_000);
      expect(pictures().at(-1)?.words).toMatch(/^a /);
      files.delete('x');
      await clock.until(() => pictures().at(-1)?.words.startsWith('x ') === true);
    });

    it('is where the rule says after every one of 150 edits at random moments, lost pushes and missing files between', async () => {
      const random = chance(21);
      const names = ['a', 'b', 'c', 'd', 'e'];
      let version = 1;
      let list: Playlist = { ...LIST, rounds: 'endless' };
      begin(order(list));
      for (let n = 0; n < 150; n++) {
        await clock.advance(50 * random(80));
        if (random(8) === 0 && sinks.length > 0) sink().fault = new Fault('push', 'closed', 'reset');
        if (random(6) === 0) files.set(names[random(5)] ?? '', missing('it'));
        if (random(6) === 0) files.clear();
        const urls = names.filter(() => random(2) === 0);
        const refresh = (['newSource', 'fileStart', 'breakpoint'] as const)[random(3)] ?? 'newSource';
        list = {
          ...list,
          items: listOf(urls.length === 0 ? ['a'] : urls),
          refresh,
          startIndex: 0,
          startSeconds: random(3),
        };
        version++;
        const at = run.report().breakpoint;
        const cursor: Cursor = editCursor(list, at);
        const pushes = run.report().pushEpoch;
        const before = shown().length;
        run.change(order(list, { version, from: firstCursor(list) }));
        await clock.advance(1_000);
        const calm = files.size === 0 && run.report().pushEpoch === pushes && sink()?.fault === undefined;
        if (!calm || at === undefined) continue;
        const url = list.items[cursor.index]?.url ?? '';
        const since = shown()
          .slice(before)
          .filter(({ kind }) => kind === 'key' || kind === 'inter');
        const follower = list.items[(cursor.index + 1) % list.items.length]?.url;
        // Near its end the file may have given way to the next.
        const wanted = cursor.offsetMs < 2_000 ? [url] : [url, follower];
        expect(wanted, `edit ${n}`).toContain(since.at(-1)?.words.split(' ')[0]);
      }
      files.clear();
      for (const one of sinks) expectWhole(one.shown.filter(({ kind }) => kind === 'key' || kind === 'inter'));
      const starts = news.filter(({ type }) => type === 'itemStarted');
      expect(starts.length).toBeGreaterThan(50);
    });
  });

  describe('of parts of files', () => {
    const PARTS: readonly ListItem[] = [
      { url: 'a', repeats: 2 },
      { url: 'b', inMs: 1_000, outMs: 3_000, repeats: 3 },
      { url: 'c', outMs: 1_000 },
    ];
    const times = (count: number, ...words: string[]): string[] => Array.from({ length: count }, () => words).flat();
    const round = (at: number): string[] => [
      ...times(2, `itemStarted a ${at}`, `itemFinished a ${at}`),
      ...times(3, `itemStarted b ${at}`, `itemFinished b ${at}`),
      ...times(1, `itemStarted c ${at}`, `itemFinished c ${at}`),
    ];
    const ROUND_MS = 2 * 4_000 + 3 * 2_000 + 1_000;
    /** "a0 0 b1 1000": file, repeat and time of each place that was told. */
    const placeOf = ({ url, repeat, offsetMs }: { url: string; repeat?: number; offsetMs: number }): string =>
      `${url}${repeat ?? 0} ${Math.floor(offsetMs / 1_000) * 1_000}`;

    it('plays each between its points as often as it says, and tells each time with its length', async () => {
      begin(order({ items: PARTS }));
      const places: string[] = [];
      await clock.until(() => {
        const place = run.newPlace();
        if (place !== undefined && place.round === 0) places.push(placeOf(place));
        return over;
      });
      expect(told()).toEqual(['flowing run', ...round(0), ...round(1), 'finished run']);
      const lengths = news.filter(({ type }) => type === 'itemStarted').map(({ item }) => item?.durationMs);
      const ofRound = [4_000, 4_000, 2_000, 2_000, 2_000, 1_000];
      expect(lengths).toEqual([...ofRound, ...ofRound]);
      expect(pictures()).toHaveLength((2 * ROUND_MS) / 40);
      expectWhole(pictures());
      expect(run.report()).toMatchObject({ pushEpoch: 1, pullEpoch: 12 });
      const file = (name: string, from: number, to: number): string[] =>
        Array.from({ length: (to - from) / 1_000 }, (_, i) => `${name} ${from + i * 1_000}`);
      expect(places).toEqual([
        ...['a0', 'a1'].flatMap(name => file(name, 0, 4_000)),
        ...['b0', 'b1', 'b2'].flatMap(name => file(name, 1_000, 3_000)),
        ...file('c0', 0, 1_000),
      ]);
    });

    it('begins at the second of the start, where that lies behind the in point', async () => {
      begin(order({ items: PARTS, startIndex: 1, startSeconds: 2, rounds: 1 }));
      await clock.until(() => over);
      expect(pictures()[0]?.words).toBe('b key 2000');
      expect(pictures()).toHaveLength(25 + 2 * 50 + 25);
      expect(told().filter(words => words.startsWith('itemStarted'))).toHaveLength(4);
    });

    it('goes on in the repeat and at the place where it was broken off, and tells no time twice', async () => {
      const from: Cursor = { round: 1, index: 1, offsetMs: 2_400, repeat: 1 };
      begin(order({ items: PARTS }, { from }));
      await clock.until(() => over);
      expect(pictures()[0]?.words).toBe('b key 2000');
      expect(told()).toEqual([
        'flowing run',
        ...['itemFinished b 1', 'itemStarted b 1', 'itemFinished b 1', 'itemStarted c 1', 'itemFinished c 1'],
        'finished run',
      ]);
    });

    it('goes on in the same repeat behind a lost push', async () => {
      begin(order({ items: PARTS, rounds: 1 }));
      await clock.until(() => run.newPlace()?.repeat === 1 && run.report().breakpoint?.url === 'b');
      sink().fault = new Fault('push', 'closed', 'gone');
      await clock.until(() => over);
      expect(sinks).toHaveLength(2);
      expect(sinks[1]?.shown.find(({ kind }) => kind === 'key')?.words).toBe('b key 1000');
      expect(told().filter(words => /item(Started|Finished) b/.test(words))).toHaveLength(6);
    });

    it('does not try a file again for its repeats', async () => {
      files.set('a', missing('a'));
      begin(order({ items: PARTS }));
      await clock.until(() => over);
      expect(itemTries.filter(words => words.startsWith('a '))).toHaveLength(2);
      expect(told().filter(words => words.startsWith('itemFailed'))).toHaveLength(2);
      expect(pictures()).toHaveLength((2 * (ROUND_MS - 8_000)) / 40);
    });

    it('passes over a file that ends before its part', async () => {
      files.set('b', { seconds: 1 });
      begin(order({ items: PARTS, rounds: 1 }));
      await clock.until(() => over);
      expect(news.find(({ type }) => type === 'itemFailed')?.reason).toContain(
        'it ends at 1.000 s, before its in point',
      );
      expect(pictures()).toHaveLength(225);
    });

    it.each<[string, Partial<ListItem>, string]>([
      ['plays on where only its repeats are others', { repeats: 9 }, ''],
      ['opens the file on air anew where its end is another', { outMs: 2_900 }, 'b 2'],
      ['goes on with what is next where the end has been passed', { outMs: 1_100 }, 'c 0'],
    ])('edited on air %s', async (_, change, opened) => {
      begin(order({ items: PARTS, startIndex: 1, rounds: 1 }));
      await clock.advance(600);
      const before = itemTries.length;
      const items = PARTS.map(item => (item.url === 'b' ? { ...item, ...change, repeats: 1 } : item));
      run.change(order({ items, refresh: 'breakpoint', rounds: 1 }, { version: 2 }));
      await clock.advance(200);
      const [url, startMs = ''] = itemTries[before]?.split(' ') ?? [];
      expect(url === undefined ? '' : `${url} ${Math.floor(Number(startMs) / 1_000)}`).toBe(opened);
      expect(run.report().pushEpoch).toBe(1);
    });

    it('tells what of a file is left out when it begins', async () => {
      files.set('a', { notes: ['The sound is left out: no.', 'So is more.'] });
      begin(order({ rounds: 1 }));
      await clock.until(() => over);
      const reasons = news.filter(({ item }) => item !== undefined).map(({ type, reason }) => `${type}: ${reason}`);
      expect(reasons.slice(0, 3)).toEqual([
        'itemStarted: The sound is left out: no. So is more.',
        'itemFinished: ',
        'itemStarted: ',
      ]);
    });
  });

  describe('of assets', () => {
    const list = { items: listOf(['asset://A', 'asset://B']), rounds: 2 };
    const assets = { 'asset://A': 'a', 'asset://B': 'b' };
    const opened = (): string[] => itemTries.map(words => words.split(' ')[0] ?? '');

    it('plays what they lead to, and tells of them by their names', async () => {
      begin(order({ ...list, rounds: 1 }, { assets }));
      await clock.advance(5_500);
      expect(run.report().breakpoint).toMatchObject({ url: 'asset://B', index: 1 });
      await clock.until(() => over);
      expect(opened()).toEqual(['a', 'b']);
      expect(pictures()).toHaveLength(200);
      expect(told()).toEqual([
        'flowing run',
        'itemStarted asset://A 0',
        'itemFinished asset://A 0',
        'itemStarted asset://B 0',
        'itemFinished asset://B 0',
        'finished run',
      ]);
    });

    it('passes over one that there is not, and plays it from the next round on when it has come', async () => {
      begin(order(list, { assets: { 'asset://A': 'a' } }));
      await clock.until(() => told().includes('itemFailed asset://B 0'));
      expect(news.find(({ type }) => type === 'itemFailed')?.reason).toBe('there is no media asset B');
      run.change(order(list, { assets }));
      await clock.until(() => over);
      expect(told().filter(words => words.startsWith('itemStarted'))).toEqual([
        'itemStarted asset://A 0',
        'itemStarted asset://A 1',
        'itemStarted asset://B 1',
      ]);
    });

    it('does not touch what is on air or at hand when one leads elsewhere', async () => {
      begin(order(list, { assets }));
      await clock.advance(2_500);
      run.change(order(list, { assets: { 'asset://A': 'a2', 'asset://B': 'b2' } }));
      await clock.until(() => over);
      expect(opened()).toEqual(['a', 'b', 'a2', 'b2']);
      expect(pictures()).toHaveLength(400);
      expectWhole(pictures());
      expect(run.report().pushEpoch).toBe(1);
    });

    it('breaks when there is none of them, and plays when one has come', async () => {
      begin(order(list));
      await clock.until(() => told().includes('broke pull'));
      expect(news.findLast(({ type }) => type === 'broke')?.reason).toBe(
        'no file of the list could be played; the last one: there is no media asset B',
      );
      run.change(order(list, { assets }));
      await onAir();
    });
  });

  it('misses nothing and repeats no more than a GOP when it is killed again and again and resumed', async () => {
    const random = chance(4);
    let from = firstCursor(LIST);
    const places: number[] = [];
    for (let kills = 0; ; kills++) {
      begin(order({}, { from }));
      const already = pictures().length;
      await clock.advance(500 + 50 * random(60));
      for (const { words } of pictures().slice(already)) {
        const [url = '', , at] = words.split(' ');
        places.push(LIST.items.findIndex(item => item.url === url) * 4_000 + Number(at));
      }
      const at = run.report().breakpoint;
      if (over) break;
      // Killed: nothing of this run is heard any more.
      const stopped = run.stop();
      await clock.until(() => over);
      await stopped;
      from = startCursor(LIST, 1, at);
      expect(kills).toBeLessThan(100);
    }
    let rounds = 1;
    for (const [i, place] of places.entries()) {
      const step = place - (places[i - 1] ?? -40);
      if (place === 0 && (places[i - 1] ?? 0) > 11_000) rounds++;
      else expect(step === 40 || (step <= 0 && step >= -1_000)).toBe(true);
    }
    expect(rounds).toBe(2);
    expect(places.at(-1)).toBe(11_960);
    expect(news.filter(({ type }) => type === 'finished')).toHaveLength(1);
  });
});
