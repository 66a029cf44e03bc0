import { createHash } from 'node:crypto';

/** Remembers which calls have been seen, so that none can be sent again by somebody who listened. */
export interface NonceMemory {
  /** Whether the nonce is new; it is kept until then, when its call's time stamp has left the window. */
  remember(accessKey: string, nonce: string, untilMs: number): boolean | Promise<boolean>;
}

/** Where nodes that serve the same accounts keep what each of them has seen. */
export interface NonceStore {
  useNonce(nonce: {
    readonly accessKey: string;
    readonly value: string;
    readonly until: number;
    readonly now: number;
  }): Promise<boolean>;
  purgeNonces(agoMs: number): Promise<number>;
}

const PURGE_EVERY_MS = 60_000;
/** Clocks of nodes differ: one of them may still take a call that is too old for the others. */
const KEPT_LONGER_MS = 10 * 60_000;

/** The memory of all nodes: a call that one has taken, none takes again. While it cannot be asked, nobody gets in. */
export class SharedNonces implements NonceMemory {
  readonly #store: NonceStore;
  readonly #now: () => number;
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor({ store, now }: { readonly store: NonceStore; readonly now: () => number }) {
    this.#store = store;
    this.#now = now;
  }

  remember(accessKey: string, value: string, until: number): Promise<boolean> {
    const now = this.#now();
    this.#purge(now);
    return this.#store.useNonce({ accessKey, value, until, now });
  }

  /** Whoever adds to them removes some. What fails is done by the next one. */
  #purge(now: number): void {
    if (Math.abs(now - this.#purgedAt) < PURGE_EVERY_MS) return;
    this.#purgedAt = now;
    this.#store.purgeNonces(KEPT_LONGER_MS).catch(() => {});
  }
}

export interface NonceLimits {
  readonly ofOneKey: number;
  readonly altogether: number;
}

/** Half an hour of 100 calls a second, and room for a few who do that. */
const LIMITS: NonceLimits = { ofOneKey: 200_000, altogether: 500_000 };

/** The memory of one node. When it is full, the oldest nonces make room: first of the key that has most of them. */
export class BoundedNonces implements NonceMemory {
  readonly #now: () => number;
  readonly #limits: NonceLimits;
  /** By key: until when each nonce is kept, in the order of arrival. */
  readonly #kept = new Map<string, Map<string, number>>();
  #count = 0;

  constructor({ now, limits = LIMITS }: { readonly now: () => number; readonly limits?: NonceLimits }) {
    this.#now = now;
    this.#limits = limits;
  }

  remember(accessKey: string, nonce: string, untilMs: number): boolean {
    const own = this.#kept.get(accessKey) ?? new Map<string, number>();
    const short = shorten(nonce);
    const standing = own.get(short);
    if (standing !== undefined && standing > this.#now()) return false;
    if (own.delete(short)) this.#count--;
    own.set(short, untilMs);
    this.#count++;
    this.#kept.set(accessKey, own);
    this.#forget(own);
    return true;
  }

  #forget(own: Map<string, number>): void {
    this.#dropWhile(own, untilMs => untilMs <= this.#now() || own.size > this.#limits.ofOneKey);
    if (this.#count <= this.#limits.altogether) return;
    for (const nonces of this.#kept.values()) this.#dropWhile(nonces, untilMs => untilMs <= this.#now());
    for (const [accessKey, nonces] of this.#kept) if (nonces.size === 0) this.#kept.delete(accessKey);
    const [largest] = [...this.#kept.values()].sort((a, b) => b.size - a.size);
    // More than one at a time, so that the search is not made anew for each call.
    const goal = this.#limits.altogether * 0.99;
    if (largest !== undefined) this.#dropWhile(largest, () => this.#count > goal && largest.size > 1);
  }

  #dropWhile(nonces: Map<string, number>, isToGo: (untilMs: number) => boolean): void {
    for (const [nonce, untilMs] of nonces) {
      if (!isToGo(untilMs)) return;
      nonces.delete(nonce);
      this.#count--;
    }
  }
}

/** As many bytes for a long nonce as for a short one. */
const shorten = (nonce: string): string => createHash('sha256').update(nonce).digest('base64').slice(0, 22);
