import { expect, it } from 'vitest';
import { hostileMinutes } from './lab/hostile-minutes.ts';
import { Place } from './lab/place.ts';

const SEED = Number(process.env.TEST_SEED ?? 20_261_121);
const MINUTES = Number(process.env.TEST_HOSTILE_MINUTES ?? 10);

it('tells hostile receivers for ten minutes, and each ends with exactly the log', async () => {
  await using place = new Place();
  const outcome = await hostileMinutes(place, { minutes: MINUTES, seed: SEED });
  const { lost, strange, readsLikeTheLog, dead } = outcome;
  expect({ lost, strange, readsLikeTheLog, dead }).toEqual({ lost: [], strange: [], readsLikeTheLog: true, dead: 0 });
  expect(outcome.inversions).toEqual([]);
  expect(outcome.released).toBeGreaterThan(0);
  expect(outcome.manners.size).toBe(14);
  // Of a gigabyte: what is read, and what the two kernels hold.
  expect(outcome.mostTalked).toBeLessThan(16 * 1024 * 1024);
  expect(outcome.wellWaitedMs).toBeLessThan(10_000);
});
