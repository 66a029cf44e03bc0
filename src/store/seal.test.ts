import { expect, it } from 'vitest';
import { Seal } from './seal.ts';

const KEY = Buffer.alloc(32, 1);
const seal = new Seal(KEY);

it('opens what it closed, whatever the text', () => {
  for (const text of ['', 'rtmp://a/b/c?k=1', '流😀', 'x'.repeat(100_000)]) {
    expect(seal.open('tasks/1', seal.close('tasks/1', text))).toBe(text);
  }
});

it('never closes the same text to the same bytes', () => {
  expect(seal.close('tasks/1', 'text')).not.toEqual(seal.close('tasks/1', 'text'));
});

it('does not open at another place', () => {
  expect(() => seal.open('tasks/2', seal.close('tasks/1', 'text'))).toThrow('tasks/2 does not open');
});

it('does not open with another key', () => {
  expect(() => new Seal(Buffer.alloc(32, 2)).open('tasks/1', seal.close('tasks/1', 'text'))).toThrow('does not open');
});

it('does not open with any byte altered, nor cut short anywhere', () => {
  const sealed = seal.close('tasks/1', 'text');
  for (let at = 0; at < sealed.length; at++) {
    const altered = Uint8Array.from(sealed, (byte, i) => (i === at ? byte ^ 1 : byte));
    expect(() => seal.open('tasks/1', altered)).toThrow();
    expect(() => seal.open('tasks/1', sealed.subarray(0, at))).toThrow();
  }
});

it('takes no key of another size', () => {
  expect(() => new Seal(Buffer.alloc(16))).toThrow('has 32 bytes, this one has 16');
});
