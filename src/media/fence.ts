import type { Monotonic, SinceBoot, Wall } from './clock.ts';
import { Fault } from './fault.ts';

export interface FenceOptions {
  readonly sinceBoot: SinceBoot;
  readonly now: Monotonic;
  readonly wall: Wall;
  /** Whether nothing may be pushed before somebody has said until when. */
  readonly isLeased: boolean;
}

/** For so long the quick clocks are believed before the exact one is read again. */
const TRUST_MS = 50;
/** What the exact clock says may be older by so much. */
const STEP_MS = 10;

/**
 * What no push gets past: the moment when this node's right to push is over. Then every push there is gets broken off, and
 * none begins before there is a new right.
 *
 * It is asked before every write, so it must cost nothing. The monotonic clock stands still while the machine sleeps, and
 * the one on the wall may be set; both of them together miss a sleep only where both are wrong at once.
 */
export class Fence {
  readonly #options: FenceOptions;
  readonly #pushes = new Set<() => void>();
  /** `shut`: nobody has said anything yet. */
  #state: 'shut' | 'open' | 'fallen';
  #untilMs: number;
  #sure = { untilMs: 0, untilWallMs: 0 };
  #fell: () => void = () => {};

  constructor(options: FenceOptions) {
    this.#options = options;
    this.#state = options.isLeased ? 'shut' : 'open';
    this.#untilMs = options.isLeased ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Whether there may be pushes. Who finds out that there may not has broken them off. */
  get holds(): boolean {
    if (this.#state !== 'open') return false;
    if (this.#untilMs === Number.POSITIVE_INFINITY) return true;
    const { now, wall } = this.#options;
    return (now() < this.#sure.untilMs && wall() < this.#sure.untilWallMs) || this.#measure();
  }

  /** The right has run out, and there is no new one. */
  get hasFallen(): boolean {
    return this.#state === 'fallen';
  }

  /** How long it holds from now on. */
  get leftMs(): number {
    return this.#untilMs - STEP_MS - this.#options.sinceBoot();
  }

  /** Acts each time the right has run out, when all pushes are gone. */
  onFall(act: () => void): void {
    this.#fell = act;
  }

  /** What was open when the right ran out stays broken off, however late that is noticed. null: it never runs out. */
  renew(untilMs: number | null): void {
    if (this.#state === 'open') this.#measure();
    this.#untilMs = untilMs ?? Number.POSITIVE_INFINITY;
    this.#sure = { untilMs: 0, untilWallMs: 0 };
    if (this.leftMs > 0) this.#state = 'open';
    else if (this.#state !== 'fallen') this.#fall();
  }

  /** Throws where nothing may be pushed. */
  check(): void {
    if (!this.holds) throw new Fault('push', 'lost', 'this node may not push: it has lost touch with the others');
  }

  /** `breakOff` is called when the right has run out, in a moment in which nothing can be written; until what it answers is. */
  guard(breakOff: () => void): () => void {
    this.#pushes.add(breakOff);
    return () => void this.#pushes.delete(breakOff);
  }

  #measure(): boolean {
    const { now, wall } = this.#options;
    const sureMs = Math.min(TRUST_MS, this.leftMs);
    if (sureMs > 0) this.#sure = { untilMs: now() + sureMs, untilWallMs: wall() + sureMs };
    else this.#fall();
    return sureMs > 0;
  }

  #fall(): void {
    this.#state = 'fallen';
    for (const breakOff of this.#pushes) breakOff();
    this.#pushes.clear();
    this.#fell();
  }
}
