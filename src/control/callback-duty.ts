import type { Cluster } from '../cluster/cluster.ts';
import type { Delivery, Store } from '../store/store.ts';
import type { Event } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { Callbacks, TestAnswer, TestCall } from './callbacks.ts';
import type { Duty } from './duties.ts';
import { fieldsOf } from './words.ts';

export interface CallbackDutyOptions {
  /** One that knows nothing yet, and has not been started. */
  readonly build: () => Callbacks;
  readonly store: Pick<Store, 'endpoints'>;
  readonly cluster: Pick<Cluster, 'say' | 'hear'>;
}

const TOPIC = 'callbacks';

/**
 * The callbacks of all nodes, which one of them sends: two would break the order in which a receiver is told. What a
 * former node had under way is found in the outbox, and sent again.
 */
export class CallbackDuty implements Duty {
  readonly name = 'callbacks';
  readonly #options: CallbackDutyOptions;
  /** Sends nothing but what its caller waits for. */
  readonly #standing: Callbacks;
  readonly #deafen: () => void;
  #sending: Callbacks | undefined;

  constructor(options: CallbackDutyOptions) {
    this.#options = options;
    this.#standing = options.build();
    this.#deafen = options.cluster.hear(TOPIC, message => this.#hear(message));
  }

  begin(): void {
    this.#sending ??= this.#options.build();
    this.#sending.start();
  }

  async end(): Promise<void> {
    const ended = this.#sending;
    this.#sending = undefined;
    await ended?.close();
  }

  async close(): Promise<void> {
    this.#deafen();
    await Promise.all([this.end(), this.#standing.close()]);
  }

  /** Follows the record: whoever sends has it sent at once. */
  follow(event: Event, task: Task, delivery: Delivery | undefined): void {
    this.#sending?.follow(event, task, delivery);
  }

  /** What is due has changed by another way than the record's. */
  wake(): void {
    if (this.#sending) this.#sending.wake();
    else this.#options.cluster.say(TOPIC, { wake: true });
  }

  test(call: TestCall): Promise<TestAnswer> {
    return this.#standing.test(call);
  }

  /** False where the account has no such receiver that fails or is paused. */
  async resume(accountId: string, endpointId: string): Promise<boolean> {
    if (this.#sending) return this.#sending.resume(accountId, endpointId);
    const endpoints = await this.#options.store.endpoints(accountId);
    if (!endpoints.some(({ id }) => id === endpointId)) return false;
    // It is the one who sends that has to forgive: it knows in memory what fails.
    this.#options.cluster.say(TOPIC, { resume: { accountId, endpointId } });
    return true;
  }

  #hear(message: unknown): void {
    const said = fieldsOf(message);
    if (said.wake === true) this.#sending?.wake();
    const { accountId, endpointId } = fieldsOf(said.resume);
    if (typeof accountId !== 'string' || typeof endpointId !== 'string') return;
    void this.#sending?.resume(accountId, endpointId).catch(() => undefined);
  }
}
