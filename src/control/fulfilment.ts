import type { Cluster } from '../cluster/cluster.ts';
import type { Store } from '../store/store.ts';
import { DESTINATION_TAKEN } from '../task/alarm.ts';
import type { Task } from '../task/task.ts';
import type { RunNews, RunOrder } from '../worker/channel.ts';
import type { Assets } from './assets.ts';
import { type Claim, waitsForAnother } from './claim.ts';
import { ClaimAssets } from './claim-assets.ts';
import { type Sleep, within } from './deadline.ts';
import { type Destinations, DestinationTaken } from './destinations.ts';
import { destinationOf, MissingDomain } from './directions.ts';
import { Orders, type OrdersOptions } from './orders.ts';
import type { Log } from './record.ts';

const CLAIM_DEADLINE_MS = 10_000;

export interface FulfilmentOptions extends OrdersOptions {
  readonly store: Pick<Store, 'domain'>;
  readonly cluster: Pick<Cluster, 'claim'>;
  readonly assets: Pick<Assets, 'resolve' | 'revision'>;
  /** So that no two tasks push to one address; absent where nobody looks. */
  readonly destinations?: Pick<Destinations, 'take'>;
  readonly place: (order: RunOrder) => void;
  readonly sleep: Sleep;
  readonly log: Log;
}

/** Whose claims they are. */
export interface Claimant {
  readonly closed: AbortSignal;
  /** Whether it is the task's claim at all. */
  isCurrent(claim: Claim): boolean;
  /** Has the claim looked at again on a later tick. */
  lookAgain(claim: Claim): void;
  tell(news: RunNews): Promise<void>;
}

/** Makes an order of a claim: agrees on it, finds where it leads and gives it to the supervisor, or has it wait. */
export class Fulfilment {
  readonly #options: FulfilmentOptions;
  readonly #claimant: Claimant;
  readonly #orders: Orders;
  readonly #assets: ClaimAssets;

  constructor(options: FulfilmentOptions, claimant: Claimant) {
    this.#options = options;
    this.#claimant = claimant;
    this.#orders = new Orders(options);
    this.#assets = new ClaimAssets({
      assets: options.assets,
      orders: this.#orders,
      stands: claim => this.#stands(claim),
      place: claim => this.place(claim),
      postpone: (claim, cause) => this.#postpone(claim, cause),
    });
  }

  async begin(claim: Claim): Promise<void> {
    try {
      const destination = await this.#resolve(claim);
      if (!this.#stands(claim)) return;
      claim.destination = destination;
      if (waitsForAnother(claim.task)) void this.#tellTaken(claim, false, 'it has its destination to itself');
      this.place(claim);
    } catch (cause) {
      await this.#postpone(claim, cause);
    }
  }

  /** Gives the run the task's present source and tries. Synchronous, so that no change can come between reading and ordering. */
  place(claim: Claim): void {
    const { task, epoch, destination } = claim;
    if (destination === undefined || this.#assets.areLacking(claim)) return;
    this.#options.place(this.#orders.orderOf(task, { epoch, destination, addresses: claim.assets?.addresses }));
    claim.state = 'placed';
    claim.reason = '';
  }

  /** Looks where the assets of the lists on air lead to by now. */
  followAssets(claims: Iterable<Claim>): Promise<void> {
    return this.#assets.follow(claims);
  }

  /** What a worker would be told for the task as it stands, whoever acts for it. */
  async orderOf(task: Task): Promise<RunOrder> {
    const destination = await destinationOf(task, this.#options.store);
    const named = this.#orders.assetsOf(task);
    const addresses = named.length > 0 ? await this.#options.assets.resolve(task.accountId, named) : undefined;
    return this.#orders.orderOf(task, { epoch: task.epoch, destination, addresses });
  }

  /** Its run is to be there. */
  #stands(claim: Claim): boolean {
    return this.#claimant.isCurrent(claim) && claim.state !== 'lost' && claim.state !== 'leaving';
  }

  async #resolve({ task, epoch }: Claim): Promise<string> {
    const { cluster, destinations, sleep, store } = this.#options;
    const deadline = { ms: CLAIM_DEADLINE_MS, sleep, what: 'the cluster', signal: this.#claimant.closed };
    const won = await within(cluster.claim(task.id, epoch), deadline).catch(unlessAway);
    if (!won) throw new Error('another node holds the task');
    const destination = await destinationOf(task, store);
    await destinations?.take(task.id, destination);
    return destination;
  }

  #tellTaken({ task: { id: taskId }, epoch }: Claim, set: boolean, reason: string): Promise<void> {
    return this.#claimant.tell({ taskId, epoch, type: 'alarm', side: 'push', alarm: DESTINATION_TAKEN, set, reason });
  }

  async #postpone(claim: Claim, cause: unknown): Promise<void> {
    const { task, epoch } = claim;
    if (!this.#claimant.isCurrent(claim) || this.#claimant.closed.aborted) return;
    const carried = claim.state === 'adopted';
    const reason = cause instanceof Error ? cause.message : String(cause);
    const isNew = claim.reason !== reason;
    claim.reason = reason;
    if (!carried) claim.state = 'waiting';
    this.#claimant.lookAgain(claim);
    if (!isNew) return;
    this.#options.log('a claim has to wait', { taskId: task.id, epoch, cause });
    const side = cause instanceof MissingDomain ? 'push' : 'run';
    // A run that a worker carries does not break because its order could not be said again.
    if (!carried) await this.#claimant.tell({ taskId: task.id, epoch, type: 'broke', side, reason });
    if (cause instanceof DestinationTaken) await this.#tellTaken(claim, true, reason);
  }
}

/** While those who agree cannot be asked, the store's word stands: it has written down that the task is this node's. */
function unlessAway(cause: unknown): boolean {
  if (cause instanceof Error && cause.name === 'ClusterFault') return true;
  throw cause;
}
