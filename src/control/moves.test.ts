import { describe, expect, it } from 'vitest';
import { type Movable, Moves, type Neighbour } from './moves.ts';

const neighbour = (name: string, runs: number, rest: Partial<Neighbour> = {}): Neighbour => ({
  ...{ name, runs, region: 'north', isOpen: true, capacity: 100, presence: 'present', state: 'active' },
  ...rest,
});

const settled = (taskId: string, rest: Partial<Movable> = {}): Movable => ({
  ...{ taskId, region: 'north', isFlowing: true },
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
    const held = [settled('young'), settled('off', { isFlowing: false })];
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
  /** Until what it has counts as settled. */
  const settle = async ({ moves, time }: ReturnType<typeof build>): Promise<void> => {
    await moves.turn();
    time.elapsed += 30_000;
  };

  it('gives one away at a time, the one that it has had on air longest', async () => {
    const node = build([neighbour('a', 10), neighbour('b', 0)], [settled('eldest')]);
    await node.moves.turn();
    node.time.elapsed += 1_000;
    node.room.held = [...many(9), settled('eldest')];
    await settle(node);
    expect(await node.moves.turn()).toBe(false);
    expect(node.moved).toEqual(['eldest to b']);
  });

  it('counts what it has given that the other has not told of yet', async () => {
    const node = build([neighbour('a', 10), neighbour('b', 0)], many(10));
    await settle(node);
    for (let turn = 0; turn < 20; turn++) await node.moves.turn();
    expect(node.moved).toHaveLength(5);
  });

  it('keeps what has not been on air here for long, and begins anew where that was lost', async () => {
    const node = build([neighbour('a', 10), neighbour('b', 0)], many(10));
    await node.moves.turn();
    node.time.elapsed += 29_000;
    await node.moves.turn();
    node.room.held = many(10).map(task => ({ ...task, isFlowing: false }));
    await node.moves.turn();
    node.room.held = many(10);
    await settle(node);
    expect(node.moved).toEqual([]);
    await node.moves.turn();
    expect(node.moved).toHaveLength(1);
  });

  it.each([
    ['what is not on air', [neighbour('a', 9), neighbour('b', 0)], { isFlowing: false }],
    ['tasks of another region', [neighbour('a', 9), neighbour('b', 0)], { region: 'south' }],
    ['anything to a node that is silent', [neighbour('a', 9), neighbour('b', 0, { presence: 'silent' })], {}],
    [
      'anything while another is drained',
      [neighbour('a', 9), neighbour('b', 0), neighbour('c', 5, { state: 'draining', isOpen: false })],
      {},
    ],
  ])('does not give away %s', async (_, nodes, rest) => {
    const node = build(
      nodes,
      many(9).map(task => ({ ...task, ...rest })),
    );
    await settle(node);
    await node.moves.turn();
    expect(node.moved).toEqual([]);
  });
});

it('goes on by itself until it is closed', async () => {
  const { moves, moved, time } = build([neighbour('a', 10), neighbour('b', 0)], many(10));
  await moves.turn();
  time.elapsed += 30_000;
  moves.start();
  await expect.poll(() => moved.length).toBe(5);
  await moves.close();
});
