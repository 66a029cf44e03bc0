import type { Store } from '../store/store.ts';
import { inParallel } from './parallel.ts';
import type { Log } from './record.ts';

const RELEASES_AT_ONCE = 32;

export interface ReleasesOptions {
  /** The name of this node. */
  readonly node: string;
  readonly store: Pick<Store, 'release'>;
  /** Whether a worker may still have the run of the task on air. */
  readonly carries: (taskId: string) => boolean;
  /** Told of each task that is released. */
  readonly released?: (taskId: string) => Promise<void> | undefined;
  readonly log: Log;
}

/** Tasks whose end has come here: others may act for them as soon as their runs are gone, and not before. */
export class Releases {
  readonly #options: ReleasesOptions;
  readonly #epochs = new Map<string, number>();
  #isFailing = false;

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  add(taskId: string, epoch: number): void {
    this.#epochs.set(taskId, epoch);
  }

  /** Releases those whose runs are gone, and tries again what the store would not take. Never rejects. */
  async retry(): Promise<void> {
    const ready = [...this.#epochs].filter(([taskId]) => !this.#options.carries(taskId));
    try {
      await inParallel(ready, RELEASES_AT_ONCE, ([taskId, epoch]) => this.#release(taskId, epoch));
      this.#isFailing = false;
    } catch (cause) {
      if (!this.#isFailing) this.#options.log('tasks could not be released', { tasks: ready.length, cause });
      this.#isFailing = true;
    }
  }

  async #release(taskId: string, epoch: number): Promise<void> {
    const { store, node } = this.#options;
    await store.release(taskId, node, epoch);
    await this.#options.released?.(taskId);
    if (this.#epochs.get(taskId) === epoch) this.#epochs.delete(taskId);
  }
}
