import { describe, expect, it } from 'vitest';
import { tryOne } from './fuzz/one.ts';
import { PAST } from './fuzz/past.ts';
import { TARGETS } from './fuzz/targets.ts';

const COUNT = Number(process.env.FUZZ_COUNT ?? 1_500);
if (!(COUNT >= 1)) throw new Error(`FUZZ_COUNT=${process.env.FUZZ_COUNT} is no number above 0`);

describe.each(TARGETS)('what reads $name of a peer', target => {
  it('takes the bytes that its peers send', async () => {
    for (const seed of target.seeds()) await target.run(Buffer.from(seed));
  });

  it(`ends soon, with or without a fault, whatever they are: ${COUNT} times`, async () => {
    const seeds = target.seeds();
    for (const seed of PAST[target.name] ?? [])
      expect([seed, await tryOne(target, seeds, seed)]).toEqual([seed, undefined]);
    for (let seed = 1; seed <= COUNT; seed++) {
      const found = await tryOne(target, seeds, seed);
      if (found !== undefined) throw new Error(`${target.name} seed ${seed}: ${found}`);
    }
  });
});
