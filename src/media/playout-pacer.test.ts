import { describe, expect, it } from 'vitest';
import { PlayoutPacer } from './playout-pacer.ts';

const TICK_MS = 50;
const DAY_MS = 86_400_000;

/** A repeatable stream of numbers in [0, 1). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

/** Media that comes in 40 ms frames as far as it is due, with what was out at each tick. */
class Feed {
  readonly at: [nowMs: number, mediaMs: number][] = [];
  readonly pacer: PlayoutPacer;
  mediaMs = 0;

  constructor(nowMs = 0) {
    this.pacer = new PlayoutPacer(0, nowMs);
  }

  tick(nowMs: number, comes = true): void {
    const dueMs = this.pacer.dueMs(nowMs);
    while (comes && this.mediaMs + 40 < dueMs) this.mediaMs += 40;
    if (!comes) this.pacer.hold(this.mediaMs, nowMs);
    this.at.push([nowMs, this.mediaMs]);
  }

  /** The fastest and slowest pace over any stretch of `windowMs` that begins at `fromMs` or later. */
  paces(windowMs: number, fromMs: number): { slowest: number; fastest: number } {
    let slowest = Number.POSITIVE_INFINITY;
    let fastest = 0;
    let end = 0;
    for (const [startMs, mediaMs] of this.at) {
      if (startMs < fromMs) continue;
      while (end < this.at.length && (this.at[end]?.[0] ?? 0) < startMs + windowMs) end++;
      const [endMs, endMediaMs] = this.at[end] ?? [];
      if (endMs === undefined || endMediaMs === undefined) break;
      const pace = (endMediaMs - mediaMs) / (endMs - startMs);
      slowest = Math.min(slowest, pace);
      fastest = Math.max(fastest, pace);
    }
    return { slowest, fastest };
  }
}

describe('the playout pacer', () => {
  it('gives a second at once, then goes with the clock', () => {
    const pacer = new PlayoutPacer(500, 10_000);
    expect(pacer.dueMs(10_000)).toBe(1_500);
    expect(pacer.dueMs(10_050)).toBe(1_550);
  });

  it('keeps a pace of 1.00 ± 0.01 over any 10 s, whatever the ticks do', () => {
    const random = chance(7);
    const feed = new Feed();
    for (let nowMs = 0; nowMs < 300_000; nowMs += TICK_MS) {
      if (random() < 0.02) nowMs += random() * 50;
      feed.tick(nowMs);
    }
    const { slowest, fastest } = feed.paces(10_000, 100);
    expect(slowest).toBeGreaterThan(0.99);
    expect(fastest).toBeLessThan(1.01);
  });

  it('makes up for a stall at no more than 1.05, until it is back on its schedule', () => {
    const feed = new Feed();
    const stalledAt = (nowMs: number) => nowMs > 20_000 && nowMs < 24_000;
    for (let nowMs = 0; nowMs < 140_000; nowMs += TICK_MS) feed.tick(nowMs, !stalledAt(nowMs));
    expect(feed.paces(10_000, 24_000).fastest).toBeLessThan(1.055);
    const [nowMs, mediaMs] = feed.at.at(-1) ?? [0, 0];
    expect(nowMs + 1_000 - mediaMs).toBeLessThanOrEqual(80);
  });

  it('does the same after ticks that did not come, and never gives more than a second at once', () => {
    const random = chance(3);
    const feed = new Feed();
    let most = 0;
    for (let nowMs = 0; nowMs < 600_000; nowMs += TICK_MS) {
      if (random() < 0.005) nowMs += random() * 3_000;
      const before = feed.mediaMs;
      feed.tick(nowMs);
      if (nowMs > 0) most = Math.max(most, feed.mediaMs - before);
    }
    expect(most).toBeLessThanOrEqual(1_050 + 40);
    expect(feed.paces(10_000, 100).fastest).toBeLessThan(1.05 + 0.1);
  });

  it('stays within 40 ms of the clock over seven days', () => {
    const random = chance(11);
    const startMs = 123_456.789;
    const pacer = new PlayoutPacer(0, startMs);
    let nowMs = startMs;
    let furthest = 0;
    while (nowMs < startMs + 7 * DAY_MS) {
      nowMs += 900 * random();
      furthest = Math.max(furthest, Math.abs(pacer.dueMs(nowMs) - (nowMs - startMs) - 1_000));
    }
    expect(furthest).toBeLessThan(1);
  });

  it('says how late media is, and forgets it where it is anchored anew', () => {
    const pacer = new PlayoutPacer(0, 0);
    pacer.dueMs(5_000);
    pacer.hold(2_000, 5_000);
    expect(pacer.lagMs(5_000)).toBe(4_000);
    pacer.start(2_000, 5_000);
    expect(pacer.lagMs(5_000)).toBe(0);
  });

  it('does not count what is missing of the burst as late for long', () => {
    const pacer = new PlayoutPacer(0, 0);
    pacer.hold(0, 100);
    expect(pacer.dueMs(200)).toBe(1_000 + 105);
  });
});
