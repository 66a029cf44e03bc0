import { describe, expect, it } from 'vitest';
import { Lookahead } from './lookahead.ts';
import { Batch, type PacketKind } from './packet.ts';

/** "key@0" is a key frame at 0 ms. */
function batchOf(text: string): Batch {
  const batch = new Batch();
  for (const word of text.split(' ').filter(word => word !== '')) {
    const [kind, ms] = word.split('@');
    const packet = batch.next();
    packet.reset(kind as PacketKind, Number(ms));
    packet.addSpan(Buffer.alloc(10), 0, 10);
  }
  return batch;
}

const given = (lookahead: Lookahead, untilMs: number): string => {
  const batch = new Batch();
  lookahead.give(batch, untilMs);
  return batch.packets
    .slice(0, batch.count)
    .map(({ kind, dtsMs }) => `${kind}@${dtsMs}`)
    .join(' ');
};

function lookaheadOf(text: string, announced = { video: true, audio: true }): Lookahead {
  const lookahead = new Lookahead();
  lookahead.announced = announced;
  lookahead.add(batchOf(text));
  return lookahead;
}

describe('a lookahead', () => {
  it('lets the earliest frame of a file be its 0 and keeps the tracks apart as they were', () => {
    const lookahead = lookaheadOf('videoHeader@5000 key@5000 audioHeader@4980 audio@4980 inter@5040 audio@5001');
    expect(given(lookahead, 1000)).toBe('audioHeader@0 audio@0 videoHeader@20 key@20 audio@21 inter@60');
    expect(lookahead.empty).toBe(true);
  });

  it('merges tracks that lie apart in the file, once both have come so far', () => {
    const lookahead = lookaheadOf('key@0 inter@40 inter@80 inter@120 inter@160 audio@0');
    expect(lookahead.wants(100)).toBe(true);
    lookahead.add(batchOf('audio@50 audio@100'));
    expect(lookahead.wants(100)).toBe(false);
    expect(given(lookahead, 100)).toBe('key@0 audio@0 inter@40 audio@50 inter@80');
  });

  it('does not wait for a track that has stopped, nor for one that was announced and never comes', () => {
    const lookahead = lookaheadOf('key@0 audio@0 inter@6000');
    lookahead.add(batchOf('inter@12001'));
    expect(lookahead.wants(12_000)).toBe(false);
    const silent = lookaheadOf('key@0 inter@6000 inter@12000');
    expect(silent.wants(5_000)).toBe(true);
    silent.add(batchOf('inter@12040'));
    expect(silent.wants(5_000)).toBe(false);
  });

  it('waits for an announced track before it settles where the file begins', () => {
    const lookahead = lookaheadOf('key@1000 inter@3000 inter@5000');
    expect(lookahead.wants(1)).toBe(true);
    lookahead.add(batchOf('audio@900'));
    expect(given(lookahead, 200)).toBe('audio@0 key@100');
  });

  it('joins parts with clocks of their own without a gap, both tracks by one shift', () => {
    const lookahead = lookaheadOf('key@0 audio@0 inter@40 audio@20 audio@40 audio@60');
    lookahead.joint();
    lookahead.add(batchOf('key@900020 audio@900000 audio@900020'));
    // The sound ends at 80, and so does the picture.
    expect(given(lookahead, 1000)).toBe('key@0 audio@0 audio@20 inter@40 audio@40 audio@60 audio@80 key@100 audio@100');
  });

  it.each([
    ['back', 'key@100000 audio@100000 inter@100040 audio@100040 key@0 audio@0 inter@40 audio@40'],
    ['far ahead', 'key@0 audio@0 inter@40 audio@40 key@90000 audio@90000 inter@90040 audio@90040'],
  ])('takes a jump %s out of both tracks', (_, text) => {
    expect(given(lookaheadOf(text), 1000)).toBe('key@0 audio@0 inter@40 audio@40 key@80 audio@80 inter@120 audio@120');
  });

  it('keeps holes of some seconds, and lets a track rise whatever the file says', () => {
    const lookahead = lookaheadOf('key@0 audio@0 inter@40 inter@40 inter@30 key@8000 audio@8000');
    expect(given(lookahead, 9000)).toBe('key@0 audio@0 inter@40 inter@41 inter@42 key@8000 audio@8000');
  });

  it('drops what lies before the last key frame at or before a position, but for the codec headers in force', () => {
    const lookahead = lookaheadOf(
      'videoHeader@0 key@0 audioHeader@0 audio@0 inter@40 videoHeader@80 key@80 audio@79 audio@81 inter@120 key@160 audio@161',
    );
    lookahead.dropBefore(159);
    expect(lookahead.firstMs).toBe(80);
    expect(given(lookahead, 1000)).toBe('videoHeader@80 key@80 audioHeader@81 audio@81 inter@120 key@160 audio@161');
  });

  it('begins at the first key frame where none lies before the position, and keeps the sound before it', () => {
    const lookahead = lookaheadOf('inter@0 audio@0 inter@40 key@80 audio@40');
    lookahead.dropBefore(0);
    expect(given(lookahead, 1000)).toBe('audio@0 audio@40 key@80');
  });

  it('cuts the sound itself where there is no video', () => {
    const lookahead = lookaheadOf('audioHeader@0 audio@0 audio@20 audio@40', { video: false, audio: true });
    lookahead.dropBefore(25);
    expect(given(lookahead, 1000)).toBe('audioHeader@40 audio@40');
  });

  it('begins where it is told, for a file that is read from the middle', () => {
    const known = new Lookahead({ shiftMs: -1400 });
    known.add(batchOf('key@11400 audio@11420 inter@12440'));
    expect(given(known, 99_999)).toBe('key@10000 audio@10020 inter@11040');
    const told = new Lookahead({ firstMs: 8000 });
    told.add(batchOf('key@520 audio@500 inter@1560'));
    expect(given(told, 99_999)).toBe('audio@8000 key@8020 inter@9060');
  });

  it('counts what it holds down to nothing over thousands of packets', () => {
    const lookahead = new Lookahead();
    let out = 0;
    for (let i = 0; i < 5000; i++) {
      lookahead.add(batchOf(`${i % 25 === 0 ? 'key' : 'inter'}@${i * 40} audio@${i * 40 + 5}`));
      out += given(lookahead, i * 40 - 500)
        .split(' ')
        .filter(word => word !== '').length;
    }
    lookahead.finish();
    out += given(lookahead, Number.POSITIVE_INFINITY).split(' ').length;
    expect(out).toBe(10_000);
    expect(lookahead.bytes).toBe(0);
  });
});
