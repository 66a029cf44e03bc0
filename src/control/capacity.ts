/** What a worker carries as a rule, before it is known what runs cost here. */
const RUNS_A_WORKER = 250;
/** Fewer than these cost what a process costs anyway. */
const FEW_RUNS = 8;
/** Share of its cores that a node means to use: the rest is for bursts. */
const FULL = 0.8;
/** Of what is seen anew in what is known: what a second costs is not what an hour does. */
const NEW_SHARE = 0.05;

export interface CapacityOptions {
  readonly workers: number;
  readonly cores: number;
  /** Its operator's word. */
  readonly given?: number | undefined;
}

/** How many runs a node means to carry, by what those that it has cost. */
export class Capacity {
  readonly #options: CapacityOptions;
  #perRun: number | undefined;

  constructor(options: CapacityOptions) {
    this.#options = options;
  }

  /** To be told once a second what all its workers use, in cores. */
  note({ runs, cores }: { readonly runs: number; readonly cores: number }): void {
    if (runs < FEW_RUNS || !Number.isFinite(cores) || cores <= 0) return;
    const seen = cores / runs;
    this.#perRun = this.#perRun === undefined ? seen : this.#perRun + NEW_SHARE * (seen - this.#perRun);
  }

  get runs(): number {
    const { workers, cores, given } = this.#options;
    if (given !== undefined) return given;
    const usual = workers * RUNS_A_WORKER;
    if (this.#perRun === undefined || workers === 0) return usual;
    return Math.max(1, Math.min(usual, Math.floor((Math.min(workers, cores) * FULL) / this.#perRun)));
  }
}
