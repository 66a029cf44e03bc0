/** A process, or whatever else has events of its own: they end with it. */
export class Life {
  readonly name: string;
  /** Stopped like a process by SIGSTOP: what falls due is done when it goes on. */
  frozenUntilMs = 0;
  #alive = true;
  readonly #onEnd: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Without a goodbye. What it had still to do is never done. */
  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const act of this.#onEnd.splice(0)) act();
  }

  onEnd(act: () => void): void {
    if (this.#alive) this.#onEnd.push(act);
    else act();
  }
}

interface Moment {
  atMs: number;
  readonly order: number;
  readonly life: Life;
  /** Undefined once it was called off. */
  act: (() => void) | undefined;
}

/** Never answers: what a dead process waits for. */
export const never = <T>(): Promise<T> => new Promise(() => {});

/**
 * The one clock of a simulation. Time goes from event to event; between two of them everything that can go on does. The
 * wall clock runs with it, and may be set apart from it.
 */
export class Timeline {
  readonly #queue: Moment[] = [];
  #order = 0;
  #elapsedMs = 0;
  #wallMs: number;
  #moments = 0;

  constructor(wallMs: number) {
    this.#wallMs = wallMs;
  }

  /** Monotonic. */
  readonly elapsed = (): number => this.#elapsedMs;

  /** The wall clock. */
  readonly now = (): number => this.#wallMs + this.#elapsedMs;

  setWall(stepMs: number): void {
    this.#wallMs += stepMs;
  }

  /** Events so far. */
  get moments(): number {
    return this.#moments;
  }

  /** What living processes still wait for. */
  get pending(): number {
    return this.#queue.filter(({ act, life }) => act !== undefined && life.alive).length;
  }

  /** Acts after so long, unless it is called off by what it answers. */
  after(ms: number, life: Life, act: () => void): () => void {
    const moment: Moment = { atMs: this.#elapsedMs + Math.max(0, ms), order: this.#order++, life, act };
    this.#push(moment);
    return () => {
      moment.act = undefined;
    };
  }

  /** Lets time pass, until then or until it is cut. */
  async run(untilMs: number, cut: () => boolean = () => false): Promise<void> {
    while (!cut()) {
      const moment = this.#queue[0];
      if (moment === undefined || moment.atMs > untilMs) break;
      this.#pop();
      if (moment.act === undefined || !moment.life.alive) continue;
      if (moment.life.frozenUntilMs > moment.atMs) {
        moment.atMs = moment.life.frozenUntilMs;
        this.#push(moment);
        continue;
      }
      this.#elapsedMs = Math.max(this.#elapsedMs, moment.atMs);
      this.#moments++;
      moment.act();
      await (this.#moments % BREATHER === 0 ? breather() : settled());
    }
    if (!cut()) this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }

  /** A binary heap: the earliest first, and of one time whoever came first. */
  #push(moment: Moment): void {
    const queue = this.#queue;
    let at = queue.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = queue[parent];
      if (above === undefined || isBefore(above, moment)) break;
      queue[at] = above;
      at = parent;
    }
    queue[at] = moment;
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop();
    if (last === undefined || queue.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = isBefore(queue[right], queue[left]) ? right : left;
      const below = queue[child];
      if (below === undefined || isBefore(last, below)) break;
      queue[at] = below;
      at = child;
    }
    queue[at] = last;
  }
}

function isBefore(one: Moment | undefined, other: Moment | undefined): boolean {
  if (one === undefined) return false;
  if (other === undefined) return true;
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

/**
 * Everything that waits for nothing but its turn has had it: a tick follows when no promise has anything left to do. No
 * time passes.
 */
const settled = (): Promise<void> => new Promise(resolve => process.nextTick(resolve));

/** The same, and those who run the simulation get a turn, too. */
const BREATHER = 5_000;
const breather = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** What a process has of the clock. */
export class ProcessClock {
  readonly #timeline: Timeline;
  readonly #life: Life;
  /** How much longer than asked a wait of so long takes. */
  readonly #lateMs: (ms: number) => number;

  constructor(timeline: Timeline, life: Life, lateMs: (ms: number) => number) {
    this.#timeline = timeline;
    this.#life = life;
    this.#lateMs = lateMs;
  }

  /** Rejects when the signal aborts. */
  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> => {
    if (!this.#life.alive) return never();
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const wake = (): void => {
      signal.removeEventListener('abort', cut);
      resolve();
    };
    const cancel = this.#timeline.after(ms + this.#lateMs(ms), this.#life, wake);
    const cut = (): void => {
      cancel();
      reject(signal.reason);
    };
    signal.addEventListener('abort', cut, { once: true });
    return promise;
  };

  /** Resolves when whatever else happens at this very time has happened. */
  readonly nextTurn = (): Promise<void> => new Promise(resolve => void this.#timeline.after(0, this.#life, resolve));

  readonly every = (ms: number, act: () => void): (() => void) => {
    let cancel = (): void => {};
    const again = (): void => {
      cancel = this.#timeline.after(ms + this.#lateMs(ms), this.#life, () => {
        again();
        act();
      });
    };
    again();
    return () => cancel();
  };
}
