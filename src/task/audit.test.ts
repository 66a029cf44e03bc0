import { describe, expect, it } from 'vitest';
import { fieldChanges } from './audit.ts';

describe('the changes of fields', () => {
  it('are those that differ, with both sides', () => {
    const before = { name: 'a', policies: ['x'], enabled: true };
    const after = { name: 'a', policies: ['y'], enabled: true };
    expect(fieldChanges(before, after)).toEqual({ policies: { before: ['x'], after: ['y'] } });
  });

  it('have one side alone where the thing was made or removed', () => {
    expect(fieldChanges({}, { name: 'a' })).toEqual({ name: { after: 'a' } });
    expect(fieldChanges({ name: 'a' }, {})).toEqual({ name: { before: 'a' } });
  });
});
