import { describe, expect, it } from 'vitest';
import { GopCache } from './gop.ts';
import { Packet, type PacketKind } from './packet.ts';

function packet(kind: PacketKind, dtsMs: number, ...spans: Buffer[]): Packet {
  const made = new Packet();
  made.reset(kind, dtsMs);
  for (const span of spans) made.addSpan(span, 0, span.length);
  return made;
}

const small = Buffer.from([1, 2, 3]);
const cached = (gop: GopCache) => gop.batch.packets.slice(0, gop.batch.count).map(p => [p.kind, p.dtsMs, p.size]);

describe('the GOP cache', () => {
  it('holds what came since the last key frame, audio included', () => {
    const gop = new GopCache({ bytes: 1000, ms: 1000 });
    for (const [kind, dts] of [
      ['audio', 0],
      ['inter', 10],
      ['key', 20],
      ['audio', 25],
      ['key', 30],
      ['audio', 35],
      ['disposable', 40],
    ] as const) {
      gop.append(packet(kind, dts, small));
    }
    expect(cached(gop)).toEqual([
      ['key', 30, 3],
      ['audio', 35, 3],
      ['disposable', 40, 3],
    ]);
    expect(gop.keyDtsMs).toBe(30);
  });

  it('owns its bytes: the reader may overwrite its buffer', () => {
    const gop = new GopCache({ bytes: 1_000_000, ms: 1000 });
    const one = Buffer.alloc(100_000, 1);
    const two = Buffer.alloc(100_000, 2);
    gop.append(packet('key', 0, one, two));
    const expected = Buffer.concat([one, two]);
    one.fill(9);
    two.fill(9);
    expect(gop.batch.packets[0]?.copyPayload().equals(expected)).toBe(true);
  });

  it('leaves headers to the stream, which sends the present ones first', () => {
    const gop = new GopCache({ bytes: 1000, ms: 1000 });
    gop.append(packet('key', 0, small));
    gop.append(packet('audioHeader', 1, small));
    gop.append(packet('metadata', 1, small));
    expect(cached(gop)).toEqual([['key', 0, 3]]);
  });

  it.each([
    ['bytes', { bytes: 5, ms: 1000 }, 10],
    ['age', { bytes: 1000, ms: 50 }, 51],
  ] as const)('forgets a group beyond the bound of %s, and starts again at the next key frame', (_, limits, dtsMs) => {
    const gop = new GopCache(limits);
    gop.append(packet('key', 0, small));
    gop.append(packet('inter', dtsMs, small));
    gop.append(packet('inter', dtsMs + 1, small));
    expect(cached(gop)).toEqual([]);
    gop.append(packet('key', 100, small));
    expect(cached(gop)).toEqual([['key', 100, 3]]);
  });

  it('caches nothing of a key frame larger than the bound', () => {
    const gop = new GopCache({ bytes: 2, ms: 1000 });
    gop.append(packet('key', 0, small));
    expect(cached(gop)).toEqual([]);
    expect(gop.bytes).toBe(0);
  });

  it('lets go of its memory and starts again from nothing', () => {
    const gop = new GopCache({ bytes: 1000, ms: 1000 });
    gop.append(packet('key', 0, small));
    gop.release();
    expect(gop.empty).toBe(true);
    gop.append(packet('inter', 10, small));
    gop.append(packet('key', 20, small));
    expect(cached(gop)).toEqual([['key', 20, 3]]);
  });

  it('holds several groups where it is to go on, and begins again with the one that is too much', () => {
    const gop = new GopCache({ bytes: 1000, ms: 100 });
    for (const [kind, dts] of [
      ['inter', 0],
      ['key', 10],
      ['inter', 50],
      ['key', 60],
      ['key', 120],
    ] as const) {
      gop.append(packet(kind, dts, small), { on: true });
      if (dts === 60) expect(cached(gop).map(([, at]) => at)).toEqual([10, 50, 60]);
    }
    expect(cached(gop)).toEqual([['key', 120, 3]]);
  });
});
