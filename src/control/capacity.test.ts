import { expect, it } from 'vitest';
import { Capacity } from './capacity.ts';

it('is what workers carry as a rule while nothing is known', () => {
  expect(new Capacity({ workers: 4, cores: 8 }).runs).toBe(1_000);
});

it('is what its operator says', () => {
  const capacity = new Capacity({ workers: 4, cores: 8, given: 30 });
  capacity.note({ runs: 100, cores: 1 });
  expect(capacity.runs).toBe(30);
});

it('is less where runs are dear', () => {
  const capacity = new Capacity({ workers: 2, cores: 2 });
  capacity.note({ runs: 100, cores: 1 });
  expect(capacity.runs).toBe(160);
});

it('is not more than usual where they are cheap', () => {
  const capacity = new Capacity({ workers: 2, cores: 2 });
  capacity.note({ runs: 100, cores: 0.01 });
  expect(capacity.runs).toBe(500);
});

it('is not told by a few runs, nor by a figure that is none', () => {
  const capacity = new Capacity({ workers: 2, cores: 2 });
  for (const seen of [
    { runs: 2, cores: 1 },
    { runs: 20, cores: Number.NaN },
    { runs: 20, cores: 0 },
  ])
    capacity.note(seen);
  expect(capacity.runs).toBe(500);
});

it('follows what runs cost only slowly', () => {
  const capacity = new Capacity({ workers: 2, cores: 2 });
  capacity.note({ runs: 100, cores: 1 });
  capacity.note({ runs: 100, cores: 2 });
  expect(capacity.runs).toBeGreaterThan(150);
  for (let second = 0; second < 200; second++) capacity.note({ runs: 100, cores: 2 });
  expect(capacity.runs).toBe(80);
});

it('is none where there are no workers, and one at least where there are', () => {
  expect(new Capacity({ workers: 0, cores: 2 }).runs).toBe(0);
  const dear = new Capacity({ workers: 1, cores: 1 });
  dear.note({ runs: 8, cores: 1_000 });
  expect(dear.runs).toBe(1);
});
