import type { Cluster } from '../cluster/cluster.ts';
import type { Log } from './record.ts';

const LOOK_MS = 1_000;

export interface ClocksOptions {
  readonly cluster: Pick<Cluster, 'members'>;
  readonly log: Log;
}

/** Schedules, stamps and signatures go by the clock on the wall: says which node's is off, once, and when it is right again. */
export class Clocks {
  readonly #options: ClocksOptions;
  /** Whose clock was said to be off. */
  #told: ReadonlySet<string> = new Set();
  #looking: NodeJS.Timeout | undefined;

  constructor(options: ClocksOptions) {
    this.#options = options;
  }

  start(): void {
    this.#looking ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  look(): void {
    const present = this.#options.cluster.members.filter(({ presence }) => presence === 'present');
    const off = new Map(present.flatMap(({ name, skewMs }) => (skewMs === undefined ? [] : [[name, skewMs] as const])));
    for (const [name, skewMs] of off)
      if (!this.#told.has(name)) this.#warn(name, skewMs, off.size === present.length - 1);
    for (const name of this.#told)
      if (!off.has(name)) this.#options.log('the clock of a node is right again', { name });
    this.#told = new Set(off.keys());
  }

  close(): void {
    clearInterval(this.#looking);
  }

  /** Where all others are off, it is probably ours that is. */
  #warn(name: string, skewMs: number, isProbablyOurs: boolean): void {
    const s = Math.round(Math.abs(skewMs) / 100) / 10;
    const cause = new Error(`the clock of node ${name} is ${s} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours`);
    this.#options.log(
      isProbablyOurs ? 'the clock of this node, or of another one, is off' : 'the clock of another node is off',
      { name, aheadMs: Math.round(skewMs), cause },
    );
  }
}
