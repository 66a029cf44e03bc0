import type { NodeState } from '../store/node-store.ts';
import type { Sleep } from './deadline.ts';
import { emptiest, type Filled, nextMove } from './rebalance.ts';
import type { Log } from './record.ts';

/** A task that this node acts for, as far as it matters to who might move it. */
export interface Movable {
  readonly taskId: string;
  readonly region: string;
  readonly isFlowing: boolean;
}

/** A node as it tells of itself, and what is wanted of it. */
export interface Neighbour extends Filled {
  readonly presence: 'present' | 'silent' | 'gone';
  readonly state: NodeState;
}

export interface MovesOptions {
  /** The name of this node. */
  readonly node: string;
  readonly nodes: () => readonly Neighbour[];
  readonly held: () => readonly Movable[];
  /** Settles when the other node acts for the task, or will not. */
  readonly move: (taskId: string, node: string) => Promise<unknown>;
  /** Monotonic. */
  readonly elapsed: () => number;
  readonly sleep: Sleep;
  readonly log: Log;
}

const TURN_MS = 1_000;
/** A drain has other things to wait for: each move waits until the other node is ready. */
const DRAIN_TURN_MS = 50;
/** Whoever has just come on air is not troubled again. */
const SETTLED_MS = 30_000;
/** What could not be moved is left alone for so long. */
const REST_MS = 20_000;
/** What a node tells of itself may be as old as that. */
const LATE_MS = 6_000;

/**
 * Gives runs of this node to others: all of them where it is drained, and otherwise, one a second, what makes the nodes
 * of a region more evenly full. Each node decides of its own runs.
 */
export class Moves {
  readonly #options: MovesOptions;
  readonly #closed = new AbortController();
  /** Until when a task is left alone, by the monotonic clock. */
  readonly #resting = new Map<string, number>();
  /** Since when this node has seen media of a task flow, by the monotonic clock. */
  #flowingSince: ReadonlyMap<string, number> = new Map();
  /** What was moved lately, which its node may not have told of itself yet. */
  #recent: readonly { readonly node: string; readonly atMs: number }[] = [];
  #loop: Promise<void> | undefined;

  constructor(options: MovesOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const hasDrained = await this.turn();
      await this.#options.sleep(hasDrained ? DRAIN_TURN_MS : TURN_MS, signal).catch(() => undefined);
    }
  }

  /** Moves one run at most. Answers whether it did so to drain the node. */
  async turn(): Promise<boolean> {
    this.#watch();
    const nodes = this.#options.nodes().filter(({ presence }) => presence === 'present');
    const self = nodes.find(({ name }) => name === this.#options.node);
    const filled = this.#corrected(nodes);
    if (self?.state === 'draining') return this.#drain(filled);
    if (nodes.every(({ state }) => state !== 'draining')) await this.#relieve(filled);
    return false;
  }

  async #drain(nodes: readonly Filled[]): Promise<boolean> {
    for (const { taskId, region } of this.#movable()) {
      const target = emptiest(nodes, region, [this.#options.node]);
      if (target !== undefined) return this.#move(taskId, target.name);
    }
    return false;
  }

  async #relieve(nodes: readonly Filled[]): Promise<void> {
    const { node, elapsed } = this.#options;
    const target = nextMove(nodes, node);
    if (target === undefined) return;
    const region = nodes.find(({ name }) => name === target)?.region;
    const since = ({ taskId }: Movable): number => this.#flowingSince.get(taskId) ?? elapsed();
    const [eldest] = this.#movable()
      .filter(task => task.region === region && elapsed() - since(task) >= SETTLED_MS)
      .sort((one, other) => since(one) - since(other));
    if (eldest !== undefined) await this.#move(eldest.taskId, target);
  }

  /** By its own clock: that of whoever had a task before may be another one. */
  #watch(): void {
    const { held, elapsed } = this.#options;
    const flowing = held().filter(({ isFlowing }) => isFlowing);
    this.#flowingSince = new Map(
      flowing.map(({ taskId }) => [taskId, this.#flowingSince.get(taskId) ?? elapsed()] as const),
    );
  }

  #movable(): readonly Movable[] {
    const now = this.#options.elapsed();
    for (const [taskId, untilMs] of this.#resting) if (untilMs <= now) this.#resting.delete(taskId);
    return this.#options.held().filter(({ taskId }) => !this.#resting.has(taskId));
  }

  async #move(taskId: string, node: string): Promise<boolean> {
    const { move, elapsed, log } = this.#options;
    // Also one that is moved: until that is known here it must not be moved again.
    this.#resting.set(taskId, elapsed() + REST_MS);
    try {
      await move(taskId, node);
      this.#recent = [...this.#recent, { node, atMs: elapsed() }];
      log('a task was moved', { taskId, node });
      return true;
    } catch (cause) {
      log('a task could not be moved', { taskId, node, cause });
      return false;
    }
  }

  /** Of this node it is known what it has; of the others, what they had a while ago and were given since. */
  #corrected(nodes: readonly Filled[]): readonly Filled[] {
    const { node, held, elapsed } = this.#options;
    this.#recent = this.#recent.filter(({ atMs }) => elapsed() - atMs < LATE_MS);
    const given = (name: string): number => this.#recent.filter(recent => recent.node === name).length;
    return nodes.map(one => ({ ...one, runs: one.name === node ? held().length : one.runs + given(one.name) }));
  }
}
