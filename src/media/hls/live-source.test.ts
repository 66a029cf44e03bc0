import { describe, expect, it } from 'vitest';
import type { Feed, FeedState } from '../feed.ts';
import { Batch, isVideo } from '../packet.ts';
import { LiveHlsSource } from './live-source.ts';

const FRAME_MS = 40;

/** Pictures and sound side by side, without end and at once. */
class Endless implements Feed {
  readonly announced = { video: true, audio: true };
  readonly notes = [];
  readonly #frameBytes: number;
  givenMs = 0;

  constructor(frameBytes: number) {
    this.#frameBytes = frameBytes;
  }

  more(into: Batch): FeedState {
    for (const [kind, bytes] of [
      [this.givenMs === 0 ? 'key' : 'inter', this.#frameBytes],
      ['audio', 400],
    ] as const) {
      const packet = into.next();
      packet.reset(kind, this.givenMs);
      packet.addSpan(Buffer.allocUnsafeSlow(64 * 1024), 0, bytes);
    }
    this.givenMs += FRAME_MS;
    return 'more';
  }

  wait(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    // There is nothing to close.
  }
}

function play(feed: Feed): (nowMs: number) => number[] {
  let nowMs = 0;
  const edge = { isFar: false, verdict: () => undefined, close: () => undefined, bytesIn: 0 };
  const source = new LiveHlsSource({ feed, edge, now: () => nowMs });
  const batch = new Batch();
  return at => {
    nowMs = at;
    batch.clear();
    source.read(batch);
    return batch.packets.slice(0, batch.count).flatMap(({ kind, dtsMs }) => (isVideo(kind) ? [dtsMs] : []));
  };
}

describe('a source of live segments', () => {
  it('gives what is due on every second tick', () => {
    const readAt = play(new Endless(2_000));
    const given = [0, 50, 100, 150, 200].map(readAt);
    expect(given).toEqual([[0], [], [40, 80], [], [120, 160, 200]]);
  });

  it('holds three seconds where they are small', () => {
    const feed = new Endless(2_000);
    const readAt = play(feed);
    for (let at = 0; at <= 2_000; at += 50) readAt(at);
    expect(feed.givenMs - 2_000).toBeGreaterThan(2_800);
    expect(feed.givenMs - 2_000).toBeLessThan(3_200);
  });

  it('holds a part of a second where it is large, and begins for all that', () => {
    const feed = new Endless(60_000);
    const readAt = play(feed);
    const given: number[] = [];
    for (let at = 0; at <= 2_000; at += 50) given.push(...readAt(at));
    expect(given.at(-1)).toBe(2_000);
    expect(feed.givenMs - 2_000).toBeLessThan(400);
  });
});
