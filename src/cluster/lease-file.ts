import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isAmount, isObject, parseJson } from './beat.ts';

/** Remembers until when the node's lease holds, for a process that follows this one. */
export interface LeaseMemory {
  /** By the clock since boot; undefined: there is no lease to go on under. */
  read(): number | undefined;
  write(until: number): void;
  clear(): void;
}

/** A file in the data directory. It is good for as long as the machine is not booted anew. */
export class LeaseFile implements LeaseMemory {
  readonly #path: string;
  readonly #boot: string;

  constructor(path: string, boot: string) {
    this.#path = path;
    this.#boot = boot;
  }

  read(): number | undefined {
    const kept = parseJson(textOf(this.#path));
    return isObject(kept) && kept.boot === this.#boot && isAmount(kept.until) ? kept.until : undefined;
  }

  /** A disk that is full costs the one who follows a short wait, and no lease. */
  write(until: number): void {
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify({ boot: this.#boot, until }), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch {
      this.clear();
    }
  }

  clear(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // What stands there holds no longer than the lease did.
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
