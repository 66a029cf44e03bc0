import type { Delivery, Endpoint, Fate, Store } from '../store/store.ts';
import { CALLBACK_BLOCKED, CALLBACK_GONE, CALLBACK_PAUSED } from '../task/alarm.ts';
import type { Event } from '../task/event.ts';
import type { DialectName } from '../task/spec.ts';
import type { Task } from '../task/task.ts';
import { type AttemptParts, attempt, type Outcome, requestFor, type Sign, type Verdict } from './attempt.ts';
import { CallbackAlarms } from './callback-alarms.ts';
import type { CallbackSecrets } from './callback-secrets.ts';
import { Endpoints } from './endpoints.ts';
import { fateAfter } from './fate.ts';
import { type Bearing, Lanes } from './lanes.ts';
import { Lookout } from './lookout.ts';
import { HOLD_MS, timeoutOf } from './pace.ts';
import type { Log, Rendered, Telling } from './record.ts';
import { signWebhook } from './webhook.ts';

export type { Post, PostAnswer, PostRequest, Sign } from './attempt.ts';

export interface CallbacksOptions extends AttemptParts {
  readonly store: Pick<
    Store,
    | 'dueDeliveries'
    | 'updateDelivery'
    | 'deliveries'
    | 'redeliver'
    | 'giveUpDeliveries'
    | 'endpoints'
    | 'putEndpoint'
    | 'removeEndpoint'
    | 'withStatus'
  >;
  readonly sign: { readonly [dialect in DialectName]?: Sign };
  readonly secrets: Pick<CallbackSecrets, 'signersOf'>;
  /** What is wrong with a receiver is told of the tasks that it is the receiver of. */
  readonly tell: (taskId: string, telling: Telling) => Promise<unknown>;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
  readonly log: Log;
  /** Told of each try. */
  readonly tried?: (delivery: Delivery, outcome: Outcome) => void;
}

/** A callback that stands for no event: its owner wants to know whether it arrives. */
export interface TestCall {
  readonly accountId: string;
  readonly url: string;
  readonly body: Rendered;
  readonly id: string;
}

export type TestAnswer = Pick<Outcome, 'status' | 'tookMs' | 'error'>;

const STORE_RETRY_MS = 1_000;
/** So that a hold is over by the wall clock too when the timer says so. */
const SLACK_MS = 5;
const PAGE = 500;
/** What failed first may have been made a little after what failed next. */
const OUTAGE_SLACK_MS = 60_000;

const BEARINGS: Readonly<Record<Verdict, Bearing>> = {
  taken: 'took',
  gone: 'failed',
  blocked: 'failed',
  failed: 'failed',
  overloaded: 'overloaded',
};

/**
 * Sends what the record has put into the outbox: at least once, the first tries of a task in order, until each is taken or
 * dead. The outbox is the store, so nothing is lost with the process; here is only what is being sent.
 */
export class Callbacks {
  readonly #options: CallbacksOptions;
  readonly #closed = new AbortController();
  readonly #lanes = new Lanes();
  readonly #lookout: Lookout;
  readonly #endpoints: Endpoints;
  readonly #alarms: CallbackAlarms;
  readonly #underWay = new Set<Promise<void>>();
  #started: Promise<void> | undefined;

  constructor(options: CallbacksOptions) {
    const { store, now, sleep, log, tell } = options;
    this.#options = options;
    this.#endpoints = new Endpoints({ store, now, log });
    this.#alarms = new CallbackAlarms({ store, tell });
    this.#lookout = new Lookout({ store, now, sleep, log, found: delivery => this.#found(delivery) });
  }

  start(): void {
    this.#started ??= this.#start();
  }

  /** Follows the record: an event with a delivery is to be sent at once. */
  follow(event: Event, task: Task, delivery: Delivery | undefined): void {
    this.#alarms.follow(event, task);
    if (delivery === undefined) return;
    if (this.#endpoints.isPaused(delivery.endpoint)) this.#begin(() => this.#tellPaused(task.id, delivery.url));
    // One that is held and untried goes first, and asks for those behind it when it has had its turn.
    else if (!this.#lanes.hasUntried(task.id)) this.#lookout.want(task.id);
  }

  /** What is due has changed by another way than the record's. */
  wake(): void {
    this.#lookout.wake();
  }

  /** Sends once and now, whatever became of others to that receiver. */
  async test({ accountId, url, body: { contentType, body }, id }: TestCall): Promise<TestAnswer> {
    const secrets = await this.#secretsOf(accountId);
    const { status, tookMs, error } = await attempt(this.#options, {
      url,
      request: () => ({
        ...{ url, contentType, body },
        headers: signWebhook({ id, atMs: this.#options.now(), body, secrets }),
      }),
      timeoutMs: timeoutOf('native'),
      signal: this.#closed.signal,
    });
    return { status, tookMs, error };
  }

  /** Sends to a receiver again that is paused or fails. False where the account has none by that name. */
  async resume(accountId: string, endpointId: string): Promise<boolean> {
    const row = (await this.#options.store.endpoints(accountId)).find(({ id }) => id === endpointId);
    if (row === undefined) return false;
    this.#endpoints.forgive(endpointId);
    await this.#revive(row, 'callbacks are sent there again');
    return true;
  }

  /** Cuts what is in flight; it is sent again after the next start. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#started;
    await this.#lookout.close();
    await Promise.all(this.#underWay);
  }

  /** Who fails and what has been told of it is known before the first try. */
  async #start(): Promise<void> {
    await this.#persist('the receivers of callbacks cannot be read', async () => {
      // Each alarm that it takes back is of a receiver that fails.
      if ((await this.#endpoints.load()) > 0) await this.#alarms.load();
    });
    if (!this.#closed.signal.aborted) this.#lookout.start();
  }

  #found(delivery: Delivery): void {
    if (this.#closed.signal.aborted || this.#endpoints.isPaused(delivery.endpoint)) return;
    this.#lanes.hold(delivery);
    this.#pump();
  }

  #pump(): void {
    while (!this.#closed.signal.aborted) {
      const delivery = this.#lanes.next();
      if (delivery === undefined) return;
      this.#begin(() => this.#send(delivery));
    }
  }

  #begin(work: () => Promise<void>): void {
    const working = work()
      .catch(cause => this.#options.log('a callback was left for later', { cause }))
      .finally(() => this.#underWay.delete(working));
    this.#underWay.add(working);
  }

  async #send(delivery: Delivery): Promise<void> {
    const outcome = await this.#try(delivery);
    if (outcome !== undefined) this.#options.tried?.(delivery, outcome);
    const isCut = this.#closed.signal.aborted && outcome?.verdict !== 'taken';
    try {
      if (outcome && !isCut) await this.#settle(delivery, outcome);
    } finally {
      // Not before it is noted: what was taken and is not noted is told twice if this process dies, so that is to be bounded.
      // Also where the store could not do it: a place that is not given back is lost for good.
      this.#lanes.landed(delivery, outcome === undefined ? 'failed' : BEARINGS[outcome.verdict]);
      this.#leave(delivery, outcome !== undefined);
      this.#pump();
    }
  }

  /** Undefined where it could not be signed for want of the store: that is no try. */
  async #try(delivery: Delivery): Promise<Outcome | undefined> {
    const { sign, now, log } = this.#options;
    try {
      const secrets = await this.#secretsOf(delivery.accountId);
      const hold = new AbortController();
      this.#begin(() => this.#releaseInTime(delivery, { startedAt: now(), signal: hold.signal }));
      const outcome = await attempt(this.#options, {
        url: delivery.url,
        request: () => requestFor(delivery, { sign, secrets, now: now() }),
        timeoutMs: timeoutOf(delivery.dialect),
        signal: this.#closed.signal,
      });
      if (outcome.verdict === 'taken' || outcome.verdict === 'gone') hold.abort();
      return outcome;
    } catch (cause) {
      log('a callback cannot be signed; it is tried again', { deliveryId: delivery.id, cause });
      return undefined;
    }
  }

  async #secretsOf(accountId: string): Promise<readonly string[]> {
    return (await this.#options.secrets.signersOf(accountId)).map(({ secret }) => secret);
  }

  /** One that has not been taken, or has not even been answered, holds those behind it only for so long. */
  async #releaseInTime(
    { id, taskId, holdsUntil }: Delivery,
    { startedAt, signal }: { readonly startedAt: number; readonly signal: AbortSignal },
  ): Promise<void> {
    if (holdsUntil !== null) return;
    const isOver = AbortSignal.any([signal, this.#closed.signal]);
    await this.#sleep(HOLD_MS + SLACK_MS, isOver);
    if (isOver.aborted) return;
    // Without this a try that hangs would hold them for as long as it does.
    if (this.#lanes.has(id)) {
      await this.#persist('the fate of a callback cannot be stored', () =>
        this.#options.store.updateDelivery(id, { holdsUntil: startedAt + HOLD_MS }),
      );
    }
    this.#lanes.release(taskId);
    this.#lookout.want(taskId);
  }

  async #settle(delivery: Delivery, outcome: Outcome): Promise<void> {
    const { now, random } = this.#options;
    const { verdict, error } = outcome;
    if (verdict === 'gone') await this.#giveUp(delivery);
    const fate = fateAfter(delivery, outcome, { now: now(), random: random() });
    this.#logFailure(delivery, fate);
    await this.#persist('the fate of a callback cannot be stored', () =>
      this.#options.store.updateDelivery(delivery.id, fate),
    );
    if (verdict === 'taken') await this.#taken(delivery);
    else if (verdict !== 'gone') await this.#missed(delivery, { verdict, error });
  }

  #leave(delivery: Delivery, isSettled: boolean): void {
    if (isSettled) this.#lookout.settled(delivery.id);
    this.#lanes.forget(delivery);
    if (isSettled) this.#lookout.want(delivery.taskId);
    for (const taskId of this.#lanes.recall()) this.#lookout.want(taskId);
  }

  /** In this order, so that a crash in between leaves it to be tried and told again. */
  async #giveUp({ accountId, taskId, endpoint, url }: Delivery): Promise<void> {
    const { store, now } = this.#options;
    const reason = 'the receiver is gone (410)';
    await this.#persist('the end of a receiver cannot be stored', async () => {
      await this.#alarms.raise(taskId, { alarm: CALLBACK_GONE, url, reason });
      await store.giveUpDeliveries({ accountId, taskId, endpoint }, { now: now(), reason });
    });
    this.#drop(waiting => waiting.taskId === taskId && waiting.endpoint === endpoint);
  }

  #drop(matches: (delivery: Delivery) => boolean): void {
    for (const { id } of this.#lanes.drop(matches)) this.#lookout.settled(id);
  }

  async #taken({ endpoint, taskId }: Delivery): Promise<void> {
    const row = this.#endpoints.forgive(endpoint);
    const reason = 'a callback was taken';
    if (row) await this.#persist('that a receiver is back cannot be stored', () => this.#revive(row, reason));
    else if (OVER_WHEN_TAKEN.some(alarm => this.#alarms.isOpen(taskId, alarm))) {
      await this.#alarms.clear(endpoint, OVER_WHEN_TAKEN, reason);
    }
  }

  /** What was given up while it took nothing at all is no fault of the callback: it is sent after all. */
  async #revive({ id, accountId, failingSince }: Endpoint, reason: string): Promise<void> {
    const { store, now } = this.#options;
    await this.#alarms.clear(id, OVER_WHEN_TAKEN, reason);
    const since = failingSince - OUTAGE_SLACK_MS;
    await store.redeliver({ accountId, endpoint: id, states: ['dead'], since }, now());
    await this.#endpoints.remove(id);
    this.#lookout.wake();
  }

  async #missed(delivery: Delivery, { verdict, error }: Pick<Outcome, 'verdict' | 'error'>): Promise<void> {
    const { taskId, url } = delivery;
    const paused = await this.#endpoints.failed(delivery, error);
    if (verdict === 'blocked') await this.#alarms.raise(taskId, { alarm: CALLBACK_BLOCKED, url, reason: error });
    if (paused) await this.#pause(paused);
  }

  async #pause({ id, accountId, url }: Endpoint): Promise<void> {
    const { store, redact, log } = this.#options;
    log('a receiver of callbacks is paused: it has taken nothing for days', { url: redact(url) });
    this.#drop(({ endpoint }) => endpoint === id);
    for (let after = 0; !this.#closed.signal.aborted; ) {
      const page = await store.deliveries({ accountId, endpoint: id, states: ['waiting'] }, { after, limit: PAGE });
      for (const taskId of new Set(page.map(delivery => delivery.taskId))) await this.#tellPaused(taskId, url);
      after = page.at(-1)?.n ?? after;
      if (page.length < PAGE) return;
    }
  }

  async #tellPaused(taskId: string, url: string): Promise<void> {
    const reason = 'the receiver of the callbacks has taken nothing for 5 days';
    await this.#alarms.raise(taskId, { alarm: CALLBACK_PAUSED, url, reason });
  }

  /** Goes on until it is done: a delivery that was sent and not noted would be sent again. */
  async #persist(complaint: string, work: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#closed;
    for (let hasFailed = false; ; hasFailed = true) {
      try {
        await work();
        return;
      } catch (cause) {
        if (!hasFailed) this.#options.log(`${complaint}; it is tried again`, { cause });
        if (signal.aborted) return;
        await this.#sleep(STORE_RETRY_MS, signal);
      }
    }
  }

  #logFailure({ taskId, url }: Delivery, { attempts = 0, state, lastError: error }: Fate): void {
    const isFirst = state === 'waiting' && attempts === 1;
    if (!isFirst && state !== 'dead') return;
    const message = isFirst ? 'a callback failed and will be tried again' : 'a callback was given up';
    this.#options.log(message, { taskId, url: this.#options.redact(url), attempts, error });
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await this.#options.sleep(ms, signal).catch(() => undefined);
  }
}

/** Told until the receiver has taken something; one that is gone stays gone. */
const OVER_WHEN_TAKEN = [CALLBACK_PAUSED, CALLBACK_BLOCKED] as const;
