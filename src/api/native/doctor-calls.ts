/** One thing of the node or its machine that was looked at. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  readonly why: string;
  /** "" where there is nothing to mend. */
  readonly fix: string;
}

export interface DoctorOptions {
  readonly diagnose: () => Promise<readonly Finding[]>;
  readonly monotonic: () => number;
}

/** A look costs a question to a name server and a few processes: several who ask share one. */
const FRESH_MS = 5_000;

export class DoctorCalls {
  readonly #options: DoctorOptions;
  #latest: { readonly atMs: number; readonly asked: Promise<readonly Finding[]> } | undefined;

  constructor(options: DoctorOptions) {
    this.#options = options;
  }

  async checks(): Promise<{ readonly checks: readonly Finding[] }> {
    const { diagnose, monotonic } = this.#options;
    const atMs = monotonic();
    if (this.#latest === undefined || atMs - this.#latest.atMs > FRESH_MS) this.#latest = { atMs, asked: diagnose() };
    return { checks: await this.#latest.asked };
  }
}
