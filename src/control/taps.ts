import type { Readable } from 'node:stream';

export type Look = 'live' | 'still';

export interface TapsOptions {
  /** Asks the worker that carries the task to show it under that id; false where none does. */
  readonly ask: (taskId: string, id: string, look: Look) => boolean;
  readonly newId: () => string;
  readonly limits?: Partial<TapLimits>;
}

export interface TapLimits {
  readonly ofOneTask: number;
  readonly ofAll: number;
  /** How long a worker may take to dial. */
  readonly answerMs: number;
}

const LIMITS: TapLimits = { ofOneTask: 4, ofAll: 32, answerMs: 3_000 };

/** `offAir`: no worker carries the task. `taken`: enough look at it, or at all tasks (`full`). `silent`: the worker did not dial. */
export type Unshown = 'offAir' | 'taken' | 'full' | 'silent';

/** What a task carries cannot be shown. */
export class NotShown extends Error {
  override readonly name = 'NotShown';
  readonly why: Unshown;

  constructor(why: Unshown) {
    super(`it cannot be shown: ${why}`);
    this.why = why;
  }
}

interface Viewing {
  readonly taskId: string;
  readonly look: Look;
}

interface Awaited {
  readonly resolve: (bytes: Readable) => void;
  readonly reject: (error: NotShown) => void;
}

/** Who looks at what tasks carry: asks workers for the bytes, and bounds how many look. */
export class Taps {
  readonly #options: TapsOptions;
  readonly #limits: TapLimits;
  readonly #viewings = new Map<string, Viewing>();
  readonly #awaited = new Map<string, Awaited>();

  constructor(options: TapsOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** How many look at live pictures. */
  get viewers(): number {
    return this.#count(({ look }) => look === 'live');
  }

  /** FLV of what the task carries, until it ends or the caller destroys it. Rejects with NotShown. */
  async open(taskId: string, look: Look): Promise<Readable> {
    const { ask, newId } = this.#options;
    this.#requireRoom(taskId, look);
    const id = newId();
    this.#viewings.set(id, { taskId, look });
    try {
      const coming = this.#await(id);
      if (!ask(taskId, id, look)) this.refused(id, 'offAir');
      const bytes = await coming;
      bytes.once('close', () => this.#viewings.delete(id));
      return bytes;
    } catch (error) {
      this.#viewings.delete(id);
      throw error;
    }
  }

  /** A worker has dialled with what was asked for; nobody waits for it any more where it comes too late. */
  take(id: string, bytes: Readable): void {
    const awaited = this.#awaited.get(id);
    if (awaited === undefined) bytes.destroy();
    else awaited.resolve(bytes);
  }

  refused(id: string, why: Unshown = 'silent'): void {
    this.#awaited.get(id)?.reject(new NotShown(why));
  }

  #await(id: string): Promise<Readable> {
    const { promise, resolve, reject } = Promise.withResolvers<Readable>();
    const late = setTimeout(() => reject(new NotShown('silent')), this.#limits.answerMs);
    this.#awaited.set(id, { resolve, reject });
    return promise.finally(() => {
      clearTimeout(late);
      this.#awaited.delete(id);
    });
  }

  /** A still is over in a moment, but there may be one for each card of many consoles. */
  #requireRoom(taskId: string, look: Look): void {
    const { ofOneTask, ofAll } = this.#limits;
    if (this.#count(one => one.taskId === taskId && one.look === look) >= ofOneTask) throw new NotShown('taken');
    if (this.#count(one => one.look === look) >= ofAll) throw new NotShown('full');
  }

  #count(counts: (viewing: Viewing) => boolean): number {
    let viewers = 0;
    for (const viewing of this.#viewings.values()) if (counts(viewing)) viewers++;
    return viewers;
  }
}
