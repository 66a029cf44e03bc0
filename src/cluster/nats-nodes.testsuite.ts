import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll } from 'vitest';
import { NatsServer } from '../../test/lab/nats.ts';
import { until } from '../../test/lab/wait.ts';
import { facts } from './cluster.testsuite.ts';
import type { MemberFacts } from './cluster.ts';
import { MemoryRows } from './memory-rows.testsuite.ts';
import { NatsCluster, type NatsClusterOptions } from './nats.ts';
import { parseNatsAddress } from './nats-address.ts';
import { type NodeRows, RowWitness } from './row-witness.ts';

const clock = {
  sinceBoot: () => os.uptime() * 1000,
  wall: () => Date.now(),
  sleep: (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => undefined),
};

/** One for all tests of a file that have no reason to harm it. */
let server: NatsServer;

beforeAll(async () => {
  server = await NatsServer.open();
});
afterAll(() => server[Symbol.asyncDispose]());

export const serverPort = (): number => server.port;

export interface Wish extends Partial<NatsClusterOptions> {
  readonly url?: string;
  readonly rows?: NodeRows;
}

export async function openNode({
  url = server.url,
  rows = new MemoryRows(),
  ...wish
}: Wish = {}): Promise<NatsCluster> {
  const address = parseNatsAddress(url);
  if (!address) throw new Error('no address');
  return NatsCluster.open({
    address,
    installation: randomUUID(),
    node: 'a',
    incarnation: randomUUID(),
    // As after a control process that was there a moment ago, so that nobody waits before it acts.
    memory: { read: () => clock.sinceBoot() + 2_000, write: () => {}, clear: () => {} },
    ttlMs: 5_000,
    database: new RowWitness(rows),
    clock,
    newId: randomUUID,
    ...wish,
  });
}

/** Nodes of one installation, which end with the test. */
export async function openNodes(stack: AsyncDisposableStack, names: readonly string[], wish: Wish = {}) {
  const shared = { installation: randomUUID(), rows: new MemoryRows(), ...wish };
  return Promise.all(
    names.map(async node => stack.adopt(await openNode({ ...shared, node, incarnation: node }), it => it.close())),
  );
}

export const presenceOf = (cluster: NatsCluster, node: string) =>
  cluster.members.find(({ name }) => name === node)?.presence;

export async function joined(nodes: readonly NatsCluster[], wish: Partial<MemberFacts> = {}): Promise<void> {
  await Promise.all(nodes.map(node => node.join(() => ({ ...facts(), ...wish }))));
  await until('all see all', () => nodes.every(node => node.members.length === nodes.length));
}

export async function pair(stack: AsyncDisposableStack, wish: Wish = {}): Promise<readonly [NatsCluster, NatsCluster]> {
  const [a, b] = await openNodes(stack, ['a', 'b'], wish);
  if (!a || !b) throw new Error('there are two');
  await joined([a, b]);
  return [a, b];
}
