import { describe, expect, it } from 'vitest';
import { excerptOf, type Points, startWithin } from './excerpt.ts';
import { Fault } from './fault.ts';
import { putAvcHead } from './flv/body.ts';
import type { Item } from './item.ts';
import { Batch, isHeader, type PacketKind } from './packet.ts';
import { ScriptedItem } from './scripted-item.ts';

const FRAME_MS = 40;

/** A frame in decode order: when it is shown, in frames, and whether others refer to it. */
interface Frame {
  readonly kind: 'key' | 'inter' | 'disposable';
  readonly shown: number;
}

/** H.264 in this order, each frame 40 ms behind the one before, with sound every 20 ms that belongs to the first one shown. */
class OrderedItem implements Item {
  readonly durationMs: number | undefined;
  readonly startMs = 0;
  readonly notes = ['a note'];
  closed = 0;
  readonly #frames: readonly Frame[];
  readonly #delay: number;
  #at = 0;
  #soundMs: number;

  constructor(frames: readonly Frame[], durationMs?: number) {
    this.#frames = frames;
    // No frame is shown before it is decoded.
    this.#delay = Math.max(0, ...frames.map(({ shown }, i) => i - shown));
    this.#soundMs = this.#delay * FRAME_MS;
    this.durationMs = durationMs;
  }

  read(into: Batch, untilMs: number): 'ok' | 'end' {
    for (;;) {
      const frame = this.#frames[this.#at];
      const pictureMs = frame === undefined ? Number.POSITIVE_INFINITY : this.#at * FRAME_MS;
      const endMs = (this.#frames.length + this.#delay) * FRAME_MS;
      if (frame === undefined && this.#soundMs >= endMs) return 'end';
      if (Math.min(pictureMs, this.#soundMs) >= untilMs) return 'ok';
      if (frame !== undefined && pictureMs <= this.#soundMs) this.#show(into, frame);
      else {
        this.#put(into, 'audio', this.#soundMs, Buffer.of(0xaf, 1, 0));
        this.#soundMs += 20;
      }
    }
  }

  close(): void {
    this.closed++;
  }

  #show(into: Batch, { kind, shown }: Frame): void {
    const dtsMs = this.#at++ * FRAME_MS;
    const body = Buffer.alloc(6);
    putAvcHead(body, 0, kind === 'key', (shown + this.#delay) * FRAME_MS - dtsMs);
    if (kind === 'key') this.#put(into, 'videoHeader', dtsMs, Buffer.of(0x17, 0));
    this.#put(into, kind, dtsMs, body);
  }

  #put(into: Batch, kind: PacketKind, dtsMs: number, body: Buffer): void {
    const packet = into.next();
    packet.reset(kind, dtsMs);
    packet.addSpan(body, 0, body.length);
  }
}

interface Given {
  readonly kind: PacketKind;
  readonly dtsMs: number;
  readonly shownMs: number;
}

function play(item: Item, stepMs = 50): Given[] {
  const batch = new Batch();
  const given: Given[] = [];
  for (let untilMs = stepMs; ; untilMs += stepMs) {
    batch.clear();
    const state = item.read(batch, untilMs);
    for (const { kind, dtsMs, buffers } of batch.packets.slice(0, batch.count)) {
      const isPicture = kind === 'key' || kind === 'inter' || kind === 'disposable';
      given.push({ kind, dtsMs, shownMs: isPicture ? dtsMs + (buffers[0]?.readIntBE(2, 3) ?? 0) : dtsMs });
    }
    if (state === 'end') return given;
    if (untilMs > 1_000_000) throw new Error('it does not end');
  }
}

const picturesIn = (given: readonly Given[]): Given[] =>
  given.filter(({ kind }) => kind !== 'audio' && !isHeader(kind));
const soundIn = (given: readonly Given[]): Given[] => given.filter(({ kind }) => kind === 'audio');

/** "I0 P3 b1 b2": letters say what they are (B is a B-frame that others refer to). */
const order = (text: string): Frame[] =>
  text.split(' ').map(word => ({
    kind: word.startsWith('I') ? 'key' : word.startsWith('b') ? 'disposable' : 'inter',
    shown: Number(word.slice(1)),
  }));

/** The pictures that are shown, in the order of showing. */
const shownOf = (frames: readonly Frame[], points: Points, stepMs?: number): number[] => {
  const pictures = picturesIn(play(excerptOf(new OrderedItem(frames), points), stepMs));
  const first = pictures[0]?.shownMs ?? 0;
  return pictures.map(({ shownMs }) => (shownMs - first) / FRAME_MS).sort((a, b) => a - b);
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('an excerpt', () => {
  const PLAIN = order('I0 P1 P2 P3 P4 I5 P6 P7');
  const RUNS = order('I0 P3 b1 b2 P6 b4 b5 I7 P10 b8 b9');
  const PYRAMIDS = order('I0 P4 B2 b1 b3 P8 B6 b5 b7 I9');

  it.each([
    ['pictures in order', PLAIN, 4, 4],
    ['up to a key frame', PLAIN, 5, 5],
    ['all of it', PLAIN, 60, 8],
    ['up to the last B-frame of a run', RUNS, 3, 1],
    ['behind a run', RUNS, 4, 4],
    ['up to a key frame behind runs', RUNS, 7, 7],
    ['in the middle of a pyramid', PYRAMIDS, 7, 5],
    ['up to a key frame behind pyramids', PYRAMIDS, 9, 9],
  ])('ends where its pictures can be decoded: %s', (_, frames, outAt, count) => {
    expect(shownOf(frames, { outMs: outAt * FRAME_MS })).toEqual(upTo(count));
  });

  it('shows the same however it is read', () => {
    for (const stepMs of [1, 7, 50, 5_000]) expect(shownOf(RUNS, { outMs: 280 }, stepMs)).toEqual(upTo(7));
  });

  it('leaves out a frame behind its end to which nothing refers, and plays on', () => {
    expect(shownOf(order('I0 P1 b3 P2 P4'), { outMs: 3 * FRAME_MS })).toEqual(upTo(3));
  });

  it('takes a frame that is late by a rounding for what it is', () => {
    const frames = order('I0 P1 P2 P3');
    expect(shownOf(frames, { outMs: 2 * FRAME_MS + 1 })).toEqual(upTo(2));
    expect(shownOf(frames, { outMs: 2 * FRAME_MS + 5 })).toEqual(upTo(3));
  });

  it('ends its sound with its picture', () => {
    for (let outMs = 5; outMs < 500; outMs += 5) {
      const given = play(excerptOf(new OrderedItem(PYRAMIDS), { outMs }));
      const pictures = picturesIn(given);
      const endMs = Math.max(...pictures.map(({ shownMs }) => shownMs)) + FRAME_MS;
      const soundMs = (soundIn(given).at(-1)?.dtsMs ?? 0) + 20;
      expect(Math.abs(soundMs - endMs), `${outMs}`).toBeLessThanOrEqual(FRAME_MS);
      expect(endMs - (pictures[0]?.shownMs ?? 0)).toBeLessThanOrEqual(outMs + FRAME_MS);
    }
  });

  it('of sound alone ends at its out point', () => {
    const given = play(excerptOf(new ScriptedItem({ name: 'a', seconds: 4, video: false }), { outMs: 1_000 }));
    expect(given.at(-1)?.dtsMs).toBeLessThan(1_000);
    expect(given.at(-1)?.dtsMs).toBeGreaterThan(970);
  });

  it('gives no header for pictures that are not shown', () => {
    const kinds = play(excerptOf(new OrderedItem(order('I0 P1 P2 I3 P4')), { outMs: 80 })).map(({ kind }) => kind);
    expect(kinds.filter(kind => kind === 'videoHeader')).toHaveLength(1);
  });

  it('is the item itself where it has no out point', () => {
    const item = new OrderedItem(PLAIN);
    expect(excerptOf(item, {})).toBe(item);
    expect(excerptOf(item, { inMs: 40 })).toBe(item);
  });

  it('says how far it goes, and what the item says', () => {
    expect(excerptOf(new OrderedItem(PLAIN, 320), { outMs: 200 })).toMatchObject({
      durationMs: 200,
      notes: ['a note'],
    });
    expect(excerptOf(new OrderedItem(PLAIN, 320), { outMs: 900 }).durationMs).toBe(320);
    expect(excerptOf(new OrderedItem(PLAIN), { outMs: 900 }).durationMs).toBeUndefined();
  });

  it('closes the item with it', () => {
    const item = new OrderedItem(PLAIN);
    excerptOf(item, { outMs: 200 }).close();
    expect(item.closed).toBe(1);
  });

  it.each([
    [
      'ends before its in point',
      { inMs: 320, outMs: 400 },
      /^nothing .+ it ends at 0\.320 s, before its in point at 0\.320 s$/,
    ],
    [
      'begins behind its out point',
      { outMs: 1_000 },
      /^nothing .+ it can only be begun behind its out point at 1\.000 s$/,
    ],
  ])('is refused where the file %s, which is closed', (_, points, sentence) => {
    const item = new OrderedItem(PLAIN, 320);
    const late = new ScriptedItem({ seconds: 4, startMs: 3_000 });
    const given = 'inMs' in points ? item : late;
    expect(() => excerptOf(given, points)).toThrow(sentence);
    expect(() => excerptOf(given, points)).toThrow(Fault);
    expect(given.closed).toBeTruthy();
  });

  it('hands on what breaks and what is late', () => {
    const fault = new Fault('pull', 'garbage', 'broken');
    const broken = excerptOf(new ScriptedItem({ seconds: 4, fault: { atMs: 500, fault } }), { outMs: 2_000 });
    expect(() => play(broken)).toThrow(fault);
    const starved = new ScriptedItem({ seconds: 4 });
    starved.starved = true;
    expect(excerptOf(starved, { outMs: 2_000 }).read(new Batch(), 1_000)).toBe('starved');
  });
});

describe('the place to open a file at', () => {
  it.each([
    [0, {}, 0],
    [900, { outMs: 1_000 }, 900],
    [1_000, { outMs: 1_000 }, 999],
    [9_000, { inMs: 500, outMs: 1_000 }, 999],
    [9_000, { inMs: 500 }, 9_000],
  ])('is in front of the out point: %i ms of %o', (startMs, points, wanted) => {
    expect(startWithin(startMs, points)).toBe(wanted);
  });
});

/** The same numbers at every run (a linear congruential generator), so that a failure can be looked at. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Frames between two that are shown first and last, halved again and again: a B-frame pyramid. */
function pyramid(from: number, to: number): Frame[] {
  if (to - from < 2) return [];
  const middle = Math.floor((from + to) / 2);
  const isLeaf = to - from <= 3;
  const kind = isLeaf && (to - from === 2 || middle - from === 1) ? 'disposable' : 'inter';
  return [{ kind, shown: middle }, ...pyramid(from, middle), ...pyramid(middle, to)];
}

function anyVideo(roll: (below: number) => number): Frame[] {
  const frames: Frame[] = [{ kind: 'key', shown: 0 }];
  for (let last = 0; frames.length < 60; ) {
    const next = last + 1 + roll(8);
    const run = pyramid(last, next);
    // A key frame that others are shown in front of would leave them without what they refer to.
    const kind = run.length === 0 && roll(3) === 0 ? 'key' : 'inter';
    frames.push({ kind, shown: next }, ...run);
    last = next;
  }
  return frames;
}

it('any video, cut anywhere, is decoded up to a frame behind which only its B-frames are lost', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const roll = dice(seed);
    const frames = anyVideo(roll);
    const outAt = 1 + roll(60);
    const seen = shownOf(frames, { outMs: outAt * FRAME_MS }, 10 + roll(90));
    const most = frames.filter(({ shown }) => shown < outAt).length;
    // Without a hole, for what is shown is what comes first in decode order, but for frames that nothing refers to.
    expect(seen, `seed ${seed}`).toEqual(upTo(seen.length));
    expect(seen.length).toBeLessThanOrEqual(most);
    expect(most - seen.length, `seed ${seed}`).toBeLessThanOrEqual(7);
  }
});
