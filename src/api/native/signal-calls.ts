import type { Directory } from '../../control/directory.ts';
import type { Load } from '../../control/load.ts';
import type { NodeFacts } from '../../control/node.ts';
import { COLUMNS, type SeriesPart, type Signals } from '../../control/signals.ts';
import type { ProcessFacts } from '../../control/supervisor.ts';
import type { Owner, Tasks } from '../../control/tasks.ts';
import { printTime } from './event.ts';
import type { Call } from './route.ts';
import type { PrintedNodes, PrintedSignal, SignalBy } from './signal-schema.ts';

export interface SignalCallsOptions {
  readonly tasks: Pick<Tasks, 'get'>;
  readonly signals: Pick<Signals, 'seriesOf'>;
  readonly directory: Pick<Directory, 'find'>;
  readonly nodeFacts: () => NodeFacts;
}

type PrintedNode = PrintedNodes['nodes'][number];

/** What tasks have carried, and what carries them. */
export class SignalCalls {
  readonly #options: SignalCallsOptions;

  constructor(options: SignalCallsOptions) {
    this.#options = options;
  }

  async signal({ caller, id, query }: Call<SignalBy>): Promise<PrintedSignal> {
    const { tasks, signals } = this.#options;
    await tasks.get(caller, id);
    return printSeries(signals.seriesOf(id, query.span ?? '15m', query.since));
  }

  async nodes({ caller }: Call): Promise<PrintedNodes> {
    const facts = this.#options.nodeFacts();
    return { nodes: [{ ...printNode(facts), tasks: await this.#countTasks(caller) }] };
  }

  /** Of the caller: a node has those of all accounts. */
  async #countTasks(owner: Owner): Promise<PrintedNode['tasks']> {
    const [running, recovering, scheduled] = await Promise.all(
      (['running', 'recovering', 'scheduled'] as const).map(async status => {
        const search = { statuses: [status], inSecrets: false };
        return (await this.#options.directory.find(owner, search, { limit: 1 })).total;
      }),
    );
    return { running: running ?? 0, recovering: recovering ?? 0, scheduled: scheduled ?? 0 };
  }
}

const printSeries = ({ stepMs, from, rows }: SeriesPart): PrintedSignal => ({
  step_s: stepMs / 1_000,
  from: printTime(from),
  columns: [...COLUMNS],
  rows: rows.map(row => row && [...row]),
});

function printNode(facts: NodeFacts): Omit<PrintedNode, 'tasks'> {
  const { name, version, region, state, uptimeMs, processes, control, inKbit, outKbit, viewers } = facts;
  return {
    ...{ name, version, region, state },
    uptime_s: Math.round(uptimeMs / 1_000),
    workers: processes.filter(({ role }) => role === 'worker').map(printWorker),
    control: { pid: control.pid, ...printLoad(control) },
    kbit_in: Math.round(inKbit),
    kbit_out: Math.round(outKbit),
    viewers,
  };
}

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
