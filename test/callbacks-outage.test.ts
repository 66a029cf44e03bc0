import { expect, it } from 'vitest';
import { LONGEST_STEP_MS, outage } from './lab/outage.ts';
import { Place } from './lab/place.ts';

it('loses nothing while a receiver is away for three days, and tells it all within one step of its return', async () => {
  await using place = new Place();
  const outcome = await outage(place, { seed: 7, days: 3, tasks: 4 });
  const { lost, strange, readsLikeTheLog, duplicates, redelivered } = outcome;
  expect({ lost, strange, readsLikeTheLog, duplicates, redelivered }).toEqual({
    ...{ lost: [], strange: [], readsLikeTheLog: true, duplicates: 0, redelivered: 0 },
  });
  expect(outcome.inversions).toEqual([]);
  expect(outcome.settledAfterMs).toBeLessThanOrEqual(LONGEST_STEP_MS);
});
