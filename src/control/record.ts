import type { Change, Creation, Delivery, Once, Store } from '../store/store.ts';
import { isGone } from '../task/alarm.ts';
import type { Actor } from '../task/audit.ts';
import type { Event, Occurrence } from '../task/event.ts';
import type { DialectName } from '../task/spec.ts';
import { newTask, type Stamp, type Step, stepsAfter, type Task, type TaskSeed } from '../task/task.ts';
import { endpointId } from './endpoint.ts';
import { type Redact, taskEntry } from './task-audit.ts';

export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

/** What a dialect posts for an event; undefined where it does not tell that event, or the user did not ask for it. */
export type Render = (event: Event, task: Task) => Rendered | undefined;

export type Log = (message: string, facts: { readonly [name: string]: unknown }) => void;

/** Told of every event after its commit, in the order of the commits. `delivery` is the callback it gave rise to. */
export type Follow = (event: Event, task: Task, delivery: Delivery | undefined) => void;

/** What somebody saw, or a pure decision about what follows from it for the task as it stands. */
export type Telling = Occurrence | ((task: Task) => readonly Occurrence[]);

/** Makes the stamp of the next step: each event has its own id. */
export type NextStamp = () => Stamp;

export interface RecordOptions {
  readonly store: Pick<Store, 'create' | 'change'>;
  /** Wall clock. */
  readonly now: () => number;
  /** Ids that sort in the order in which they were made. */
  readonly newId: () => string;
  /** How addresses may be seen in the audit log; without it nothing is noted there. */
  readonly redact?: Redact;
  readonly render: { readonly [dialect in DialectName]?: Render };
  readonly onEvent: readonly Follow[];
  readonly log: Log;
}

/** What there is to a new task beside what it is to be. */
export interface Beside {
  readonly by?: Actor | undefined;
  /** The push address that no other task may have. */
  readonly reserves?: string | undefined;
}

/** A step with the callback it gives rise to. */
interface Told extends Step {
  readonly delivery: Delivery | undefined;
}

/**
 * The one way a task changes: event → apply → store in one transaction, with the callbacks of the event, so that no
 * crash can part a change from its event or an event from its callback. Those who follow are told after the commit.
 */
export class Record {
  readonly #options: RecordOptions;

  constructor(options: RecordOptions) {
    this.#options = options;
  }

  async create(seed: Omit<TaskSeed, keyof Stamp>, beside: Beside = {}): Promise<Task> {
    const first = this.#withDelivery(newTask({ ...seed, ...this.#stamp() }), undefined);
    await this.#store([first], beside);
    return first.task;
  }

  /** The same, unless the key has made a task already: answers that creation then. */
  async createOnce(seed: Omit<TaskSeed, keyof Stamp>, once: Once, beside: Beside = {}): Promise<Task | Creation> {
    const first = this.#withDelivery(newTask({ ...seed, ...this.#stamp() }), undefined);
    return (await this.#store([first], beside, once)) ?? first.task;
  }

  async #store([first]: readonly [Told], { by, reserves }: Beside, once?: Once): Promise<Creation | undefined> {
    const noted = this.#noted(undefined, [first], by);
    const change = { ...changeOf(first.task, [first]), ...noted, ...(reserves === undefined ? {} : { reserves }) };
    const former = await this.#options.store.create(change, once);
    if (former === undefined) this.#tellFollowers([first]);
    return former;
  }

  /** Answers the task after the news; undefined when it was none, or there is no such task. */
  async tell(taskId: string, telling: Telling): Promise<Task | undefined> {
    const answer = await this.change(taskId, (task, nextStamp) => stepsOf(task, telling, nextStamp));
    return answer?.changed ? answer.task : undefined;
  }

  /**
   * Lets `decide` (pure) walk the task some steps on; no step means no news. What it throws reaches the caller, and
   * nothing is stored then. What somebody wanted is noted in the same transaction.
   */
  async change(
    taskId: string,
    decide: (task: Task, nextStamp: NextStamp) => readonly Step[],
    by?: Actor,
  ): Promise<{ readonly task: Task; readonly changed: boolean } | undefined> {
    let told: readonly Told[] = [];
    const answer = await this.#options.store.change(taskId, task => {
      told = decide(task, () => this.#stamp()).map(step => this.#withDelivery(step, task));
      const last = told.at(-1);
      return last && { ...changeOf(last.task, told), ...this.#noted(task, told, by) };
    });
    if (answer?.changed) this.#tellFollowers(told);
    return answer;
  }

  #noted(before: Task | undefined, told: readonly Told[], by: Actor | undefined): Pick<Change, 'audit'> {
    const { redact, now, newId } = this.#options;
    return by === undefined || redact === undefined
      ? {}
      : { audit: taskEntry(before, told, { redact, now, newId, by }) };
  }

  #stamp(): Stamp {
    return { now: this.#options.now(), eventId: this.#options.newId() };
  }

  #withDelivery(step: Step, before: Task | undefined): Told {
    return { ...step, delivery: this.#deliveryOf(step, before) };
  }

  #deliveryOf({ event, task }: Step, before: Task | undefined): Delivery | undefined {
    const { callback } = task.spec;
    // What ends a task ends its alarms first: a receiver that was gone then is not told of the end either.
    const alarms = [...(before?.alarms ?? []), ...task.alarms];
    if (!callback || isGone(alarms, callback.url)) return undefined;
    const rendered = this.#render(event, task);
    if (!rendered) return undefined;
    return {
      id: this.#options.newId(),
      taskId: task.id,
      accountId: task.accountId,
      projectId: task.projectId,
      eventId: event.id,
      eventType: event.type,
      endpoint: endpointId(task.accountId, callback.url),
      seq: event.seq,
      dialect: task.spec.dialect,
      url: callback.url,
      key: callback.signed ? (callback.key ?? '') : '',
      ...rendered,
      createdAt: event.at,
      attempts: 0,
      nextAt: event.at,
      state: 'waiting',
      lastError: '',
      holdsUntil: null,
      settledAt: null,
      log: [],
    };
  }

  /** A renderer's bug costs its callback, never the change: a task that cannot be stopped would be worse. */
  #render(event: Event, task: Task): Rendered | undefined {
    try {
      return this.#options.render[task.spec.dialect]?.(event, task);
    } catch (cause) {
      this.#options.log('a callback could not be written', { taskId: task.id, event: event.type, cause });
      return undefined;
    }
  }

  /** The change stands already: what a follower throws is a bug to be logged, not the caller's failure. */
  #tellFollowers(told: readonly Told[]): void {
    for (const { event, task, delivery } of told) {
      for (const follow of this.#options.onEvent) {
        try {
          follow(event, task, delivery);
        } catch (cause) {
          this.#options.log('an event was not followed', { taskId: task.id, event: event.type, cause });
        }
      }
    }
  }
}

const changeOf = (task: Task, told: readonly Told[]): Change => ({
  task,
  events: told.map(({ event }) => event),
  deliveries: told.flatMap(({ delivery }) => delivery ?? []),
});

/** Lets the occurrences come to pass one after the other; those that are no news are passed over. */
function stepsOf(task: Task, telling: Telling, nextStamp: NextStamp): readonly Step[] {
  const occurrences = typeof telling === 'function' ? telling(task) : [telling];
  const steps: Step[] = [];
  for (const occurrence of occurrences) {
    steps.push(...stepsAfter(steps.at(-1)?.task ?? task, occurrence, nextStamp));
  }
  return steps;
}
