import { describe, expect, it } from 'vitest';
import { BitWriter } from './bits.ts';
import { BLUE, drawFrame, groundOf } from './card.ts';
import { Film, filmOf, GROUP } from './film.ts';

describe('bits', () => {
  it('are written as H.264 prints them', () => {
    const unit = new BitWriter().ue(0).ue(1).ue(7).se(1).se(-2).bits(5, 3).code('0011').unit(0x41);
    // 1 010 0001000 010 00101 101 0011, and the stop bit
    expect([...unit]).toEqual([0x41, 0b10100001, 0b00001000, 0b10110100, 0b11100000]);
  });

  it('never look like a start code', () => {
    const unit = new BitWriter().bits(0, 16).bits(1, 8).bits(0, 16).bits(0, 8).unit(0x41);
    expect(unit.toString('hex')).toBe('41000003010000030080');
  });
});

describe('a test card', () => {
  it('changes with every frame, and is the same for the same frame', () => {
    const ground = groundOf({ ground: BLUE, number: 2 });
    expect(drawFrame(ground, 7)).toEqual(drawFrame(ground, 7));
    expect(drawFrame(ground, 7)).not.toEqual(drawFrame(ground, 8));
  });

  it('costs a key frame a group and little in between', () => {
    const film = new Film({ ground: 'bars' });
    const sizes = Array.from({ length: GROUP + 1 }, (_, n) => film.frame(n).length);
    expect(sizes[0]).toBeGreaterThan(2 * (sizes[1] ?? 0));
    expect(sizes[GROUP]).toBeGreaterThan(2 * (sizes[1] ?? 0));
  });

  it('is a file of so many seconds', () => {
    const film = filmOf({ ground: BLUE }, 2);
    expect(film.subarray(0, 3).toString()).toBe('FLV');
    expect(film.length).toBeGreaterThan(10_000);
  });
});
