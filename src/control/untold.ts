import type { RunNews } from '../worker/channel.ts';
import { inParallel } from './parallel.ts';
import type { Log } from './record.ts';

/** Of one task; beyond that the oldest are lost. */
const MOST_WAITING = 100;
const TASKS_AT_ONCE = 32;

export interface UntoldOptions {
  readonly tell: (news: RunNews) => Promise<void>;
  readonly log: Log;
}

/** The news of one task. */
interface Queue {
  /** Never empty while they are told. */
  readonly waiting: RunNews[];
  telling: Promise<void> | undefined;
  isFailing: boolean;
}

/** News of runs on their way into the record: of one task strictly in order, kept while the store does not take them. */
export class Untold {
  readonly #options: UntoldOptions;
  readonly #queues = new Map<string, Queue>();

  constructor(options: UntoldOptions) {
    this.#options = options;
  }

  /** Resolves when it is told, or put off until `retry`. Never rejects. */
  add(news: RunNews): Promise<void> {
    const { taskId } = news;
    const queue = this.#queues.get(taskId) ?? { waiting: [], telling: undefined, isFailing: false };
    this.#queues.set(taskId, queue);
    queue.waiting.push(news);
    if (queue.waiting.length > MOST_WAITING) queue.waiting.shift();
    return queue.isFailing ? Promise.resolve() : this.#tell(taskId, queue);
  }

  /** Tries again what the store would not take. */
  async retry(): Promise<void> {
    const failing = [...this.#queues].filter(([, { isFailing }]) => isFailing);
    await inParallel(failing, TASKS_AT_ONCE, ([taskId, queue]) => this.#tell(taskId, queue));
  }

  /** Resolves when all that was added is told or put off. */
  async told(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(({ telling }) => telling));
  }

  /** Whether news of the task are on their way. */
  has(taskId: string): boolean {
    return this.#queues.has(taskId);
  }

  forget(taskId: string): void {
    this.#queues.delete(taskId);
  }

  #tell(taskId: string, queue: Queue): Promise<void> {
    queue.telling ??= this.#tellAll(taskId, queue);
    return queue.telling;
  }

  async #tellAll(taskId: string, queue: Queue): Promise<void> {
    const { waiting } = queue;
    for (let news = waiting[0]; news !== undefined; news = waiting[0]) {
      try {
        await this.#options.tell(news);
      } catch (cause) {
        if (!queue.isFailing) this.#log(news, cause);
        queue.isFailing = true;
        queue.telling = undefined;
        return;
      }
      // It may have been pushed out meanwhile by those behind it.
      if (waiting[0] === news) waiting.shift();
    }
    if (this.#queues.get(taskId) === queue) this.#queues.delete(taskId);
  }

  #log({ taskId, epoch }: RunNews, cause: unknown): void {
    this.#options.log('news of a run could not be stored', { taskId, epoch, cause });
  }
}
