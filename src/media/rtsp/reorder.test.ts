import { describe, expect, it } from 'vitest';
import { uint16At } from '../bytes.ts';
import { Reorder, type ReorderLimits } from './reorder.ts';
import { rtp } from './scripted-server.ts';

const LIMITS: ReorderLimits = { waitMs: 100, packets: 8, bytes: 1_000 };

/** The numbers in the order in which they come out, of packets that come a millisecond apart. */
class Line {
  readonly out: number[] = [];
  readonly reorder: Reorder;
  atMs = 0;

  constructor(limits: Partial<ReorderLimits> = {}) {
    this.reorder = new Reorder(bytes => void this.out.push(uint16At(bytes, 2)), { ...LIMITS, ...limits });
  }

  put(...numbers: number[]): this {
    for (const sequence of numbers) this.packet(sequence);
    return this;
  }

  packet(sequence: number, { ssrc = 1, bytes = 10 } = {}): this {
    const packet = rtp({ sequence, timestamp: 0, ssrc }, Buffer.alloc(bytes));
    this.reorder.put(packet, packet.length, ++this.atMs);
    return this;
  }

  wait(ms: number): this {
    this.atMs += ms;
    this.reorder.expire(this.atMs);
    return this;
  }
}

describe('packets that come in datagrams', () => {
  it('are handed on at once where they come in order', () => {
    const line = new Line().put(5, 6, 7);
    expect([line.out, line.reorder.held]).toEqual([[5, 6, 7], 0]);
  });

  it('are put in order', () => {
    expect(new Line().put(1, 4, 3, 2, 6, 5).out).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('are put in order over the turn of their numbers', () => {
    expect(new Line().put(65_533, 65_535, 0, 65_534, 2, 1).out).toEqual([65_533, 65_534, 65_535, 0, 1, 2]);
  });

  it('wait for one that is missing, and not for longer than they may', () => {
    const line = new Line().put(1, 3, 4);
    expect(line.wait(97).out).toEqual([1]);
    expect(line.wait(2).out).toEqual([1, 3, 4]);
  });

  it('wait for each that is missing from when that was seen', () => {
    const line = new Line().put(1, 3).wait(60).put(5).wait(50);
    expect(line.out).toEqual([1, 3]);
    expect(line.wait(50).out).toEqual([1, 3, 5]);
  });

  it('wait in no greater number than they may', () => {
    const line = new Line().put(1, 3, 4, 5, 6, 7, 8, 9, 10);
    expect(line.out).toEqual([1]);
    expect(line.put(11).out).toEqual([1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('wait with no more bytes than they may', () => {
    const line = new Line().put(1).packet(3, { bytes: 500 }).packet(4, { bytes: 500 });
    expect([line.out, line.reorder.held]).toEqual([[1, 3, 4], 0]);
  });

  it('are dropped where they come twice, or when nobody waits any more', () => {
    const line = new Line().put(1, 1, 3, 3).wait(200).put(2, 4);
    expect([line.out, line.reorder.late]).toEqual([[1, 3, 4], 3]);
  });

  it('begin anew where two in a row are far from the others', () => {
    expect(new Line().put(1, 2, 40_000, 3, 50_000, 50_001, 50_002).out).toEqual([1, 2, 3, 50_001, 50_002]);
  });

  it('begin anew where two in a row are of another sender, behind what waits', () => {
    const line = new Line().put(1, 3);
    line.packet(3, { ssrc: 2 }).packet(4, { ssrc: 2 }).packet(5, { ssrc: 2 });
    expect(line.out).toEqual([1, 3, 4, 5]);
  });

  it('are none where they are too short to have a number', () => {
    const line = new Line();
    for (let length = 0; length < 12; length++) line.reorder.put(Buffer.alloc(20), length, 0);
    expect([line.out, line.reorder.held]).toEqual([[], 0]);
  });

  it('come out rising, each once, whatever their order was', () => {
    const line = new Line({ waitMs: 30, packets: 64, bytes: 100_000 });
    let seed = 7;
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const numbers = Array.from({ length: 20_000 }, (_, n) => ({ n, at: n + random() * 12 }))
      .filter(() => random() > 0.01)
      .sort((a, b) => a.at - b.at);
    for (const { n } of numbers) line.put((65_000 + n) % 65_536);
    line.wait(1_000);
    const steps = line.out.map((number, i) => (i === 0 ? 1 : (number - (line.out[i - 1] ?? 0) + 65_536) % 65_536));
    expect(steps.every(step => step >= 1 && step < 10)).toBe(true);
    expect(line.out.length + line.reorder.late).toBe(numbers.length);
    // At the beginning nobody knows yet whether something came before.
    expect(line.reorder.late).toBeLessThan(12);
  });
});
