import { randomUUID } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import type { Cluster } from './cluster/cluster.ts';
import type { Config } from './config.ts';
import { CallbackDuty } from './control/callback-duty.ts';
import type { Callbacks } from './control/callbacks.ts';
import { Capacity } from './control/capacity.ts';
import type { Claims } from './control/claims.ts';
import { Destinations } from './control/destinations.ts';
import { Duties, type Duty } from './control/duties.ts';
import { Housekeeping } from './control/housekeeping.ts';
import { type Movable, Moves } from './control/moves.ts';
import type { Node } from './control/node.ts';
import { inParallel } from './control/parallel.ts';
import { canonicalPush, leadsToPeer } from './control/push-address.ts';
import type { Log } from './control/record.ts';
import { Roster } from './control/roster.ts';
import type { Supervisor } from './control/supervisor.ts';
import type { Owner } from './control/tasks.ts';
import type { Transfers } from './control/transfers.ts';
import { monotonic, sinceBoot } from './media/clock.ts';
import type { Store } from './store/store.ts';
import { destinationUrl, type TaskSpec } from './task/spec.ts';
import type { Task } from './task/task.ts';
import { sleep } from './worker/sleep.ts';

const now = Date.now;
const newId = randomUUID;
const SAMPLE_MS = 1_000;

/**
 * How many runs of all nodes may dial a destination host within a second while it answers none of them. The promise is
 * 20, as the host sees them: some come closer together than they left.
 */
export const DIALS_PER_SECOND = 18;

/** What this node is among others: what it does for all, what it takes, and what it gives away. */
export interface Fleet {
  readonly roster: Roster;
  readonly duties: Duties;
  readonly moves: Moves;
  readonly callbacks: CallbackDuty;
  readonly destinations: Destinations;
  readonly capacity: Capacity;
  /** Of this node, while that many are present. */
  dialsPerSecond(): number;
  /** Where others reach the API of this node; null while it does not listen. */
  readonly api: string | null;
  start(): void;
  /** Is told where the API listens. */
  listens(api: string): void;
}

export interface FleetParts {
  readonly store: Store;
  readonly cluster: Cluster;
  /** The name of this node. */
  readonly name: string;
  readonly node: () => Node;
  readonly claims: () => Claims;
  readonly supervisor: () => Supervisor;
  readonly transfers: () => Transfers;
  readonly callbacks: () => Callbacks;
  readonly closing: AsyncDisposableStack;
  readonly log: Log;
}

export function buildFleet(config: Config, parts: FleetParts): Fleet {
  const { store, cluster, name, closing, log } = parts;
  /** Where there are no other nodes, nothing has to be agreed on. */
  const shared = config.nats === null ? undefined : store;
  const callbacks = closing.adopt(new CallbackDuty({ build: parts.callbacks, store, cluster }), it => it.close());
  const duties = new Duties({
    ...{ store: shared, node: name, incarnation: newId(), leaseMs: config.leaseMs, sinceBoot, sleep, log },
    duties: [callbacks, housekeeping(config, parts)],
  });
  closing.adopt(duties, it => it.close());
  const facts = () => parts.node().facts;
  const roster = new Roster({
    ...{
      node: name,
      facts,
      cluster,
      store: shared,
      duties: () => duties.held,
      now,
      elapsed: monotonic,
      sleep,
      newId,
      log,
    },
  });
  closing.adopt(roster, it => it.close());
  const freed = (taskIds: readonly string[]): void => parts.claims().tryAgain(taskIds);
  const destinations = closing.adopt(new Destinations({ store, cluster, freed, log }), it => it.close());
  const moves = closing.adopt(buildMoves(roster, parts), it => it.close());
  const start = (): void => {
    duties.start();
    roster.start();
    if (shared !== undefined) moves.start();
    if (config.sameDestination === 'refuse') void reserveAll(config, parts);
  };
  const capacity = buildCapacity(config, parts);
  const dialsPerSecond = (): number => DIALS_PER_SECOND / Math.max(1, presentOf(cluster));
  let api = config.advertise;
  const listens = (at: string): void => {
    api ??= seenFromElsewhere(at);
  };
  return {
    ...{ roster, duties, moves, callbacks, destinations, capacity, dialsPerSecond, start, listens },
    get api() {
      return api;
    },
  };
}

/** Who listens everywhere is found by the name of the machine. */
function seenFromElsewhere(api: string): string {
  const url = new URL(api);
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = hostname();
  return url.origin;
}

/** The push address that a new task is to have alone. */
export const reserving =
  ({ sameDestination }: Config, store: Pick<Store, 'domain'>) =>
  async ({ accountId }: Owner, { destination }: TaskSpec): Promise<string | undefined> => {
    if (sameDestination === 'wait') return undefined;
    const domain = destination.kind === 'ingest' ? await store.domain(destination.domain) : undefined;
    const target = domain?.accountId === accountId ? domain.target : undefined;
    const url = destinationUrl(destination, target);
    return leadsToPeer(url) ? canonicalPush(url) : undefined;
  };

/** Tasks may be older than the wish that no two of them have one destination. */
async function reserveAll(config: Config, { store, log }: FleetParts): Promise<void> {
  const reserve = reserving(config, store);
  try {
    const tasks = await store.withStatus(['scheduled', 'running', 'recovering', 'stopped']);
    await inParallel(tasks, RESERVED_AT_ONCE, async ({ id, accountId, projectId, spec }) => {
      const address = await reserve({ accountId, projectId }, spec);
      if (address !== undefined) await store.takeDestination(address, id);
    });
  } catch (cause) {
    log('the destinations of older tasks could not be reserved', { cause });
  }
}

const RESERVED_AT_ONCE = 16;

const presentOf = ({ members }: Cluster): number => members.filter(({ presence }) => presence === 'present').length;

function housekeeping({ keepEventsMs }: Config, { store, log }: FleetParts): Duty {
  let present: Housekeeping | undefined;
  return {
    name: 'housekeeping',
    canWait: true,
    begin: () => {
      present = new Housekeeping({ store, keepEventsMs, now, sleep, log });
      present.start();
    },
    end: async () => present?.close(),
  };
}

const buildMoves = (roster: Roster, { name, claims, transfers, log }: FleetParts): Moves =>
  new Moves({
    ...{ node: name, elapsed: monotonic, sleep, log },
    nodes: () => roster.all,
    held: () => claims().held.map(({ task }) => movable(task)),
    move: (taskId, node) => transfers().move(taskId, node),
  });

const movable = ({ id, spec, status }: Task): Movable => ({
  taskId: id,
  region: spec.region,
  isFlowing: status === 'running',
});

/** Learns once a second what runs cost here. */
function buildCapacity({ workers, capacity: given, role }: Config, { supervisor, closing }: FleetParts): Capacity {
  const capacity = new Capacity({
    workers: role === 'api' ? 0 : workers,
    cores: availableParallelism(),
    ...(given === null ? {} : { given }),
  });
  const sampling = setInterval(() => {
    const processes = supervisor().processes.filter(process => process.role === 'worker');
    const cores = processes.reduce((sum, { load }) => sum + (load?.cpu ?? 0), 0);
    capacity.note({ runs: processes.reduce((sum, { runs }) => sum + runs, 0), cores });
  }, SAMPLE_MS).unref();
  closing.defer(() => clearInterval(sampling));
  return capacity;
}
