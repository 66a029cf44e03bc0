import { describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import type { Item } from './item.ts';
import { type ListListener, ListSource, type PutOptions } from './list-source.ts';
import { Batch, isHeader } from './packet.ts';
import { differenceOf, headersOf, readyItem } from './ready-item.ts';
import { type ItemWish, ScriptedItem } from './scripted-item.ts';

const signal = new AbortController().signal;
const never = (): Promise<void> => new Promise(() => {});

class Told implements ListListener<string> {
  readonly words: string[] = [];
  started = (place: string, _item: Item): void => void this.words.push(`started ${place}`);
  finished = (place: string, _item: Item): void => void this.words.push(`finished ${place}`);
  failed = (place: string, fault: Fault): void => void this.words.push(`failed ${place}: ${fault.message}`);
  ranDry = (): void => void this.words.push('dry');
  late = (place: string, { fileMs }: { fileMs: number }, late: number): void =>
    void this.words.push(`late ${place} ${fileMs} ${late}`);
}

class Rig {
  readonly told = new Told();
  readonly list: ListSource<string>;
  readonly items: ScriptedItem[] = [];
  readonly #batch = new Batch();

  constructor(options: { silence?: boolean } = {}) {
    this.list = new ListSource(this.told, options);
  }

  async put(wish: ItemWish & { headMs?: number }, options: PutOptions<string>): Promise<ScriptedItem> {
    const item = new ScriptedItem({ name: options.place, ...wish });
    this.items.push(item);
    this.list.put(await readyItem(item, { sleep: never, signal, headMs: wish.headMs ?? 1 }), options);
    return item;
  }

  /** What a read gives, as text and time. */
  read(untilMs: number): [string, number][] {
    this.#batch.clear();
    this.list.read(this.#batch, untilMs);
    return this.#batch.packets.slice(0, this.#batch.count).map(p => [p.copyPayload().toString(), p.dtsMs]);
  }

  /** Reads in small steps up to a time of the present segment; answers the frames' own words. */
  frames(untilMs: number): string[] {
    const words: string[] = [];
    const { segment } = this.list;
    for (let at = 50; at <= untilMs && this.list.segment === segment; at += 50) {
      words.push(...this.read(at).map(([word]) => word));
    }
    return words.filter(word => !/^(video|audio) /.test(word));
  }
}

describe('a list of items', () => {
  it('gives an item its head, then the rest of it, in times that begin at zero', async () => {
    const rig = new Rig();
    await rig.put({ seconds: 10, startMs: 2_700 }, { place: 'a' });
    expect(rig.read(60).slice(0, 5)).toEqual([
      ['video ', 0],
      ['audio ', 0],
      ['a key 2000', 0],
      ['a audio 2005', 5],
      ['a audio 2027', 27],
    ]);
    expect(rig.list.locate(rig.list.segment, 500)).toEqual({ place: 'a', fileMs: 2_500 });
  });

  it('plays one behind the other, never two in one read, and tells it in order', async () => {
    const rig = new Rig();
    await rig.put({ seconds: 1 }, { place: 'a' });
    await rig.put({ seconds: 1 }, { place: 'b' });
    const first = rig.frames(5_000);
    expect(first).toHaveLength(25 + 47);
    expect(first.every(word => word.startsWith('a '))).toBe(true);
    const second = rig.frames(5_000);
    expect(second).toHaveLength(25 + 47);
    expect(second.every(word => word.startsWith('b '))).toBe(true);
    expect(rig.told.words).toEqual(['started a', 'finished a', 'started b', 'finished b', 'dry']);
    expect(rig.read(9_000)).toEqual([]);
    expect(rig.list.state).toBe('dry');
    expect(rig.items.every(item => item.closed)).toBe(true);
  });

  it('shows the last frames of an item before it closes it', async () => {
    const rig = new Rig();
    const item = await rig.put({ seconds: 1 }, { place: 'a' });
    const batch = new Batch();
    rig.list.read(batch, 2_000);
    expect(item.closed).toBe(false);
    expect(batch.packets[batch.count - 1]?.copyPayload().toString()).toBe('a audio 981');
    rig.read(2_000);
    expect(item.closed).toBe(true);
  });

  it('wants the next item 20 s before the end, and at once where the length is unknown', async () => {
    const rig = new Rig();
    const wanted = async (): Promise<boolean> => {
      let is = false;
      rig.list.wanted(signal).then(() => {
        is = true;
      });
      await new Promise(setImmediate);
      return is;
    };
    expect(await wanted()).toBe(true);
    await rig.put({ seconds: 60 }, { place: 'a' });
    rig.frames(39_000);
    expect(await wanted()).toBe(false);
    for (let at = 39_000; at < 41_000; at += 50) rig.read(at);
    expect(await wanted()).toBe(true);
    await rig.put({ seconds: 60, lengthKnown: false }, { place: 'b', cut: true });
    expect(await wanted()).toBe(true);
    await rig.put({ seconds: 60 }, { place: 'c' });
    expect(await wanted()).toBe(false);
  });

  it('goes on with the next item where the present one breaks, after what it gave before', async () => {
    const rig = new Rig();
    const fault = new Fault('pull', 'garbage', 'box moof is broken');
    await rig.put({ seconds: 10, fault: { atMs: 500, fault } }, { place: 'a' });
    await rig.put({ seconds: 1 }, { place: 'b' });
    expect(rig.frames(2_000).at(-1)).toMatch(/^a (inter 480|audio)/);
    expect(rig.frames(2_000)[0]).toBe('b key 0');
    expect(rig.told.words.slice(0, 3)).toEqual(['started a', 'failed a: box moof is broken', 'started b']);
  });

  it('lets an error that is no fault through: that is a bug', async () => {
    const rig = new Rig();
    const item = await rig.put({ seconds: 10 }, { place: 'a' });
    item.close();
    expect(() => rig.read(1_000)).toThrow('a closed item was read');
  });

  it('cuts to an item at once, and closes the one on air and the one behind it', async () => {
    const rig = new Rig();
    const a = await rig.put({ seconds: 10 }, { place: 'a' });
    const b = await rig.put({ seconds: 10 }, { place: 'b' });
    rig.frames(1_000);
    const before = rig.list.segment;
    await rig.put({ seconds: 10, startMs: 5_000 }, { place: 'c', cut: true });
    expect(rig.list.segment).toBe(before + 1);
    expect([a.closed, b.closed]).toEqual([true, true]);
    expect(rig.frames(100)[0]).toBe('c key 5000');
    expect(rig.list.playing).toBe('c');
  });

  it('renames the item on air without touching it', async () => {
    const rig = new Rig();
    await rig.put({ seconds: 10 }, { place: 'a' });
    rig.frames(1_000);
    rig.list.move('z');
    expect(rig.list.playing).toBe('z');
    expect(rig.list.locate(rig.list.segment, 900)).toEqual({ place: 'z', fileMs: 900 });
    expect(rig.read(1_050)[0]?.[0]).toBe('a key 1000');
  });

  it('holds an item back that needs a publish of its own', async () => {
    const rig = new Rig();
    await rig.put({ seconds: 1 }, { place: 'a' });
    await rig.put({ seconds: 1 }, { place: 'b', apart: true });
    rig.frames(2_000);
    expect(rig.list.parted).toBe(true);
    expect(rig.told.words.at(-1)).toBe('dry');
    expect(rig.read(3_000)).toEqual([]);
    rig.list.admit();
    expect(rig.frames(100)[0]).toBe('b key 0');
  });

  it('passes over a hole of hours in a file, and keeps one of seconds', async () => {
    const rig = new Rig();
    await rig.put({ seconds: 20_000, hole: { fromMs: 1_000, toMs: 7_201_000 } }, { place: 'a' });
    rig.frames(1_000);
    let read: [string, number][] = [];
    for (let until = 1_050; read.length === 0; until += 50) {
      read = rig.read(until);
      expect(until).toBeLessThan(13_000);
    }
    expect(read[0]).toEqual(['a key 7201000', 7_201_000]);
    // The first step behind the hole gives little, not all that lies there.
    expect(read.length).toBeLessThan(90);

    const short = new Rig();
    await short.put({ seconds: 20, hole: { fromMs: 1_000, toMs: 6_000 } }, { place: 'b' });
    short.frames(1_000);
    expect(short.read(5_990)).toEqual([]);
    expect(short.read(6_010)[0]?.[0]).toBe('b key 6000');
  });

  it('tells where it stands when it is asked to pass over media', async () => {
    const rig = new Rig();
    await rig.put({ seconds: 60, startMs: 10_000 }, { place: 'a' });
    rig.frames(2_000);
    rig.list.skip(12_000);
    expect(rig.told.words.at(-1)).toBe('late a 11989 12000');
  });

  it('adds silence in step with the picture where an item has no sound, in the terms of the sound before', async () => {
    const rig = new Rig({ silence: true });
    await rig.put({ seconds: 2, audio: false, headMs: 200 }, { place: 'a' });
    const batch = new Batch();
    let sounds = 0;
    let lastSound = 0;
    for (let at = 50; at <= 1_000; at += 50) {
      batch.clear();
      rig.list.read(batch, at);
      for (const packet of batch.packets.slice(0, batch.count)) {
        if (packet.kind === 'audioHeader') expect(packet.copyPayload().toString('hex')).toBe('af001190');
        if (packet.kind !== 'audio') continue;
        sounds++;
        lastSound = packet.dtsMs;
      }
    }
    expect(sounds).toBe(Math.ceil(960 / (1024 / 48)));
    expect(lastSound).toBeLessThanOrEqual(960);
  });
});

describe('readying an item', () => {
  it('waits for the first frames, and owns them', async () => {
    const item = new ScriptedItem({ seconds: 10, name: 'a' });
    item.starved = true;
    let naps = 0;
    const sleep = async (): Promise<void> => {
      naps++;
      item.starved = naps < 3;
    };
    const { head } = await readyItem(item, { sleep, signal, headMs: 1 });
    item.close();
    expect(naps).toBe(3);
    expect(head.packets.slice(0, head.count).map(p => p.copyPayload().toString())).toEqual([
      'video ',
      'audio ',
      'a key 0',
      'a audio 0',
    ]);
  });

  it('refuses an item without a frame', async () => {
    const item = new ScriptedItem({ seconds: 0 });
    await expect(readyItem(item, { sleep: never, signal, headMs: 1 })).rejects.toMatchObject({ kind: 'garbage' });
  });

  it('finds a first frame that comes late in the file', async () => {
    const item = new ScriptedItem({ seconds: 30, hole: { fromMs: 0, toMs: 9_000 } });
    const { head } = await readyItem(item, { sleep: never, signal, headMs: 1 });
    expect(head.packets.slice(0, head.count).filter(p => !isHeader(p.kind))[0]?.dtsMs).toBe(9_000);
  });

  it('names what differs between two items', async () => {
    const ready = (wish: ItemWish) => readyItem(new ScriptedItem(wish), { sleep: never, signal, headMs: 1 });
    const [one, other, mute] = await Promise.all([
      ready({ seconds: 1 }),
      ready({ seconds: 1, videoHeader: Buffer.from('other words') }),
      ready({ seconds: 1, audio: false }),
    ]);
    expect(differenceOf(headersOf(one), headersOf(other))).toBe(undefined);
    expect(differenceOf(headersOf(one), headersOf(mute))).toMatch(/^no audio after /);
    const high = Buffer.from(
      '170000000001640015ffe1001a67640015acd941e08feb011000000300100000030320f162d96001000668ebe3cb22c0fdf8f800',
      'hex',
    );
    const words = differenceOf(
      { video: high, audio: undefined },
      { video: undefined, audio: Buffer.of(0xaf, 0, 0x11, 0x90) },
    );
    expect(words).toBe('no video after H.264 480×270 High@2.1, AAC 48000 Hz 2 ch after no audio');
  });
});
