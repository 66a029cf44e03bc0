import type { Cluster, Member, Offer } from '../cluster/cluster.ts';
import { NO_NODE_IN_REGION } from '../task/alarm.ts';
import type { Occurrence } from '../task/event.ts';
import type { Record } from './record.ts';
import type { Taking } from './taking.ts';

/** Whoever is to see to a task first is given this long, before the others do it too. */
const FIRST_MS = 1_500;
/** An offer that nobody has taken by then has been lost on its way, or went to one who is gone. */
const ON_THE_WAY_MS = 2_000;
/** The same is not tried again within this time. */
const AGAIN_MS = 1_000;
/** A region that has no node for so long is told of. */
const EMPTY_MS = 5_000;
/** What nobody has found any more for so long is forgotten. */
const KEPT_MS = 30_000;

export interface OffersOptions {
  /** The name of this node. */
  readonly node: string;
  readonly cluster: Pick<Cluster, 'members' | 'offer'>;
  readonly taking: Pick<Taking, 'take' | 'room'>;
  readonly record: Pick<Record, 'tell'>;
  /** Whether there may be other nodes. */
  readonly isShared: boolean;
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
  /** When it was last offered, or taken in vain. */
  triedMs: number | undefined;
  isTold: boolean;
}

/** Every node finds the same tasks: says which of them this one is to see to now, so that not all do it at once. */
export class Offers {
  readonly #options: OffersOptions;
  readonly #found = new Map<string, Found>();
  /** Which this node is to see to whoever is first: it was told of them before the others. */
  readonly #asked = new Set<string>();
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
    if (this.#options.isShared) this.#asked.add(taskId);
  }

  /** Whether this node is to see to it now: as the first, or because whoever is first has had time enough. */
  isTurn(task: Wanting): boolean {
    const present = this.#options.cluster.members.filter(isPresent);
    return this.#isTurnAmong(present, task) || this.#asked.has(task.id);
  }

  /** Offers what is due to whoever has most room. Answers whether that was done now. */
  async put(task: Wanting): Promise<boolean> {
    const found = this.#findOf(task);
    const isLost = found.triedMs !== undefined && this.#options.now() >= found.triedMs + ON_THE_WAY_MS;
    if (isLost) await this.inherit(task);
    if (found.triedMs !== undefined || !this.isTurn(task)) return false;
    await this.#offer(task, found).catch(cause => this.#doWithout(task, cause));
    return true;
  }

  /** While nobody can be asked who has most room, whoever is first by name takes it. */
  #doWithout(task: Wanting, cause: unknown): Promise<void> {
    if (!this.#options.isShared) throw cause;
    return this.inherit(task);
  }

  async #offer({ id: taskId, epoch, region }: Wanting, found: Found): Promise<void> {
    const { cluster, isShared, now } = this.#options;
    const offer: Offer = { taskId, epoch, region };
    await cluster.offer([offer]);
    this.#asked.delete(taskId);
    found.triedMs = now();
    // Alone there is nobody on the way to whom it could be: what was not taken is offered again at once.
    if (!isShared) this.#found.delete(taskId);
  }

  /** Takes what a node has left behind: there is no time to ask who has most room. */
  async inherit(task: Wanting): Promise<void> {
    const { isShared, taking, now, node } = this.#options;
    const found = this.#findOf(task);
    if (!isShared) return this.#offer(task, found);
    const takers = this.#options.cluster.members.filter(member => isTaker(member, task.region));
    if (takers.length === 0) return this.#tellEmpty(task, found);
    const rests = now() < (found.triedMs ?? Number.NEGATIVE_INFINITY) + AGAIN_MS;
    const isOurs = takers.some(({ name }) => name === node) && taking.room() > 0;
    if (!isOurs || rests || !this.#isTurnAmong(takers, task)) return;
    found.triedMs = now();
    await taking.take({ taskId: task.id, epoch: task.epoch });
  }

  async #tellEmpty(task: Wanting, found: Found): Promise<void> {
    const { record, now } = this.#options;
    if (found.isTold || now() < found.atMs + EMPTY_MS || !this.isTurn(task)) return;
    const reason = `no node of the region ${task.region} takes tasks`;
    await record.tell(task.id, ({ epoch }) => (epoch === task.epoch ? [emptyRegion(reason, true)] : []));
    found.isTold = true;
  }

  #isTurnAmong(members: readonly Member[], task: Wanting): boolean {
    const { node, now } = this.#options;
    const first = firstOf(
      members.map(({ name }) => name),
      task.id,
    );
    return first === undefined || first === node || now() >= this.#findOf(task).atMs + FIRST_MS;
  }

  #findOf({ id, seq }: Wanting): Found {
    const nowMs = this.#options.now();
    this.#sweep(nowMs);
    const known = this.#found.get(id);
    const fresh = { seq, atMs: nowMs, seenMs: nowMs, triedMs: undefined, isTold: false };
    const found = known?.seq === seq || known?.isTold ? known : fresh;
    found.seenMs = nowMs;
    this.#found.set(id, found);
    return found;
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < KEPT_MS) return;
    this.#sweptMs = nowMs;
    for (const [id, { seenMs }] of this.#found) if (nowMs - seenMs > KEPT_MS) this.#found.delete(id);
    for (const id of this.#asked) if (!this.#found.has(id)) this.#asked.delete(id);
  }
}

const isPresent = ({ presence }: Member): boolean => presence === 'present';

const isTaker = ({ presence, isOpen, region }: Member, wanted: string): boolean =>
  presence === 'present' && isOpen && region === wanted;

/** Told of a task whose region has nobody, and of one that somebody takes after all. */
export const emptyRegion = (reason: string, set: boolean): Occurrence => ({
  type: 'alarm',
  cause: 'system',
  reason,
  detail: { alarm: NO_NODE_IN_REGION, set },
});

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
