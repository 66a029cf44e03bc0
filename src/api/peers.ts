/** The other nodes that serve the same accounts. They may not hear what they are told, and may say anything. */
export interface Peers {
  /** Whether there are any that would hear. */
  readonly arePresent: boolean;
  /** For how long what is to be told is gathered; 0: each thing is told by itself. */
  readonly gatherMs: number;
  say(topic: string, message: unknown): void;
  hear(topic: string, heard: (message: unknown) => void): void;
}

export interface TellingOptions<T> {
  readonly peers: Peers;
  readonly topic: string;
  /** As it is told, at the time when it is told. */
  readonly print: (thing: T) => unknown;
  /** Each thing that another node tells, which may be anything. */
  readonly heard: (thing: unknown) => void;
}

/** In one message: the longest of what is told fits many times. */
const MOST_TOGETHER = 500;
/** Whoever counts so much at once is far beyond every limit by itself. */
const MOST_GATHERED = 10_000;

/** Tells the peers of each thing that happens here, some at a time, and hears of theirs. */
export class Telling<T> {
  readonly #options: TellingOptions<T>;
  #gathered: T[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TellingOptions<T>) {
    this.#options = options;
    options.peers.hear(options.topic, message => this.#hear(message));
  }

  tell(thing: T): void {
    const { gatherMs } = this.#options.peers;
    if (this.#gathered.length < MOST_GATHERED) this.#gathered.push(thing);
    if (gatherMs === 0) this.#sayAll();
    else this.#timer ??= setTimeout(() => this.#sayAll(), gatherMs).unref();
  }

  #sayAll(): void {
    const { peers, topic, print } = this.#options;
    const all = this.#gathered;
    this.#gathered = [];
    this.#timer = undefined;
    if (!peers.arePresent) return;
    for (let at = 0; at < all.length; at += MOST_TOGETHER) {
      peers.say(topic, all.slice(at, at + MOST_TOGETHER).map(print));
    }
  }

  #hear(message: unknown): void {
    if (!Array.isArray(message)) return;
    for (const thing of message.slice(0, MOST_TOGETHER)) this.#options.heard(thing);
  }
}
