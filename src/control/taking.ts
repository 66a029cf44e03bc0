import type { Cluster, Offer, Taker } from '../cluster/cluster.ts';
import { NO_NODE_IN_REGION } from '../task/alarm.ts';
import { dueAt } from '../task/due.ts';
import type { Occurrence } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { Claims } from './claims.ts';
import { emptyRegion } from './offers.ts';
import type { Record } from './record.ts';
import { isActive } from './run-news.ts';

export interface TakingOptions {
  /** The name of this node. */
  readonly node: string;
  readonly record: Pick<Record, 'tell'>;
  readonly cluster: Pick<Cluster, 'isGone'>;
  readonly claims: Pick<Claims, 'epochOf'>;
  /** Whether this node holds its lease. */
  readonly mayAct: () => boolean;
  /** How many more runs this node would carry. */
  readonly room: () => number;
  /** Wall clock. */
  readonly now: () => number;
}

/** Takes what is offered: tells that this node has claimed it, unless the task has another mind by then. */
export class Taking implements Taker {
  readonly #options: TakingOptions;
  #underWay = 0;

  constructor(options: TakingOptions) {
    this.#options = options;
  }

  room(): number {
    const { mayAct, room } = this.#options;
    return mayAct() ? Math.max(0, room() - this.#underWay) : 0;
  }

  /** Without an epoch: whatever it is by now, for nobody else may act for the task. */
  async take({ taskId, epoch }: Pick<Offer, 'taskId'> & Partial<Offer>): Promise<void> {
    if (!this.#options.mayAct()) return;
    this.#underWay++;
    try {
      await this.#options.record.tell(taskId, task =>
        (epoch ?? task.epoch) === task.epoch ? this.#claimOf(task) : [],
      );
    } finally {
      this.#underWay--;
    }
  }

  /** Decided on the task as it is in the transaction: it may have been changed since it was offered. */
  #claimOf(task: Task): readonly Occurrence[] {
    const { node, claims, now } = this.#options;
    if (!this.#isFree(task) || task.spec.endAt <= now()) return [];
    const claimed = { type: 'claimed', epoch: task.epoch, node } as const;
    const over = isToldEmpty(task) ? [emptyRegion('a node has taken it', false)] : [];
    if (isActive(task)) {
      if (claims.epochOf(task.id) === task.epoch) return [];
      return [...over, { ...claimed, cause: 'system', reason: lossOf(task, node) }];
    }
    const at = dueAt(task);
    const isDue = at !== null && at <= now();
    return isDue ? [...over, { ...claimed, cause: 'schedule', reason: 'its start has come' }] : [];
  }

  /** Nobody else may still have it on air. */
  #isFree({ node }: Task): boolean {
    return node === '' || node === this.#options.node || this.#options.cluster.isGone(node);
  }
}

const isToldEmpty = ({ alarms }: Task): boolean => alarms.some(({ alarm }) => alarm === NO_NODE_IN_REGION);

const lossOf = (task: Task, node: string): string =>
  task.node === '' || task.node === node ? 'its run is gone' : `its node ${task.node} is gone`;
