import { type OpenedTask, openTask, taskOf } from './rows.ts';
import type { Seal } from './seal.ts';
import type { TaskRow } from './tables.ts';

/** Of sealed bytes; opened they take about four times as much. */
const MOST_BYTES = 8 * 1024 * 1024;
/** A list of thousands of files would put out everything else. */
const LARGEST_BYTES = 64 * 1024;

interface Kept {
  readonly sealed: Uint8Array;
  readonly opened: OpenedTask;
}

/**
 * Reads rows of tasks, and remembers what was sealed in them: lists are asked for again and again, most tasks stay as
 * they are in between, and opening one takes longer than all else of reading it. What is sealed anew is other bytes.
 */
export class OpenedTasks {
  readonly #seal: Seal;
  /** The oldest in front. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(seal: Seal) {
    this.#seal = seal;
  }

  read(row: TaskRow): ReturnType<typeof taskOf> {
    const known = this.#kept.get(row.id);
    if (known !== undefined && Buffer.compare(known.sealed, row.sealed) === 0) {
      return taskOf(this.#seal, row, known.opened);
    }
    const opened = openTask(this.#seal, row);
    this.#keep(row, opened);
    return taskOf(this.#seal, row, opened);
  }

  #keep({ id, sealed }: TaskRow, opened: OpenedTask): void {
    this.#forget(id);
    if (sealed.length > LARGEST_BYTES) return;
    this.#kept.set(id, { sealed, opened });
    this.#bytes += sealed.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(id: string): void {
    this.#bytes -= this.#kept.get(id)?.sealed.length ?? 0;
    this.#kept.delete(id);
  }
}
