import { describe, expect, it } from 'vitest';
import { BitReader, putUint24, putUint32, SpareBuffers, uint16At, uint24At, uint32At } from './bytes.ts';

describe('numbers by index', () => {
  it('read what they write, up to the top bit', () => {
    const bytes = Buffer.alloc(8);
    expect(putUint32(bytes, putUint24(bytes, 0, 0xfedcba), 0xfffffffe)).toBe(7);
    expect(bytes.toString('hex')).toBe('fedcbafffffffe00');
    expect([uint16At(bytes, 0), uint24At(bytes, 0), uint32At(bytes, 3)]).toEqual([0xfedc, 0xfedcba, 0xfffffffe]);
  });
});

describe('SpareBuffers', () => {
  it('gives a buffer that was given back to the next who needs that size', () => {
    const spares = new SpareBuffers();
    const first = spares.take(5000);
    expect(first.length).toBe(8192);
    expect(spares.take(5000)).not.toBe(first);
    spares.giveBack(first);
    expect(spares.take(8192)).toBe(first);
  });

  it('keeps neither large buffers nor more than 8 MB', () => {
    const spares = new SpareBuffers();
    spares.giveBack(spares.take(300_000));
    expect(spares.keptBytes).toBe(0);
    const many = Array.from({ length: 100 }, () => spares.take(256 * 1024));
    for (const buffer of many) spares.giveBack(buffer);
    expect(spares.keptBytes).toBe(8 * 1024 * 1024);
  });
});

describe('BitReader', () => {
  it('reads bits and Exp-Golomb codes', () => {
    // 1 | 010 | 011 | 00100 | 0101 as raw bits
    const bits = new BitReader(Buffer.from([0b10100110, 0b01000101]));
    expect([bits.unsigned(), bits.unsigned(), bits.signed(), bits.unsigned(), bits.bits(4)]).toEqual([0, 1, -1, 3, 5]);
    expect(bits.overrun).toBe(false);
  });

  it('reads zeros behind its end and says so', () => {
    const bits = new BitReader(Buffer.alloc(3));
    expect(bits.unsigned()).toBe(0);
    expect(bits.overrun).toBe(true);
    expect(new BitReader(Buffer.alloc(0)).bits(32)).toBe(0);
  });

  it('takes a code of more than 32 bits for an overrun', () => {
    const bits = new BitReader(Buffer.alloc(100));
    expect(bits.unsigned()).toBe(0);
    expect(bits.overrun).toBe(true);
  });
});
