import type { Check, State } from './check.ts';
import { DATA_CHECKS } from './data-checks.ts';
import type { Facts } from './facts.ts';
import { MACHINE_CHECKS } from './machine-checks.ts';
import { NETWORK_CHECKS } from './network-checks.ts';

/** One thing that was looked at, for whoever runs the node. */
export interface Finding {
  readonly name: string;
  readonly state: State;
  readonly found: string;
  readonly why: string;
  /** "" where there is nothing to mend. */
  readonly fix: string;
}

export const CHECKS: readonly Check[] = [...DATA_CHECKS, ...MACHINE_CHECKS, ...NETWORK_CHECKS];

/** Pure: what was seen is given. */
export const findingsOf = (facts: Facts): readonly Finding[] =>
  CHECKS.map(({ name, why, judge }) => {
    const { state, found, fix = '' } = judge(facts);
    return { name, state, found, why, fix };
  });
