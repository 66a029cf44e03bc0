import { describe, expect, it } from 'vitest';
import { inParallel } from './parallel.ts';

describe('working in parallel', () => {
  it('works on every item in order, no more at a time than allowed', async () => {
    const begun: number[] = [];
    let atWork = 0;
    let most = 0;
    await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async item => {
      begun.push(item);
      atWork += 1;
      most = Math.max(most, atWork);
      await new Promise(resolve => setImmediate(resolve));
      atWork -= 1;
    });
    expect(begun).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it('works on the others when one fails, and tells the first failure', async () => {
    const done: number[] = [];
    const work = async (item: number) => {
      if (item % 2 === 0) throw new Error(`item ${item}`);
      done.push(item);
    };
    await expect(inParallel([1, 2, 3, 4, 5], 2, work)).rejects.toThrow('item 2');
    expect(done).toEqual([1, 3, 5]);
  });

  it('has nothing to do with no items', async () => {
    await expect(inParallel([], 4, () => Promise.reject(new Error('asked')))).resolves.toBeUndefined();
  });
});
