import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import type { Claims, Held } from './control/claims.ts';
import type { Node } from './control/node.ts';
import { OpenAlarms } from './control/open-alarms.ts';
import type { Signals } from './control/signals.ts';
import type { ProcessFacts } from './control/supervisor.ts';
import { Tally } from './control/tally.ts';
import { type Figures, Metrics, type Sample } from './ops/metrics.ts';
import type { Store } from './store/store.ts';
import type { Event } from './task/event.ts';
import type { Task } from './task/task.ts';

/** Those of the node that know how it fares. */
export interface Measured {
  readonly store: Pick<Store, 'census'>;
  readonly claims: Pick<Claims, 'held'>;
  readonly signals: Pick<Signals, 'ratesOf'>;
  readonly node: Pick<Node, 'facts'>;
}

/** What a node tells of itself in figures: counted here where nobody else does, and read when it is asked for. */
export class Meters {
  readonly tally = new Tally();
  readonly alarms = new OpenAlarms();
  readonly metrics: Metrics;
  readonly #config: Pick<Config, 'data' | 'metrics'>;
  #measured: Measured | undefined;

  constructor(config: Pick<Config, 'data' | 'metrics'>) {
    this.#config = config;
    this.metrics = new Metrics({ read: () => this.#read() });
  }

  /** To be called once there is something to be measured. */
  measures(measured: Measured): void {
    this.#measured = measured;
  }

  /** Follows the record. */
  follow(event: Event, task: Task): void {
    this.alarms.follow(event, task);
    if (event.type === 'claimed') this.tally.begins(task.id, event.epoch);
    else if (event.to === 'stopped' || event.to === 'exited') this.tally.ends(task.id);
  }

  async #read(): Promise<Figures> {
    const measured = this.#measured;
    if (measured === undefined) return {};
    const { store, claims, node } = measured;
    const held = claims.held;
    return {
      ...ofNode(node.facts),
      ...ofRuns(held),
      ...this.#counted(),
      ...ofTasks(held.slice(0, this.#config.metrics.tasks), measured),
      ...ofStore(await store.census()),
      ...(await ofDisk(this.#config.data)),
    };
  }

  #counted(): Figures {
    const { bytes, pictures, reconnects, dropped, faults } = this.tally.totals;
    return {
      millrace_open_alarms: [...this.alarms.counts].map(([alarm, value]) => ({ labels: { alarm }, value })),
      millrace_media_bytes_total: bothWays(bytes),
      millrace_frames_total: bothWays(pictures),
      millrace_reconnects_total: [
        { labels: { side: 'source' }, value: reconnects.pull },
        { labels: { side: 'destination' }, value: reconnects.push },
      ],
      millrace_dropped_packets_total: Object.entries(dropped).map(([cause, value]) => ({ labels: { cause }, value })),
      millrace_faults_total: Object.entries(faults).map(([fault, value]) => {
        const [side = '', kind = ''] = fault.split('.');
        return { labels: { side: SIDES[side] ?? side, kind }, value };
      }),
    };
  }
}

/** As users call them. */
const SIDES: Readonly<Record<string, string>> = { pull: 'source', push: 'destination' };

const one = (value: number, labels: Sample['labels'] = {}): readonly Sample[] => [{ labels, value }];

const bothWays = (sums: { readonly in: number; readonly out: number }): readonly Sample[] => [
  { labels: { direction: 'in' }, value: sums.in },
  { labels: { direction: 'out' }, value: sums.out },
];

function ofNode({ version, region, state, uptimeMs, processes, control, ...carried }: Node['facts']): Figures {
  return {
    millrace_build_info: one(1, { version, node: process.versions.node, region }),
    millrace_ready: one(state === 'ready' ? 1 : 0),
    millrace_uptime_seconds: one(uptimeMs / 1_000),
    millrace_media_kbit_per_second: bothWays({ in: carried.inKbit, out: carried.outKbit }),
    millrace_viewers: one(carried.viewers),
    ...ofProcesses([
      ...processes.map(facts => ({ ...facts, role: String(facts.role) })),
      { role: 'control', slot: 0, isUp: true, runs: 0, load: control, uptimeMs: performance.now(), losses: 0 },
    ]),
  };
}

type Process = Pick<ProcessFacts, 'slot' | 'isUp' | 'runs' | 'load' | 'uptimeMs' | 'losses'> & {
  readonly role: string;
};

function ofProcesses(processes: readonly Process[]): Figures {
  const each = (figure: (facts: Process) => number | undefined): readonly Sample[] =>
    processes.flatMap(facts => {
      const value = figure(facts);
      return value === undefined ? [] : [{ labels: { role: facts.role, slot: String(facts.slot) }, value }];
    });
  return {
    millrace_process_up: each(({ isUp }) => (isUp ? 1 : 0)),
    millrace_process_runs: each(({ role, runs }) => (role === 'worker' ? runs : undefined)),
    millrace_process_cpu_cores: each(({ load }) => load?.cpu),
    millrace_process_resident_bytes: each(({ load }) => load?.rssBytes),
    millrace_process_lag_seconds: each(({ load }) => load && load.lagMs / 1_000),
    millrace_process_uptime_seconds: each(({ uptimeMs }) => uptimeMs && uptimeMs / 1_000),
    millrace_process_losses_total: each(({ role, losses }) => (role === 'control' ? undefined : losses)),
  };
}

function ofRuns(held: readonly Held[]): Figures {
  const states = { opening: 0, flowing: 0, broken: 0 };
  const protocols = new Map<string, number>();
  let queuedMs = 0;
  let onSlate = 0;
  for (const { task, health } of held) {
    states[health?.report.state ?? 'opening']++;
    queuedMs = Math.max(queuedMs, health?.report.queuedMs ?? 0);
    if (health?.report.onSlate === true) onSlate++;
    for (const key of [`source ${sourceProtocol(task)}`, `destination ${destinationProtocol(task)}`])
      protocols.set(key, (protocols.get(key) ?? 0) + 1);
  }
  return {
    millrace_runs: Object.entries(states).map(([state, value]) => ({ labels: { state }, value })),
    millrace_runs_by_protocol: [...protocols].map(([key, value]) => {
      const [side = '', protocol = ''] = key.split(' ');
      return { labels: { side, protocol }, value };
    }),
    millrace_on_slate_runs: one(onSlate),
    millrace_queue_seconds_max: one(queuedMs / 1_000),
  };
}

const sourceProtocol = ({ spec: { source } }: Task): string =>
  source.kind === 'list' ? 'files' : schemeOf(source.url);

const destinationProtocol = ({ spec: { destination } }: Task): string =>
  destination.kind === 'url' ? schemeOf(destination.url) : 'ingest';

const schemeOf = (url: string): string => /^[a-z]{2,8}(?=:)/i.exec(url)?.[0].toLowerCase() ?? 'other';

/** Ids and no names: those who read figures need not be those who may read tasks. */
function ofTasks(held: readonly Held[], { signals }: Pick<Measured, 'signals'>): Figures {
  return {
    millrace_task_flowing: held.map(({ task, health }) => ({
      labels: { task: task.id },
      value: health?.report.state === 'flowing' ? 1 : 0,
    })),
    millrace_task_queue_seconds: held.map(({ task, health }) => ({
      labels: { task: task.id },
      value: (health?.report.queuedMs ?? 0) / 1_000,
    })),
    millrace_task_kbit_per_second: held.flatMap(({ task }) => {
      const { inKbit = 0, outKbit = 0 } = signals.ratesOf(task.id) ?? {};
      return [
        { labels: { task: task.id, direction: 'in' }, value: inKbit },
        { labels: { task: task.id, direction: 'out' }, value: outKbit },
      ];
    }),
  };
}

const ofStore = (census: Awaited<ReturnType<Store['census']>>): Figures => ({
  millrace_tasks: census.tasks.map(({ count, ...labels }) => ({ labels, value: count })),
  millrace_callbacks_pending: one(census.waitingDeliveries),
  millrace_callbacks_dead: one(census.deadDeliveries),
  millrace_callback_receivers: [
    ...one(census.failingEndpoints, { state: 'failing' }),
    ...one(census.pausedEndpoints, { state: 'paused' }),
  ],
});

async function ofDisk(data: string): Promise<Figures> {
  const { bavail, blocks, bsize } = await statfs(data);
  const files = ['millrace.db', 'millrace.db-wal'].map(name => statSync(join(data, name), { throwIfNoEntry: false }));
  return {
    millrace_data_free_bytes: one(bavail * bsize),
    millrace_data_size_bytes: one(blocks * bsize),
    millrace_database_bytes: one(files.reduce((sum, file) => sum + (file?.size ?? 0), 0)),
  };
}
