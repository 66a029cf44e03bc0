import { describe, expect, it } from 'vitest';
import { type Movable, Moves, type Neighbour } from './moves.ts';

const NOW = 1_000_000;

const neighbour = (name: string, runs: number, rest: Partial<Neighbour> = {}): Neighbour => ({
  ...{ name, runs, region: 'north', isOpen: true, capacity: 100, presence: 'present', state: 'active' },
  ...rest,
});

const settled = (taskId: string, rest: Partial<Movable> = {}): Movable => ({
  ...{ taskId, region: 'north', flowingSince: NOW - 60_000 },
  ...rest,
});

function build(nodes: readonly Neighbour[], held: readonly Movable[]) {
  const moved: string[] = [];
  const refusing = new Set<string>();
  const time = { elapsed: 0 };
  const room = { nodes, held };
  const moves = new Moves({
    node: 'a',
    nodes: () => room.nodes,
    held: () => room.held,
    move: async (taskId, node) => {
      if (refusing.has(taskId)) throw new Error('it would not go');
      moved.push(`${taskId} to ${node}`);
      room.held = room.held.filter(task => task.taskId !== taskId);
    },
    now: () => NOW + time.elapsed,
    elapsed: () => time.elapsed,
    sleep: () => new Promise(resolve => setImmediate(resolve)),
    log: () => {},
  });
  return { moves, moved, refusing, time, room };
}

const many = (count: number): readonly Movable[] => Array.from({ length: count }, (_, at) => settled(`t${at}`));

describe('a node that is drained', () => {
  const drained = neighbour('a', 3, { state: 'draining', isOpen: false });

  it('gives away all it has, one after the other, to whoever has least', async () => {
    const { moves, moved } = build([drained, neighbour('b', 1), neighbour('c', 0)], many(3));
    for (let turn = 0; turn < 3; turn++) expect(await moves.turn()).toBe(true);
    expect(await moves.turn()).toBe(false);
    expect(moved).toEqual(['t0 to c', 't1 to b', 't2 to c']);
  });

  it('also gives what has just come on air, and what is not', async () => {
    const held = [settled('young', { flowingSince: NOW }), settled('off', { flowingSince: undefined })];
    const { moves, moved } = build([drained, neighbour('b', 1)], held);
    await moves.turn();
    await moves.turn();
    expect(moved).toEqual(['young to b', 'off to b']);
  });

  it('keeps what no other node of its region can take', async () => {
    const { moves, moved } = build([drained, neighbour('b', 1, { region: 'south' })], many(2));
    expect(await moves.turn()).toBe(false);
    expect(moved).toEqual([]);
  });

  it('goes on with the next where one cannot be moved, and tries that again', async () => {
    const { moves, moved, refusing, time } = build([drained, neighbour('b', 1)], many(2));
    refusing.add('t0');
    await moves.turn();
    await moves.turn();
    expect(moved).toEqual(['t1 to b']);
    refusing.clear();
    await moves.turn();
    time.elapsed += 20_000;
    await moves.turn();
    expect(moved).toEqual(['t1 to b', 't0 to b']);
  });
});

describe('a node that is fuller than others', () => {
  it('gives one away at a time, the one that has been on air longest', async () => {
    const held = [...many(9), settled('eldest', { flowingSince: NOW - 3_600_000 })];
    const { moves, moved } = build([neighbour('a', 10), neighbour('b', 0)], held);
    expect(await moves.turn()).toBe(false);
    expect(moved).toEqual(['eldest to b']);
  });

  it('counts what it has given that the other has not told of yet', async () => {
    const { moves, moved } = build([neighbour('a', 10), neighbour('b', 0)], many(10));
    for (let turn = 0; turn < 20; turn++) await moves.turn();
    expect(moved).toHaveLength(5);
  });

  it.each([
    ['what has only just come on air', [neighbour('a', 9), neighbour('b', 0)], { flowingSince: NOW - 1_000 }],
    ['what is not on air', [neighbour('a', 9), neighbour('b', 0)], { flowingSince: undefined }],
    ['tasks of another region', [neighbour('a', 9), neighbour('b', 0)], { region: 'south' }],
    ['anything to a node that is silent', [neighbour('a', 9), neighbour('b', 0, { presence: 'silent' })], {}],
    [
      'anything while another is drained',
      [neighbour('a', 9), neighbour('b', 0), neighbour('c', 5, { state: 'draining', isOpen: false })],
      {},
    ],
  ])('does not give away %s', async (_, nodes, rest) => {
    const { moves, moved } = build(
      nodes,
      many(9).map(task => ({ ...task, ...rest })),
    );
    await moves.turn();
    expect(moved).toEqual([]);
  });
});

it('goes on by itself until it is closed', async () => {
  const { moves, moved } = build([neighbour('a', 10), neighbour('b', 0)], many(10));
  moves.start();
  await expect.poll(() => moved.length).toBe(5);
  await moves.close();
});
