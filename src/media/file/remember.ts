interface Entry {
  readonly value: unknown;
  readonly bytes: number;
}

/**
 * What was parsed out of files, shared by all tasks that play them. The key names the version of the file
 * (`keyOf(url, validator)`), so that an entry never goes stale; what was used longest ago goes first.
 */
export class Memory {
  readonly #limitBytes: number;
  readonly #entries = new Map<string, Entry>();
  readonly #making = new Map<string, Promise<unknown>>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The value remembered under the key, or else a new one; `bytes` says how large it is. Callers who come while it is
   * being made wait for it. Where that fails they make their own, because its maker may only have been called off.
   * One key always stands for one type.
   */
  async remember<T>(key: string, bytes: (value: T) => number, make: () => Promise<T>): Promise<T> {
    for (;;) {
      const known = this.#recall(key);
      if (known !== undefined) return known.value as T;
      const pending = this.#making.get(key);
      if (pending === undefined) return this.#make(key, bytes, make);
      await pending.catch(() => undefined);
      // A value that is too large to keep is still worth waiting for: who shared its making takes it from there.
      if (!this.#entries.has(key)) return (await pending.catch(() => this.#make(key, bytes, make))) as T;
    }
  }

  async #make<T>(key: string, bytes: (value: T) => number, make: () => Promise<T>): Promise<T> {
    const making = make();
    this.#making.set(key, making);
    try {
      const value = await making;
      this.#keep(key, { value, bytes: bytes(value) });
      return value;
    } finally {
      if (this.#making.get(key) === making) this.#making.delete(key);
    }
  }

  #recall(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #keep(key: string, entry: Entry): void {
    this.#forget(key);
    if (entry.bytes > this.#limitBytes) return;
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#limitBytes) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}

/** Separates the two by what neither can hold. */
export const keyOf = (url: string, validator: string): string => `${url}\n${validator}`;

/** An hour of film needs about 5 MB of index. */
const REMEMBERED_BYTES = 48 * 1024 * 1024;

const memory = new Memory(REMEMBERED_BYTES);

/** The process's own: see Memory. */
export const remember: Memory['remember'] = (key, bytes, make) => memory.remember(key, bytes, make);
