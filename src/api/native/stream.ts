import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { EventQuery, History, LoggedEvent } from '../../control/history.ts';
import type { Owner } from '../../control/tasks.ts';
import type { Event } from '../../task/event.ts';
import type { Task } from '../../task/task.ts';
import type { Log } from '../log.ts';
import { NativeError, throttled } from './error.ts';
import { printLogged, type Redact } from './event.ts';

export interface StreamLimits {
  readonly ofOneAccount: number;
  readonly ofAll: number;
  /** How often a stream says something, so that a dead one is noticed at both ends. */
  readonly keepAliveMs: number;
  /** How long a client may take nothing of what waits for it. */
  readonly stallMs: number;
  /** Beyond it a client has to come anew, and show again who it is. */
  readonly lifeMs: number;
}

const LIMITS: StreamLimits = {
  ofOneAccount: 16,
  ofAll: 256,
  keepAliveMs: 15_000,
  stallMs: 30_000,
  lifeMs: 600_000,
};
/** When to come again where there is no room, and where a stream was lost. */
const COME_AGAIN_MS = 5_000;
const RETRY_MS = 1_000;
/** Read at once: few enough that nobody waits long behind them. */
const PAGE = 200;
/** The rest between two reads, and what each open stream adds to it: so many readers cost no more than a few. */
const REST_MS = 10;
const REST_PER_STREAM_MS = 2;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would hold the events back.
  'x-accel-buffering': 'no',
} as const;

export interface StreamsOptions {
  readonly history: Pick<History, 'events' | 'lastEvent' | 'onEvent'>;
  readonly redact: Redact;
  readonly log: Pick<Log, 'info'>;
  /** Monotonic. */
  readonly monotonic: () => number;
  readonly limits?: Partial<StreamLimits>;
}

export interface Subscription {
  readonly owner: Owner;
  readonly query: EventQuery;
  /** Behind which event it begins; undefined for what comes from now on. */
  readonly after: number | undefined;
  /** Asked now and then: whether its caller may still read. */
  readonly stands: () => Promise<boolean>;
}

/** The open event streams of a node. */
export class EventStreams {
  readonly #options: StreamsOptions;
  readonly #limits: StreamLimits;
  readonly #streams = new Set<EventStream>();

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** Refuses where there are too many; resolves once the stream has begun, which has taken the answer over then. */
  async open(reply: FastifyReply, subscription: Subscription): Promise<void> {
    const { history } = this.#options;
    this.#requireRoom(subscription.owner.accountId);
    const rest = (): number => REST_MS + REST_PER_STREAM_MS * this.#streams.size;
    const stream = new EventStream(reply.raw, { ...this.#options, limits: this.#limits, subscription, rest });
    this.#streams.add(stream);
    const callOff = history.onEvent((event, task) => stream.hear(event, task));
    const forget = (): void => {
      callOff();
      this.#streams.delete(stream);
    };
    await stream.begin().catch((error: unknown) => {
      forget();
      throw error;
    });
    reply.hijack();
    void stream.run({ 'x-request-id': reply.request.id, ...HEADERS }).finally(forget);
  }

  close(): void {
    for (const stream of this.#streams) stream.end();
  }

  #requireRoom(accountId: string): void {
    const { ofAll, ofOneAccount } = this.#limits;
    const own = [...this.#streams].filter(stream => stream.accountId === accountId).length;
    if (own >= ofOneAccount) throw throttled(`The account has ${own} event streams open already.`, COME_AGAIN_MS);
    if (this.#streams.size < ofAll) return;
    throw new NativeError('UNAVAILABLE', 'The node has no room for another event stream.', {
      retryAfterMs: COME_AGAIN_MS,
    });
  }
}

interface StreamOptions extends StreamsOptions {
  readonly limits: StreamLimits;
  readonly subscription: Subscription;
  /** Between two reads. */
  readonly rest: () => number;
}

/**
 * One client and its place in the log. What it is sent is read from the store, never kept from the telling, so that who
 * comes again behind the last event it has seen ends with exactly the log.
 */
class EventStream {
  readonly accountId: string;
  readonly #response: ServerResponse;
  readonly #options: StreamOptions;
  readonly #closed = new AbortController();
  #cursor = 0;
  #isAsked = false;
  /** When it was last known that its caller may read. */
  #admittedAt: number;
  #ring: () => void = () => {};

  constructor(response: ServerResponse, options: StreamOptions) {
    this.accountId = options.subscription.owner.accountId;
    this.#response = response;
    this.#options = options;
    this.#admittedAt = options.monotonic();
    response.on('close', () => this.#close());
    response.on('error', () => this.#close());
  }

  /** Nothing is sent before it is known where the stream begins. */
  async begin(): Promise<void> {
    const { history, subscription } = this.#options;
    const head = await history.lastEvent();
    // A place ahead of the log is one of a log that was lost: events would be missed until this one came as far.
    this.#cursor = Math.min(subscription.after ?? head, head);
  }

  hear(event: Event, task: Task): void {
    if (!isFor(this.#options.subscription, event, task)) return;
    this.#isAsked = true;
    this.#ring();
  }

  end(): void {
    if (!this.#closed.signal.aborted) this.#response.end();
    this.#close();
  }

  /** Until the client goes, or is sent away: nothing that happens here is anybody else's failure. */
  async run(headers: Readonly<Record<string, string>>): Promise<void> {
    const { monotonic, limits, rest } = this.#options;
    const endsAt = monotonic() + limits.lifeMs;
    try {
      this.#response.writeHead(200, headers);
      this.#response.socket?.setKeepAlive(true, limits.keepAliveMs);
      await this.#say(`retry: ${RETRY_MS}\n\n`);
      while (!this.#closed.signal.aborted && monotonic() < endsAt && (await this.#isAdmitted())) {
        const isMore = await this.#tell();
        await this.#wait(rest());
        if (!isMore && !this.#isAsked) await this.#idle();
      }
      this.end();
    } catch (cause) {
      // It may come again.
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#options.log.info({ accountId: this.accountId, why }, 'an event stream was cut');
      this.#response.destroy();
    }
  }

  /** Answers whether there is more to read already. */
  async #tell(): Promise<boolean> {
    const { history, subscription, redact } = this.#options;
    this.#isAsked = false;
    const head = await history.lastEvent();
    const page = { after: this.#cursor, limit: PAGE };
    const { rows, next } = await history.events(subscription.owner, subscription.query, page);
    for (const event of rows) {
      if (this.#closed.signal.aborted) return false;
      await this.#say(frame(event, redact));
      this.#cursor = event.n;
    }
    // What others did meanwhile is not looked through again.
    if (next === null) this.#cursor = Math.max(this.#cursor, head);
    return next !== null;
  }

  /** Asked now and then, however much there is to tell: a sign-in may end, and a key be disabled. */
  async #isAdmitted(): Promise<boolean> {
    const { monotonic, limits, subscription } = this.#options;
    if (monotonic() - this.#admittedAt < limits.keepAliveMs / 2) return true;
    this.#admittedAt = monotonic();
    return subscription.stands();
  }

  async #idle(): Promise<void> {
    const { limits } = this.#options;
    await this.#wait(limits.keepAliveMs, ring => {
      this.#ring = ring;
    });
    if (this.#isAsked || this.#closed.signal.aborted) return;
    if (!(await this.#isAdmitted())) return this.end();
    await this.#say(': still here\n\n');
  }

  /** Waits for what the client has not taken yet, so that hardly more than one event is ever kept for it. */
  async #say(text: string): Promise<void> {
    if (this.#closed.signal.aborted || this.#response.write(text)) return;
    let isDrained = false;
    await this.#wait(this.#options.limits.stallMs, ring => {
      this.#response.once('drain', () => {
        isDrained = true;
        ring();
      });
    });
    if (!isDrained && !this.#closed.signal.aborted) throw new Error('the client does not read');
  }

  /** Until that time, the ringing of a bell, or the end of the stream. */
  #wait(ms: number, hang: (ring: () => void) => void = () => {}): Promise<void> {
    const { signal } = this.#closed;
    return new Promise(resolve => {
      const over = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      signal.addEventListener('abort', over);
      hang(over);
      if (signal.aborted) over();
    });
  }

  #close(): void {
    this.#closed.abort();
  }
}

function frame(event: LoggedEvent, redact: Redact): string {
  const printed = printLogged(event, redact);
  return `id: ${printed.cursor}\nevent: ${printed.type}\ndata: ${JSON.stringify(printed)}\n\n`;
}

/** What the store will find to be the same: it spares those the reading whom an event does not concern. */
function isFor({ owner, query }: Subscription, event: Event, task: Task): boolean {
  const { taskId, projectId, types, causes, to } = query;
  return (
    owner.accountId === task.accountId &&
    ['', task.projectId].includes(owner.projectId) &&
    [undefined, task.projectId].includes(projectId) &&
    [undefined, task.id].includes(taskId) &&
    (types?.includes(event.type) ?? true) &&
    (causes?.includes(event.cause) ?? true) &&
    (to?.includes(event.to) ?? true)
  );
}
