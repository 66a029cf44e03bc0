import type { Monotonic } from '../media/clock.ts';
import { Fault, type FaultKind } from '../media/fault.ts';

export interface TurnstileOptions {
  readonly now: Monotonic;
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** How many may dial a host within a second while none of them gets through. */
  readonly perSecond: number;
}

/** Who gets through lets so many in who wait: a host that is back is found out once, and then soon known to all. */
const LET_IN = 2;

/** The host was there and answered; or it was never asked. */
const ANSWERS: ReadonlySet<FaultKind> = new Set(['refused', 'unsupported', 'policy']);

const NEVER = new AbortController().signal;

/** Those who want to dial one host. */
interface Queue {
  readonly waiting: Set<() => void>;
  nextMs: number;
  served: boolean;
}

/**
 * Hundreds of runs may lose the same host in the same moment. They dial it one after the other, at a pace that a host
 * can bear and a network need not notice; only where dials succeed do more of them follow. A run that is alone with its
 * host does not wait.
 */
export class Turnstile {
  readonly #options: TurnstileOptions;
  #gapMs: number;
  readonly #queues = new Map<string, Queue>();

  constructor(options: TurnstileOptions) {
    this.#options = options;
    this.#gapMs = 1000 / options.perSecond;
  }

  /** From the next dial on. */
  set perSecond(dials: number) {
    this.#gapMs = 1000 / dials;
  }

  /** How many hosts it has anything to remember of. */
  get hosts(): number {
    return this.#queues.size;
  }

  /** Dials when it is this one's turn. Rejects on abort, and with what the dial rejects with. */
  async pass<T>(host: string, signal: AbortSignal, dial: () => Promise<T>): Promise<T> {
    const queue = this.#queueOf(host);
    await this.#turn(host, queue, signal);
    try {
      const got = await dial();
      letIn(queue, LET_IN);
      return got;
    } catch (error) {
      if (error instanceof Fault && ANSWERS.has(error.kind)) letIn(queue, LET_IN);
      throw error;
    }
  }

  #queueOf(host: string): Queue {
    const queue = this.#queues.get(host) ?? { waiting: new Set(), nextMs: this.#options.now(), served: false };
    this.#queues.set(host, queue);
    return queue;
  }

  #turn(host: string, queue: Queue, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const nowMs = this.#options.now();
    const isFree = queue.waiting.size === 0 && nowMs >= queue.nextMs;
    if (isFree) queue.nextMs = nowMs + this.#gapMs;
    const turn = isFree ? Promise.resolve() : waitIn(queue, signal);
    if (!queue.served) void this.#serve(host, queue);
    return turn;
  }

  /** Lets one in whenever it is time, until nobody waits and it is as if nobody had ever come. */
  async #serve(host: string, queue: Queue): Promise<void> {
    const { now, sleep } = this.#options;
    queue.served = true;
    while (queue.waiting.size > 0 || now() < queue.nextMs) {
      await sleep(Math.max(0, queue.nextMs - now()), NEVER);
      // One who came just now may have passed in front of those who wait.
      if (queue.waiting.size === 0 || now() < queue.nextMs) continue;
      queue.nextMs = now() + this.#gapMs;
      letIn(queue, 1);
    }
    this.#queues.delete(host);
  }
}

function waitIn(queue: Queue, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = (): void => {
    queue.waiting.delete(resolve);
    reject(signal.reason);
  };
  queue.waiting.add(resolve);
  signal.addEventListener('abort', leave, { once: true });
  return promise.finally(() => signal.removeEventListener('abort', leave));
}

function letIn({ waiting }: Queue, count: number): void {
  let left = count;
  for (const enter of waiting) {
    if (left-- <= 0) return;
    waiting.delete(enter);
    enter();
  }
}
