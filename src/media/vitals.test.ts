import { expect, it } from 'vitest';
import { Batch, type PacketKind } from './packet.ts';
import { Splicer } from './splicer.ts';

/** A source from that second on: four pictures a second, a key frame as often as it says. */
function feed(splicer: Splicer, { from, to, gop }: { from: number; to: number; gop: number }): void {
  for (let ms = from * 1_000; ms < to * 1_000; ms += 250) {
    const batch = new Batch();
    const kind: PacketKind = (ms - from * 1_000) % (gop * 1_000) === 0 ? 'key' : 'inter';
    const packet = batch.next();
    packet.reset(kind, ms);
    packet.addSpan(Buffer.from(kind), 0, kind.length);
    splicer.place(batch, new Batch(), ms);
  }
}

const begun = (): Splicer => {
  const splicer = new Splicer();
  splicer.begin();
  return splicer;
};

it('knows how far key frames usually are apart', () => {
  const splicer = begun();
  feed(splicer, { from: 0, to: 9, gop: 4 });
  expect(splicer.keyless(9_000)).toEqual({ forMs: 1_000, usualGopMs: 4_000, lastGopMs: 4_000 });
});

it('knows how far they may be apart where some come early, and forgets what was long ago', () => {
  const splicer = begun();
  feed(splicer, { from: 0, to: 10, gop: 10 });
  feed(splicer, { from: 10, to: 13, gop: 1 });
  expect(splicer.keyless(13_000).usualGopMs).toBeGreaterThan(5_000);
  feed(splicer, { from: 13, to: 40, gop: 1 });
  expect(splicer.keyless(40_000).usualGopMs).toBeLessThan(1_100);
});

it('counts the time without a key frame for as long as pictures come', () => {
  const splicer = begun();
  feed(splicer, { from: 0, to: 20, gop: 100 });
  expect(splicer.keyless(20_000)).toEqual({ forMs: 20_000, usualGopMs: 0, lastGopMs: 0 });
});

it('does not count what came before another source', () => {
  const splicer = begun();
  feed(splicer, { from: 0, to: 20, gop: 100 });
  splicer.begin();
  expect(splicer.keyless(20_000).forMs).toBe(0);
  feed(splicer, { from: 20, to: 22, gop: 100 });
  expect(splicer.keyless(22_000).forMs).toBe(2_000);
});

it('shows which tracks the present source has shown', () => {
  const splicer = begun();
  feed(splicer, { from: 0, to: 1, gop: 1 });
  expect(splicer.shows).toEqual({ video: true, audio: false });
  splicer.begin();
  expect(splicer.shows).toEqual({ video: false, audio: false });
});
