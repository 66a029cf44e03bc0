import { describe, expect, it } from 'vitest';
import type { Member } from '../cluster/cluster.ts';
import { Clocks } from './clocks.ts';

const member = (name: string, skewMs?: number): Member => ({
  ...{ name, region: 'r', version: '1', api: null, isOpen: true, runs: 0, capacity: 1, load: 0, wall: 0 },
  ...(skewMs === undefined ? {} : { skewMs }),
  presence: 'present',
});

function stage() {
  const lines: string[] = [];
  const cluster: { members: readonly Member[] } = { members: [] };
  const log = (message: string, { cause }: { readonly [name: string]: unknown }) =>
    void lines.push(cause instanceof Error ? `${message}: ${cause.message}` : message);
  return { lines, cluster, clocks: new Clocks({ cluster, log }) };
}

describe('the clocks of the nodes', () => {
  it('are told of once where one is off, and when it is right again', () => {
    const { lines, cluster, clocks } = stage();
    cluster.members = [member('a'), member('b', 30_000), member('c')];
    clocks.look();
    clocks.look();
    expect(lines).toEqual(['the clock of another node is off: the clock of node b is 30 s ahead of ours']);
    cluster.members = [member('a'), member('b'), member('c')];
    clocks.look();
    expect(lines.slice(1)).toEqual(['the clock of a node is right again']);
  });

  it('may be ours where all others are off', () => {
    const { lines, cluster, clocks } = stage();
    cluster.members = [member('a'), member('b', -30_000), member('c', -30_100)];
    clocks.look();
    expect(lines[0]).toBe('the clock of this node, or of another one, is off: the clock of node b is 30 s behind ours');
  });

  it('are not told of where they agree', () => {
    const { lines, cluster, clocks } = stage();
    cluster.members = [member('a'), member('b')];
    clocks.look();
    expect(lines).toEqual([]);
  });
});
