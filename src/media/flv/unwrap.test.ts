import { describe, expect, it } from 'vitest';
import { Unwrap } from './unwrap.ts';

const frames = (...timestamps: readonly number[]): number[] => {
  const time = new Unwrap();
  return timestamps.map(timestamp => time.frame(timestamp));
};

describe('Unwrap', () => {
  it('begins with the first time as it stands', () => {
    expect(frames(0xfffffff0)).toEqual([0xfffffff0]);
  });

  it('goes on past 2^32', () => {
    expect(frames(0xfffffff0, 0x10, 0x30)).toEqual([0xfffffff0, 0x100000010, 0x100000030]);
  });

  it('goes on past 2^31, with a peer that counts 32 bits and with one that counts 31', () => {
    expect(frames(0x7ffffff0, 0x80000010)).toEqual([0x7ffffff0, 0x80000010]);
    expect(frames(0x7ffffff0, 0x10)).toEqual([0x7ffffff0, 0x80000010]);
  });

  it('keeps two tracks together while they wrap one after the other', () => {
    expect(frames(0x7ffffff0, 5, 0x7ffffff8, 20)).toEqual([0x7ffffff0, 0x80000005, 0x7ffffff8, 0x80000014]);
    expect(frames(0xfffffff0, 5, 0xfffffff8, 20)).toEqual([0xfffffff0, 0x100000005, 0xfffffff8, 0x100000014]);
  });

  it('keeps a small step back small', () => {
    expect(frames(1000, 960, 1040)).toEqual([1000, 960, 1040]);
    expect(frames(3, 0xfffffffe)).toEqual([3, -2]);
  });

  it('shows a source that begins anew as the jump it is', () => {
    expect(frames(3_600_000, 0)).toEqual([3_600_000, 0]);
  });

  it('lets no header move the time', () => {
    const time = new Unwrap();
    expect(time.header(0)).toBe(0);
    expect(time.frame(3_000_000_000)).toBe(3_000_000_000);
    expect(time.header(0)).toBe(3_000_000_000);
    expect(time.header(3_000_000_040)).toBe(3_000_000_040);
    expect(time.frame(3_000_000_020)).toBe(3_000_000_020);
  });
});
