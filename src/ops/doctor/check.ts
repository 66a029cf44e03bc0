import type { Facts } from './facts.ts';

export type State = 'ok' | 'warn' | 'fail';

/** What a check says of the facts. */
export interface Verdict {
  readonly state: State;
  readonly found: string;
  /** What mends it: a command, or a line of the configuration. */
  readonly fix?: string;
}

/** One thing that is looked at. */
export interface Check {
  readonly name: string;
  /** Why it matters, as a sentence for whoever runs the node. */
  readonly why: string;
  readonly judge: (facts: Facts) => Verdict;
}

export const ok = (found: string): Verdict => ({ state: 'ok', found });

export const warn = (found: string, fix = ''): Verdict => ({ state: 'warn', found, fix });

export const fail = (found: string, fix = ''): Verdict => ({ state: 'fail', found, fix });

/** What cannot be seen here is no fault: other systems tell less than Linux. */
export const unseen = (what: string): Verdict => ok(`${what} cannot be seen here`);
