import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NatsServer } from '../../test/lab/nats.ts';
import { until } from '../../test/lab/wait.ts';
import { clusterSuite, facts } from './cluster.testsuite.ts';
import { MemoryRows } from './memory-rows.testsuite.ts';
import { NatsCluster, type NatsClusterOptions } from './nats.ts';
import { parseNatsAddress } from './nats-address.ts';
import { RowWitness } from './row-witness.ts';

const clock = {
  sinceBoot: () => os.uptime() * 1000,
  wall: () => Date.now(),
  sleep: (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => undefined),
};

let server: NatsServer;

beforeAll(async () => {
  server = await NatsServer.open();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Wish extends Partial<NatsClusterOptions> {
  readonly url?: string;
  readonly rows?: MemoryRows;
}

async function openNode({ url = server.url, rows = new MemoryRows(), ...wish }: Wish = {}): Promise<NatsCluster> {
  const address = parseNatsAddress(url);
  if (!address) throw new Error('no address');
  return NatsCluster.open({
    address,
    installation: randomUUID(),
    node: 'a',
    incarnation: randomUUID(),
    boot: 'boot',
    ttlMs: 2_000,
    database: new RowWitness(rows),
    clock,
    newId: randomUUID,
    ...wish,
  });
}

clusterSuite('NatsCluster', () => openNode());

describe('two nodes', () => {
  it('see each other, and which of them is gone', async () => {
    const shared = { installation: randomUUID(), rows: new MemoryRows() };
    await using stack = new AsyncDisposableStack();
    const a = stack.adopt(await openNode({ ...shared, node: 'a' }), it => it.close());
    const b = stack.adopt(await openNode({ ...shared, node: 'b' }), it => it.close());
    await Promise.all([a.join(facts), b.join(facts)]);
    await until('a sees b', () => a.members.find(({ name }) => name === 'b')?.presence === 'present');
    expect(a.isGone('b')).toBe(false);
    expect(a.isGone('c')).toBe(true);
    await b.close();
    await until('b is gone', () => a.isGone('b'), { timeoutMs: 1_000 });
  });
});
