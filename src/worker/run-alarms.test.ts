import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fault } from '../media/fault.ts';
import type { Source } from '../media/packet.ts';
import { type ItemWish, ScriptedItem } from '../media/scripted-item.ts';
import { firstCursor, type Playlist } from '../task/playlist.ts';
import type { RunNews } from './channel.ts';
import { HandClock } from './hand-clock.ts';
import { HandSink, HandSource } from './hand-peers.ts';
import { Playout } from './playout.ts';
import { Run } from './run.ts';

/** What a whole run makes of its media, looked at once a second as in a worker. */

let clock: HandClock;
let news: RunNews[];
let run: Run | Playout;
let source: HandSource;
let sources: number;
let sinkOf: (url: string) => HandSink;
let items: ScriptedItem[];

const alarms = (): string[] =>
  news.flatMap(({ type, alarm, set }) => (type === 'alarm' ? `${set ? '+' : '-'}${alarm}` : []));
const broke = (): string[] => news.flatMap(({ type, reason }) => (type === 'broke' ? reason : []));

async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await clock.advance(1_000);
    run.look();
  }
}

const parts = () => ({
  heartbeat: {
    add: (relay: Parameters<HandClock['relays']['add']>[0]) => void clock.relays.add(relay),
    remove: (relay: Parameters<HandClock['relays']['add']>[0]) => void clock.relays.delete(relay),
  },
  openSink: async (url: string) => sinkOf(url),
  openSource: async (url: string): Promise<Source> => {
    sources++;
    source = prepared(new HandSource(url, clock));
    return source;
  },
  now: () => clock.nowMs,
  sleep: clock.sleep,
  random: () => 0,
  tell: (one: RunNews) => void news.push(one),
  log: () => {},
});
let prepared: (source: HandSource) => HandSource;

const relay = (): void => {
  const order = { taskId: 't1', epoch: 1, destination: 'rtmp://b/live/out' };
  run = new Run({ ...parts(), order: { ...order, source: { kind: 'live', url: 'rtmp://a/live/in' } } });
};

beforeEach(() => {
  clock = new HandClock();
  [news, sources, items] = [[], 0, []];
  sinkOf = url => new HandSink(url);
  prepared = made => made;
});
afterEach(() => run.stop());

describe('a live run', () => {
  it('is well', async () => {
    prepared = made => Object.assign(made, { sound: 'yes' });
    relay();
    await pass(60);
    expect(alarms()).toEqual([]);
    expect(run.report().health).toMatchObject({ alarms: [], attempt: 0, faults: {} });
  });

  it('misses the sound that was there, and says when it is back', async () => {
    prepared = made => Object.assign(made, { sound: 'yes' });
    relay();
    await pass(5);
    source.sound = 'gone';
    await pass(7);
    expect(alarms()).toEqual(['+AudioLost']);
    expect(run.report().health?.alarms).toMatchObject([{ alarm: 'AudioLost', side: 'pull' }]);
    source.sound = 'yes';
    await pass(8);
    expect(alarms()).toEqual(['+AudioLost', '-AudioLost']);
  });

  it('says that a source is frozen, and when it is not any more', async () => {
    relay();
    await pass(5);
    source.silent = true;
    await pass(5);
    await pass(15);
    expect(alarms()).toEqual(['+SourceFrozen', '-SourceFrozen']);
    expect(run.report().health?.faults).toEqual({ 'pull.silent': 1 });
  });

  it('misses key frames, but keeps the source for what it still sends', async () => {
    relay();
    await pass(5);
    source.keys = 'gone';
    await pass(17);
    expect(alarms()).toEqual(['+KeyFrameStarved']);
    expect(sources).toBe(1);
  });

  it('lets go of a source that sends pictures and never a key frame, and tries it again', async () => {
    prepared = made => Object.assign(made, { keys: 'gone' });
    relay();
    await pass(14);
    expect(broke()).toEqual([]);
    await pass(3);
    expect(broke()).toEqual(['the source sent no key frame for 15 s']);
    expect(sources).toBe(2);
    expect(run.report().health?.faults).toEqual({ 'pull.keyless': 1 });
  });

  it('says that the destination is congested', async () => {
    sinkOf = url => Object.assign(new HandSink(url), { queuedMs: 1_500 });
    relay();
    await pass(5);
    expect(alarms()).toEqual(['+DestinationCongested']);
  });
});

describe('a playout', () => {
  let files: Map<string, Partial<ItemWish>>;

  const play = (...urls: readonly string[]): void => {
    const rest = { rounds: 'endless', startIndex: 0, startSeconds: 0, refresh: 'newSource' } as const;
    const list: Playlist = { ...rest, items: urls.map(url => ({ url: `http://f/${url}` })) };
    const source = { kind: 'list', version: 1, list, from: firstCursor(list) } as const;
    run = new Playout({
      ...{ ...parts(), order: { taskId: 't1', epoch: 1, source, destination: 'rtmp://b/live/out' } },
      openItem: async ({ url }, fromMs) => {
        const wish = files.get(url.slice('http://f/'.length));
        const item = new ScriptedItem({ name: url, seconds: 20, startMs: fromMs, ...wish });
        items.push(item);
        return item;
      },
    });
  };
  const endEarly = (): string[] => news.flatMap(({ alarm, reason }) => (alarm === 'FileEndEarly' ? reason : []));

  beforeEach(() => {
    files = new Map();
  });

  it('is well', async () => {
    play('a', 'b');
    await pass(60);
    expect(alarms()).toEqual([]);
  });

  it('tells of a file that ends before its end, until one is played to its own', async () => {
    files.set('short', { missingMs: 8_000 });
    play('short', 'whole');
    await pass(14);
    expect(endEarly()).toEqual(['file 0 (http://f/***) has ended 8 s before the end that it names']);
    await pass(22);
    expect(alarms()).toEqual(['+FileEndEarly', '-FileEndEarly']);
  });

  it('tells of a file that breaks off on air as of one that ends early, and not as of one that cannot be played', async () => {
    files.set('bad', { fault: { atMs: 9_000, fault: new Fault('pull', 'garbage', 'http://f/bad is broken') } });
    play('bad', 'whole');
    await pass(12);
    expect(endEarly()).toEqual(['file 0 has broken off: http://f/bad is broken']);
    expect(news.find(({ type }) => type === 'itemFailed')).toMatchObject({ wasOnAir: true });
    expect(run.report().health?.faults).toEqual({ 'pull.garbage': 1 });
  });

  it('says that a file comes too slowly', async () => {
    play('a');
    await pass(4);
    for (const item of items) item.starved = true;
    await pass(8);
    expect(alarms()).toContain('+SourceFrozen');
  });
});
