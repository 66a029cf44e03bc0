import { expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { Place } from '../lab/place.ts';
import { pass } from '../lab/wait.ts';
import { isFull, p99, Stage } from './stage.ts';

/** Longer than the lease, so that others have taken over when it wakes. */
const FROZEN_MS = isFull ? 30_000 : 10_000;
const TRIALS = isFull ? 50 : 3;
/** With a worker's and a control process's late words in it. */
const AWAKE_MS = 4_000;

it('never has two pushers when a node wakes that has stood still beyond its lease', {
  timeout: 3_600_000,
}, async () => {
  await using place = new Place();
  const stage = await Stage.start(place, { nodes: 3, lives: 9, lists: 3 });
  const tookMs: number[] = [];
  let moved = 0;
  for (let i = 0; i < TRIALS; i++) {
    const node = stage.cluster.node(i % 3);
    const mine = await stage.heldBy(node);
    const atMs = node.freeze();
    const [took] = await Promise.all([stage.backOnAir(mine, atMs), pass(FROZEN_MS)]);
    tookMs.push(...took);
    await stage.tellLate(mine, took, atMs);
    moved += mine.length;
    const awakeMs = node.thaw();
    await pass(AWAKE_MS);
    await stage.allOnAir(awakeMs);
    if (isFull) console.log(`freeze ${i + 1} of ${TRIALS}: ${mine.length} tasks, doubled ${stage.doubledMs} ms`);
  }
  const name = `${TRIALS} freezes of ${FROZEN_MS / 1000} s`;
  figure('CLUSTER', `${name}: with two pushers`, stage.doubledMs, { unit: 'ms', exactly: 0 });
  figure('CLUSTER', `${name}: tasks on air elsewhere, p99 of ${moved}`, p99(tookMs), { unit: 'ms', atMost: 8_000 });
  expect(moved).toBeGreaterThan(TRIALS);
});
