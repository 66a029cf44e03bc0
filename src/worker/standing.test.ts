import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import type { Source } from '../media/packet.ts';
import { type ItemWish, ScriptedItem } from '../media/scripted-item.ts';
import { firstCursor, type Playlist } from '../task/playlist.ts';
import type { ListOrder, LiveOrder, RunNews, RunOrder, RunRetry } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { Playout } from './playout.ts';
import { Run, type RunParts } from './run.ts';

const MINUTE = 60_000;
const PLAIN: RunRetry = { count: 2, intervalMs: MINUTE, eager: false };
const EAGER: RunRetry = { ...PLAIN, eager: true };

const pull = new Fault('pull', 'unreachable', 'nobody at the source');
const push = new Fault('push', 'refused', 'the destination says no');

let clock: HandClock;
let news: RunNews[];
let run: Run | Playout;
let over: boolean;
let startMs: number;
let sinks: HandSink[];
let sinkTries: number[];
let sinkFault: Fault | undefined;

const told = (): string[] => news.map(({ type, side }) => `${type} ${side}`);
const sinceStart = (): number => clock.nowMs - startMs;
const sink = (): HandSink => sinks.at(-1) as HandSink;
const onAir = (): Promise<void> => clock.until(() => run.report().state === 'flowing');
const ended = (): Promise<void> => clock.until(() => over, 20 * MINUTE);

const parts = (): Omit<RunParts, 'order' | 'openSource'> => ({
  heartbeat: {
    add: relay => void clock.relays.add(relay),
    remove: relay => void clock.relays.delete(relay),
  },
  openSink: async url => {
    sinkTries.push(sinceStart());
    if (sinkFault !== undefined) throw sinkFault;
    sinks.push(new HandSink(url));
    return sink();
  },
  now: () => clock.nowMs,
  sleep: clock.sleep,
  random: () => 0.999_999,
  tell: one => void news.push(one),
  log: () => {},
});

function watch(begun: Run | Playout): void {
  run = begun;
  over = false;
  void run.ended.then(() => {
    over = true;
  });
}

beforeEach(() => {
  clock = new HandClock();
  startMs = clock.nowMs;
  [news, sinks, sinkTries, sinkFault] = [[], [], [], undefined];
});

afterEach(async () => {
  await run.stop();
  expect([clock.relays.size, clock.sleepers]).toEqual([0, 0]);
  expect(sinks.filter(({ closedWithin }) => closedWithin === undefined)).toEqual([]);
});

describe('a run whose tries are counted', () => {
  let sources: HandSource[];
  let sourceTries: number[];
  let sourceFault: Fault | undefined;
  let sourceDelayMs: number;
  let live: Run;

  const source = (): HandSource => sources.at(-1) as HandSource;
  const order = (retry?: RunRetry, url = 'rtmp://a/live/one'): RunOrder<LiveOrder> => ({
    ...{ taskId: 't1', epoch: 4, source: { kind: 'live', url }, destination: 'rtmp://b/live/out' },
    ...(retry === undefined ? {} : { retry }),
  });
  const openSource = async (url: string): Promise<HandSource> => {
    sourceTries.push(sinceStart());
    if (sourceFault !== undefined) throw sourceFault;
    // Like a peer that does not care whether anybody waits for it any more.
    if (sourceDelayMs > 0) await clock.sleep(sourceDelayMs, new AbortController().signal);
    sources.push(new HandSource(url, clock));
    return source();
  };
  const begin = (retry: RunRetry): void => {
    live = new Run({ ...parts(), openSource, order: order(retry) });
    watch(live);
  };
  /** The source is gone and does not come back until the test says so. */
  const lose = async (): Promise<void> => {
    sourceFault = pull;
    source().fault = pull;
    await clock.until(() => run.report().state === 'broken');
    startMs = clock.nowMs;
    sourceTries = [];
  };

  beforeEach(() => {
    [sources, sourceTries, sourceFault, sourceDelayMs] = [[], [], undefined, 0];
  });

  it('tells the loss at once, makes its tries when they are due, and gives up behind the last of them', async () => {
    sourceFault = pull;
    begin(PLAIN);
    await clock.advance(0);
    await new Promise(setImmediate);
    expect(told()).toEqual(['broke pull']);
    await ended();
    expect(sourceTries).toEqual([0, MINUTE, 2 * MINUTE]);
    expect(told()).toEqual(['broke pull', 'broke pull', 'gaveUp pull']);
    expect(news.at(-1)?.reason).toBe('gave up after 2 tries, 60 s apart: nobody at the source');
    expect(run.report()).toMatchObject({ state: 'broken', reason: news.at(-1)?.reason });
  });

  it('counts from the loss where media had flowed', async () => {
    begin(PLAIN);
    await onAir();
    await clock.advance(5 * MINUTE);
    await lose();
    await ended();
    expect(sourceTries).toEqual([MINUTE, 2 * MINUTE]);
  });

  it.each([
    [0, 'gave up without another try: nobody at the source'],
    [1, 'gave up after 1 try, 60 s later: nobody at the source'],
  ])('says how often it has tried when that was %i times', async (count, reason) => {
    sourceFault = pull;
    begin({ ...PLAIN, count });
    await ended();
    expect(news.at(-1)).toMatchObject({ type: 'gaveUp', side: 'pull', reason });
    expect(sourceTries).toHaveLength(count + 1);
  });

  it('tells no break where it gives up at once', async () => {
    begin({ ...PLAIN, count: 0 });
    await onAir();
    await lose();
    await ended();
    expect(told()).toEqual(['flowing run', 'gaveUp pull']);
  });

  it('gives a lost destination up as well, and lets the source go', async () => {
    sinkFault = push;
    begin(PLAIN);
    await ended();
    expect(sinkTries.slice(1)).toEqual([MINUTE, 2 * MINUTE]);
    expect(told()).toEqual(['broke push', 'broke push', 'gaveUp push']);
    expect(sources.map(({ closed }) => closed)).toEqual([true]);
  });

  it('closes its push cleanly when it gives up', async () => {
    begin({ ...PLAIN, intervalMs: 5_000 });
    await onAir();
    await lose();
    await ended();
    expect(sinks.map(({ closedWithin }) => closedWithin)).toEqual([4_000]);
  });

  it('goes on where a counted try brings media, and counts the next loss anew', async () => {
    begin({ ...PLAIN, count: 1 });
    for (let loss = 0; loss < 3; loss++) {
      await onAir();
      await lose();
      await clock.advance(30_000);
      sourceFault = undefined;
    }
    await onAir();
    await lose();
    await ended();
    expect(sinceStart()).toBe(MINUTE);
    expect(told().filter(words => words.startsWith('gaveUp'))).toHaveLength(1);
  });

  it('goes on counting where the source is back and the destination is gone by then', async () => {
    begin(PLAIN);
    await onAir();
    await lose();
    sinkFault = push;
    await clock.advance(50_000);
    sourceFault = undefined;
    await ended();
    expect(sourceTries).toEqual([MINUTE]);
    expect(Math.floor(sinceStart() / 1_000)).toBe(120);
    expect(told()).toEqual(['flowing run', 'broke pull', 'broke push', 'gaveUp push']);
  });

  it('takes both sides lost one after the other for one loss', async () => {
    begin({ ...PLAIN, count: 1 });
    await onAir();
    sinkFault = push;
    sink().fault = push;
    await clock.until(() => run.report().state === 'broken');
    startMs = clock.nowMs;
    await clock.advance(40_000);
    source().fault = pull;
    sourceFault = pull;
    await ended();
    expect(sinceStart()).toBeGreaterThanOrEqual(MINUTE);
    expect(sinceStart()).toBeLessThan(MINUTE + 1_000);
  });

  it('tries in between where it is eager, gives up no sooner, and none of those tries counts', async () => {
    sourceFault = pull;
    begin(EAGER);
    await ended();
    expect(sourceTries.length).toBeGreaterThan(12);
    expect(sourceTries).toContain(MINUTE);
    expect(sourceTries.at(-1)).toBe(2 * MINUTE);
    expect(told().at(-1)).toBe('gaveUp pull');
  });

  it('is on air as soon as the source is back where it is eager', async () => {
    begin(EAGER);
    await onAir();
    await lose();
    await clock.advance(5_000);
    sourceFault = undefined;
    await onAir();
    expect(sinceStart()).toBeLessThan(10_000);
    expect(run.report().pushEpoch).toBe(1);
  });

  it('counts anew from the moment it is given another source', async () => {
    sourceFault = pull;
    begin(PLAIN);
    await clock.advance(90_000);
    live.change(order(PLAIN, 'rtmp://a/live/two'));
    await ended();
    expect(sourceTries.map(ms => Math.floor(ms / 1_000))).toEqual([0, 60, 90, 150, 210]);
  });

  it('does not count anew for an order that says the same', async () => {
    sourceFault = pull;
    begin(PLAIN);
    await clock.advance(90_000);
    live.change(order(PLAIN));
    await ended();
    expect(sinceStart()).toBe(2 * MINUTE);
  });

  it('goes by the tries of its latest order', async () => {
    sourceFault = pull;
    begin(PLAIN);
    await clock.advance(90_000);
    live.change(order());
    await clock.advance(10 * MINUTE);
    expect(over).toBe(false);
    live.change(order({ ...PLAIN, count: 0 }));
    await ended();
    expect(told().at(-1)).toBe('gaveUp pull');
  });

  it('can be stopped while it waits for a try, and tells nothing of that', async () => {
    sourceFault = pull;
    begin(PLAIN);
    await clock.advance(30_000);
    await run.stop();
    expect([over, ...told()]).toEqual([true, 'broke pull']);
  });

  it('ends all the same when it is told to stop in the moment it gives up', async () => {
    begin({ ...PLAIN, count: 0 });
    await onAir();
    const stuck = sink();
    stuck.close = deadlineMs => {
      stuck.closedWithin = deadlineMs;
      return clock.sleep(1_000, new AbortController().signal);
    };
    await lose();
    const stopping = run.stop();
    await ended();
    await stopping;
    expect(told()).toEqual(['flowing run', 'gaveUp pull']);
  });

  it('lets a source go that comes when it has given up', async () => {
    begin({ ...PLAIN, count: 0 });
    await onAir();
    sourceDelayMs = 1_000;
    live.change(order({ ...PLAIN, count: 0 }, 'rtmp://a/live/two'));
    sink().fault = push;
    await ended();
    await clock.advance(2_000);
    expect(sources.map(({ url, closed }) => `${url} ${closed}`)).toEqual([
      'rtmp://a/live/one true',
      'rtmp://a/live/two true',
    ]);
  });
});

describe('a playout whose tries are counted', () => {
  let files: Map<string, Partial<ItemWish> | Fault>;
  let itemTries: string[];
  let items: ScriptedItem[];
  let playout: Playout;

  const missing = new Fault('pull', 'refused', 'HTTP 404');
  const GONE = 'no file of the list could be played; the last one: HTTP 404';
  const order = (retry: RunRetry, urls: readonly string[], version = 1): RunOrder<ListOrder> => {
    const rest = { rounds: 'endless', startIndex: 0, startSeconds: 0, refresh: 'newSource' } as const;
    const list: Playlist = { ...rest, items: urls.map(url => ({ url })) };
    const source = { kind: 'list', version, list, from: firstCursor(list) } as const;
    return { taskId: 't1', epoch: 4, source, destination: 'rtmp://b/live/out', retry };
  };
  const openItem: ConstructorParameters<typeof Playout>[0]['openItem'] = async ({ url }, fromMs) => {
    itemTries.push(`${url} ${Math.floor(sinceStart() / 1_000)}`);
    const file = files.get(url) ?? {};
    if (file instanceof Fault) throw file;
    const item = new ScriptedItem({ name: url, seconds: 4, startMs: fromMs, ...file });
    items.push(item);
    return item;
  };
  const begin = (retry: RunRetry, urls: readonly string[]): void => {
    const openSource = (): Promise<Source> => Promise.reject(new Error('no stream is asked for'));
    playout = new Playout({ ...parts(), openItem, openSource, order: order(retry, urls) });
    watch(playout);
  };

  beforeEach(() => {
    [files, itemTries, items] = [new Map(), [], []];
  });

  afterEach(async () => {
    await run.stop();
    expect(items.filter(({ closed }) => !closed)).toEqual([]);
  });

  it('tries the whole list when a try is due, and gives up behind the last round without a frame', async () => {
    for (const url of ['a', 'b']) files.set(url, missing);
    begin(PLAIN, ['a', 'b']);
    await ended();
    expect(itemTries).toEqual(['a 0', 'b 1', 'a 60', 'b 61', 'a 120', 'b 121']);
    expect(told().filter(words => !words.startsWith('item'))).toEqual(['broke pull', 'alarm pull', 'gaveUp pull']);
    expect(news.at(-1)?.reason).toBe(`gave up after 2 tries, 60 s apart: ${GONE}`);
  });

  it('gives up at once where no try is counted', async () => {
    files.set('a', missing);
    begin({ ...PLAIN, count: 0 }, ['a']);
    await ended();
    expect(told()).toEqual(['itemFailed pull', 'gaveUp pull']);
  });

  it('tries in between where it is eager', async () => {
    files.set('a', missing);
    begin(EAGER, ['a']);
    await ended();
    expect(itemTries.length).toBeGreaterThan(6);
    expect(itemTries).toContain('a 60');
    expect(itemTries.at(-1)).toBe('a 120');
  });

  it('passes over a file that cannot be played, and counts nothing', async () => {
    files.set('b', missing);
    begin({ ...PLAIN, count: 0 }, ['a', 'b']);
    await clock.advance(MINUTE);
    expect([over, told().includes('broke pull')]).toEqual([false, false]);
  });

  it('counts from when nothing plays any more, not from when nothing more can be opened', async () => {
    files.set('a', { seconds: 300 });
    files.set('x', missing);
    begin(PLAIN, ['a']);
    await onAir();
    playout.change(order(PLAIN, ['x'], 2));
    await clock.advance(4 * MINUTE);
    expect(run.report().state).toBe('flowing');
    await clock.until(() => run.report().state === 'broken', 5 * MINUTE);
    startMs = clock.nowMs;
    await ended();
    expect(sinceStart()).toBe(2 * MINUTE);
  });

  it('counts the next loss anew when a file has played', async () => {
    begin({ ...PLAIN, count: 1 }, ['a']);
    for (let loss = 0; loss < 2; loss++) {
      await onAir();
      files.set('a', missing);
      await clock.until(() => run.report().state === 'broken');
      await clock.advance(30_000);
      files.clear();
    }
    await onAir();
    expect(told()).not.toContain('gaveUp pull');
  });

  it('gives a lost destination up, and knows how far it had come', async () => {
    begin(PLAIN, ['a']);
    await clock.advance(3_000);
    sinkFault = push;
    sink().fault = push;
    await ended();
    expect(told().at(-1)).toBe('gaveUp push');
    expect(run.report().breakpoint?.offsetMs).toBeGreaterThan(2_000);
  });

  it('counts anew from the moment its list is edited', async () => {
    for (const url of ['a', 'x']) files.set(url, missing);
    begin(PLAIN, ['a']);
    await clock.advance(90_000);
    playout.change(order(PLAIN, ['x'], 2));
    await ended();
    expect(itemTries).toEqual(['a 0', 'a 60', 'x 90', 'x 150', 'x 210']);
  });
});
