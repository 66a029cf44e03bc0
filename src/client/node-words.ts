/** What belongs to an account beside its tasks, and the node itself, in a node's own words. */

export interface Domain {
  readonly name: string;
  readonly target: string;
}

export interface Policy {
  readonly name: string;
  readonly built_in: boolean;
  readonly document: Readonly<Record<string, unknown>>;
}

export interface Asset {
  readonly id: string;
  readonly url: string;
  readonly created_at: string;
}

export interface AssetWish {
  readonly id: string;
  readonly url: string;
  /** Whether it is looked through first. */
  readonly probe: boolean;
  readonly replace: boolean;
}

export interface Project {
  readonly id: string;
  readonly name: string;
}

export interface Load {
  readonly cpu: number | null;
  readonly rss_mb: number | null;
  readonly lag_ms: number | null;
}

export interface NodeFacts {
  readonly name: string;
  readonly version: string;
  readonly region: string;
  readonly state: string;
  readonly uptime_s: number;
  readonly tasks: { readonly running: number; readonly recovering: number; readonly scheduled: number };
  readonly workers: readonly (Load & {
    readonly slot: number;
    readonly pid: number | null;
    readonly runs: number;
    readonly state: string;
  })[];
  readonly control: Load & { readonly pid: number };
  readonly kbit_in: number;
  readonly kbit_out: number;
  readonly viewers: number;
}

/** One thing that was looked at, and what to do where it is not well. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly found: string;
  /** Why it matters. */
  readonly why: string;
  /** A command that mends it; "" where there is none, or nothing to mend. */
  readonly fix: string;
}
