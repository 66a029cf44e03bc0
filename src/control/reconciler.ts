import type { Cluster } from '../cluster/cluster.ts';
import type { Holding } from '../store/node-store.ts';
import type { Store } from '../store/store.ts';
import type { Claims } from './claims.ts';
import type { Offers } from './offers.ts';
import { inParallel } from './parallel.ts';
import type { Taking } from './taking.ts';

const LOOK_MS = 2_000;
const CLAIMS_AT_ONCE = 64;

export interface ReconcilerOptions {
  /** The name of this node. */
  readonly node: string;
  readonly store: Pick<Store, 'holdings' | 'release'>;
  readonly cluster: Pick<Cluster, 'isGone' | 'members'>;
  readonly claims: Pick<Claims, 'epochOf' | 'seqOf' | 'yield' | 'release' | 'held'>;
  readonly offers: Pick<Offers, 'inherit' | 'isTurn'>;
  readonly taking: Pick<Taking, 'take' | 'room'>;
  /** Reads what has happened to a task and has not been heard of here. */
  readonly catchUp: (taskId: string) => Promise<void>;
  /** Monotonic. */
  readonly now: () => number;
}

/**
 * Brings what the store says is acted for together with what this node acts for, again and again: whatever was lost on
 * the way between nodes, and whatever a node has left behind, is found by it.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** Other nodes that act for something, as they were found last. */
  #others: ReadonlySet<string> = new Set();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Looks again at once. */
  hasten(): void {
    this.#lookedMs = Number.NEGATIVE_INFINITY;
  }

  /** Called on every tick. */
  async tick(): Promise<void> {
    const { now } = this.#options;
    if (now() < this.#lookedMs + LOOK_MS && !this.#isOneGone()) return;
    await this.reconcile();
    this.#lookedMs = now();
  }

  async reconcile(): Promise<void> {
    const { store, claims, cluster } = this.#options;
    const held = new Set(claims.held.map(({ task }) => task.id));
    const holdings = await store.holdings();
    for (const { id } of holdings) held.delete(id);
    // They were acted for before it was asked, and nobody is said to act for them.
    await this.#each([...held], id => this.#options.catchUp(id));
    await this.#each(holdings, holding => this.#settle(holding));
    const others = holdings.map(({ node }) => node).filter(node => node !== '' && node !== this.#options.node);
    this.#others = new Set(others.filter(node => !cluster.isGone(node)));
  }

  #isOneGone(): boolean {
    return [...this.#others].some(node => this.#options.cluster.isGone(node));
  }

  async #settle(holding: Holding): Promise<void> {
    const { node, cluster, offers, store } = this.#options;
    // Carried on from an earlier version, which wrote no name.
    const isCarriedOn = holding.node === '' && this.#options.claims.epochOf(holding.id) === holding.epoch;
    if (holding.node === node || isCarriedOn) await this.#settleOwn(holding);
    else if (holding.node === '' || cluster.isGone(holding.node)) {
      if (isActive(holding)) await offers.inherit(holding);
      else if (offers.isTurn(holding)) await store.release(holding.id, holding.node, holding.epoch);
    } else this.#options.claims.yield(holding.id, holding.epoch);
  }

  async #settleOwn(holding: Holding): Promise<void> {
    const { claims, catchUp } = this.#options;
    const { id, epoch, seq } = holding;
    const claimed = claims.epochOf(id);
    // Read before the newest claim was made.
    if (claimed !== undefined && claimed > epoch) return;
    if (claimed !== undefined && (claims.seqOf(id) ?? seq) < seq) await catchUp(id);
    else if (claimed === undefined && isActive(holding)) await this.#takeUp(holding);
    else if (claimed === undefined) claims.release(id, epoch);
  }

  /** Nobody else may: it is offered to the others by being given up. */
  async #takeUp(holding: Holding): Promise<void> {
    const { taking, store, node, cluster } = this.#options;
    const hasOthers = cluster.members.some(({ name, isOpen }) => name !== node && isOpen);
    if (taking.room() > 0 || !hasOthers) await taking.take({ taskId: holding.id });
    else await store.release(holding.id, node, holding.epoch);
  }

  #each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    return inParallel(items, CLAIMS_AT_ONCE, work);
  }
}

/** As `isActive` of a task. */
const isActive = ({ status, movedBy }: Holding): boolean =>
  status === 'running' || status === 'recovering' || (status === 'scheduled' && movedBy === 'claimed');
