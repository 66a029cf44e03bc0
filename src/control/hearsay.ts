import type { Cluster } from '../cluster/cluster.ts';
import type { LoggedEvent, Store } from '../store/store.ts';
import type { Event } from '../task/event.ts';
import type { Task } from '../task/task.ts';
import type { Claims } from './claims.ts';
import type { Sleep } from './deadline.ts';
import type { Follow, Log } from './record.ts';

/** What comes together is read together. */
const GATHER_MS = 20;
/** Where nothing is heard, it is looked all the same. */
const LOOK_MS = 2_000;
const EVENTS_AT_ONCE = 500;
/** The holder of a task is told again for so long. */
const INSIST_MS = 2_000;
const INSIST_PAUSE_MS = 250;
/** Of events that were made here, so many are remembered: they are read again soon behind their commit. */
const MOST_OWN = 50_000;
const TOPIC = 'event';

export interface HearsayOptions {
  /** The name of this node. */
  readonly node: string;
  readonly store: Pick<Store, 'newEvents' | 'lastEvent' | 'some' | 'events' | 'get'>;
  readonly cluster: Pick<Cluster, 'say' | 'hear' | 'ask'>;
  readonly claims: Pick<Claims, 'halt' | 'epochOf' | 'seqOf' | 'follow'>;
  /** Those who follow the record, but for those whose matter only the node's own events are. */
  readonly followers: readonly Follow[];
  readonly sleep: Sleep;
  readonly log: Log;
}

/** What is said of an event: enough to know whom it concerns. The store has the rest. */
interface Word {
  readonly taskId: string;
  readonly seq: number;
  readonly epoch: number;
  readonly to: string;
}

/**
 * What other nodes have made of tasks. Each says at once that there is an event; who hears it reads the store's log from
 * where it had come to. So a word that is lost costs a moment, and nothing is followed twice or out of order.
 */
export class Hearsay {
  readonly #options: HearsayOptions;
  readonly #closed = new AbortController();
  readonly #own = new Set<string>();
  #after: number | undefined;
  #isAsked = false;
  #pause = new AbortController();
  #loop: Promise<void> | undefined;
  #unhear: () => void = () => {};
  #isFailing = false;

  constructor(options: HearsayOptions) {
    this.#options = options;
  }

  /** From now on, where there may be other nodes. What stands in the store by then is not followed. */
  async start(): Promise<void> {
    // Heard from the first moment on, so that nothing falls between the two.
    this.#after = await this.#options.store.lastEvent();
    this.#unhear = this.#options.cluster.hear(TOPIC, message => this.hear(message));
    this.#loop = this.#run();
  }

  /** An event is about to be made here: whoever follows is told of it without us. */
  made(eventId: string): void {
    if (!this.#hasBegun) return;
    this.#own.add(eventId);
    const oldest = this.#own.size > MOST_OWN ? this.#own.values().next().value : undefined;
    if (oldest !== undefined) this.#own.delete(oldest);
  }

  /** Follows the record: tells the others. */
  follow({ taskId, seq, epoch, to }: Event, task: Task): void {
    if (!this.#hasBegun) return;
    const word: Word = { taskId, seq, epoch, to };
    this.#options.cluster.say(TOPIC, word);
    const { node } = task;
    if (node !== '' && node !== this.#options.node) void this.#insist(node, word);
  }

  /** Said by another node, or asked of this one. */
  hear(message: unknown): void {
    const word = wordOf(message);
    if (word === undefined) return;
    const { claims } = this.#options;
    const isNews = (claims.seqOf(word.taskId) ?? word.seq) < word.seq;
    if (isNews && (word.to === 'stopped' || word.to === 'exited')) claims.halt(word.taskId);
    this.#isAsked = true;
    this.#pause.abort();
  }

  /** Reads of one task what has not been heard, whatever the log's reader has come to. */
  async catchUp(taskId: string): Promise<void> {
    const { store, claims } = this.#options;
    const after = claims.seqOf(taskId);
    if (after === undefined) return;
    const events = await store.events(taskId, after, EVENTS_AT_ONCE);
    const task = await store.get(taskId);
    if (task !== undefined) for (const event of events) claims.follow(event, task);
  }

  async close(): Promise<void> {
    this.#unhear();
    this.#closed.abort();
    this.#pause.abort();
    await this.#loop;
  }

  get #hasBegun(): boolean {
    return this.#after !== undefined;
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      this.#pause = new AbortController();
      if (!this.#isAsked) await this.#rest(LOOK_MS, this.#pause.signal);
      else await this.#rest(GATHER_MS, this.#closed.signal);
      this.#isAsked = false;
      await this.#read().then(
        () => this.#recover(),
        cause => this.#fail(cause),
      );
    }
  }

  #rest(ms: number, signal: AbortSignal): Promise<void> {
    return this.#options.sleep(ms, signal).catch(() => undefined);
  }

  async #read(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    const { store } = this.#options;
    const events = await store.newEvents(this.#after ?? 0, EVENTS_AT_ONCE);
    const others = events.filter(({ id }) => !this.#own.has(id));
    const tasks = await store.some([...new Set(others.map(({ taskId }) => taskId))]);
    const byId = new Map(tasks.map(task => [task.id, task]));
    for (const event of others) this.#tell(event, byId.get(event.taskId));
    this.#after = events.at(-1)?.n ?? this.#after;
    for (const { id } of events) this.#own.delete(id);
    if (events.length === EVENTS_AT_ONCE) this.#isAsked = true;
  }

  #tell({ n: _n, accountId: _a, projectId: _p, ...event }: LoggedEvent, task: Task | undefined): void {
    if (task === undefined) return;
    for (const follow of this.#options.followers) {
      try {
        follow(event, task, undefined);
      } catch (cause) {
        this.#options.log('an event was not followed', { taskId: task.id, event: event.type, cause });
      }
    }
  }

  /** Whoever acts for the task is not to miss it. */
  async #insist(node: string, word: Word): Promise<void> {
    const { cluster } = this.#options;
    for (let leftMs = INSIST_MS; leftMs > 0 && !this.#closed.signal.aborted; leftMs -= INSIST_PAUSE_MS) {
      const isHeard = await cluster.ask(node, { t: TOPIC, ...word }).then(
        () => true,
        () => false,
      );
      if (isHeard) return;
      await this.#rest(INSIST_PAUSE_MS, this.#closed.signal);
    }
  }

  #fail(cause: unknown): void {
    if (!this.#isFailing) this.#options.log('what other nodes have done cannot be read', { cause });
    this.#isFailing = true;
  }

  #recover(): void {
    if (this.#isFailing) this.#options.log('what other nodes have done is read again', {});
    this.#isFailing = false;
  }
}

/** The parsed edge: what comes from another node may be of another version. */
function wordOf(message: unknown): Word | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { taskId, seq, epoch, to } = message as Partial<{ readonly [key in keyof Word]: unknown }>;
  if (typeof taskId !== 'string' || typeof to !== 'string') return undefined;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(epoch)) return undefined;
  return { taskId, seq: Number(seq), epoch: Number(epoch), to };
}
