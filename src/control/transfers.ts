import type { Cluster } from '../cluster/cluster.ts';
import type { Store } from '../store/store.ts';
import type { RunOrder } from '../worker/channel.ts';
import type { Claims } from './claims.ts';
import type { Sleep } from './deadline.ts';
import type { Questions } from './questions.ts';
import type { Record } from './record.ts';
import { isActive } from './run-news.ts';
import type { Supervisor } from './supervisor.ts';

const QUESTION = 'prepare';
/** How long the other node may take to be ready; then it has to do without. */
const PREPARE_MS = 10_000;
const ASK_PAUSE_MS = 150;
/** How long the run here may take to close its push. */
const CLOSE_MS = 8_000;
const LOOK_MS = 10;

export interface TransfersOptions {
  /** The name of this node. */
  readonly node: string;
  readonly store: Pick<Store, 'get'>;
  readonly cluster: Pick<Cluster, 'members' | 'ask'>;
  readonly claims: Pick<Claims, 'epochOf' | 'leave' | 'stay' | 'orderOf' | 'runOf'>;
  readonly record: Pick<Record, 'tell'>;
  readonly supervisor: Pick<Supervisor, 'carries' | 'prepare'>;
  readonly questions: Pick<Questions, 'on'>;
  /** Monotonic. */
  readonly now: () => number;
  readonly sleep: Sleep;
}

/** How far an understudy on another node has come. */
type Readiness = 'ready' | 'underway' | 'refused';

/** Hands runs of this node to others: made ready there, ended here, and claimed there, in this order. */
export class Transfers {
  readonly #options: TransfersOptions;
  readonly #closed = new AbortController();

  constructor(options: TransfersOptions) {
    this.#options = options;
    options.questions.on(QUESTION, question => this.#prepareHere(question));
  }

  /** Resolves when the other node has the task. Throws where it cannot be given, and it goes on here. */
  async move(taskId: string, to: string): Promise<void> {
    const { claims, cluster, node } = this.#options;
    const epoch = claims.epochOf(taskId);
    if (epoch === undefined) throw new Error('this node does not act for the task');
    const target = cluster.members.find(({ name }) => name === to);
    if (to === node || target?.presence !== 'present' || !target.isOpen) throw new Error(`node ${to} takes no tasks`);
    await this.#prepareThere({ taskId, epoch, to });
    if (!claims.leave(taskId, epoch)) throw new Error('the run has ended meanwhile');
    try {
      await this.#untilClosed(taskId);
      await this.#give({ taskId, epoch, to });
    } catch (cause) {
      claims.stay(taskId, epoch, 'it could not be given to another node');
      throw cause;
    }
  }

  close(): void {
    this.#closed.abort();
  }

  async #give({ taskId, epoch, to }: Move): Promise<void> {
    const { record, node, claims } = this.#options;
    const reason = `moved to node ${to}`;
    const told = await record.tell(taskId, task =>
      isActive(task) && task.node === node && task.epoch === epoch
        ? [{ type: 'claimed', cause: 'system', reason, epoch, node: to }]
        : [],
    );
    // Its user has stopped it, or started it over, while it was on its way.
    if (told === undefined) claims.stay(taskId, epoch, 'it was changed while it was to be moved');
  }

  async #untilClosed(taskId: string): Promise<void> {
    const { supervisor, now } = this.#options;
    const endMs = now() + CLOSE_MS;
    while (supervisor.carries(taskId)) {
      if (now() > endMs) throw new Error('its run did not end in time');
      await this.#rest(LOOK_MS);
    }
  }

  async #prepareThere({ taskId, epoch, to }: Move): Promise<void> {
    const { cluster, claims, now } = this.#options;
    if (claims.runOf(taskId)?.report.state !== 'flowing') return;
    const endMs = now() + PREPARE_MS;
    for (let isFirst = true; now() < endMs && claims.epochOf(taskId) === epoch; isFirst = false) {
      const readiness = await cluster.ask(to, { t: QUESTION, taskId, epoch, isFirst }).catch(() => 'refused');
      if (readiness !== 'underway') return;
      await this.#rest(ASK_PAUSE_MS);
    }
  }

  async #prepareHere(question: object): Promise<Readiness> {
    const { store, claims, supervisor } = this.#options;
    const { taskId, epoch, isFirst } = question as Partial<{ readonly [key in string]: unknown }>;
    if (typeof taskId !== 'string') return 'refused';
    if (isFirst !== true) return supervisor.prepare(taskId);
    const task = await store.get(taskId);
    if (task === undefined || task.epoch !== epoch || !isActive(task)) return 'refused';
    const order: RunOrder = await claims.orderOf(task);
    return supervisor.prepare(taskId, order);
  }

  #rest(ms: number): Promise<void> {
    return this.#options.sleep(ms, this.#closed.signal);
  }
}

interface Move {
  readonly taskId: string;
  readonly epoch: number;
  readonly to: string;
}
