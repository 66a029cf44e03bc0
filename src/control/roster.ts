import type { Cluster, Member } from '../cluster/cluster.ts';
import type { KeptNode, NodeState } from '../store/node-store.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from '../task/audit.ts';
import type { Sleep } from './deadline.ts';
import type { NodeFacts } from './node.ts';
import { entryOf } from './notes.ts';
import type { Log } from './record.ts';
import { fieldsOf } from './words.ts';

/** There is no node of that name. */
export class UnknownNode extends Error {
  override readonly name = 'UnknownNode';
}

/** The only node there is has nobody to leave its tasks to. */
export class OnlyNode extends Error {
  override readonly name = 'OnlyNode';
}

/** One node as all others see it. */
export interface Standing extends Pick<Member, 'name' | 'region' | 'version' | 'presence'> {
  readonly isSelf: boolean;
  /** What its operator wants of it. */
  readonly state: NodeState;
  readonly isOpen: boolean;
  readonly runs: number;
  readonly capacity: number;
  readonly load: number;
  /** How far its clock is ahead of ours, where that is known. */
  readonly skewMs: number | undefined;
  readonly duties: readonly string[];
  /** What it tells of its processes; undefined where it has not been heard. */
  readonly facts: NodeFacts | undefined;
}

export interface RosterOptions {
  /** The name of this node. */
  readonly node: string;
  readonly facts: () => NodeFacts;
  readonly cluster: Pick<Cluster, 'members' | 'say' | 'hear'>;
  /** Absent where there are no other nodes. */
  readonly store?: Pick<Store, 'nodes' | 'setNodeState' | 'noting'> | undefined;
  /** The duties of this node. */
  readonly duties: () => readonly string[];
  /** Wall clock. */
  readonly now: () => number;
  /** Monotonic. */
  readonly elapsed: () => number;
  readonly sleep: Sleep;
  readonly newId: () => string;
  readonly log: Log;
}

/** What a node says of itself to the others. */
interface Heard {
  readonly atMs: number;
  readonly facts: NodeFacts;
  readonly duties: readonly string[];
}

const TOPIC = 'node';
/** Who says what is wanted of a node has the others look at once. */
const LOOK_MS = 2_000;
/** What was said longer ago is not believed any more. */
const STALE_MS = 10_000;
/** A node that is gone is shown for so long. */
const REMEMBERED_MS = 3_600_000;

/** Who the nodes are, how they stand, and what their operators want of them. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #heard = new Map<string, Heard>();
  readonly #closed = new AbortController();
  readonly #deafen: () => void;
  #kept: ReadonlyMap<string, KeptNode> = new Map();
  #isFailing = false;
  #loop: Promise<void> | undefined;

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#deafen = options.cluster.hear(TOPIC, (message, from) => this.#hear(message, from));
  }

  start(): void {
    if (this.#options.store !== undefined) this.#loop ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#deafen();
    await this.#loop;
  }

  /** What is wanted of this node. */
  get state(): NodeState {
    return this.#kept.get(this.#name)?.state ?? 'active';
  }

  /** By name; those that are gone are among them for a while. */
  get all(): readonly Standing[] {
    const members = new Map(this.#options.cluster.members.map(member => [member.name, member]));
    const gone = [...this.#kept.values()].filter(({ name }) => !members.has(name)).map(asGone);
    return [...members.values(), ...gone.filter(({ wall }) => this.#options.now() - wall < REMEMBERED_MS)]
      .map(member => this.#standingOf(member))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Rejects with UnknownNode or OnlyNode. */
  async set(name: string, state: NodeState, by: { readonly accountId: string; readonly actor: Actor }): Promise<void> {
    const { store, now, newId, cluster } = this.#options;
    const former = this.#kept.get(name)?.state ?? 'active';
    if (store === undefined) throw name === this.#name ? new OnlyNode() : new UnknownNode();
    const others = cluster.members.filter(member => member.name !== name && member.presence === 'present');
    if (state !== 'active' && others.length === 0) throw new OnlyNode();
    const noted = { accountId: by.accountId, action: WORDS[state], target: name };
    const entry = entryOf({ ...noted, before: { state: former }, after: { state } }, { now, newId, by: by.actor });
    if (!(await store.noting(entry).setNodeState(name, state))) throw new UnknownNode();
    await this.look();
    cluster.say(TOPIC, { look: true });
  }

  /** Reads anew what is wanted of the nodes. */
  async look(): Promise<void> {
    const { store, log } = this.#options;
    try {
      const nodes = await store?.nodes();
      this.#kept = new Map(nodes?.map(node => [node.name, node]));
      this.#isFailing = false;
    } catch (cause) {
      if (!this.#isFailing) log('it cannot be read what is wanted of the nodes', { cause });
      this.#isFailing = true;
    }
  }

  get #name(): string {
    return this.#options.node;
  }

  async #run(): Promise<void> {
    const { sleep } = this.#options;
    const { signal } = this.#closed;
    await this.#resume();
    while (!signal.aborted) {
      await this.look();
      this.#tell();
      await sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  /** A drain ends with the life of the node: who starts it anew wants it to take tasks. A cordon stays. */
  async #resume(): Promise<void> {
    const { store, log } = this.#options;
    await this.look();
    if (this.state !== 'draining') return;
    await store?.setNodeState(this.#name, 'active').catch(cause => log('a drain could not be ended', { cause }));
  }

  #tell(): void {
    const { cluster, facts, duties } = this.#options;
    cluster.say(TOPIC, { facts: facts(), duties: duties() });
  }

  #hear(message: unknown, from: string): void {
    const { look, facts, duties } = fieldsOf(message);
    if (look === true) void this.look();
    // Written by a node of ours, of this version or another: what lacks is looked for where it is shown.
    if (isFacts(facts)) {
      const words = Array.isArray(duties) ? duties.filter(word => typeof word === 'string') : [];
      this.#heard.set(from, { atMs: this.#options.elapsed(), facts, duties: words });
    }
  }

  #standingOf(member: Member): Standing {
    const { name, region, version, presence, isOpen, runs, capacity, load } = member;
    const isSelf = name === this.#name;
    const heard = isSelf ? this.#ownWords() : this.#wordsOf(name);
    return {
      ...{ name, region, version, presence, isOpen, runs, capacity, load, isSelf },
      state: this.#kept.get(name)?.state ?? 'active',
      skewMs: member.skewMs,
      duties: heard?.duties ?? [],
      facts: heard?.facts,
    };
  }

  #ownWords(): Pick<Heard, 'facts' | 'duties'> {
    return { facts: this.#options.facts(), duties: this.#options.duties() };
  }

  #wordsOf(name: string): Heard | undefined {
    const heard = this.#heard.get(name);
    return heard !== undefined && this.#options.elapsed() - heard.atMs < STALE_MS ? heard : undefined;
  }
}

const WORDS: Readonly<Record<NodeState, string>> = {
  active: 'node.uncordon',
  cordoned: 'node.cordon',
  draining: 'node.drain',
};

const asGone = ({ name, region, version, seenAt }: KeptNode): Member => ({
  ...{ name, region, version, presence: 'gone', api: null, isOpen: false, runs: 0, capacity: 0, load: 0 },
  wall: seenAt,
});

/** Whether it has all that is shown of a node. */
function isFacts(value: unknown): value is NodeFacts {
  const { uptimeMs, state, processes, control, inKbit, outKbit, viewers } = fieldsOf(value);
  const { rssBytes, lagMs, pid } = fieldsOf(control);
  const figures = [uptimeMs, inKbit, outKbit, viewers, rssBytes, lagMs, pid];
  const areFigures = figures.every(figure => typeof figure === 'number' && figure >= 0);
  return (
    areFigures && (state === 'ready' || state === 'starting') && Array.isArray(processes) && processes.every(isProcess)
  );
}

function isProcess(value: unknown): boolean {
  const { role, slot, runs, isUp, isWanted, load } = fieldsOf(value);
  const { rssBytes, lagMs } = fieldsOf(load);
  const areFigures = [slot, runs].every(Number.isInteger) && [isUp, isWanted].every(one => typeof one === 'boolean');
  return areFigures && typeof role === 'string' && (load === undefined || (isFigure(rssBytes) && isFigure(lagMs)));
}

const isFigure = (value: unknown): boolean => typeof value === 'number' && value >= 0;
