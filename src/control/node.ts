import type { ProcessVitals } from '../worker/channel.ts';
import { type Load, loadBetween } from './load.ts';
import type { Rates } from './signals.ts';
import type { ProcessFacts, Supervisor } from './supervisor.ts';

export interface NodeOptions {
  readonly name: string;
  readonly version: string;
  readonly region: string;
  readonly supervisor: Pick<Supervisor, 'processes' | 'ready' | 'viewers'>;
  /** What its runs carry together. */
  readonly carried: () => Pick<Rates, 'inKbit' | 'outKbit'>;
  /** Of the control process. */
  readonly usage: () => Pick<ProcessVitals, 'cpuMs' | 'rssBytes'>;
  /** Monotonic. */
  readonly now: () => number;
}

/** What a node is and carries at the moment. */
export interface NodeFacts {
  readonly name: string;
  readonly version: string;
  readonly region: string;
  readonly uptimeMs: number;
  /** `ready`: every process that is wanted is connected; `starting`: some are still to come or to come back. */
  readonly state: 'ready' | 'starting';
  readonly processes: readonly ProcessFacts[];
  readonly control: Load & { readonly pid: number };
  readonly inKbit: number;
  readonly outKbit: number;
  readonly viewers: number;
}

const SAMPLE_MS = 1_000;

/** This node, as its operators see it. */
export class Node {
  readonly #options: NodeOptions;
  readonly #startedMs: number;
  #vitals: ProcessVitals;
  #load: Load;
  readonly #sampling: NodeJS.Timeout;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#startedMs = options.now();
    this.#vitals = this.#read();
    this.#load = loadBetween(undefined, this.#vitals);
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  get name(): string {
    return this.#options.name;
  }

  get facts(): NodeFacts {
    const { name, version, region, supervisor, carried, now } = this.#options;
    return {
      ...{ name, version, region },
      uptimeMs: now() - this.#startedMs,
      state: supervisor.ready ? 'ready' : 'starting',
      processes: supervisor.processes,
      control: { pid: process.pid, ...this.#load },
      ...carried(),
      viewers: supervisor.viewers,
    };
  }

  /** How much of so many cores all its processes use, 0 to 1 and beyond. */
  loadOf(cores: number): number {
    const workers = this.#options.supervisor.processes.reduce((sum, { load }) => sum + (load?.cpu ?? 0), 0);
    return ((this.#load.cpu ?? 0) + workers) / Math.max(1, cores);
  }

  close(): void {
    clearInterval(this.#sampling);
  }

  #sample(): void {
    const vitals = this.#read();
    const lagMs = Math.max(0, vitals.atMs - this.#vitals.atMs - SAMPLE_MS);
    this.#load = loadBetween(this.#vitals, { ...vitals, lagMs });
    this.#vitals = vitals;
  }

  #read(): ProcessVitals {
    return { atMs: this.#options.now(), lagMs: 0, ...this.#options.usage() };
  }
}
