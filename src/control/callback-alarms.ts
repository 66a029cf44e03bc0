import type { Store } from '../store/store.ts';
import { isAboutCallback, type OpenAlarm } from '../task/alarm.ts';
import type { Event, Occurrence } from '../task/event.ts';
import type { Status } from '../task/status.ts';
import type { Task } from '../task/task.ts';
import { endpointId } from './endpoint.ts';
import type { Telling } from './record.ts';

export interface CallbackAlarmsOptions {
  readonly store: Pick<Store, 'withStatus'>;
  readonly tell: (taskId: string, telling: Telling) => Promise<unknown>;
}

const ALIVE: readonly Status[] = ['scheduled', 'running', 'recovering', 'stopped'];

interface Troubled {
  readonly accountId: string;
  readonly open: readonly OpenAlarm[];
}

/** Which alarm, of which receiver, and why. */
export interface Trouble {
  readonly alarm: string;
  readonly url: string;
  readonly reason: string;
}

/** What is wrong with a receiver is told as an event of each task that it is the receiver of. */
export class CallbackAlarms {
  readonly #options: CallbackAlarmsOptions;
  readonly #troubled = new Map<string, Troubled>();

  constructor(options: CallbackAlarmsOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (const task of await this.#options.store.withStatus(ALIVE)) this.#note(task);
  }

  /** Follows the record. */
  follow(_event: Event, task: Task): void {
    this.#note(task);
  }

  isOpen(taskId: string, alarm: string): boolean {
    return this.#troubled.get(taskId)?.open.some(one => one.alarm === alarm) === true;
  }

  /** No news for a task whose callbacks go elsewhere by now. */
  async raise(taskId: string, { alarm, url, reason }: Trouble): Promise<void> {
    if (this.isOpen(taskId, alarm)) return;
    const occurrence: Occurrence = { type: 'alarm', cause: 'system', reason, detail: { alarm, set: true, url } };
    await this.#options.tell(taskId, task => (task.spec.callback?.url === url ? [occurrence] : []));
  }

  /** The given alarms are over for every task with that receiver. */
  async clear(endpoint: string, alarms: readonly string[], reason: string): Promise<void> {
    for (const [taskId, { accountId, open }] of [...this.#troubled]) {
      const over = open.filter(
        ({ alarm, about = '' }) => alarms.includes(alarm) && endpointId(accountId, about) === endpoint,
      );
      const told = over.map(({ alarm, about }): Occurrence => {
        return { type: 'alarm', cause: 'system', reason, detail: { alarm, set: false, ...(about && { url: about }) } };
      });
      if (told.length > 0) await this.#options.tell(taskId, () => told);
    }
  }

  #note({ id, accountId, alarms }: Task): void {
    const open = alarms.filter(isAboutCallback);
    if (open.length > 0) this.#troubled.set(id, { accountId, open });
    else this.#troubled.delete(id);
  }
}
