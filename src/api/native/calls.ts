import type { StaticDecode } from 'typebox';
import type { History, Part } from '../../control/history.ts';
import type { Tasks } from '../../control/tasks.ts';
import type { CallbackSecret } from '../../task/account.ts';
import type { Actor } from '../../task/audit.ts';
import type { Caller } from '../auth.ts';
import type { CheckUrl } from '../check-url.ts';
import type { Throttle } from '../throttle.ts';
import { type Rendered, renderTest } from './callback.ts';
import { printDelivery, printEndpoint, printWithBody } from './delivery.ts';
import { notFound, throttled } from './error.ts';
import { printLogged, printTime, printTimeOrNull, type Redact } from './event.ts';
import { type Probe, Prober, ROLES } from './probe.ts';
import {
  type DELIVERIES,
  deliveryQueryOf,
  type EVENTS,
  type EVENTS_BEHIND,
  eventQueryOf,
  limitOf,
  type PROBE,
  pageOf,
  type REDELIVER,
  type ROTATE,
  refuse,
  spanOf,
  type TestWish,
} from './queries.ts';
import type { Call } from './route.ts';

/** What is asked of who sends callbacks. */
export interface Sender {
  /** Sends it once, now, and answers what came of it. */
  test(wish: {
    readonly accountId: string;
    readonly url: string;
    readonly body: Rendered;
    readonly id: string;
  }): Promise<{ readonly status: number | null; readonly tookMs: number; readonly error: string }>;
  /** False where the account has no such receiver that fails. */
  resume(accountId: string, endpointId: string): Promise<boolean>;
}

/** What callbacks are signed with. */
export interface Secrets {
  signersOf(accountId: string): Promise<readonly CallbackSecret[]>;
  rotate(
    accountId: string,
    options?: { readonly overlapMs?: number; readonly by?: Actor },
  ): Promise<{ readonly secret: CallbackSecret; readonly former: CallbackSecret | undefined }>;
}

export interface CallsOptions {
  readonly history: History;
  readonly tasks: Pick<Tasks, 'get'>;
  readonly callbacks: Sender;
  readonly secrets: Secrets;
  readonly checkUrl: CheckUrl;
  readonly redact: Redact;
  /** Each try goes out to where the caller says. */
  readonly testThrottle: Throttle;
  readonly probe: Probe;
  /** Wall clock. */
  readonly now: () => number;
  readonly newId: () => string;
}

/** What each call does and answers. */
export class NativeCalls {
  readonly #options: CallsOptions;
  readonly #prober: Prober;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#prober = new Prober(options.probe);
  }

  async events({ caller, query: given }: Call<StaticDecode<typeof EVENTS>>) {
    const { history, redact } = this.#options;
    const part = await history.events(caller, { ...eventQueryOf(given), ...spanOf(given) }, pageOf(given));
    return { events: part.rows.map(event => printLogged(event, redact)), next: cursorOf(part) };
  }

  async eventsOf({ caller, id, query: given }: Call<StaticDecode<typeof EVENTS_BEHIND>>) {
    const { history, redact } = this.#options;
    const { rows, next } = await history.eventsOf(caller, id, given.after ?? 0, limitOf(given));
    return { events: rows.map(event => printLogged(event, redact)), next_seq: next };
  }

  async deliveries({ caller, query: given }: Call<StaticDecode<typeof DELIVERIES>>) {
    const { history, redact } = this.#options;
    const part = await history.deliveries(caller, { ...deliveryQueryOf(given), ...spanOf(given) }, pageOf(given));
    return { deliveries: part.rows.map(delivery => printDelivery(delivery, redact)), next: cursorOf(part) };
  }

  async delivery({ caller, id }: Call) {
    const delivery = await this.#options.history.delivery(caller, id);
    if (delivery === undefined) throw notFound('delivery');
    return printWithBody(delivery, this.#options.redact);
  }

  async redeliver({ caller, id }: Call) {
    const redelivered = await this.#options.history.redeliver(caller, { ids: [id] });
    if (redelivered === 0) throw notFound('delivery');
    return { redelivered };
  }

  /** Without `states`, those that were given up. */
  async redeliverAll({ caller, body: given }: Call<unknown, StaticDecode<typeof REDELIVER>>) {
    const { task_id: taskId, endpoint, states = ['dead'] } = given;
    const query = { ...spanOf(given), taskId, endpoint, states };
    return { redelivered: await this.#options.history.redeliver(caller, query) };
  }

  async endpoints({ caller }: Call) {
    const endpoints = await this.#options.history.endpoints(caller);
    return { endpoints: endpoints.map(endpoint => printEndpoint(endpoint, this.#options.redact)) };
  }

  async resume({ caller, id }: Call) {
    if (!(await this.#options.callbacks.resume(caller.accountId, id))) throw notFound('endpoint that fails');
    return { resumed: true } as const;
  }

  async test({ caller, body: given }: Call<unknown, TestWish>) {
    const { callbacks, testThrottle, now, newId } = this.#options;
    const url = await this.#receiverOf(given, caller);
    const waitMs = testThrottle.take(caller.accountId, 'test');
    if (waitMs > 0) throw throttled('The account tries its receivers too often.', waitMs);
    const body = renderTest(now(), given.task_id ?? null);
    const { status, tookMs, error } = await callbacks.test({ accountId: caller.accountId, url, body, id: newId() });
    const delivered = error === '' && status !== null && status >= 200 && status < 300;
    return { delivered, status, took_ms: tookMs, error };
  }

  async secrets({ caller }: Call) {
    const secrets = await this.#options.secrets.signersOf(caller.accountId);
    const facts = secrets.map(({ id, createdAt, retiresAt }) => ({
      id,
      created_at: printTime(createdAt),
      retires_at: printTimeOrNull(retiresAt),
    }));
    return { secrets: facts };
  }

  async rotate({ caller, body }: Call<unknown, StaticDecode<typeof ROTATE>>) {
    const { overlap_s: overlapS } = body;
    const options = { by: caller.by, ...(overlapS === undefined ? {} : { overlapMs: overlapS * 1_000 }) };
    const { secret, former } = await this.#options.secrets.rotate(caller.accountId, options);
    return { id: secret.id, secret: secret.secret, retires_at: printTimeOrNull(former?.retiresAt ?? null) };
  }

  /** 200 whatever comes of it: that it cannot be relayed is what was asked. */
  async probe({ body: { url, as = 'source' } }: Call<unknown, StaticDecode<typeof PROBE>>) {
    const rules = ROLES[as].map(role => this.#options.checkUrl(url, role));
    const [rule] = rules;
    if (rule !== undefined && rules.every(each => each !== undefined)) refuse('url', rule);
    return this.#prober.look(url, as);
  }

  async #receiverOf({ url, task_id: taskId }: TestWish, caller: Caller): Promise<string> {
    if (url !== undefined && taskId !== undefined) refuse('task_id', 'must not stand beside url');
    if (taskId !== undefined) return this.#receiverOfTask(caller, taskId);
    if (url === undefined) refuse('url', 'must be given, or task_id');
    // As everywhere: a receiver that names no scheme is one of http.
    const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`;
    const rule = this.#options.checkUrl(whole, 'callback');
    if (rule !== undefined) refuse('url', rule);
    return whole;
  }

  async #receiverOfTask(caller: Caller, taskId: string): Promise<string> {
    const { spec } = await this.#options.tasks.get(caller, taskId);
    const url = spec.callback?.url ?? '';
    if (url === '') refuse('task_id', 'must be of a task that has a callback');
    return url;
  }
}

const cursorOf = ({ next }: Part<unknown>): string | null => (next === null ? null : String(next));
