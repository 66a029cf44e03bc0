/** A node as far as it matters to who looks for a place. */
export interface Filled {
  readonly name: string;
  readonly region: string;
  /** Whether it takes tasks. */
  readonly isOpen: boolean;
  readonly runs: number;
  readonly capacity: number;
}

/** A node is not relieved of what would soon be given back: the other has to be emptier by more than this share. */
const LEAST_GAIN = 0.1;
const FEWEST_AHEAD = 2;

const fullness = ({ runs, capacity }: Filled, more = 0): number => (runs + more) / Math.max(1, capacity);

/** The emptiest node of the region that has room, other than those that are left out; of equals the first by name. */
export function emptiest(nodes: readonly Filled[], region: string, without: readonly string[]): Filled | undefined {
  return nodes
    .filter(node => node.isOpen && node.region === region && node.runs < node.capacity && !without.includes(node.name))
    .sort((one, other) => fullness(one) - fullness(other) || compare(one.name, other.name))[0];
}

/**
 * Where the node should move one of its runs to: undefined unless it is the fullest of its region, and another remains
 * emptier than it with that run. So every move makes the region more even, and there is an end to them.
 */
export function nextMove(nodes: readonly Filled[], from: string): string | undefined {
  const source = nodes.find(({ name }) => name === from);
  if (source === undefined || source !== fullest(nodes, source.region)) return undefined;
  const target = emptiest(nodes, source.region, [from]);
  if (target === undefined || !isWorthIt(source, target)) return undefined;
  return target.name;
}

function fullest(nodes: readonly Filled[], region: string): Filled | undefined {
  return nodes
    .filter(node => node.isOpen && node.region === region)
    .sort((one, other) => fullness(other) - fullness(one) || compare(one.name, other.name))[0];
}

const isWorthIt = (source: Filled, target: Filled): boolean =>
  source.runs >= FEWEST_AHEAD &&
  fullness(source) - fullness(target) > LEAST_GAIN * fullness(source) &&
  fullness(target, 1) <= fullness(source, -1);

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
