import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster/cluster.ts';
import { LeaseFile } from './cluster/lease-file.ts';
import { NatsCluster } from './cluster/nats.ts';
import { parseNatsAddress } from './cluster/nats-address.ts';
import { RowWitness } from './cluster/row-witness.ts';
import { SingleCluster } from './cluster/single.ts';
import type { Config } from './config.ts';
import { sinceBoot } from './media/clock.ts';
import type { Store } from './store/store.ts';
import { sleep } from './worker/sleep.ts';

/** Agrees with itself, or with the others through NATS and the database that they share. */
export async function openCluster(config: Config, store: Store): Promise<Cluster> {
  const { nodeName: node, nats } = config;
  const address = nats === null ? undefined : parseNatsAddress(nats);
  if (address === undefined) return new SingleCluster(node);
  return NatsCluster.open({
    address,
    node,
    installation: await store.installation(),
    incarnation: incarnationOf(config),
    memory: new LeaseFile(join(config.data, 'lease'), bootId()),
    ttlMs: config.leaseMs,
    database: new RowWitness(store),
    clock: { sinceBoot, wall: Date.now, sleep: (ms, signal) => sleep(ms, signal).catch(() => undefined) },
    newId: randomUUID,
    ...(config.ca === null ? {} : { ca: readFileSync(config.ca, 'utf8') }),
    ...(config.natsDomain === null ? {} : { domain: config.natsDomain }),
  });
}

/** Another one each time the machine is booted. */
const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Tells a node that has been started again from another one that goes by its name. */
function incarnationOf({ data }: Config): string {
  const file = join(data, 'node-id');
  try {
    return readFileSync(file, 'utf8').trim() || made(file);
  } catch {
    return made(file);
  }
}

function made(file: string): string {
  const id = randomUUID();
  writeFileSync(file, `${id}\n`, { mode: 0o600 });
  return id;
}
