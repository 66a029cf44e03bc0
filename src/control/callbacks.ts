import type { Delivery, Store } from '../store/store.ts';
import type { Event } from '../task/event.ts';
import type { DialectName } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import { type Sleep, within } from './deadline.ts';
import type { Log } from './record.ts';

/** Sends one request and answers its status; must not follow redirects. */
export type Post = (
  request: PostRequest,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
) => Promise<{ readonly status: number }>;

/** One try of a delivery. */
export interface PostRequest {
  readonly url: string;
  readonly contentType: string;
  readonly body: string;
  /** Beyond those that every request has. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The headers by which a receiver knows who calls; they are of this moment, hence made anew for each try. */
export type Sign = (delivery: Delivery, nowMs: number) => Readonly<Record<string, string>>;

export interface CallbacksOptions {
  readonly store: Pick<Store, 'dueDeliveries' | 'updateDelivery'>;
  readonly post: Post;
  readonly sign: { readonly [dialect in DialectName]?: Sign };
  /** The address without anything secret, for the log. */
  readonly redact: (url: string) => string;
  /** Wall clock: a delivery's next time has to outlive the process. */
  readonly now: () => number;
  readonly sleep: Sleep;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
  readonly log: Log;
}

/** How long a receiver is waited for, and the gaps between the tries; behind the last one the delivery is dead. */
interface Pace {
  readonly timeoutMs: number;
  readonly gapsS: readonly number[];
}

const GAPS_S = [1, 2, 5, 10, 20, 40, 60, 120, 180, 180, 240] as const;
const QUICK_GAPS_S = [1, 1, 1, 1, 1] as const;
const COMMON: Pace = { timeoutMs: 10_000, gapsS: GAPS_S };
const PACES: Readonly<Record<DialectName, Pace>> = {
  huawei: COMMON,
  native: COMMON,
  // That cloud stops behind five quick retries; a receiver that is down for longer is told here all the same.
  alibaba: { timeoutMs: 5_000, gapsS: [...QUICK_GAPS_S, ...GAPS_S.slice(QUICK_GAPS_S.length)] },
};
const SPREAD = 0.2;
const LONGEST_GAP_MS = Math.max(...Object.values(PACES).flatMap(({ gapsS }) => gapsS)) * 1000 * (1 + SPREAD);

const MOST_IN_FLIGHT = 64;
const MOST_IN_FLIGHT_PER_HOST = 8;
/** Deliveries of one host held in memory beyond those in flight; the rest stays in the store. */
const MOST_QUEUED_PER_HOST = 64;
const MOST_HELD = 4096;

const PAGE = 256;
const TURN_MS = 250;
/** The rest after each page that was read, so that a long backlog of a slow receiver does not keep the store busy. */
const REST_PER_PAGE_MS = 20;
const STORE_RETRY_MS = 1_000;

/** The deliveries of one receiver. */
interface Lane {
  readonly host: string;
  readonly queue: Delivery[];
  inFlight: number;
}

/**
 * Sends what the record has put into the outbox: per task strictly in order, at least once, until delivered or dead.
 * The outbox is the store, so nothing is lost with the process; here is only what is being sent.
 */
export class Callbacks {
  readonly #options: CallbacksOptions;
  readonly #closed = new AbortController();
  readonly #lanes = new Map<string, Lane>();
  readonly #held = new Set<string>();
  readonly #sending = new Set<Promise<void>>();
  #inFlight = 0;
  #pause = new AbortController();
  #isAsked = true;
  #isFailing = false;
  #loop: Promise<void> | undefined;

  constructor(options: CallbacksOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Looks into the outbox now instead of at the next turn. */
  wake(): void {
    this.#isAsked = true;
    this.#pause.abort();
  }

  /** Follows the record: an event with a delivery is to be sent at once. */
  follow(_event: Event, _task: Task, delivery: Delivery | undefined): void {
    if (delivery) this.wake();
  }

  /** Cuts what is in flight; it is sent again after the next start. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#pause.abort();
    await this.#loop;
    await Promise.all(this.#sending);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      this.#isAsked = false;
      this.#pause = new AbortController();
      const pages = await this.#look();
      await this.#sleep(REST_PER_PAGE_MS * pages, signal);
      if (!this.#isAsked && !signal.aborted) await this.#sleep(TURN_MS, this.#pause.signal);
    }
  }

  /** Answers how many pages it read. */
  async #look(): Promise<number> {
    try {
      const pages = await this.#fill();
      this.#isFailing = false;
      return pages;
    } catch (cause) {
      if (!this.#isFailing) this.#options.log('the outbox cannot be read; it is tried again', { cause });
      this.#isFailing = true;
      return STORE_RETRY_MS / REST_PER_PAGE_MS;
    }
  }

  /**
   * Also what waits for a time beyond the longest gap, for nothing is ever put off for longer: the wall clock was set back.
   */
  async #fill(): Promise<number> {
    const now = this.#options.now();
    const tooFar = { nextAt: now + LONGEST_GAP_MS, id: '' };
    const pages = await this.#take(now, undefined);
    const strayPages = await this.#take(Number.MAX_SAFE_INTEGER, tooFar);
    // As a rule there is nothing astray, which took no time to read.
    return pages + strayPages - 1;
  }

  /** Takes what is due until then, behind the given row; answers how many pages it read. */
  async #take(until: number, behind: Pick<Delivery, 'nextAt' | 'id'> | undefined): Promise<number> {
    for (let pages = 1, after = behind; ; pages++) {
      const page = await this.#options.store.dueDeliveries({ now: this.#options.now(), until, limit: PAGE, after });
      for (const delivery of page) this.#hold(delivery);
      after = page.at(-1);
      if (page.length < PAGE || this.#held.size >= MOST_HELD || this.#closed.signal.aborted) return pages;
    }
  }

  #hold(delivery: Delivery): void {
    if (this.#held.has(delivery.id)) return;
    const host = hostOf(delivery.url);
    const lane = this.#lanes.get(host) ?? { host, queue: [], inFlight: 0 };
    if (lane.queue.length >= MOST_QUEUED_PER_HOST) return;
    this.#lanes.set(host, lane);
    this.#held.add(delivery.id);
    lane.queue.push(delivery);
    this.#pump(lane);
  }

  #pump(lane: Lane): void {
    while (this.#inFlight < MOST_IN_FLIGHT && lane.inFlight < MOST_IN_FLIGHT_PER_HOST) {
      const delivery = this.#closed.signal.aborted ? undefined : lane.queue.shift();
      if (!delivery) break;
      lane.inFlight += 1;
      this.#inFlight += 1;
      const sending = this.#send(delivery, lane).finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
    }
    if (lane.queue.length === 0 && lane.inFlight === 0) this.#lanes.delete(lane.host);
  }

  async #send(delivery: Delivery, lane: Lane): Promise<void> {
    const error = await this.#attempt(delivery);
    lane.inFlight -= 1;
    this.#inFlight -= 1;
    this.#pumpAfter(lane);
    if (!this.#closed.signal.aborted || error === '') await this.#note(delivery, error);
    this.#held.delete(delivery.id);
    // Its task's next one, and those of its host that found the queue full, are still in the store.
    if (lane.queue.length < MOST_IN_FLIGHT_PER_HOST) this.wake();
  }

  /** The slot goes to those who waited longest: the lane that just had it comes last. */
  #pumpAfter(lane: Lane): void {
    if (this.#lanes.delete(lane.host)) this.#lanes.set(lane.host, lane);
    for (const waiting of [...this.#lanes.values()]) this.#pump(waiting);
  }

  /** Answers what went wrong; "" when the receiver took it. */
  async #attempt(delivery: Delivery): Promise<string> {
    const { post, sleep, redact } = this.#options;
    const { url } = delivery;
    const { timeoutMs } = PACES[delivery.dialect];
    const cut = new AbortController();
    const signal = AbortSignal.any([cut.signal, this.#closed.signal]);
    try {
      const answer = post(this.#requestFor(delivery), { signal, timeoutMs });
      const deadline = { ms: timeoutMs, sleep, what: 'the receiver', signal: this.#closed.signal };
      const { status } = await within(answer, deadline);
      return status >= 200 && status < 300 ? '' : `the receiver answered with status ${status}`;
    } catch (cause) {
      return withoutSecrets(cause, url, redact(url));
    } finally {
      cut.abort();
    }
  }

  #requestFor(delivery: Delivery): PostRequest {
    const { url, contentType, body, dialect } = delivery;
    const headers = this.#options.sign[dialect]?.(delivery, this.#options.now()) ?? {};
    return { url, contentType, body, headers };
  }

  async #note(delivery: Delivery, error: string): Promise<void> {
    const { now, random } = this.#options;
    const attempts = delivery.attempts + 1;
    const gapS = PACES[delivery.dialect].gapsS[attempts - 1];
    if (error === '') return this.#write(delivery, { attempts, nextAt: now(), state: 'delivered', lastError: '' });
    this.#logFailure(delivery, { attempts, error, isLast: gapS === undefined });
    if (gapS === undefined) return this.#write(delivery, { attempts, nextAt: now(), state: 'dead', lastError: error });
    const gapMs = Math.round(gapS * 1000 * (1 - SPREAD + 2 * SPREAD * random()));
    return this.#write(delivery, { attempts, nextAt: now() + gapMs, state: 'waiting', lastError: error });
  }

  /** Goes on until it is written: a delivery that was sent and not noted would be sent again at once. */
  async #write({ id }: Delivery, patch: Patch): Promise<void> {
    while (true) {
      try {
        return await this.#options.store.updateDelivery(id, patch);
      } catch (cause) {
        this.#options.log('the fate of a callback cannot be stored', { deliveryId: id, cause });
        if (this.#closed.signal.aborted) return;
        await this.#sleep(STORE_RETRY_MS, this.#closed.signal);
      }
    }
  }

  #logFailure(
    { taskId, url }: Delivery,
    { attempts, error, isLast }: { readonly attempts: number; readonly error: string; readonly isLast: boolean },
  ): void {
    if (attempts > 1 && !isLast) return;
    const message = isLast ? 'a callback was given up' : 'a callback failed and will be tried again';
    this.#options.log(message, { taskId, url: this.#options.redact(url), attempts, error });
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await this.#options.sleep(ms, signal).catch(() => undefined);
  }
}

type Patch = Pick<Delivery, 'attempts' | 'nextAt' | 'state' | 'lastError'>;

const hostOf = (url: string): string => URL.parse(url)?.host ?? '';

/** A callback's path and query may be its password. */
function withoutSecrets(cause: unknown, url: string, redacted: string): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const { pathname = '/', search = '' } = URL.parse(url) ?? {};
  const secrets = [url, pathname + search, search].filter(text => text.length > 1);
  return secrets.reduce((text, secret) => text.replaceAll(secret, secret === url ? redacted : '***'), message);
}
