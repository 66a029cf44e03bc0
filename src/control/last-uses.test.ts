import { describe, expect, it } from 'vitest';
import { LastUses } from './last-uses.ts';

function using({ fails = false } = {}) {
  const writes: string[] = [];
  let at = 1_000_000;
  const setLastUse = async (id: string, when: number): Promise<void> => {
    writes.push(`${id} ${when}`);
    if (fails) throw new Error('the disk is full');
  };
  const uses = new LastUses({ store: { setLastUse }, now: () => at });
  return { uses, writes, after: (ms: number) => (at += ms) };
}

describe('the last use of a key', () => {
  it('is written once a minute, however often it is used', () => {
    const { uses, writes, after } = using();
    for (const ms of [0, 59_999, 1]) {
      after(ms);
      uses.note('k');
    }
    expect(writes).toEqual(['k 1000000', 'k 1060000']);
  });

  it('is kept of each key apart', () => {
    const { uses, writes } = using();
    uses.note('a');
    uses.note('b');
    expect(writes).toHaveLength(2);
  });

  it('is written again where it could not be stored', async () => {
    const { uses, writes } = using({ fails: true });
    uses.note('k');
    await new Promise(resolve => setImmediate(resolve));
    uses.note('k');
    expect(writes).toHaveLength(2);
  });
});
