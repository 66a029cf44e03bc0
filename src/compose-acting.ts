import type { Cluster, MemberFacts } from './cluster/cluster.ts';
import type { Fleet } from './compose-fleet.ts';
import type { Config } from './config.ts';
import type { Claims } from './control/claims.ts';
import { Clocks } from './control/clocks.ts';
import { Earshot } from './control/earshot.ts';
import { Fares } from './control/fares.ts';
import { Hearsay } from './control/hearsay.ts';
import type { Node } from './control/node.ts';
import { Offers } from './control/offers.ts';
import { Parting } from './control/parting.ts';
import { Questions } from './control/questions.ts';
import { Reconciler } from './control/reconciler.ts';
import type { Follow, Log, Record } from './control/record.ts';
import { Scheduler } from './control/scheduler.ts';
import type { Signals } from './control/signals.ts';
import type { Supervisor } from './control/supervisor.ts';
import { Taking } from './control/taking.ts';
import { Tenure } from './control/tenure.ts';
import { Transfers } from './control/transfers.ts';
import { monotonic } from './media/clock.ts';
import { version } from './ops/version.ts';
import type { Store } from './store/store.ts';
import { sleep } from './worker/sleep.ts';

const now = Date.now;

/** Who acts for which task, agreed with the others. */
export interface Acting {
  readonly taking: Taking;
  readonly scheduler: Scheduler;
  readonly hearsay: Hearsay;
  readonly fares: Fares;
  readonly tenure: Tenure;
  readonly parting: Parting;
  readonly questions: Questions;
  readonly transfers: Transfers;
  readonly clocks: Clocks;
  readonly earshot: Earshot;
}

export interface ActingParts {
  readonly store: Store;
  readonly cluster: Cluster;
  /** The name of this node. */
  readonly name: string;
  readonly record: Record;
  readonly claims: Claims;
  readonly signals: Signals;
  /** Those who follow what other nodes do. */
  readonly followers: readonly Follow[];
  readonly supervisor: () => Supervisor;
  readonly fleet: () => Fleet;
  readonly node: () => Node;
  /** Told of what was due how long before it was looked at. */
  readonly begun: (lateMs: number) => void;
  readonly tell: Log;
}

export function buildActing(config: Config, parts: ActingParts): Acting {
  const { store, cluster, name, record, claims, signals, supervisor, fleet, tell } = parts;
  const parting = new Parting({ node: name, store, cluster, claims, log: tell });
  const questions = new Questions(cluster);
  const taking = new Taking({
    ...{ node: name, record, cluster, claims, now },
    mayAct: () => tenure.holds && !parting.isFollowed,
    room: () => (supervisor().ready && isOpen(config, fleet()) ? fleet().capacity.runs - claims.size : 0),
  });
  const hearsay = new Hearsay({ node: name, store, cluster, claims, followers: parts.followers, sleep, log: tell });
  questions.on('event', question => hearsay.hear(question));
  const { reconciler, scheduler } = buildScheduler(config, taking, hearsay, parts);
  const tenure: Tenure = buildTenure(config, reconciler, parts);
  const transfers = new Transfers({
    ...{ node: name, store, cluster, claims, record, questions, now: monotonic, sleep },
    supervisor: {
      carries: taskId => supervisor().carries(taskId),
      prepare: (...wish) => supervisor().prepare(...wish),
    },
  });
  const fares = new Fares({ cluster, claims, signals, now });
  const clocks = new Clocks({ cluster, log: tell });
  const earshot = new Earshot({ cluster, log: tell });
  return { taking, scheduler, hearsay, fares, tenure, parting, questions, transfers, clocks, earshot };
}

/** Closes, behind the workers' end, what they need until then, and leaves to the others what they had. */
export function closeBehindWorkers(closing: AsyncDisposableStack, acting: Acting): void {
  closing.adopt(acting.tenure, it => it.close());
  closing.adopt(acting.parting, it => it.close());
  closing.adopt(acting.questions, it => it.close());
  closing.adopt(acting.transfers, it => it.close());
}

/** Closes, before anything else, what would begin something. */
export function closeFirst(closing: AsyncDisposableStack, cluster: Cluster, acting: Acting): void {
  closing.defer(cluster.follow(() => acting.scheduler.wake()));
  closing.adopt(acting.earshot, it => it.close());
  closing.adopt(acting.clocks, it => it.close());
  closing.adopt(acting.fares, it => it.close());
  closing.adopt(acting.hearsay, it => it.close());
  closing.adopt(acting.scheduler, it => it.close());
}

/** Hears the others before it acts beside them. */
export async function begin(
  config: Config,
  cluster: Cluster,
  { hearsay, fares, clocks, scheduler, taking }: Acting,
  closing: AsyncDisposableStack,
): Promise<void> {
  if (config.nats !== null) {
    await hearsay.start();
    fares.start();
    clocks.start();
  }
  if (config.role !== 'api') closing.defer(cluster.serve(taking));
  scheduler.start();
}

function buildScheduler(
  config: Config,
  taking: Taking,
  hearsay: Hearsay,
  { store, cluster, name, record, claims, begun, tell }: ActingParts,
): { readonly reconciler: Reconciler; readonly scheduler: Scheduler } {
  const node = name;
  const isShared = config.nats !== null;
  const offers = new Offers({ node, cluster, taking, record, isShared, now: monotonic });
  const reconciler = new Reconciler({
    ...{ node, store, cluster, claims, offers, taking, now: monotonic },
    catchUp: taskId => hearsay.catchUp(taskId),
  });
  const scheduler = new Scheduler({
    ...{ node, store, record, cluster, claims, reconciler, offers, now, sleep, log: tell, begun },
  });
  return { reconciler, scheduler };
}

function buildTenure(config: Config, reconciler: Reconciler, parts: ActingParts): Tenure {
  const { cluster, claims, supervisor, fleet, node, tell } = parts;
  const facts = (): MemberFacts => ({
    ...{ region: config.region, version, api: fleet().api, isOpen: isOpen(config, fleet()), runs: claims.size },
    ...{ capacity: fleet().capacity.runs, load: node().loadOf(config.workers), wall: now() },
  });
  const leased: Pick<Supervisor, 'lease' | 'cut'> = {
    lease: untilMs => supervisor().lease(untilMs, untilMs === null ? undefined : fleet().dialsPerSecond()),
    cut: () => supervisor().cut(),
  };
  return new Tenure({ cluster, facts, supervisor: leased, claims, reconciler, sleep, log: tell });
}

const isOpen = ({ role }: Config, { roster }: Fleet): boolean => role !== 'api' && roster.state === 'active';
