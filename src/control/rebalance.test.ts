import { describe, expect, it } from 'vitest';
import { emptiest, type Filled, nextMove } from './rebalance.ts';

const node = (name: string, runs: number, rest: Partial<Filled> = {}): Filled => ({
  ...{ name, runs, region: 'north', isOpen: true, capacity: 100 },
  ...rest,
});

describe('a move', () => {
  it('goes from the fullest node to the emptiest', () => {
    expect(nextMove([node('a', 20), node('b', 12), node('c', 3)], 'a')).toBe('c');
  });

  it('is not made by a node that is not the fullest', () => {
    expect(nextMove([node('a', 20), node('b', 12), node('c', 3)], 'b')).toBeUndefined();
  });

  it.each([
    ['where the others are as full', [node('a', 10), node('b', 10)]],
    ['for the sake of one run', [node('a', 2), node('b', 1)]],
    ['where a tenth would not be gained', [node('a', 100), node('b', 91)]],
    ['to another region', [node('a', 50), node('b', 0, { region: 'south' })]],
    ['to a node that takes nothing', [node('a', 50), node('b', 0, { isOpen: false })]],
    ['to a node that is full', [node('a', 90), node('b', 5, { capacity: 5 })]],
    ['where there is no other node', [node('a', 50)]],
    ['from a node that is not there', [node('b', 50), node('c', 0)]],
  ])('is not made %s', (_, nodes) => {
    expect(nextMove(nodes, 'a')).toBeUndefined();
  });

  it('is measured by what each node means to carry', () => {
    expect(nextMove([node('a', 40, { capacity: 100 }), node('b', 30, { capacity: 1_000 })], 'a')).toBe('b');
    expect(nextMove([node('a', 40, { capacity: 1_000 }), node('b', 30, { capacity: 100 })], 'a')).toBeUndefined();
  });
});

it('finds a place for what a node gives away, without those that were tried', () => {
  const nodes = [node('a', 50), node('b', 9), node('c', 10)];
  expect(emptiest(nodes, 'north', ['a'])?.name).toBe('b');
  expect(emptiest(nodes, 'north', ['a', 'b'])?.name).toBe('c');
  expect(emptiest(nodes, 'south', [])).toBeUndefined();
});

/** Numbers that look like chance, the same each time. */
function dice(seed: number): (most: number) => number {
  let state = seed;
  return most => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % most;
  };
}

describe('any cluster', () => {
  it.each(Array.from({ length: 200 }, (_, seed) => seed))('comes to rest: %i', seed => {
    const roll = dice(seed + 1);
    let nodes = Array.from({ length: 2 + roll(6) }, (_, at) =>
      node(`n${at}`, roll(120), {
        capacity: 20 + roll(300),
        region: roll(3) === 0 ? 'south' : 'north',
        isOpen: roll(5) !== 0,
      }),
    );
    const total = (region: string) =>
      nodes.filter(one => one.region === region).reduce((sum, { runs }) => sum + runs, 0);
    const before = [total('north'), total('south')];
    const most = nodes.reduce((sum, { runs }) => sum + runs, 0) + 1;
    let moves = 0;
    for (let moved = true; moved; moves += moved ? 1 : 0) {
      expect(moves).toBeLessThan(most);
      moved = false;
      for (const { name } of nodes) {
        const target = nextMove(nodes, name);
        if (target === undefined) continue;
        nodes = nodes.map(one => ({ ...one, runs: one.runs + (one.name === target ? 1 : one.name === name ? -1 : 0) }));
        expect(nextMove(nodes, target)).not.toBe(name);
        moved = true;
      }
    }
    expect([total('north'), total('south')]).toEqual(before);
  });
});
