import { describe, expect, it } from 'vitest';
import { type DayFigures, liveThrough } from '../bench/endurance/day.ts';
import { MOST_SKEW_MS } from '../bench/endurance/judge.ts';

/** END_SEED and END_HOURS choose another day. */
const seed = Number(process.env.END_SEED ?? 1);
const hours = Number(process.env.END_HOURS ?? 1);

describe.each(['live', 'list'] as const)('an hour of faults in a run of the kind %s', kind => {
  let lived: Promise<DayFigures> | undefined;
  const live = (): Promise<DayFigures> => {
    lived ??= liveThrough({ kind, hours, seed });
    return lived;
  };

  it('shows enough to be judged', async () => {
    const { compared } = await live();
    expect(compared).toBeGreaterThan(100_000 * hours);
  });

  it('shows times that rise', async () => {
    const { notRising, found } = await live();
    expect(notRising, found.join('\n')).toBe(0);
  });

  it('keeps sound with the picture', async () => {
    const { worstSkewMs, found } = await live();
    expect(worstSkewMs, found.join('\n')).toBeLessThanOrEqual(MOST_SKEW_MS);
  });

  it('leaves nothing open and no timer behind', async () => {
    const { left } = await live();
    expect(left).toEqual([]);
  });

  it('makes no mistake of its own', async () => {
    const { found } = await live();
    expect(found).toEqual([]);
  });
});
