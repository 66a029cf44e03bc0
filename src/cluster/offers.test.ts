import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { until } from '../../test/lab/wait.ts';
import { facts } from './cluster.testsuite.ts';
import type { Offer } from './cluster.ts';
import { openNodes, pair } from './nats-nodes.testsuite.ts';

describe('offers', () => {
  /** Takes what it is given, and remembers it. */
  const taker = (room = 1_000) => {
    const taken: string[] = [];
    return {
      taken,
      room: () => room - taken.length,
      take: async ({ taskId }: Offer) => {
        taken.push(taskId);
        await wait(5);
      },
    };
  };

  const offersOf = (count: number): Offer[] =>
    Array.from({ length: count }, (_, n) => ({ taskId: `task-${n}`, epoch: 0, region: 'r' }));

  it('are taken by one node each, all of them, by what each can carry', { timeout: 30_000 }, async () => {
    await using stack = new AsyncDisposableStack();
    const nodes = await openNodes(stack, ['a', 'b', 'c']);
    const takers = nodes.map(() => taker());
    const capacities = [1_000, 500, 500];
    await Promise.all(
      nodes.map((node, at) =>
        node.join(() => ({ ...facts(), capacity: capacities[at] ?? 0, runs: takers[at]?.taken.length ?? 0 })),
      ),
    );
    await until('all see all', () => nodes.every(node => node.members.length === 3));
    for (const [at, node] of nodes.entries()) stack.defer(node.serve(takers[at] ?? taker()));
    const from = performance.now();
    await nodes[0]?.offer(offersOf(1_000));
    await until('all are taken', () => takers.flatMap(({ taken }) => taken).length >= 1_000);
    const counts = takers.map(({ taken }) => taken.length);
    console.log(`1,000 offers taken in ${Math.round(performance.now() - from)} ms: ${counts.join(', ')}`);
    expect(new Set(takers.flatMap(({ taken }) => taken)).size).toBe(1_000);
    expect(counts[0]).toBeGreaterThan(350);
    expect(Math.min(...counts)).toBeGreaterThan(150);
  });

  it('that are made twice are taken once', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    await a.offer(offersOf(20));
    await b.offer(offersOf(20));
    const all = taker();
    stack.defer(a.serve(all));
    await until('all are taken', () => all.taken.length >= 20);
    await wait(300);
    expect(all.taken).toHaveLength(20);
  });

  it('go to the node they prefer', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    const takers = [taker(), taker()];
    stack.defer(a.serve(takers[0] ?? taker()));
    stack.defer(b.serve(takers[1] ?? taker()));
    await a.offer(offersOf(20).map(offer => ({ ...offer, prefers: 'b' })));
    await until('all are taken', () => takers.flatMap(({ taken }) => taken).length >= 20);
    expect(takers[1]?.taken).toHaveLength(20);
  });

  it('are taken by another where the preferred node is not there', async () => {
    await using stack = new AsyncDisposableStack();
    const [a] = await pair(stack);
    const all = taker();
    stack.defer(a.serve(all));
    await a.offer(offersOf(3).map(offer => ({ ...offer, prefers: 'stranger' })));
    await until('all are taken', () => all.taken.length === 3);
  });

  it('are not taken by who has no room', async () => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = await pair(stack);
    const [full, free] = [taker(0), taker()];
    stack.defer(a.serve(full));
    stack.defer(b.serve(free));
    await a.offer(offersOf(10));
    await until('all are taken', () => free.taken.length === 10);
    expect(full.taken).toEqual([]);
  });

  it('stay in their region', async () => {
    await using stack = new AsyncDisposableStack();
    const [a] = await pair(stack);
    const all = taker();
    stack.defer(a.serve(all));
    await a.offer([{ taskId: 'far', epoch: 0, region: 'elsewhere' }]);
    await a.offer(offersOf(1));
    await until('the near one is taken', () => all.taken.length > 0);
    expect(all.taken).toEqual(['task-0']);
  });
});
