import { randomBytes, randomUUID } from 'node:crypto';
import { CallbackSecrets } from '../../src/control/callback-secrets.ts';
import { Callbacks, type PostAnswer, type PostRequest } from '../../src/control/callbacks.ts';
import { type Render, Record as TaskRecord } from '../../src/control/record.ts';
import { timedIds } from '../../src/control/timed-ids.ts';
import { post } from '../../src/media/http.ts';
import { Dialler } from '../../src/media/net.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import type { Event } from '../../src/task/event.ts';
import type { Task } from '../../src/task/task.ts';
import { dice } from './films.ts';
import type { Place } from './place.ts';
import type { SwiftClock } from './swift-clock.ts';

const DAY_MS = 24 * 3_600_000;
const OWNER = { accountId: 'acme', projectId: 'north' } as const;
/** While there is work to do, the clock is put forward by no more than the outbox sleeps between two looks. */
const LOOK_MS = 300;

/** What is told of each event: who compares needs its number and its id. */
export interface Body {
  readonly task: string;
  readonly seq: number;
  readonly id: string;
  readonly type: string;
}

/** One try, as it left the sender. */
export interface Try extends Body {
  readonly url: string;
  readonly startedAt: number;
  endedAt: number | undefined;
  isTaken: boolean;
}

const render: Render = ({ seq, id, type }, { id: task }) => {
  const body: Body = { task, seq, id, type };
  return { contentType: 'application/json', body: JSON.stringify(body) };
};

/** The sending side by itself: a real store, the record and the outbox, on a clock of the test's own; real sockets. */
export class Outbox {
  readonly store: Store;
  readonly tries: Try[] = [];
  readonly #clock: SwiftClock;
  readonly #record: TaskRecord;
  readonly #callbacks: Callbacks;
  readonly #dialler = new Dialler({ preset: 'lab' });
  #inFlight = 0;

  private constructor(store: Store, clock: SwiftClock, seed: number) {
    this.store = store;
    this.#clock = clock;
    const { now, sleep } = clock;
    const newId = timedIds({ now, randomBytes });
    const chance = dice(seed);
    this.#callbacks = new Callbacks({
      ...{ store, now, sleep, sign: {}, redact: () => '***', log: () => undefined, isBlocked: () => false },
      secrets: new CallbackSecrets({ store, now, newId: randomUUID, randomBytes }),
      tell: (taskId, telling) => this.#record.tell(taskId, telling),
      random: () => chance(1_000_000) / 1_000_000,
      post: (request, { signal, timeoutMs }) => this.#post(request, { signal, timeoutMs: clock.real(timeoutMs) }),
    });
    this.#record = new TaskRecord({
      ...{ store, now, newId, render: { native: render, huawei: render, alibaba: render }, log: () => undefined },
      onEvent: [(event, task, delivery) => this.#callbacks.follow(event, task, delivery)],
    });
  }

  static async start(place: Place, { clock, seed }: { clock: SwiftClock; seed: number }): Promise<Outbox> {
    const store = await openSqlite({ file: place.path(`outbox-${seed}.db`), sealKey: randomBytes(32) });
    place.own(store, it => it.close());
    const outbox = place.own(new Outbox(store, clock, seed), it => it.#callbacks.close());
    outbox.#callbacks.start();
    return outbox;
  }

  /** A task whose events are told there. */
  create(url: string): Promise<Task> {
    const now = this.#clock.now();
    return this.#record.create({
      ...{ ...OWNER, id: randomUUID() },
      spec: {
        ...{ dialect: 'native', name: '', region: 'default', standby: [], enabled: true, retry: null, echo: {} },
        ...{ source: { kind: 'live', url: 'rtmp://src.example/live/a' } },
        ...{ destination: { kind: 'url', url: 'rtmp://dst.example/live/b', args: '' } },
        ...{ startAt: now + DAY_MS, endAt: now + 2 * DAY_MS, callback: { url, events: [] } },
      },
    });
  }

  /** Something happens to the task. */
  async happens(taskId: string): Promise<void> {
    const detail = { alarm: 'SourceSlow' };
    await this.#record.tell(taskId, { type: 'alarm', cause: 'source', reason: 'as the test says', detail });
  }

  events(taskId: string): Promise<readonly Event[]> {
    return this.store.events(taskId, 0, 100_000);
  }

  /** Whether nothing waits to be told any more. */
  async isEmpty(): Promise<boolean> {
    return (await this.#waiting(1)).length === 0;
  }

  /** How many have been given up. */
  async dead(): Promise<number> {
    const filter = { accountId: OWNER.accountId, states: ['dead' as const] };
    return (await this.store.deliveries(filter, { limit: 100_000 })).length;
  }

  /** Has all that was given up sent again; answers how many. */
  async redeliver(): Promise<number> {
    const count = await this.store.redeliver({ accountId: OWNER.accountId, states: ['dead'] }, this.#clock.now());
    this.#callbacks.wake();
    return count;
  }

  /** Puts the clock forward from one thing that is due to the next, up to that time, but not while anything is on its way. */
  async passUntil(at: number): Promise<void> {
    while (this.#clock.now() < at) await this.#step(at);
  }

  /** The same until nothing waits, or that time. */
  async passUntilEmpty(at: number): Promise<void> {
    while (this.#clock.now() < at && !(await this.isEmpty())) await this.#step(at);
  }

  async #step(at: number): Promise<void> {
    const [next] = await this.#waiting(1);
    const now = this.#clock.now();
    const dueMs = Math.max(LOOK_MS, Math.min(next?.nextAt ?? at, at) - now);
    if (this.#inFlight === 0) this.#clock.jump(Math.min(dueMs, at - now));
    await new Promise(resolve => setTimeout(resolve, 1));
  }

  #waiting(limit: number): ReturnType<Store['dueDeliveries']> {
    return this.store.dueDeliveries({ now: Number.MAX_SAFE_INTEGER, until: Number.MAX_SAFE_INTEGER, limit });
  }

  async #post(request: PostRequest, options: { signal: AbortSignal; timeoutMs: number }): Promise<PostAnswer> {
    const { task, seq, id, type }: Body = JSON.parse(request.body);
    const { now } = this.#clock;
    const one: Try = { task, seq, id, type, url: request.url, startedAt: now(), endedAt: undefined, isTaken: false };
    this.tries.push(one);
    this.#inFlight++;
    try {
      const answer = await post(this.#dialler, request, options);
      one.isTaken = answer.status >= 200 && answer.status < 300;
      return answer;
    } finally {
      one.endedAt = now();
      this.#inFlight--;
    }
  }
}
