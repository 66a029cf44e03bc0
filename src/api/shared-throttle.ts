import { keyOf, type RollingThrottle, type Throttle } from './throttle.ts';

/** How nodes talk to one another: nobody promises that all of it is heard. */
export interface Talk {
  say(topic: string, message: unknown): void;
  hear(topic: string, hearing: (message: unknown) => void): () => void;
}

export interface SharedThrottleOptions {
  /** Which throttle it is, among those of a node. */
  readonly name: string;
  readonly own: RollingThrottle;
  readonly talk: Talk;
  readonly everyMs?: number;
}

const EVERY_MS = 200;
/** A word that says more is passed over: no node lets so many accounts through in so short a time. */
const MOST_KEYS = 10_000;

/**
 * A throttle that counts what other nodes have let through, too. They tell it five times a second; so a burst that comes to
 * all of them at once may pass at each, and after that the limit is one for all.
 */
export class SharedThrottle implements Throttle {
  readonly #options: SharedThrottleOptions;
  readonly #telling: NodeJS.Timeout;
  readonly #deafen: () => void;
  #passed = new Map<string, number>();

  constructor(options: SharedThrottleOptions) {
    const { talk, name, everyMs = EVERY_MS } = options;
    this.#options = options;
    this.#deafen = talk.hear(topicOf(name), message => this.#hear(message));
    this.#telling = setInterval(() => this.#tell(), everyMs).unref();
  }

  take(account: string, operation: string): number {
    const waitMs = this.#options.own.take(account, operation);
    const key = keyOf(account, operation);
    if (waitMs === 0) this.#passed.set(key, (this.#passed.get(key) ?? 0) + 1);
    return waitMs;
  }

  close(): void {
    clearInterval(this.#telling);
    this.#deafen();
  }

  #tell(): void {
    if (this.#passed.size === 0) return;
    const passed = [...this.#passed];
    this.#passed = new Map();
    this.#options.talk.say(topicOf(this.#options.name), { passed });
  }

  #hear(message: unknown): void {
    for (const [key, calls] of passedOf(message)) this.#options.own.count(key, calls);
  }
}

const topicOf = (name: string): string => `calls-${name}`;

/** The parsed edge: what comes from another node may be of another version. */
function passedOf(message: unknown): readonly (readonly [string, number])[] {
  if (typeof message !== 'object' || message === null || !('passed' in message)) return [];
  const { passed } = message;
  if (!Array.isArray(passed) || passed.length > MOST_KEYS) return [];
  return passed.flatMap((one: unknown) => (isPassed(one) ? [[one[0], one[1]] as const] : []));
}

const isPassed = (one: unknown): one is readonly [string, number] =>
  Array.isArray(one) && typeof one[0] === 'string' && Number.isSafeInteger(one[1]);
