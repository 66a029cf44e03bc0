import { describe, expect, it } from 'vitest';
import type { Member } from '../cluster/cluster.ts';
import type { KeptNode, NodeState } from '../store/node-store.ts';
import type { Store } from '../store/store.ts';
import type { AuditEntry } from '../task/audit.ts';
import type { NodeFacts } from './node.ts';
import { Roster } from './roster.ts';

const NOW = 1_800_000_000_000;
const ADMIN = { kind: 'user', id: 'u', name: 'ada', remote: '', requestId: '' } as const;
const BY = { accountId: 'acme', actor: ADMIN };

const facts = (name: string): NodeFacts => ({
  ...{ name, version: '1.0.0', region: 'north', uptimeMs: 5_000, state: 'ready', processes: [] },
  ...{ control: { pid: 7, cpu: 0.1, rssBytes: 1, lagMs: 0 }, inKbit: 1, outKbit: 2, viewers: 0 },
});

const member = (name: string, rest: Partial<Member> = {}): Member => ({
  ...{ name, region: 'north', version: '1.0.0', api: null, isOpen: true, runs: 1, capacity: 100, load: 0.5, wall: NOW },
  ...{ presence: 'present' },
  ...rest,
});

const kept = (name: string, rest: Partial<KeptNode> = {}): KeptNode => ({
  ...{
    name,
    incarnation: 'i',
    region: 'north',
    version: '1.0.0',
    facts: '{}',
    state: 'active',
    renewals: 1,
    seenAt: NOW,
  },
  ...rest,
});

function build({ members = [member('a'), member('b')], rows = [kept('a'), kept('b')], alone = false } = {}) {
  const table = new Map(rows.map(row => [row.name, row]));
  const noted: AuditEntry[] = [];
  const ears: ((message: unknown, from: string) => void)[] = [];
  const said: unknown[] = [];
  const time = { elapsed: 0 };
  const store: Pick<Store, 'nodes' | 'setNodeState' | 'noting'> = {
    nodes: async () => [...table.values()],
    setNodeState: async (name: string, state: NodeState) => {
      const row = table.get(name);
      if (row) table.set(name, { ...row, state });
      return row !== undefined;
    },
    noting: entry => {
      noted.push(entry);
      return store as Store;
    },
  };
  const roster = new Roster({
    node: 'a',
    facts: () => facts('a'),
    cluster: {
      members,
      say: (_, message) => void said.push(message),
      hear: (_, ear) => {
        ears.push(ear);
        return () => {};
      },
    },
    store: alone ? undefined : store,
    duties: () => ['callbacks'],
    now: () => NOW,
    elapsed: () => time.elapsed,
    sleep: () => new Promise(resolve => setImmediate(resolve)),
    newId: () => 'id',
    log: () => {},
  });
  const hear = (message: unknown, from = 'b'): void => {
    for (const ear of ears) ear(message, from);
  };
  return { roster, noted, said, hear, time, table };
}

describe('the roster', () => {
  it('tells of every node what it is and what is wanted of it', async () => {
    const { roster, hear } = build({ rows: [kept('a'), kept('b', { state: 'cordoned' })] });
    await roster.look();
    hear({ facts: facts('b'), duties: ['housekeeping'] });
    expect(roster.all).toMatchObject([
      { name: 'a', isSelf: true, state: 'active', duties: ['callbacks'], facts: { name: 'a' } },
      { name: 'b', isSelf: false, state: 'cordoned', duties: ['housekeeping'], facts: { name: 'b' }, runs: 1 },
    ]);
  });

  it('goes by what a node says only for a while', () => {
    const { roster, hear, time } = build();
    hear({ facts: facts('b'), duties: [] });
    time.elapsed += 10_000;
    expect(roster.all[1]?.facts).toBeUndefined();
  });

  it('shows one that is gone for an hour', async () => {
    const { roster } = build({ rows: [kept('c', { seenAt: NOW - 60_000 }), kept('d', { seenAt: NOW - 3_600_000 })] });
    await roster.look();
    expect(roster.all.map(({ name, presence }) => `${name} ${presence}`)).toEqual(['a present', 'b present', 'c gone']);
  });

  it('takes what a newer version says beside what it knows', () => {
    const { roster, hear } = build();
    hear({ facts: { ...facts('b'), temperature: 40 }, duties: ['callbacks', { name: 'weather' }], mood: 'good' });
    expect(roster.all[1]).toMatchObject({ duties: ['callbacks'], facts: { name: 'b' } });
  });

  it.each([
    null,
    'facts',
    [],
    { facts: null },
    { facts: { ...facts('b'), control: 1 } },
    { facts: { ...facts('b'), processes: [{}] } },
  ])('passes over what is not of a node: %j', message => {
    const { roster, hear } = build();
    hear(message);
    expect(roster.all[1]?.facts).toBeUndefined();
  });

  it('keeps who has drained a node, and tells the others at once', async () => {
    const { roster, noted, said, table } = build();
    await roster.set('b', 'draining', BY);
    expect(table.get('b')?.state).toBe('draining');
    expect(noted).toMatchObject([
      {
        accountId: 'acme',
        action: 'node.drain',
        target: 'b',
        actor: ADMIN,
        changes: { state: { before: 'active', after: 'draining' } },
      },
    ]);
    expect(said).toEqual([{ look: true }]);
    expect(roster.all[1]?.state).toBe('draining');
  });

  it('knows what is wanted of its own node', async () => {
    const { roster, hear } = build({ rows: [kept('a', { state: 'draining' })] });
    expect(roster.state).toBe('active');
    hear({ look: true });
    await expect.poll(() => roster.state).toBe('draining');
  });

  it('takes tasks again when it is started after a drain', async () => {
    const { roster, table } = build({ rows: [kept('a', { state: 'draining' }), kept('b', { state: 'draining' })] });
    roster.start();
    await expect.poll(() => table.get('a')?.state).toBe('active');
    await roster.close();
    expect(table.get('b')?.state).toBe('draining');
  });

  it.each([
    ['a node that there is not', build(), 'x', /UnknownNode/],
    ['the only node', build({ alone: true, members: [member('a')] }), 'a', /OnlyNode/],
    [
      'the only node that is present',
      build({ members: [member('a'), member('b', { presence: 'gone' })] }),
      'a',
      /OnlyNode/,
    ],
    ['another node than the only one', build({ alone: true, members: [member('a')] }), 'b', /UnknownNode/],
  ])('does not drain %s', async (_, { roster }, name, error) => {
    await expect(roster.set(name, 'draining', BY)).rejects.toSatisfy(cause => error.test((cause as Error).name));
  });

  it('takes the last node back into service', async () => {
    const { roster } = build({ members: [member('a')], rows: [kept('a', { state: 'cordoned' })] });
    await roster.set('a', 'active', BY);
    expect(roster.state).toBe('active');
  });

  it('tells the others of its node over and over', async () => {
    const { roster, said } = build();
    roster.start();
    await expect.poll(() => said.length).toBeGreaterThan(2);
    await roster.close();
    expect(said[0]).toMatchObject({ facts: { name: 'a' }, duties: ['callbacks'] });
  });
});
