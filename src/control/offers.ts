import type { Cluster, Offer } from '../cluster/cluster.ts';
import { inParallel } from './parallel.ts';

/** Whoever is to offer a task first is given this long, before the others do it too. */
const FIRST_MS = 1_500;
/** The same is not offered again within this time: it may be on its way to whoever takes it. */
const AGAIN_MS = 5_000;
/** What nobody has found any more for so long is forgotten. */
const KEPT_MS = 30_000;
/** Enough for writes to share a sync to disk, few enough that a user's call between them does not wait long. */
const OFFERS_AT_ONCE = 64;

export interface OffersOptions {
  /** The name of this node. */
  readonly node: string;
  readonly cluster: Pick<Cluster, 'members' | 'offer'>;
  /** Monotonic. */
  readonly now: () => number;
}

/** A task that wants something of some node. */
export interface Wanting {
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
  readonly region: string;
}

interface Found {
  readonly seq: number;
  readonly atMs: number;
  seenMs: number;
  offeredMs: number;
}

/** Every node finds the same tasks: says which of them this one is to see to now, so that not all do it at once. */
export class Offers {
  readonly #options: OffersOptions;
  readonly #found = new Map<string, Found>();
  /** Which this node is to see to whoever is first: it was told of them before the others. */
  readonly #told = new Set<string>();
  #sweptMs = 0;

  constructor(options: OffersOptions) {
    this.#options = options;
  }

  /** How many have been found lately and not been taken: they stand before others in every list of what is due. */
  get waiting(): number {
    return this.#found.size;
  }

  /** What somebody has asked this node for is not left to another. */
  hasten(taskId: string): void {
    if (this.#options.cluster.members.length > 1) this.#told.add(taskId);
  }

  /** Whether this node is to see to it now: as the first, or because whoever is first has had time enough. */
  isTurn(task: Wanting): boolean {
    const nowMs = this.#options.now();
    const found = this.#findOf(task, nowMs);
    if (nowMs < found.offeredMs + AGAIN_MS) return false;
    return nowMs >= found.atMs + FIRST_MS || this.#told.has(task.id) || this.#isFirst(task.id);
  }

  /** Offers those whose turn it is. */
  async put(tasks: readonly Wanting[], prefers?: string): Promise<void> {
    const due = tasks.filter(task => this.isTurn(task));
    await inParallel(due, OFFERS_AT_ONCE, task => this.#offer(task, prefers));
  }

  async #offer(task: Wanting, prefers: string | undefined): Promise<void> {
    const { id: taskId, epoch, region } = task;
    const offer: Offer = { taskId, epoch, region, ...(prefers === undefined ? {} : { prefers }) };
    await this.#options.cluster.offer([offer]);
    const found = this.#found.get(taskId);
    this.#told.delete(taskId);
    // Alone there is nobody on the way to whom it could be: what was not taken is offered again at once.
    if (found && this.#options.cluster.members.length > 1) found.offeredMs = this.#options.now();
    else this.#found.delete(taskId);
  }

  #findOf({ id, seq }: Wanting, nowMs: number): Found {
    this.#sweep(nowMs);
    const known = this.#found.get(id);
    const found = known?.seq === seq ? known : { seq, atMs: nowMs, seenMs: nowMs, offeredMs: Number.NEGATIVE_INFINITY };
    found.seenMs = nowMs;
    this.#found.set(id, found);
    return found;
  }

  #isFirst(taskId: string): boolean {
    const { node, cluster } = this.#options;
    const present = cluster.members.filter(({ presence }) => presence === 'present').map(({ name }) => name);
    return firstOf(present, taskId) === node || present.length === 0;
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < KEPT_MS) return;
    this.#sweptMs = nowMs;
    for (const [id, { seenMs }] of this.#found) if (nowMs - seenMs > KEPT_MS) this.#found.delete(id);
  }
}

/** The same of all who have the same names before them; one that goes changes only what was its own. */
export function firstOf(names: readonly string[], taskId: string): string | undefined {
  let first: string | undefined;
  let most = -1;
  for (const name of names) {
    const weight = hashOf(`${name}/${taskId}`);
    if (weight > most || (weight === most && first !== undefined && name < first)) {
      most = weight;
      first = name;
    }
  }
  return first;
}

/** FNV-1a, stirred once more at the end: names that differ in their last letters only are to lie far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
