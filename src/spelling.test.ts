import { describe, expect, it } from 'vitest';
import { didYouMean } from './spelling.ts';

describe('spelling', () => {
  it('suggests the nearest known word', () => {
    expect(didYouMean('--lisen', ['--data', '--listen'])).toBe(' (did you mean --listen?)');
  });

  it('suggests nothing when nothing is near', () => {
    expect(didYouMean('--banana', ['--data', '--listen'])).toBe('');
    expect(didYouMean('x', [])).toBe('');
  });
});
