import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { facts } from '../../src/cluster/cluster.testsuite.ts';
import type { Offer } from '../../src/cluster/cluster.ts';
import { MemoryRows } from '../../src/cluster/memory-rows.testsuite.ts';
import { NatsCluster } from '../../src/cluster/nats.ts';
import { parseNatsAddress } from '../../src/cluster/nats-address.ts';
import { RowWitness } from '../../src/cluster/row-witness.ts';
import { sinceBoot } from '../../src/media/clock.ts';
import { sleep } from '../../src/worker/sleep.ts';
import { LabCluster } from '../lab/cluster.ts';
import { CountedSource } from '../lab/counted-source.ts';
import { type LinkedServers, startLinkedServers } from '../lab/linked-nats.ts';
import { Oracle } from '../lab/oracle.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { SMALL } from './stage.ts';

const clock = {
  sinceBoot,
  wall: Date.now,
  sleep: (ms: number, signal: AbortSignal) => sleep(ms, signal).catch(() => {}),
};

const LEASE_MS = 5_000;
const memory = { read: () => undefined, write: () => {}, clear: () => {} };

const offersOf = (region: string): Offer[] =>
  ['1', '2', '3', '4', '5'].map(n => ({ taskId: `${region}-${n}`, epoch: 0, region }));

describe('two regions, one of them behind a leaf node', () => {
  const place = new Place();
  /** The database, which both reach. */
  const rows = new MemoryRows();
  let servers: LinkedServers;
  let near: NatsCluster;
  let far: NatsCluster;

  const open = (node: string, url: string, domain?: string): Promise<NatsCluster> => {
    const address = parseNatsAddress(url);
    if (address === undefined) throw new Error(`${url} is no address`);
    const named = domain === undefined ? {} : { domain };
    const itself = { node, incarnation: node, installation: 'leaf-trial', newId: randomUUID };
    return NatsCluster.open({
      address,
      ...named,
      ...itself,
      memory,
      ttlMs: LEASE_MS,
      database: new RowWitness(rows),
      clock,
    });
  };

  const presenceOf = (cluster: NatsCluster, node: string) => cluster.members.find(it => it.name === node)?.presence;

  beforeAll(async () => {
    servers = await startLinkedServers(place);
    near = place.own(await open('near', servers.hub.url, servers.domain), it => it.close());
    far = place.own(await open('far', servers.leaf.url, servers.domain), it => it.close());
    await Promise.all([
      near.join(() => ({ ...facts(), region: 'cn-north-4' })),
      far.join(() => ({ ...facts(), region: 'cn-south-1' })),
    ]);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  it('are one cluster', async () => {
    await until(
      'they see each other',
      () => presenceOf(near, 'far') === 'present' && presenceOf(far, 'near') === 'present',
    );
  });

  it('keep each other from what the other has claimed', async () => {
    expect(await far.claim('task', 1)).toBe(true);
    expect(await near.claim('task', 1)).toBe(false);
    expect(await near.claim('task', 2)).toBe(true);
    expect(await far.claim('task', 1)).toBe(false);
  });

  it('take the offers of their own region, wherever they were made', async () => {
    const taken = { near: [] as string[], far: [] as string[] };
    const taker = (name: 'near' | 'far') => ({
      room: () => 100,
      take: async ({ taskId }: Offer) => void taken[name].push(taskId),
    });
    const ends = [near.serve(taker('near')), far.serve(taker('far'))];
    await near.offer(offersOf('cn-south-1'));
    await far.offer(offersOf('cn-north-4'));
    await until('all are taken', () => taken.near.length + taken.far.length === 10);
    for (const end of ends) end();
    const ids = (region: string) => offersOf(region).map(({ taskId }) => taskId);
    expect({ near: taken.near.sort(), far: taken.far.sort() }).toEqual({
      near: ids('cn-north-4'),
      far: ids('cn-south-1'),
    });
  });

  it('ask and tell each other', async () => {
    far.answer(async question => ({ heard: question }));
    expect(await near.ask('far', 'are you there?')).toEqual({ heard: 'are you there?' });
    const heard: unknown[] = [];
    near.hear('news', message => heard.push(message));
    await until('near hears of it', () => {
      far.say('news', 'something');
      return heard.includes('something');
    });
  });

  it('a node behind the leaf that names no domain is refused', async () => {
    await expect(open('lost', servers.leaf.url)).rejects.toThrow(/has no JetStream for us: .*not enabled/);
  });

  it('do without each other while the link is down, and nobody is held for lost', async () => {
    await servers.leaf.child.stop('SIGKILL');
    await expect(far.claim('other', 1)).rejects.toThrow();
    // Longer than a lease lives without a renewal, and than the others wait for one.
    await pass(LEASE_MS * 0.8);
    expect([near.isGone('far'), far.isGone('near')]).toEqual([false, false]);
    await servers.restartLeaf();
    await until('claims are made again', () => far.claim('other', 1).catch(() => false));
  });
});

it('a task runs in its region, behind the leaf node, whichever node is asked', { timeout: 120_000 }, async () => {
  await using place = new Place();
  const { hub, leaf, domain } = await startLinkedServers(place);
  const flags = (node: number): string[] =>
    node === 0 ? ['--nats', hub.url, '--region', 'cn-north-4'] : ['--nats', leaf.url, '--region', 'cn-south-1'];
  const wish = { nodes: 2, flags: (node: number) => [...flags(node), '--nats-domain', domain] };
  const [source, oracle] = await Promise.all([CountedSource.start(place, { shape: SMALL }), Oracle.start(place)]);
  const cluster = await LabCluster.start(place, wish);
  const [near, far] = [cluster.node(0), cluster.node(1)];
  const wishes = [
    { asked: near, region: 'cn-south-1' },
    { asked: far, region: 'cn-north-4' },
    { asked: far, region: 'cn-south-1' },
  ];
  const streams = await Promise.all(
    wishes.map(async ({ asked, region }, i) => {
      const id = await asked.huawei.createLive(source.url(), oracle.url(`${i}`), { region });
      return { id, seen: oracle.stream(`${i}`) };
    }),
  );
  await until('all are on air', () => streams.every(({ seen }) => seen.video.length > 0), { timeoutMs: 30_000 });
  const rows = await cluster.query('select id, node from tasks');
  const holders = new Map(rows.map(({ id, node }) => [id, node]));
  expect(streams.map(({ id }) => holders.get(id))).toEqual([far.name, near.name, far.name]);
  const [first] = streams;
  await near.huawei.remove(first?.id ?? '');
  await until('its push is closed', () => first?.seen.pushes.every(({ endedAtMs }) => endedAtMs !== undefined));
});
