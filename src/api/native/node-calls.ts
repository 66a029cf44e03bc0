import type { Directory } from '../../control/directory.ts';
import type { Load } from '../../control/load.ts';
import { OnlyNode, type Roster, type Standing, UnknownNode } from '../../control/roster.ts';
import type { ProcessFacts } from '../../control/supervisor.ts';
import type { Owner } from '../../control/tasks.ts';
import { DEFAULT_ACCOUNT } from '../../task/account.ts';
import type { NativeCaller } from './auth.ts';
import { NativeError, notFound } from './error.ts';
import type { PrintedNodes } from './node-schema.ts';
import { forbidden } from './refused.ts';
import type { Call } from './route.ts';

export interface NodeCallsOptions {
  readonly directory: Pick<Directory, 'find'>;
  readonly nodes: Pick<Roster, 'all' | 'set'>;
}

type PrintedNode = PrintedNodes['nodes'][number];
type Wanted = PrintedNode['wanted'];

/** What carries the tasks, and what is wanted of it. */
export class NodeCalls {
  readonly #options: NodeCallsOptions;

  constructor(options: NodeCallsOptions) {
    this.#options = options;
  }

  async list({ caller }: Pick<Call, 'caller'>): Promise<PrintedNodes> {
    const { all } = this.#options.nodes;
    const nodes = all.map(async node => ({
      ...printStanding(node),
      tasks: await this.#countTasks(caller, all.length === 1 ? undefined : node.name),
    }));
    return { nodes: await Promise.all(nodes) };
  }

  /** Answers all nodes, as they stand then. */
  async want(wanted: Wanted, { caller, id }: Call): Promise<PrintedNodes> {
    const accountId = operatorOf(caller);
    await this.#options.nodes.set(id, wanted, { accountId, actor: caller.by }).catch((error: unknown) => {
      if (error instanceof UnknownNode) throw notFound('node');
      if (error instanceof OnlyNode) throw new NativeError('CONFLICT', 'There is no other node to take its tasks.');
      throw error;
    });
    return this.list({ caller });
  }

  /** Of the caller: a node has those of all accounts. What waits for its time has no node. */
  async #countTasks(owner: Owner, node: string | undefined): Promise<PrintedNode['tasks']> {
    const [running, recovering, scheduled] = await Promise.all(
      (['running', 'recovering', 'scheduled'] as const).map(async status => {
        const search = { statuses: [status], inSecrets: false, node };
        return (await this.#options.directory.find(owner, search, { limit: 1 })).total;
      }),
    );
    return { running: running ?? 0, recovering: recovering ?? 0, scheduled: scheduled ?? 0 };
  }
}

/** A node carries the tasks of all accounts: whoever runs the installation says what becomes of it. */
function operatorOf({ accountId, projectId }: NativeCaller): string {
  if (accountId !== DEFAULT_ACCOUNT || projectId !== '')
    throw forbidden(`Nodes are operated by whoever acts for the whole account "${DEFAULT_ACCOUNT}".`);
  return accountId;
}

function printStanding(standing: Standing): Omit<PrintedNode, 'tasks'> {
  const { name, version, region, presence, state: wanted, isOpen, isSelf, facts } = standing;
  return {
    ...{ name, version, region, presence, wanted, takes_tasks: isOpen, self: isSelf },
    state: presence === 'present' ? (facts?.state ?? 'unknown') : 'unknown',
    ...printRoom(standing),
    duties: [...standing.duties],
    clock_offset_s: standing.skewMs === undefined ? null : Math.round(standing.skewMs / 100) / 10,
    ...printFacts(facts),
  };
}

const printRoom = ({ runs, capacity, load }: Standing) => ({
  runs,
  capacity,
  load: Math.round(Math.max(0, load) * 1_000) / 1_000,
});

const printFacts = (facts: Standing['facts']) => ({
  uptime_s: facts === undefined ? null : Math.round(facts.uptimeMs / 1_000),
  workers: facts?.processes.filter(({ role }) => role === 'worker').map(printWorker) ?? [],
  control: facts === undefined ? null : { pid: facts.control.pid, ...printLoad(facts.control) },
  kbit_in: Math.round(facts?.inKbit ?? 0),
  kbit_out: Math.round(facts?.outKbit ?? 0),
  viewers: facts?.viewers ?? 0,
});

const printWorker = ({ slot, pid, runs, isUp, isWanted, load }: ProcessFacts): PrintedNode['workers'][number] => ({
  slot,
  pid: pid ?? null,
  runs,
  state: !isWanted ? 'draining' : isUp ? 'up' : 'away',
  ...printLoad(load),
});

const MB = 1024 * 1024;

const printLoad = (load: Load | undefined) => ({
  cpu: load?.cpu === undefined ? null : Math.round(load.cpu * 1_000) / 1_000,
  rss_mb: load === undefined ? null : Math.round(load.rssBytes / MB),
  lag_ms: load === undefined ? null : Math.round(load.lagMs),
});
