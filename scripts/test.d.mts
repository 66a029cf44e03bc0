interface Needed {
  readonly name: string;
  readonly file: string;
}

/** See test.mjs. */
export function missingPackages<T extends Needed>(needed: readonly T[], places: readonly string[]): T[];
export function tally(reports: readonly unknown[]): { passed: number; failed: number; skipped: string[] };

interface Outcome {
  readonly status: string;
  readonly fullName: string;
}
interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly Outcome[];
  }[];
}
export function worthAgain(report: Report | undefined): string[];
export function settle(first: Report, second: Report | undefined): { report: Report; unsteady: string[] };
