import { expect, it } from 'vitest';
import { killStorm } from './lab/kill-storm.ts';
import { Place } from './lab/place.ts';

const KILLS = Number(process.env.TEST_KILLS ?? 25);
/** To one receiver. */
const MOST_IN_FLIGHT = 8;

it(`loses no callback over ${KILLS} kills of the control process while it delivers`, { timeout: 600_000 }, async () => {
  await using place = new Place();
  const outcome = await killStorm(place, { kills: KILLS, seed: 11, rate: 150, lifeMs: 600, aim: 'requests' });
  const { lost, strange, readsLikeTheLog, outOfOrder } = outcome;
  expect({ lost, strange, readsLikeTheLog, outOfOrder }).toEqual({
    ...{ lost: [], strange: [], readsLikeTheLog: true, outOfOrder: [] },
  });
  // Of each kill at the most what was on its way.
  expect(outcome.duplicates).toBeLessThanOrEqual(KILLS * MOST_IN_FLIGHT);
});
