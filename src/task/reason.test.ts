import { describe, expect, it } from 'vitest';
import { reasonOf } from './reason.ts';

const AT = Date.UTC(2027, 4, 5, 12, 0, 7, 400);

describe('reasonOf', () => {
  it('is what happened, the first time', () => {
    expect(reasonOf({ message: 'it went away', attempt: 1, nextAt: AT })).toBe('it went away');
  });

  it('counts the tries from the second on, and says when the next one is', () => {
    const said = 'it went away (3 tries have failed, the next try is at 2027-05-05T12:00:07Z)';
    expect(reasonOf({ message: 'it went away', attempt: 3, nextAt: AT })).toBe(said);
  });

  it('names no time where none is waited for', () => {
    expect(reasonOf({ message: 'it went away', attempt: 2 })).toBe('it went away (2 tries have failed)');
  });

  it('is empty where nothing is wrong', () => {
    expect(reasonOf({ message: '', attempt: 5 })).toBe('');
  });
});
