interface Needed {
  readonly name: string;
  readonly file: string;
}

/** See test.mjs. */
export function missingPackages<T extends Needed>(needed: readonly T[], places: readonly string[]): T[];
export function tally(reports: readonly unknown[]): { passed: number; failed: number; skipped: string[] };
