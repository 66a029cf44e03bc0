import { setImmediate } from 'node:timers/promises';
import type { Progress, Store } from '../store/store.ts';
import type { Breakpoint } from '../task/playlist.ts';
import type { Log } from './record.ts';

export interface BreakpointsOptions {
  readonly store: Pick<Store, 'saveBreakpoints'>;
  /** Monotonic. */
  readonly now: () => number;
  /** Resolves in the next turn of the event loop. */
  readonly nextTurn?: () => Promise<void>;
  readonly log: Log;
}

/** A break point, and how long ago it was heard of. */
export interface Heard {
  readonly breakpoint: Breakpoint;
  readonly ageMs: number;
}

/**
 * Break points on their way into the store: the latest of each task, all that wait in one transaction, one at a time. A
 * slow disk so makes them fewer, never many. While a task is on air its latest stays known here, with its age.
 */
export class Breakpoints {
  readonly #options: BreakpointsOptions;
  #waiting = new Map<string, Progress>();
  #onTheWay: ReadonlyMap<string, Progress> = new Map();
  readonly #heard = new Map<string, { readonly breakpoint: Breakpoint; readonly atMs: number }>();
  #saving: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: BreakpointsOptions) {
    this.#options = options;
  }

  note(progress: Progress): void {
    this.hold(progress);
    this.#saving ??= this.#saveSoon();
  }

  /** Known here at once, stored with the next one that is noted: these come too often for a transaction of their own. */
  hold(progress: Progress): void {
    const { taskId, breakpoint } = progress;
    this.#waiting.set(taskId, progress);
    this.#heard.set(taskId, { breakpoint, atMs: this.#options.now() });
  }

  /** Its run is over: from now on the store tells where the task stands. */
  forget(taskId: string): void {
    this.#heard.delete(taskId);
  }

  /** The newest one of this task that is known here. One that nothing will follow does not age. */
  latest(taskId: string): Heard | undefined {
    const heard = this.#heard.get(taskId);
    if (heard !== undefined) return { breakpoint: heard.breakpoint, ageMs: this.#options.now() - heard.atMs };
    const unsaved = this.unsaved(taskId);
    return unsaved && { breakpoint: unsaved, ageMs: 0 };
  }

  /** The one of this task that the store may not have yet. */
  unsaved(taskId: string): Breakpoint | undefined {
    return (this.#waiting.get(taskId) ?? this.#onTheWay.get(taskId))?.breakpoint;
  }

  /** Resolves when everything noted is stored, or cannot be. Idempotent. */
  async close(): Promise<void> {
    await this.#saving;
    if (this.#waiting.size > 0) await this.#save();
  }

  /** Lets in what else this turn of the event loop brings: workers tell of many tasks at once. */
  async #saveSoon(): Promise<void> {
    await (this.#options.nextTurn ?? setImmediate)();
    await this.#save();
  }

  async #save(): Promise<void> {
    while (this.#waiting.size > 0) {
      this.#onTheWay = this.#waiting;
      this.#waiting = new Map();
      try {
        await this.#options.store.saveBreakpoints([...this.#onTheWay.values()]);
        this.#isFailing = false;
      } catch (cause) {
        this.#keep(cause);
        break;
      }
    }
    this.#onTheWay = new Map();
    this.#saving = undefined;
  }

  /** To be tried again with the next one that is noted, where none newer has come by then. */
  #keep(cause: unknown): void {
    if (!this.#isFailing) this.#options.log('break points could not be stored', { tasks: this.#onTheWay.size, cause });
    this.#isFailing = true;
    this.#waiting = new Map([...this.#onTheWay, ...this.#waiting]);
  }
}
